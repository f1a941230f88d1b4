//! The service as a program that a row can start.

use std::path::{Path, PathBuf};

use gearshift_gear::Program;

use crate::{Manifest, ManifestError, Service, package};

/// What a service finds of the environment in which Gearshift was started: what it would have on
/// any machine, and nothing that only a terminal has.
const FROM_HERE: [&str; 5] = ["HOME", "LANG", "LC_ALL", "TZ", "TMPDIR"];

impl Manifest {
    /// The variables that the description gives or passes on.
    pub fn given(&self, service: &Service) -> Vec<(String, String)> {
        let passed = service.pass.iter().filter_map(|name| here(name));
        passed.chain(service.environment.clone()).collect()
    }

    /// The service as it is started.
    ///
    /// # Errors
    /// Where its command is not found, or its files cannot be read.
    pub fn program(&self, service: &Service) -> Result<Program, ManifestError> {
        let whole = |what| ManifestError::Whole { path: self.folder.join(crate::FILE), what };
        let directory = std::path::absolute(self.folder.join(&service.directory));
        let directory = directory.map_err(|error| whole(error.to_string()))?;
        let Some(command) = &service.command else {
            return Err(whole("`service.command` is missing".to_owned()));
        };
        let words = command.words();
        let executable = find(&words[0], &directory).ok_or_else(|| {
            whole(format!(
                "`service.command`: {} is neither in {} nor on the PATH → build or install it, or write its path",
                words[0],
                directory.display()
            ))
        })?;
        let zip_bytes = package::compressed_bytes(&directory)
            .map_err(|error| whole(format!("{}: {error}", directory.display())))?;
        let rest = words[1..].iter().map(PathBuf::from);
        Ok(Program {
            command: std::iter::once(executable).chain(rest).collect(),
            root: directory,
            handler: "bootstrap".to_owned(),
            variables: FROM_HERE
                .iter()
                .filter_map(|name| here(name))
                .chain(self.given(service))
                .collect(),
            zip_bytes,
            page: None,
            packages: None,
            image: None,
            told_in: None,
            stores: None,
            health: Some(service.health.to_string()),
            runtime: None,
        })
    }
}

fn here(name: &str) -> Option<(String, String)> {
    std::env::var(name).ok().map(|value| (name.to_owned(), value))
}

/// As a shell finds it: a path from the folder, or a name on the PATH.
fn find(program: &str, directory: &Path) -> Option<PathBuf> {
    if program.contains('/') {
        let path = directory.join(program);
        return path.is_file().then_some(path);
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|at| at.join(program)).find(|at| at.is_file())
}
