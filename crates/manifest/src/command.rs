//! The line that starts a service.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// What only a shell understands. `$` is looked at apart, for `$PORT` and `$HOST`.
const FOR_A_SHELL: &[char] = &['|', '&', ';', '<', '>', '(', ')', '`', '*', '?', '[', '~', '#'];
/// What stands for the address a service shall listen on.
const OURS: [&str; 4] = ["$PORT", "${PORT}", "$HOST", "${HOST}"];

/// A command as a line, or as a list of its words.
///
/// A line is split as a shell splits it; where it has what only a shell understands (pipes, `&&`,
/// other variables) it is handed to `sh -c`. In both `$PORT` and `$HOST` stand for the address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum CommandLine {
    Line(String),
    Words(Vec<String>),
}

impl CommandLine {
    /// Its words, in which `$PORT` and `$HOST` are still to be replaced.
    pub fn words(&self) -> Vec<String> {
        match self {
            Self::Words(words) => words.clone(),
            Self::Line(line) => match shlex::split(line).filter(|_| !needs_a_shell(line)) {
                Some(words) => words,
                None => vec!["/bin/sh".to_owned(), "-c".to_owned(), line.clone()],
            },
        }
    }
}

fn needs_a_shell(line: &str) -> bool {
    let mut rest = line.to_owned();
    for ours in OURS {
        rest = rest.replace(ours, "");
    }
    let assigns = line.split_whitespace().next().is_some_and(|word| word.contains('='));
    assigns || rest.contains('$') || rest.contains(FOR_A_SHELL)
}

impl<'de> Deserialize<'de> for CommandLine {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reading)
    }
}

struct Reading;

impl<'de> Visitor<'de> for Reading {
    type Value = CommandLine;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a command line, or a list of its words")
    }

    fn visit_str<E: Error>(self, line: &str) -> Result<CommandLine, E> {
        match shlex::split(line) {
            Some(words) if words.is_empty() => Err(E::custom("the command is empty")),
            None if !needs_a_shell(line) => Err(E::custom("a quote in the command is not closed")),
            _ => Ok(CommandLine::Line(line.to_owned())),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<CommandLine, A::Error> {
        let mut words = Vec::new();
        while let Some(word) = list.next_element::<String>()? {
            words.push(word);
        }
        match words.first() {
            Some(program) if !program.is_empty() => Ok(CommandLine::Words(words)),
            _ => Err(A::Error::custom("the command is empty")),
        }
    }
}

impl JsonSchema for CommandLine {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "CommandLine".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A command line, or a list of its words; $PORT and $HOST stand for the address to listen on.",
            "anyOf": [
                { "type": "string", "minLength": 1 },
                { "type": "array", "items": { "type": "string" }, "minItems": 1 },
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        CommandLine::Line(line.to_owned()).words()
    }

    #[test]
    fn a_plain_line_is_split_as_a_shell_splits_it() {
        let split = words("gunicorn --bind \"$HOST:${PORT}\" 'my app:app'");
        assert_eq!(split, ["gunicorn", "--bind", "$HOST:${PORT}", "my app:app"]);
    }

    #[test]
    fn what_only_a_shell_understands_goes_to_one() {
        for line in ["a && b", "a | b", "X=1 a", "a $HOME", "a > log", "a *.txt"] {
            assert_eq!(words(line), ["/bin/sh", "-c", line]);
        }
    }
}
