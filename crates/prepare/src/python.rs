//! The Python function: boto3 and the real `awslambdaric`, as `pip` fetches them.

use std::path::Path;

use async_trait::async_trait;
use gearshift_gear::{Missing, Program, RuntimeClient};

use crate::interpreter::{install, locked, tools, variables};
use crate::recipe::{Fetch, Made, Recipe, Tools};
use crate::sources::{PYTHON, Source, page, told_in, with_shared};
use crate::workshop::{Workshop, zip_bytes};
use crate::{PrepareError, entry};

const CLIENT: &str = "awslambdaric";

pub(crate) struct Python;

#[async_trait]
impl Recipe for Python {
    fn build(&self) -> &'static str {
        "function-python"
    }

    fn tools(&self) -> Result<Tools, Missing> {
        tools(self.build())
    }

    fn lacking_packages(&self) -> Vec<&'static str> {
        crate::interpreter::lacking_packages()
    }

    fn sources(&self) -> Vec<Source> {
        with_shared(PYTHON)
    }

    fn fetch(&self) -> Fetch {
        Fetch {
            what: format!("boto3 and {CLIENT}"),
            download_mb: 18.0,
            disk_mb: 39.0,
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
        let task = entry::task(at);
        entry::write(&task, &self.sources())?;
        install(at, tools, workshop).await?;
        Ok(Made {
            zip_bytes: zip_bytes(entry::files(&task)?)?,
            runtime: RuntimeClient {
                name: CLIENT.to_owned(),
                version: locked(PYTHON, CLIENT)?,
                official: true,
                on: format!("CPython {}", tools.version),
                note: None,
            },
        })
    }

    fn program(&self, at: &Path, tools: &Tools, made: Made) -> Program {
        let handler = "app.handler";
        Program {
            command: vec![tools.program.clone(), "-m".into(), CLIENT.into(), handler.into()],
            root: entry::task(at),
            handler: handler.to_owned(),
            variables: variables(at),
            zip_bytes: made.zip_bytes,
            page: Some(page()),
            packages: None,
            image: None,
            health: None,
            told_in: told_in(),
            stores: None,
            runtime: Some(made.runtime),
        }
    }
}
