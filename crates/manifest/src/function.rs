//! A function of the user's, as it would be uploaded to Lambda.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gearshift_files::PrivateDir;
use gearshift_gear::{Front, InImage, KeyKind, Program, StoresWanted, TableKey, TableWanted};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Manifest, ManifestError, code_zip, package};

/// Where code packages are unpacked, below the manifest's folder.
const UNPACKED: [&str; 2] = [".gearshift", "function"];

/// `[function]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Function {
    /// Lambda's name of the runtime, such as `python3.12`, `nodejs22.x` or `provided.al2023`.
    pub runtime: Runtime,
    /// What the runtime calls, such as `app.handler`; of `provided` what `_HANDLER` says.
    #[serde(default = "bootstrap")]
    pub handler: String,
    /// What stands before it, and so which events it gets.
    #[serde(default)]
    pub gateway: Gateway,
    /// A folder or a .zip with the code, from this file's folder.
    #[serde(default = "here")]
    pub code: PathBuf,
    /// MB; Lambda's default is 128.
    #[serde(default = "smallest")]
    #[schemars(range(min = 128, max = 10_240))]
    pub memory: u32,
    /// Seconds until an invocation is ended; Lambda's default is 3.
    #[serde(default = "three")]
    #[schemars(range(min = 1, max = 900))]
    pub timeout: u64,
    /// Variables the function is started with.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Names of variables that it gets as they are where Gearshift runs.
    #[serde(default)]
    pub pass: Vec<String>,
    /// Tables that are there, empty, before its first request.
    #[serde(default)]
    pub tables: Vec<Table>,
    /// Buckets that are there, empty, before its first request.
    #[serde(default)]
    pub buckets: Vec<String>,
}

/// What stands before a function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Gateway {
    /// An HTTP API with payload format 2.0.
    #[default]
    HttpApi,
    /// A REST API with proxy integration.
    RestApi,
}

impl From<Gateway> for Front {
    fn from(gateway: Gateway) -> Self {
        match gateway {
            Gateway::HttpApi => Self::HttpApi,
            Gateway::RestApi => Self::RestApi,
        }
    }
}

/// A table by its keys, each `NAME` (text) or `NAME:S`, `NAME:N`, `NAME:B`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Table {
    pub name: String,
    pub key: Key,
    pub sort: Option<Key>,
}

/// A key attribute with its type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^[^:]+(:[SNB])?$"))]
pub struct Key(String);

impl TryFrom<String> for Key {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (name, kind) = text.split_once(':').unwrap_or((&text, "S"));
        match (name, kind) {
            ("", _) => Err("a key's name is missing".to_owned()),
            (_, "S" | "N" | "B") => Ok(Self(text)),
            _ => Err(format!("`{kind}` is no type of a key: S (text), N (number) or B (bytes)")),
        }
    }
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        key.0
    }
}

impl Key {
    fn wanted(&self) -> TableKey {
        let (name, kind) = self.0.split_once(':').unwrap_or((&self.0, "S"));
        let kind = match kind {
            "N" => KeyKind::Number,
            "B" => KeyKind::Bytes,
            _ => KeyKind::Text,
        };
        TableKey { name: name.to_owned(), kind }
    }
}

/// A runtime by Lambda's name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^(python3\\.[0-9]+|nodejs[0-9]+(\\.x)?|provided(\\.al2|\\.al2023)?)$"))]
pub struct Runtime(String);

/// The runtimes there are here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    Python,
    JavaScript,
    /// A program of its own named `bootstrap`.
    Provided,
}

impl Runtime {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its language.
    pub fn language(&self) -> Language {
        match self.0.as_str() {
            name if name.starts_with("python") => Language::Python,
            name if name.starts_with("nodejs") => Language::JavaScript,
            _ => Language::Provided,
        }
    }

    /// Whether an interpreter of this version, such as `3.12.1`, is what was asked for.
    pub fn is(&self, version: &str) -> bool {
        let wanted = self.0.trim_start_matches(|c: char| !c.is_ascii_digit());
        let mut found = version.split('.');
        let mut wanted = wanted.trim_end_matches(".x").split('.');
        self.language() == Language::Provided || wanted.all(|part| found.next() == Some(part))
    }
}

impl TryFrom<String> for Runtime {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let number = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
        let python = text.strip_prefix("python3.").is_some_and(number);
        let node = text.strip_prefix("nodejs").map(|rest| rest.trim_end_matches(".x"));
        let provided = ["provided", "provided.al2", "provided.al2023"].contains(&text.as_str());
        if python || node.is_some_and(number) || provided {
            return Ok(Self(text));
        }
        Err(format!("`{text}` is not run here: python3.N, nodejsN.x, provided, provided.al2023"))
    }
}

impl From<Runtime> for String {
    fn from(runtime: Runtime) -> Self {
        runtime.0
    }
}

