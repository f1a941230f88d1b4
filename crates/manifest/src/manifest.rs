//! What the file says.

use gearshift_files::ReadError;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gearshift_gear::Caller;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    CommandLine, FILE, Function, HeaderName, ManifestError, Method, RowName, ServiceName, Status,
    UrlPath, Weight,
};

/// A whole `gearshift.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "gearshift.toml")]
pub struct Manifest {
    /// The service's name.
    pub name: ServiceName,
    /// How the service is started; instead of it a function.
    pub service: Option<Service>,
    /// A Lambda function as it is, instead of a service.
    pub function: Option<Function>,
    /// What is asked of the service while it is measured; without any, `GET /`.
    #[serde(default = "get_root")]
    pub requests: Vec<Request>,
    /// A counter of the service, by which Gearshift sees which rows lose state.
    pub counter: Option<Counter>,
    /// What the service must hold: a row that misses it is named, and `compare` exits with 3.
    pub slo: Option<Slo>,
    /// What `gearshift compare` takes where no flag says otherwise.
    #[serde(default)]
    pub compare: Compare,
    /// Where the file lies: paths in it are meant from here.
    #[serde(skip)]
    pub folder: PathBuf,
}

/// How the service is started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Starts the service, which must listen on `$PORT` (of `$HOST`); with an image by default what
    /// that says.
    pub command: Option<CommandLine>,
    /// The service as an image: `oci:DIR[:TAG]`, `docker-archive:FILE`, a file or folder of one, or
    /// `REGISTRY/NAME[:TAG][@DIGEST]`. It runs with the image's files, and no others.
    pub image: Option<String>,
    /// Where the command runs and what is uploaded for a function, from this file's folder.
    #[serde(default = "here")]
    pub directory: PathBuf,
    /// A path that answers with 2xx or 3xx when the service is well: load balancers ask for it.
    #[serde(default = "root")]
    pub health: UrlPath,
    /// Variables the service is started with.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Names of variables that it gets as they are where Gearshift runs: secrets stay out of this
    /// file.
    #[serde(default)]
    pub pass: Vec<String>,
}

/// One request, and what answer is good.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Path and query.
    pub path: UrlPath,
    #[serde(default = "get")]
    pub method: Method,
    /// How often it is made beside the others.
    #[serde(default = "once")]
    pub weight: Weight,
    #[serde(default)]
    pub headers: BTreeMap<HeaderName, String>,
    /// Sent as it stands.
    pub body: Option<String>,
    /// A file whose bytes are sent, from this file's folder.
    pub body_file: Option<PathBuf>,
    /// The status of a good answer; any other is an error.
    #[serde(default = "ok")]
    pub status: Status,
}

/// What is sent with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    None,
    Bytes(Vec<u8>),
}

/// How the service counts: every `add` raises the counter by one and answers with the new value,
/// `read` answers with the value; both as a bare decimal number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Counter {
    pub add: UrlPath,
    #[serde(default = "post")]
    pub add_method: Method,
    pub read: UrlPath,
}

/// What the service must hold, at the rate at which latency is measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Slo {
    /// Half of all answers come within this many milliseconds.
    pub p50_ms: Option<f64>,
    /// 99 of 100 answers come within this many milliseconds.
    pub p99_ms: Option<f64>,
    /// A cold start takes no longer than this many milliseconds (median).
    pub cold_ms: Option<f64>,
}

/// The flags of `gearshift compare`, as keys.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Compare {
    /// Rows to compare; without any `ec2`, `fargate` and `lambda`.
    #[serde(default)]
    pub rows: Vec<RowName>,
    /// Calls of the latency measurement, per row.
    #[schemars(range(min = 20, max = 1_000_000))]
    pub calls: Option<u64>,
    /// Fewer calls.
    pub quick: Option<bool>,
    /// Where every random draw starts.
    pub seed: Option<u64>,
    /// Course of traffic a year of shifting is shown for: `steady`, `office` or a trace's file.
    pub shape: Option<String>,
    /// Where the client stands.
    pub caller: Option<Caller>,
    /// Laws of the network, gateway and stores; false: the bare machine.
    pub physics: Option<bool>,
    /// How many AWS vCPUs a core here is worth: "auto", "off" or a number.
    pub match_vcpu: Option<MatchVcpu>,
    /// AWS region of prices and settings.
    pub region: Option<String>,
    /// Laws that are multiplied, by what.
    #[serde(default)]
    pub law: BTreeMap<String, f64>,
    /// Functions' memory in MB: one size for all, or several to measure each of them at.
    #[serde(default)]
    #[schemars(inner(range(min = 128, max = 10_240)))]
    pub memory: Vec<u32>,
    /// Fetch nothing.
    pub offline: Option<bool>,
    /// A skipped row is a failure.
    pub strict: Option<bool>,
}

/// `auto`, `off` or a number, as the flag `--match-vcpu` takes it.
#[derive(Clone, Debug, PartialEq)]
pub struct MatchVcpu(pub String);

impl Serialize for MatchVcpu {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0.parse::<f64>() {
            Ok(number) => to.serialize_f64(number),
            Err(_) => to.serialize_str(&self.0),
        }
    }
}

impl<'de> Deserialize<'de> for MatchVcpu {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = toml::Value::deserialize(deserializer)?;
        match value {
            toml::Value::String(text) if text == "auto" || text == "off" => Ok(Self(text)),
            toml::Value::Float(number) => Ok(Self(number.to_string())),
            toml::Value::Integer(number) => Ok(Self(number.to_string())),
            _ => Err(serde::de::Error::custom("expected \"auto\", \"off\" or a number")),
        }
    }
}

