//! Where programs come from: those Gearshift carries or prepares, and the user's own service.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use anyhow::Result;
use gearshift_gear::{
    Artefact, ArtefactKind, Artefacts, Missing, OWN, OWN_ADAPTED, OWN_FUNCTION, Program, Row,
    RuntimeClient, Side,
};
use gearshift_image::ADAPTER_PATH;
use gearshift_load::{Expect, ExpectBody, Request};
use gearshift_manifest::{Body, Language, Manifest, ManifestError};
use gearshift_measure::{Asks, CounterPaths};
use gearshift_prepare::{Look, Preparer};
use gearshift_results::Slo;

use crate::verbs::Usage;
use crate::{here, in_image};

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
const ADAPTER: &str = "entry";

/// All builds there are for a run.
pub struct Builds {
    pub preparer: Arc<Preparer>,
    own: Option<Manifest>,
    /// Another runtime than asked for is refused.
    strict: bool,
    /// Images of registries are not pulled.
    offline: bool,
    /// The user's code: its size is measured by reading all of it, so it is looked for once.
    found: OnceLock<Result<Program, Missing>>,
}

impl Builds {
    /// With the described service or function, where there is one.
    ///
    /// # Errors
    /// Where this user has no usable cache.
    pub fn with(own: Option<Manifest>) -> Result<Self> {
        let (strict, offline, found) = (false, false, OnceLock::new());
        Ok(Self { preparer: here::preparer()?, own, strict, offline, found })
    }

    /// Refuses another runtime than asked for.
    pub fn strict(self, strict: bool) -> Self {
        Self { strict, ..self }
    }

    /// Fetches nothing.
    pub fn offline(self, offline: bool) -> Self {
        Self { offline, ..self }
    }

    /// Whether this build is ready. Fetches and makes nothing.
    pub fn look(&self, build: &str) -> Look {
        match build {
            OWN => self.own_program().map_or_else(Look::Missing, Look::ready),
            OWN_ADAPTED => self.adapted().map_or_else(Look::Missing, Look::ready),
            OWN_FUNCTION => match self.client().map(|client| self.preparer.look(client)) {
                Some(Look::Ready(client)) => self.function(Some(*client)),
                Some(other) => other,
                None => self.function(None),
            },
            build => self.preparer.look(build),
        }
    }

    /// The program of a build that is ready, or what it takes to have it.
    pub fn program(&self, build: &str) -> Result<Program, Missing> {
        match self.look(build) {
            Look::Ready(program) => Ok(*program),
            Look::Missing(missing) => Err(missing),
            Look::Fetch(_) => self.preparer.program(self.prepared_as(build)),
        }
    }

    /// What each side of a row runs, of builds that are ready, in a form that the target accepts.
    ///
    /// # Errors
    /// What is missing, and how to get it.
    pub fn artefacts(
        &self,
        row: &Row,
        accepts: &BTreeSet<ArtefactKind>,
    ) -> Result<Artefacts, Missing> {
        if !accepts.contains(&ArtefactKind::Executable) {
            let forms: Vec<String> = accepts.iter().map(ToString::to_string).collect();
            let why = format!("it is wanted as {}", forms.join(" or "));
            return Err(missing(&row.build.name, &why, "gearshift compare --on twin"));
        }
        let artefact = |(side, _): (Side, _)| {
            Ok((side, Artefact::executable(self.program(row.build_of(side))?)))
        };
        row.sides().into_iter().map(artefact).collect()
    }

    /// Refuses what is described and cannot be started, before anything is measured.
    ///
    /// # Errors
    /// With the reason and the next step.
    pub fn require_own(&self) -> Result<()> {
        let own = match self.own.as_ref().map(|own| own.function.is_some()) {
            None => return Ok(()),
            Some(true) => OWN_FUNCTION,
            Some(false) => OWN,
        };
        match self.look(own) {
            Look::Missing(missing) => Err(Usage(missing.to_string()).into()),
            Look::Ready(_) | Look::Fetch(_) => Ok(()),
        }
    }

