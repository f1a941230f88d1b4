//! The services that Gearshift carries inside.

use std::path::Path;

use gearshift_files::PrivateDir;
use gearshift_gear::{Missing, Program, RuntimeClient};
use gearshift_services::{Artefact, LAMBDA_RUNTIME_VERSION, service};

use crate::error::in_two;
use crate::sources::{page, told_in};

/// Places this service below `directory`, which is this user's alone, unless it lies there as it was
/// compiled in.
pub(crate) fn program(build: &str, directory: &Path) -> Result<Program, Missing> {
    let missing =
        |why: String, how_to_get_it: String| Missing { what: build.to_owned(), why, how_to_get_it };
    let artefact = service(build)
        .map_err(|unknown| missing(unknown.to_string(), "choose another row".to_owned()))?;
    PrivateDir::open_or_create(directory).map_err(|error| {
        let (why, next) = in_two(&error);
        missing(why, next)
    })?;
    let placed = artefact.place_in(directory).map_err(|error| {
        let place = directory.display();
        missing(
            format!("it cannot be written to {place}: {error}"),
            "free space there or set XDG_CACHE_HOME".to_owned(),
        )
    })?;
    let program = Program {
        told_in: told_in(),
        ..Program::of_executable(placed, artefact.compressed_size())
    };
    Ok(match build {
        "function-rust" => {
            Program { page: Some(page()), runtime: Some(lambda_runtime(&artefact)), ..program }
        }
        _ => program,
    })
}

fn lambda_runtime(artefact: &Artefact) -> RuntimeClient {
    let linked = format!("{:?}", artefact.linkage).to_lowercase();
    RuntimeClient {
        name: "lambda_runtime".to_owned(),
        version: LAMBDA_RUNTIME_VERSION.to_owned(),
        official: true,
        on: format!("Rust, {linked}"),
        note: None,
    }
}
