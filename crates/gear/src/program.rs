//! Code that can be started on a machine.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::RuntimeClient;

/// A build, ready to run here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// The executable and its arguments.
    pub command: Vec<PathBuf>,
    /// Where the code itself lies; the process starts there.
    pub root: PathBuf,
    /// What a managed runtime is told to call.
    pub handler: String,
    /// What its process finds in its environment besides.
    pub variables: Vec<(String, String)>,
    /// Compressed size of what would be uploaded and, at a cold start, downloaded, bytes.
    pub zip_bytes: u64,
    /// The page, HTML, that a function's gateway takes from the object store.
    pub page: Option<String>,
    /// Packages that a managed runtime has for any code, where that code does not find them by
    /// itself; a directory named `node_modules`.
    #[serde(default)]
    pub packages: Option<Box<Path>>,
    /// The image whose files its process sees, and no others; none: this machine's.
    #[serde(default)]
    pub image: Option<Box<InImage>>,
    /// A path that answers with 2xx or 3xx when the service is well; none: `/healthz`, as all
    /// built-in services have it.
    #[serde(default)]
    pub health: Option<String>,
    /// Under which variables it is told what its row has; none: it is not told.
    #[serde(default)]
    pub told_in: Option<Box<RowVariables>>,
    /// What a user's function finds beside itself; none: what its row counts in.
    #[serde(default)]
    pub stores: Option<Box<StoresWanted>>,
    /// Of a function.
    pub runtime: Option<RuntimeClient>,
}

/// Names of environment variables in which code is told what its row has; none: it is not told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowVariables {
    /// The table that it counts in.
    pub table: Option<String>,
    /// The bucket that it counts in.
    pub bucket: Option<String>,
    /// The file that it counts in.
    pub file: Option<String>,
    /// Set where clients are to be made anew on every call: name and value.
    pub client_per_call: Option<(String, String)>,
}

/// How a process runs in an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InImage {
    /// The image's files, unpacked; a process writes into a layer of its own. `/` stands for this machine's
    /// files, read-only and as nobody where root starts it, and as they are for anybody else.
    pub root: PathBuf,
    /// Where it starts, in the image.
    pub workdir: String,
    /// Its user and group; not looked at where `root` is this machine's.
    pub user: (u32, u32),
}

/// Tables and buckets that are there before a function's first request, empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoresWanted {
    pub tables: Vec<TableWanted>,
    pub buckets: Vec<String>,
}

/// A table by its keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableWanted {
    pub name: String,
    pub key: TableKey,
    pub sort: Option<TableKey>,
}

/// An attribute that is a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableKey {
    pub name: String,
    pub kind: KeyKind,
}

/// The type of a key, by DynamoDB's letter for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyKind {
    #[serde(rename = "S")]
    Text,
    #[serde(rename = "N")]
    Number,
    #[serde(rename = "B")]
    Bytes,
}

impl Program {
    /// A build that is one executable.
    pub fn of_executable(executable: PathBuf, zip_bytes: u64) -> Self {
        Self {
            root: executable.parent().unwrap_or(Path::new("/")).to_owned(),
            command: vec![executable],
            handler: "bootstrap".to_owned(),
            variables: Vec::new(),
            zip_bytes,
            page: None,
            packages: None,
            image: None,
            health: None,
            told_in: None,
            stores: None,
            runtime: None,
        }
    }

    /// The same runtime with other code: this directory, and this handler where the other one stood.
    #[must_use]
    pub fn with_code(self, root: PathBuf, handler: &str) -> Self {
        let swap = |part: PathBuf| match part == Path::new(&self.handler) {
            true => handler.into(),
            false => part,
        };
        let command = self.command.into_iter().map(swap).collect();
        Self { command, root, handler: handler.to_owned(), ..self }
    }

    /// Its arguments, with `$PORT` and `$HOST` replaced by what the service shall listen on.
    pub fn arguments(&self, listen: SocketAddr) -> Vec<String> {
        let (host, port) = (listen.ip().to_string(), listen.port().to_string());
        let values = [("${PORT}", &port), ("$PORT", &port), ("${HOST}", &host), ("$HOST", &host)];
        let replaced = |word: &PathBuf| {
            let word = word.display().to_string();
            values.iter().fold(word, |word, (name, value)| word.replace(name, value))
        };
        self.command[1..].iter().map(replaced).collect()
    }

    /// Where a load balancer asks whether it is well.
    pub fn health(&self) -> &str {
        self.health.as_deref().unwrap_or("/healthz")
    }

    /// The executable, without its arguments.
    pub fn executable(&self) -> &Path {
        &self.command[0]
    }
}