impl Manifest {
    /// The function's code on the program of its runtime (`client`; of `provided` none): as a row
    /// starts it.
    ///
    /// # Errors
    /// Where the code is not there or cannot be unpacked.
    pub fn function_program(
        &self,
        function: &Function,
        client: Option<Program>,
    ) -> Result<Program, ManifestError> {
        let path = self.folder.join(crate::FILE);
        let whole = |what| ManifestError::Whole { path: path.clone(), what };
        let (mut root, zip_bytes) = self.code(function).map_err(whole)?;
        let shared = client.as_ref().and_then(|client| client.packages.clone());
        if let Some(packages) = &shared {
            root = self.beside(packages, &root).map_err(whole)?;
        }
        let client = match client {
            Some(client) => client.with_code(root, &function.handler),
            None => {
                let program = root.join("bootstrap");
                if !program.is_file() {
                    let root = root.display();
                    return Err(whole(format!(
                        "`function.code`: {root} has no program named bootstrap, which a provided runtime starts"
                    )));
                }
                let program = Program::of_executable(program, zip_bytes);
                Program { root, handler: function.handler.clone(), ..program }
            }
        };
        let passed =
            function.pass.iter().filter_map(|name| Some((name.clone(), std::env::var(name).ok()?)));
        let mut variables = client.variables;
        variables.extend(passed.chain(function.environment.clone()));
        let table = |table: &Table| TableWanted {
            name: table.name.clone(),
            key: table.key.wanted(),
            sort: table.sort.as_ref().map(Key::wanted),
        };
        let tables = function.tables.iter().map(table).collect();
        let stores = StoresWanted { tables, buckets: function.buckets.clone() };
        // A stranger's code, perhaps: as root it runs on the machine's files as nobody of the machine.
        let workdir = client.root.to_string_lossy().into_owned();
        let image = InImage { root: "/".into(), workdir, user: (0, 0) };
        Ok(Program {
            variables,
            zip_bytes,
            page: None,
            image: Some(Box::new(image)),
            stores: Some(Box::new(stores)),
            ..client
        })
    }

    /// Puts the code where its imports find the runtime's packages: Node.js looks for them in the
    /// folders above a module's real place, and nowhere else for ES modules. Own packages come
    /// first, as on Lambda.
    fn beside(&self, packages: &Path, code: &Path) -> Result<PathBuf, String> {
        let folder = std::path::absolute(&self.folder).map_err(|error| error.to_string())?;
        let unpacked = PrivateDir::below(&folder, &UNPACKED).map_err(|error| error.to_string())?;
        let unpacked = unpacked.path();
        let place = unpacked.join(self.name.as_str());
        let failed = |error: std::io::Error| format!("{}: {error}", place.display());
        if code != place {
            remove(&place).map_err(failed)?;
            package::copy(code, &place).map_err(failed)?;
        }
        let link = unpacked.join("node_modules");
        if std::fs::read_link(&link).ok().as_deref() != Some(packages) {
            let _ = std::fs::remove_file(&link);
            std::os::unix::fs::symlink(packages, &link).map_err(failed)?;
        }
        Ok(place)
    }

    /// Where the code lies, unpacked, and how big it is packed, bytes.
    fn code(&self, function: &Function) -> Result<(PathBuf, u64), String> {
        let code =
            std::path::absolute(self.folder.join(&function.code)).map_err(|e| e.to_string())?;
        let unreadable = |error: std::io::Error| {
            format!("`function.code`: {} cannot be read: {error}", code.display())
        };
        let metadata = std::fs::metadata(&code).map_err(unreadable)?;
        if metadata.is_dir() {
            let size = package::compressed_bytes(&code).map_err(unreadable)?;
            return Ok((code, size));
        }
        let folder = std::path::absolute(&self.folder).map_err(|e| e.to_string())?;
        let unpacked = PrivateDir::below(&folder, &UNPACKED).map_err(|error| error.to_string())?;
        let place = unpacked.path().join(self.name.as_str());
        code_zip::unpack(&code, &place).map_err(|why| {
            format!("`function.code`: {} is no .zip that can be unpacked: {why}", code.display())
        })?;
        Ok((place, metadata.len()))
    }
}

pub(crate) fn remove(place: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(place) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn bootstrap() -> String {
    "bootstrap".to_owned()
}

fn here() -> PathBuf {
    ".".into()
}

fn smallest() -> u32 {
    128
}

fn three() -> u64 {
    3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runtime_is_told_from_another_version_of_its_language() {
        let runtime = |text: &str| Runtime::try_from(text.to_owned()).unwrap();
        assert!(runtime("python3.12").is("3.12.1") && !runtime("python3.12").is("3.11.7"));
        assert!(!runtime("python3.1").is("3.12.1"));
        assert!(runtime("nodejs22.x").is("22.4.0") && !runtime("nodejs22").is("20.1.0"));
        assert!(runtime("provided.al2023").is(""));
        for wrong in ["python", "python2.7", "ruby3.3", "nodejs", "java21", "provided.al1"] {
            assert!(Runtime::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_key_says_its_type_or_is_text() {
        let key = |text: &str| Key::try_from(text.to_owned()).map(|key| key.wanted());
        assert_eq!(key("id").unwrap().kind, KeyKind::Text);
        assert_eq!(key("at:N").unwrap(), TableKey { name: "at".into(), kind: KeyKind::Number });
        assert!(key("at:X").is_err() && key(":N").is_err());
    }
}
