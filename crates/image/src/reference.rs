//! What names an image.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::digest::Digest;
use crate::error::ImageError;

/// Where an image is, or shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// `oci:DIR[:TAG]`: an OCI layout.
    Layout { root: PathBuf, tag: Option<String> },
    /// `oci-archive:FILE` or `docker-archive:FILE`: a tar of either form, told apart by content.
    Archive(PathBuf),
    /// `REGISTRY/NAME[:TAG][@DIGEST]`.
    Registry(RegistryReference),
}

/// An image in a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryReference {
    /// `host[:port]`; `docker.io` where none was given.
    pub registry: String,
    pub repository: String,
    /// `latest` where neither tag nor digest was given.
    pub tag: Option<String>,
    pub digest: Option<Digest>,
}

const DOCKER_HUB: &str = "docker.io";

impl Reference {
    /// Reads a reference; a bare path of a layout or an archive is one, too.
    pub fn find(text: &str) -> Result<Self, ImageError> {
        if let Some(rest) = text.strip_prefix("oci:") {
            return Ok(Self::layout(rest));
        }
        let archive = text.strip_prefix("docker-archive:").or(text.strip_prefix("oci-archive:"));
        if let Some(file) = archive {
            return Ok(Self::Archive(file.into()));
        }
        let path = Path::new(text);
        if path.join("oci-layout").is_file() {
            return Ok(Self::Layout { root: path.to_owned(), tag: None });
        }
        if path.is_file() {
            return Ok(Self::Archive(path.to_owned()));
        }
        // `./x` and `/x` are paths and nothing else, whether they exist or not.
        if text.starts_with(['.', '/']) {
            let why = "there is neither an OCI layout nor an archive at this path";
            return Err(ImageError::BadReference { text: text.to_owned(), why: why.to_owned() });
        }
        Ok(Self::Registry(text.parse()?))
    }

    fn layout(text: &str) -> Self {
        if !Path::new(text).exists()
            && let Some((root, tag)) = text.rsplit_once(':')
            && !tag.contains('/')
        {
            return Self::Layout { root: root.into(), tag: Some(tag.to_owned()) };
        }
        Self::Layout { root: text.into(), tag: None }
    }
}

impl FromStr for RegistryReference {
    type Err = ImageError;

    fn from_str(text: &str) -> Result<Self, ImageError> {
        let bad =
            |why: &str| ImageError::BadReference { text: text.to_owned(), why: why.to_owned() };
        let (named, digest) = match text.split_once('@') {
            Some((named, digest)) => (
                named,
                Some(digest.parse().map_err(|_| bad("its digest is not sha256:<64 hex digits>"))?),
            ),
            None => (text, None),
        };
        let (path, tag) = match named.rsplit_once(':') {
            Some((path, tag)) if !tag.contains('/') => (path, Some(tag.to_owned())),
            _ => (named, None),
        };
        let (registry, repository) = match path.split_once('/') {
            Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => {
                (first, rest.to_owned())
            }
            Some(_) => (DOCKER_HUB, path.to_owned()),
            None => (DOCKER_HUB, format!("library/{path}")),
        };
        if !is_host(registry) {
            return Err(bad("its registry is not host[:port]"));
        }
        if !repository.split('/').all(is_component) || repository.len() > 255 {
            return Err(bad(
                "a name is lower-case letters, digits and single . _ - between them, in parts between slashes",
            ));
        }
        if tag.as_deref().is_some_and(|tag| !is_tag(tag)) {
            return Err(bad(
                "a tag is up to 128 letters, digits, . _ -, not beginning with . or -",
            ));
        }
        let tag = match &digest {
            Some(_) => tag,
            None => Some(tag.unwrap_or_else(|| "latest".to_owned())),
        };
        Ok(Self { registry: registry.to_owned(), repository, tag, digest })
    }
}

fn is_host(text: &str) -> bool {
    let port_fits = |port: &str| port.parse::<u16>().is_ok();
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (text, None),
    };
    let letters = host.trim_start_matches('[').trim_end_matches(']');
    !letters.is_empty()
        && letters.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:".contains(&byte))
        && port.is_none_or(port_fits)
}

/// Letters and digits, with `.`, `_`, `__` or any number of `-` between them.
fn is_component(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    let ends = [bytes.first(), bytes.last()].iter().all(|end| end.is_some_and(|byte| plain(*byte)));
    let known = bytes.iter().all(|byte| plain(*byte) || b"._-".contains(byte));
    let between = text.split(|c: char| c.is_ascii_alphanumeric());
    let separators = |s: &str| matches!(s, "" | "." | "_" | "__") || s.bytes().all(|b| b == b'-');
    ends && known && between.into_iter().all(separators)
}

pub(crate) fn is_tag(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let first = text.bytes().next().is_some_and(word);
    first && text.len() <= 128 && text.bytes().all(|byte| word(byte) || b".-".contains(&byte))
}

impl RegistryReference {
    /// What the registry's paths end in: the digest, else the tag.
    pub(crate) fn wanted(&self) -> String {
        let tag = || self.tag.clone().unwrap_or_else(|| "latest".to_owned());
        self.digest.as_ref().map_or_else(tag, Digest::to_string)
    }

    /// `REGISTRY/NAME`.
    pub(crate) fn name(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }
}

impl fmt::Display for RegistryReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        self.digest.as_ref().map_or(Ok(()), |digest| write!(f, "@{digest}"))
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Layout { root, tag: Some(tag) } => write!(f, "oci:{}:{tag}", root.display()),
            Self::Layout { root, tag: None } => write!(f, "oci:{}", root.display()),
            Self::Archive(file) => write!(f, "{}", file.display()),
            Self::Registry(reference) => reference.fmt(f),
        }
    }
}