impl JsonSchema for MatchVcpu {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "MatchVcpu".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                { "type": "string", "enum": ["auto", "off"] },
                { "type": "number", "minimum": 0.1, "maximum": 20 },
            ],
        })
    }
}

/// A description of a hundred requests takes some kilobytes.
const FILE_BYTES: u64 = 1024 * 1024;
/// What a request may carry: ten times what the largest front takes (10 MB, HTTP API), since every
/// caller holds it in memory.
const BODY_BYTES: u64 = 100 * 1024 * 1024;

impl Manifest {
    /// Reads a file.
    ///
    /// # Errors
    /// [`ManifestError`] with the line, the key and what is allowed.
    pub fn read(path: &Path) -> Result<Self, ManifestError> {
        let text = gearshift_files::read_text(path, FILE_BYTES)?;
        Self::parse(&text, path)
    }

    /// Reads the file of this folder, where there is one.
    ///
    /// # Errors
    /// As [`Manifest::read`].
    pub fn of_folder(folder: &Path) -> Result<Option<Self>, ManifestError> {
        let path = folder.join(FILE);
        path.exists().then(|| Self::read(&path)).transpose()
    }

    /// Reads this text; `path` is where it stands.
    ///
    /// # Errors
    /// As [`Manifest::read`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, ManifestError> {
        let mut manifest: Self =
            toml::from_str(text).map_err(|error| ManifestError::syntax(path, text, &error))?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        manifest.folder = folder.unwrap_or(Path::new(".")).to_owned();
        manifest.check().map_err(|what| ManifestError::Whole { path: path.to_owned(), what })?;
        Ok(manifest)
    }

    /// What one line alone does not tell.
    fn check(&self) -> Result<(), String> {
        match (&self.service, &self.function) {
            (None, None) => {
                return Err("it has no [service] and no [function] → one of them".into());
            }
            (Some(_), Some(_)) => {
                return Err("it has [service] and [function] → each in a folder of its own".into());
            }
            _ => {}
        }
        if self.requests.is_empty() {
            return Err("`requests` is empty → one [[requests]] with a path, or none at all".into());
        }
        for request in &self.requests {
            let both = request.body.is_some() && request.body_file.is_some();
            if both {
                let path = &request.path;
                return Err(format!("request {path} has `body` and `body_file` → keep one"));
            }
            self.body(request)?;
        }
        if let Some(service) = &self.service {
            if service.command.is_none() && service.image.is_none() {
                return Err("[service] has neither `command` nor `image` → one of them".into());
            }
            let directory = self.folder.join(&service.directory);
            if !directory.is_dir() {
                let directory = directory.display();
                return Err(format!(
                    "`service.directory`: {directory} is no folder → a folder below this file's"
                ));
            }
        }
        if let Some(function) = &self.function {
            within("function.memory", u64::from(function.memory), 128, 10_240)?;
            within("function.timeout", function.timeout, 1, 900)?;
        }
        let passed = self.service.iter().map(|service| &service.pass);
        let mut passed =
            passed.chain(self.function.iter().map(|function| &function.pass)).flatten();
        if let Some(missing) = passed.find(|name| std::env::var_os(name).is_none()) {
            return Err(format!(
                "`pass`: {missing} is not set here → export {missing}=…, or take it from the list"
            ));
        }
        Ok(())
    }

    /// The bytes that are sent with a request.
    ///
    /// # Errors
    /// A sentence, where its file cannot be read.
    pub fn body(&self, request: &Request) -> Result<Body, String> {
        match (&request.body, &request.body_file) {
            (Some(text), _) => Ok(Body::Bytes(text.clone().into_bytes())),
            (None, Some(file)) => {
                let path = self.folder.join(file);
                gearshift_files::read(&path, BODY_BYTES)
                    .map(Body::Bytes)
                    .map_err(|error| match error {
                        ReadError::Unreadable { path, source } => {
                            format!("{} cannot be read: {source}", path.display())
                        }
                        other => other.to_string(),
                    })
                    .map_err(|why| format!("request {}: `body_file` {why}", request.path))
            }
            (None, None) => Ok(Body::None),
        }
    }
}

/// The JSON Schema of the file, for editors; shipped as `schema/gearshift.schema.json`.
pub fn schema() -> Schema {
    schemars::schema_for!(Manifest)
}

fn within(key: &str, value: u64, low: u64, high: u64) -> Result<(), String> {
    match (low..=high).contains(&value) {
        true => Ok(()),
        false => Err(format!("`{key}`: {value} is not within {low} to {high}")),
    }
}

fn get_root() -> Vec<Request> {
    vec![Request {
        path: root(),
        method: get(),
        weight: once(),
        headers: BTreeMap::new(),
        body: None,
        body_file: None,
        status: ok(),
    }]
}

fn word<T: TryFrom<String, Error = String>>(text: &str) -> T {
    T::try_from(text.to_owned()).unwrap_or_else(|why| unreachable!("{why}"))
}

fn root() -> UrlPath {
    word("/")
}

fn get() -> Method {
    word("GET")
}

fn post() -> Method {
    word("POST")
}

fn once() -> Weight {
    Weight::ONE
}

fn ok() -> Status {
    Status::OK
}

fn here() -> PathBuf {
    ".".into()
}
