//! The FastAPI build: the same service behind uvicorn, as `pip` fetches them.

use std::path::Path;

use async_trait::async_trait;
use gearshift_gear::{Missing, Program, RuntimeClient};
use tokio::process::Command;

use crate::interpreter::{install, locked, packages, tools, variables};
use crate::recipe::{Fetch, Made, Recipe, Tools};
use crate::sources::{FASTAPI, Source, told_in, with_shared};
use crate::workshop::{Workshop, zip_bytes};
use crate::{PrepareError, entry};

const SERVER: &str = "uvicorn";
const MAIN: &str = "main.py";

pub(crate) struct FastApi;

#[async_trait]
impl Recipe for FastApi {
    fn build(&self) -> &'static str {
        "fastapi"
    }

    fn tools(&self) -> Result<Tools, Missing> {
        tools(self.build())
    }

    fn lacking_packages(&self) -> Vec<&'static str> {
        crate::interpreter::lacking_packages()
    }

    fn sources(&self) -> Vec<Source> {
        with_shared(FASTAPI)
    }

    fn fetch(&self) -> Fetch {
        Fetch {
            what: format!("FastAPI and {SERVER}"),
            download_mb: 10.0,
            disk_mb: 40.0,
            besides: None,
            again: None,
        }
    }

    async fn make(
        &self,
        at: &Path,
        tools: &Tools,
        workshop: &Workshop<'_>,
    ) -> Result<Made, PrepareError> {
        let (task, packages) = (entry::task(at), packages(at));
        entry::write(&task, &self.sources())?;
        install(at, tools, workshop).await?;
        // As in a container image: a start there compiles nothing.
        let mut compile = Command::new(&tools.program);
        compile.args(["-m", "compileall", "-q"]).arg(&task).arg(&packages);
        workshop.run("compileall", compile).await?;
        let added = entry::files(&task)?.into_iter().chain(entry::files(&packages)?);
        Ok(Made {
            zip_bytes: zip_bytes(added)?,
            runtime: RuntimeClient {
                name: SERVER.to_owned(),
                version: locked(FASTAPI, SERVER)?,
                official: true,
                on: format!("CPython {}", tools.version),
                note: None,
            },
        })
    }

    fn program(&self, at: &Path, tools: &Tools, made: Made) -> Program {
        let root = entry::task(at);
        Program {
            command: vec![tools.program.clone(), root.join(MAIN)],
            root,
            handler: MAIN.to_owned(),
            variables: variables(at),
            zip_bytes: made.zip_bytes,
            // It serves its own.
            page: None,
            packages: None,
            image: None,
            health: None,
            told_in: told_in(),
            stores: None,
            runtime: Some(made.runtime),
        }
    }
}
