//! What a registry wants to see before it answers (RFC 9110, 11; distribution's token flow).

use std::collections::BTreeMap;

/// A `WWW-Authenticate` header, as far as registries use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    Basic,
    Bearer {
        /// Who gives tokens: a URL.
        realm: String,
        service: Option<String>,
        /// What the token has to allow, several with spaces between them.
        scope: Option<String>,
    },
}

impl Challenge {
    /// The best of what one header offers.
    pub fn read(header: &str) -> Option<Self> {
        let (scheme, rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let mut fields = fields(rest);
        let realm = fields.remove("realm")?;
        Some(Self::Bearer {
            realm,
            service: fields.remove("service"),
            scope: fields.remove("scope"),
        })
    }
}

/// `name="value"` with commas between; a quoted value may have commas in it.
fn fields(mut text: &str) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    while let Some((name, rest)) = text.split_once('=') {
        let name = name.trim_matches([' ', ',']).to_ascii_lowercase();
        let (value, after) = match rest.strip_prefix('"') {
            Some(quoted) => unquoted(quoted),
            None => {
                let (value, after) = rest.split_once(',').unwrap_or((rest, ""));
                (value.trim().to_owned(), after)
            }
        };
        fields.insert(name, value);
        text = after;
    }
    fields
}

fn unquoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, &text[at + 1..]),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            other => value.push(other),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_headers_of_known_registries_are_read() {
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push""#;
        let expected = Challenge::Bearer {
            realm: "https://auth.docker.io/token".to_owned(),
            service: Some("registry.docker.io".to_owned()),
            scope: Some("repository:a/b:pull,push".to_owned()),
        };
        assert_eq!(Challenge::read(hub), Some(expected));
        let ecr = r#"Basic realm="https://1.dkr.ecr.eu-west-2.amazonaws.com/",service="ecr.amazonaws.com""#;
        assert_eq!(Challenge::read(ecr), Some(Challenge::Basic));
        assert_eq!(Challenge::read("Negotiate"), None);
        assert_eq!(Challenge::read(r#"Bearer service="x""#), None);
    }

    #[test]
    fn quotes_and_bare_words_are_read() {
        let read = fields(r#"a=1, b="x\"y, z" ,c=2"#);
        let found: Vec<_> =
            read.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(found, [("a", "1"), ("b", "x\"y, z"), ("c", "2")]);
    }
}
