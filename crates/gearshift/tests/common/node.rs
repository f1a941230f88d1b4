//! The clients' Node.js packages: installed below the target directory, once and shared.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::fcntl::{Flock, FlockArg};

const FILES: [&str; 3] = ["package.json", "package-lock.json", "clients.mjs"];

/// The script, beside the packages it needs. None where this machine cannot have them: the test is
/// skipped, and says so where cargo does not swallow it. Under CI that is a failure.
pub fn script_or_skip() -> Option<PathBuf> {
    match installed() {
        Ok(script) => Some(script),
        Err(missing) => {
            gearshift_testing::skip(&missing);
            None
        }
    }
}

fn installed() -> Result<PathBuf, String> {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("js-clients");
    fs::create_dir_all(&home).map_err(|error| error.to_string())?;
    let lock = File::create(home.join(".lock")).map_err(|error| error.to_string())?;
    let _locked =
        Flock::lock(lock, FlockArg::LockExclusive).map_err(|(_, error)| error.to_string())?;
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/js");
    for file in FILES {
        fs::copy(scripts.join(file), home.join(file)).map_err(|error| error.to_string())?;
    }
    let wanted = fs::read(home.join("package-lock.json")).map_err(|error| error.to_string())?;
    // The stamp is written last.
    let stamp = home.join("complete");
    if fs::read(&stamp).is_ok_and(|stamp| stamp == wanted) {
        return Ok(home.join("clients.mjs"));
    }
    let mut npm = Command::new("npm");
    npm.current_dir(&home).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
    let output = npm.output().map_err(|error| format!("no npm: {error}"))?;
    if !output.status.success() {
        return Err(format!("npm ci: {}", String::from_utf8_lossy(&output.stderr)));
    }
    fs::write(stamp, wanted).map_err(|error| error.to_string())?;
    Ok(home.join("clients.mjs"))
}