    /// The build that is prepared where this one is wanted: a function of the user's needs only its
    /// runtime's client.
    pub fn prepared_as<'a>(&self, build: &'a str) -> &'a str {
        if build == OWN_FUNCTION { self.client().unwrap_or(build) } else { build }
    }

    fn client(&self) -> Option<&'static str> {
        match self.own.as_ref()?.function.as_ref()?.runtime.language() {
            Language::Python => Some("function-python"),
            Language::JavaScript => Some("function-js"),
            Language::Provided => None,
        }
    }

    fn function(&self, client: Option<Program>) -> Look {
        let Some((own, function)) =
            self.own.as_ref().and_then(|own| own.function.as_ref().map(|f| (own, f)))
        else {
            return Look::Missing(undescribed());
        };
        let wanted = function.runtime.as_str();
        let found = self.found.get_or_init(|| {
            own.function_program(function, client).map_err(|error| refused(own, &error))
        });
        let mut program = match found {
            Ok(program) => program.clone(),
            Err(missing) => return Look::Missing(missing.clone()),
        };
        let runtime = program.runtime.as_mut();
        let version =
            |runtime: &RuntimeClient| runtime.on.rsplit(' ').next().unwrap_or_default().to_owned();
        let other = runtime.filter(|runtime| !function.runtime.is(&version(runtime)));
        if let Some(runtime) = other {
            let why = format!("{wanted} was asked for, {} is here", runtime.on);
            if self.strict {
                let next = format!("install {wanted}, or leave --strict out");
                return Look::Missing(missing(own.name.as_str(), &why, &next));
            }
            runtime.note = Some(why);
        }
        Look::ready(program)
    }

    fn own_program(&self) -> Result<Program, Missing> {
        let service = self.own.as_ref().and_then(|own| Some((own, own.service.as_ref()?)));
        let (own, service) = service.ok_or_else(undescribed)?;
        let found = self.found.get_or_init(|| match &service.image {
            None => own.program(service).map_err(|error| refused(own, &error)),
            Some(image) => in_image::program(own, service, image, self.offline).map_err(|error| {
                let said = format!("`service.image`: {image}: {error:#}");
                let (why, next) = said.split_once(" → ").unwrap_or((&said, "docs/manifest.md"));
                missing(own.name.as_str(), why, next)
            }),
        });
        found.clone()
    }

    /// The service behind the adapter, which speaks the Runtime API for it.
    fn adapted(&self) -> Result<Program, Missing> {
        let service = self.own_program()?;
        let adapter = self.preparer.program(ADAPTER)?;
        let start = match &service.image {
            None => adapter.command,
            // Images that were built with the adapter start it by themselves.
            Some(_) if service.command[0] == Path::new(ADAPTER_PATH) => Vec::new(),
            Some(image) => vec![in_image::adapter(image).map_err(|error| {
                missing(ADAPTER, &error.to_string(), "look at the disk's free space")
            })?],
        };
        let between = (!start.is_empty()).then(|| "--".into());
        let command = start.into_iter().chain(between).chain(service.command);
        let mut variables = service.variables;
        // Any free port: environments of one machine share its loopback.
        variables.push(("PORT".to_owned(), "0".to_owned()));
        Ok(Program {
            command: command.collect(),
            variables,
            zip_bytes: service.zip_bytes + adapter.zip_bytes,
            runtime: Some(RuntimeClient {
                name: "gearshift-entry".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                official: true,
                on: "a static binary".to_owned(),
                note: None,
            }),
            ..service
        })
    }
}

fn undescribed() -> Missing {
    missing(OWN, "no service is described in this folder", "gearshift init")
}

/// A refused manifest, whose last part is the next step.
fn refused(own: &Manifest, error: &ManifestError) -> Missing {
    let said = error.to_string();
    let (why, next) = said.split_once(" → ").unwrap_or((&said, "docs/manifest.md"));
    missing(own.name.as_str(), why, next)
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
