//! The Python on this machine, and packages for it as `pip` fetches them.

use std::path::{Path, PathBuf};

use gearshift_gear::Missing;
use tokio::process::Command;

use crate::recipe::Tools;
use crate::sources::Source;
use crate::workshop::{Workshop, answer, find};
use crate::{PrepareError, entry};

/// The oldest Python the locked packages take.
const OLDEST: (u32, u32) = (3, 10);
/// What `pip` installs: every package by version and hash.
pub(crate) const LOCK: &str = "requirements.txt";

/// The interpreter, where it is new enough and has `pip`.
pub(crate) fn tools(build: &str) -> Result<Tools, Missing> {
    let missing = |why: String, package: &str| Missing {
        what: build.to_owned(),
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

/// Debian's packages of the interpreter and of `pip`, where they are missing.
pub(crate) fn lacking_packages() -> Vec<&'static str> {
    let Ok([python]) = find(["python3"]) else { return vec!["python3", "python3-pip"] };
    match answer(std::process::Command::new(python).args(["-m", "pip", "--version"])) {
        Some(_) => Vec::new(),
        None => vec!["python3-pip"],
    }
}

/// Where an entry's packages lie.
pub(crate) fn packages(at: &Path) -> PathBuf {
    at.join("packages")
}

/// Installs what the lock file beside the code names.
pub(crate) async fn install(
    at: &Path,
    tools: &Tools,
    workshop: &Workshop<'_>,
) -> Result<(), PrepareError> {
    let mut pip = Command::new(&tools.program);
    pip.args(["-m", "pip", "install", "--require-hashes", "--only-binary", ":all:"])
        .args(["--no-input", "--disable-pip-version-check", "--no-warn-script-location"])
        .args(["--retries", "2", "--target"])
        .arg(packages(at))
        .arg("-r")
        .arg(entry::task(at).join(LOCK));
    workshop.run("pip", pip).await
}

/// What a process finds in its environment besides.
pub(crate) fn variables(at: &Path) -> Vec<(String, String)> {
    let variables = [
        // Where Lambda's own runtime has its packages, too.
        ("PYTHONPATH", packages(at).display().to_string()),
        ("PYTHONNOUSERSITE", "1".to_owned()),
        // On Lambda the code's directory cannot be written to, and an entry is sealed.
        ("PYTHONDONTWRITEBYTECODE", "1".to_owned()),
    ];
    variables.map(|(name, value)| (name.to_owned(), value)).to_vec()
}

/// The version that the lock file among these sources gives for this package.
pub(crate) fn locked(sources: &[Source], package: &str) -> Result<String, PrepareError> {
    let lock = entry::text_of(sources, LOCK);
    let begins = format!("{package}==");
    let version = lock.lines().find_map(|line| line.strip_prefix(&begins));
    let version = version.and_then(|rest| rest.split_whitespace().next());
    version.map(str::to_owned).ok_or_else(|| PrepareError::Unexpected {
        tool: "pip".to_owned(),
        what: format!("{LOCK} does not name {package}"),
    })
}

fn is_new_enough(version: &str) -> bool {
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    (next(), next()) >= OLDEST
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::{FASTAPI, PYTHON};

    #[test]
    fn lock_files_pin_what_runs_by_version_and_hash_and_name_no_place() {
        let python = (PYTHON, ["boto3", "botocore", "awslambdaric"], 8);
        let fastapi = (FASTAPI, ["fastapi", "uvicorn", "uvloop"], 12);
        for (sources, packages, at_least) in [python, fastapi] {
            for package in packages {
                assert!(!locked(sources, package).unwrap().is_empty(), "{package}");
            }
            let lock = entry::text_of(sources, LOCK);
            let begins: Vec<_> =
                lock.lines().filter(|line| !line.starts_with([' ', '#'])).collect();
            let pinned = begins.iter().filter(|line| line.contains("==")).count();
            let hashes = lock.matches("--hash=sha256:").count();
            assert!(pinned >= at_least && hashes > pinned, "{pinned} packages, {hashes} hashes");
            assert!(!lock.contains("://"), "an address stands in {LOCK}");
            // Options, such as --find-links, would name places of the machine it was locked on.
            let other = begins.iter().find(|line| !line.is_empty() && !line.contains("=="));
            assert_eq!(other, None);
        }
    }

    #[test]
    fn old_pythons_are_told_from_new_ones() {
        assert!(is_new_enough("3.10.0") && is_new_enough("3.14.0rc1") && is_new_enough("4.0"));
        assert!(!is_new_enough("3.9.19") && !is_new_enough("2.7") && !is_new_enough(""));
    }
}
