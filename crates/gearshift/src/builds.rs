//! Where programs come from: those Gearshift carries or prepares, and the user's own service.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use anyhow::Result;
use gearshift_compare::{Asks, CounterPaths, Slo};
use gearshift_gear::{Missing, OWN, OWN_ADAPTED, Program, RuntimeClient};
use gearshift_load::{Expect, ExpectBody, Request};
use gearshift_manifest::{Body, Manifest};
use gearshift_prepare::{Look, Preparer};

use crate::here;
use crate::verbs::Usage;

/// The described service: of this file, or of this folder where it has one; none: the built-in
/// sample.
pub fn manifest(file: Option<&Path>, builtin: bool) -> Result<Option<Manifest>> {
    let read = match file {
        Some(path) => Manifest::read(path).map(Some),
        None if builtin => Ok(None),
        None => Manifest::of_folder(Path::new("")),
    };
    read.map_err(|error| Usage(error.to_string()).into())
}

/// The adapter, as the bundle of services names it.
const ADAPTER: &str = "gearshift-entry";

/// All builds there are for a run.
pub struct Builds {
    pub preparer: Arc<Preparer>,
    own: Option<Manifest>,
    /// Its code's size is measured by reading all of it, so it is looked for once.
    found: OnceLock<Result<Program, Missing>>,
}

impl Builds {
    /// With the described service, where there is one.
    pub fn with(own: Option<Manifest>) -> Self {
        Self { preparer: here::preparer(), own, found: OnceLock::new() }
    }

    /// Whether this build is ready. Fetches and makes nothing.
    pub fn look(&self, build: &str) -> Look {
        match build {
            OWN => self.own_program().map_or_else(Look::Missing, Look::Ready),
            OWN_ADAPTED => self.adapted().map_or_else(Look::Missing, Look::Ready),
            build => self.preparer.look(build),
        }
    }

    /// The program of a build that is ready, or what it takes to have it.
    pub fn program(&self, build: &str) -> Result<Program, Missing> {
        match build {
            OWN => self.own_program(),
            OWN_ADAPTED => self.adapted(),
            build => self.preparer.program(build),
        }
    }

    fn own_program(&self) -> Result<Program, Missing> {
        let found = self.found.get_or_init(|| match &self.own {
            Some(manifest) => manifest.program().map_err(|error| {
                let said = error.to_string();
                let (why, next) = said.split_once(" → ").unwrap_or((&said, "gearshift doctor"));
                missing(manifest.name.as_str(), why, next)
            }),
            None => Err(missing(OWN, "no service is described in this folder", "gearshift init")),
        });
        found.clone()
    }

    /// The service behind the adapter, which speaks the Runtime API for it.
    fn adapted(&self) -> Result<Program, Missing> {
        let service = self.own_program()?;
        let adapter = self.preparer.program(ADAPTER)?;
        let command = adapter.command.into_iter().chain(["--".into()]).chain(service.command);
        let mut variables = service.variables;
        // Any free port: environments of one machine share its loopback.
        variables.push(("PORT".to_owned(), "0".to_owned()));
        Ok(Program {
            command: command.collect(),
            variables,
            zip_bytes: service.zip_bytes + adapter.zip_bytes,
            runtime: Some(RuntimeClient {
                name: ADAPTER.to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                official: true,
                on: "a static binary".to_owned(),
                note: None,
            }),
            ..service
        })
    }
}

fn missing(what: &str, why: &str, how_to_get_it: &str) -> Missing {
    Missing { what: what.to_owned(), why: why.to_owned(), how_to_get_it: how_to_get_it.to_owned() }
}

/// What a comparison calls the service, and asks of it.
pub struct Described {
    pub name: String,
    pub asks: Asks,
    pub slo: Option<Slo>,
}

impl Described {
    /// As the file says; without one the built-in sample.
    pub fn of(manifest: Option<&Manifest>) -> Result<Self> {
        let Some(manifest) = manifest else {
            return Ok(Self { name: "hits".to_owned(), asks: Asks::hits(), slo: None });
        };
        let requests = manifest.requests.iter().map(|request| {
            let body = manifest.body(request).map_err(Usage)?;
            let headers = request.headers.iter();
            Ok(Request {
                path: request.path.to_string(),
                method: request.method.to_string(),
                headers: headers.map(|(name, value)| (name.to_string(), value.clone())).collect(),
                body: match body {
                    Body::None => Vec::new(),
                    Body::Bytes(bytes) => bytes,
                },
                weight: u32::from(request.weight.get()),
                expect: Expect { status: request.status.code(), body: ExpectBody::Any },
            })
        });
        let counter = manifest.counter.as_ref().map(|counter| CounterPaths {
            add: counter.add.to_string(),
            add_method: counter.add_method.to_string(),
            read: counter.read.to_string(),
        });
        let requests = requests.collect::<Result<_>>()?;
        let slo = manifest.slo.as_ref().map(|slo| Slo {
            p50_ms: slo.p50_ms,
            p99_ms: slo.p99_ms,
            cold_ms: slo.cold_ms,
        });
        let asks = Asks { requests, counter, own: true };
        Ok(Self { name: manifest.name.to_string(), asks, slo })
    }
}
