//! The Python function: boto3 and the real `awslambdaric`, as `pip` fetches them.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use gearshift_gear::{Missing, Program, RuntimeClient};
use tokio::process::Command;

use crate::recipe::{Fetch, Made, Recipe, Tools};
use crate::sources::{PYTHON, Source, page, with_shared};
use crate::workshop::{Workshop, answer, find, zip_bytes};
use crate::{PrepareError, entry};

/// The oldest Python the locked packages take.
const OLDEST: (u32, u32) = (3, 10);
const LOCK: &str = "requirements.txt";
const CLIENT: &str = "awslambdaric";

pub(crate) struct Python;

#[async_trait]
impl Recipe for Python {
    fn build(&self) -> &'static str {
        "function-python"
    }

    fn tools(&self) -> Result<Tools, Missing> {
        let missing = |why: String, package: &str| Missing {
            what: "function-python".to_owned(),
            why,
            how_to_get_it: format!("apt-get install {package} (or your system's like)"),
        };
        let [python] = find(["python3"])
            .map_err(|_| missing("python3 is not on the path".to_owned(), "python3 python3-pip"))?;
        let ask = "import sys, platform, importlib.util as u; print(sys.executable, \
                   platform.python_version(), platform.machine(), u.find_spec('pip') is not None)";
        let said = answer(std::process::Command::new(&python).args(["-c", ask]));
        let said = said.ok_or_else(|| {
            missing(format!("{} does not run", python.display()), "python3 python3-pip")
        })?;
        let mut words = said.rsplitn(4, ' ');
        let mut word = || words.next().unwrap_or_default().to_owned();
        let (has_pip, machine, version, program) = (word(), word(), word(), word());
        if !is_new_enough(&version) {
            let why = format!("python3 is {version}; {}.{} or newer is needed", OLDEST.0, OLDEST.1);
            return Err(missing(why, "a newer python3"));
        }
        if has_pip != "True" {
            return Err(missing(format!("{program} has no pip"), "python3-pip"));
        }
        Ok(Tools { program: program.into(), version, besides: vec![machine] })
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
        let mut pip = Command::new(&tools.program);
        pip.args(["-m", "pip", "install", "--require-hashes", "--only-binary", ":all:"])
            .args(["--no-input", "--disable-pip-version-check", "--no-warn-script-location"])
            .args(["--retries", "2", "--target"])
            .arg(packages(at))
            .arg("-r")
            .arg(task.join(LOCK));
        workshop.run("pip", pip).await?;
        Ok(Made {
            zip_bytes: zip_bytes(entry::files(&task)?)?,
            runtime: RuntimeClient {
                name: CLIENT.to_owned(),
                version: locked(CLIENT)?,
                official: true,
                on: format!("CPython {}", tools.version),
                note: None,
            },
        })
    }

    fn program(&self, at: &Path, tools: &Tools, made: Made) -> Program {
        let variables = [
            // Where Lambda's own runtime has its packages, too.
            ("PYTHONPATH", packages(at).display().to_string()),
            ("PYTHONNOUSERSITE", "1".to_owned()),
            // On Lambda the code's directory cannot be written to.
            ("PYTHONDONTWRITEBYTECODE", "1".to_owned()),
        ];
        let handler = "app.handler";
        Program {
            command: vec![tools.program.clone(), "-m".into(), CLIENT.into(), handler.into()],
            root: entry::task(at),
            handler: handler.to_owned(),
            variables: variables.map(|(name, value)| (name.to_owned(), value)).to_vec(),
            zip_bytes: made.zip_bytes,
            page: Some(page()),
            runtime: Some(made.runtime),
        }
    }
}

fn is_new_enough(version: &str) -> bool {
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    (next(), next()) >= OLDEST
}

fn packages(at: &Path) -> PathBuf {
    at.join("packages")
}

/// The version that the lock file gives for this package.
fn locked(package: &str) -> Result<String, PrepareError> {
    let lock = entry::text_of(PYTHON, LOCK);
    let begins = format!("{package}==");
    let version = lock.lines().find_map(|line| line.strip_prefix(&begins));
    let version = version.and_then(|rest| rest.split_whitespace().next());
    version.map(str::to_owned).ok_or_else(|| PrepareError::Unexpected {
        tool: "pip".to_owned(),
        what: format!("{LOCK} does not name {package}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_file_pins_what_runs_by_version_and_hash_and_names_no_registry() {
        let lock = entry::text_of(PYTHON, LOCK);
        for package in ["boto3", "botocore", CLIENT] {
            assert!(!locked(package).unwrap().is_empty(), "{package}");
        }
        let pinned = lock.lines().filter(|line| line.contains("==")).count();
        let hashes = lock.matches("--hash=sha256:").count();
        assert!(pinned >= 8 && hashes > pinned, "{pinned} packages, {hashes} hashes");
        assert!(!lock.contains("://"), "an address stands in {LOCK}");
    }

    #[test]
    fn old_pythons_are_told_from_new_ones() {
        assert!(is_new_enough("3.10.0") && is_new_enough("3.14.0rc1") && is_new_enough("4.0"));
        assert!(!is_new_enough("3.9.19") && !is_new_enough("2.7") && !is_new_enough(""));
    }
}
