//! What this machine and this folder give: places, builds, the run.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, Result};
use gearshift_files::Places;
use gearshift_gear::{Owner, RunId};
use gearshift_prepare::Preparer;
use gearshift_price::PriceBook;
use gearshift_price_list::Books;
use gearshift_sandbox::{ORCHESTRATOR_VARIABLE, RUN_VARIABLE};

use crate::on::On;
use crate::verbs::Usage;

/// Where results of this folder go.
pub const RESULTS: &str = ".gearshift/runs";

/// Makes the folder for results. What is made belongs to this user alone; a folder that is there already
/// stays as its user has it.
pub fn make_results() -> Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(RESULTS);
    made.with_context(|| format!("making {RESULTS} in this folder"))
}

/// Makes this directory of results, which must not be there, with mode 0700.
pub fn make_result(directory: &Path) -> std::io::Result<()> {
    DirBuilder::new().mode(0o700).create(directory)
}

/// Writes a new file of results with mode 0600.
pub fn write_result(path: &Path, text: &str) -> Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
    written.with_context(|| format!("writing {}", path.display()))
}

/// Where built services and calibration are kept, per user; made where it is missing, and this user's
/// alone.
pub fn cache() -> Result<PathBuf> {
    Ok(Places::here().cache()?.path().to_owned())
}

/// This user's price books.
pub fn books() -> Result<Books> {
    Ok(Books::new(Places::here().data()?.map(|data| data.join("prices"))))
}

/// The prices of a region, this user's own or the shipped ones.
///
/// # Errors
/// Where no such region is known, or this user's own book cannot be read: both are usage.
pub fn book(region: &str) -> Result<PriceBook> {
    books()?.of(region).map_err(|error| Usage(error.to_string()).into())
}

/// Whose runs are begun here: the name of this process's user.
pub fn owner() -> Owner {
    let uid = nix::unistd::geteuid();
    let user = nix::unistd::User::from_uid(uid).ok().flatten();
    Owner::called(&user.map_or_else(|| format!("uid-{uid}"), |user| user.name))
}

/// Where programs come from.
pub fn preparer() -> Result<Arc<Preparer>> {
    Ok(Arc::new(Preparer::new(&cache()?)))
}

/// The run this process is marked with, as [`own_run`] starts it again; none before.
pub fn marked_run() -> Option<String> {
    let mark = std::env::var(RUN_VARIABLE).ok().zip(std::env::var(ORCHESTRATOR_VARIABLE).ok());
    mark.map(|(run, _)| run)
}

/// This comparison's run id. A process can only be marked when it is started, so the first call
/// starts this program once more in its own place, with the mark: `down` then finds whoever would
/// bring up the next row as well.
pub fn own_run(on: &On) -> Result<RunId> {
    if let Some(run) = marked_run() {
        return Ok(run.parse()?);
    }
    let this = std::env::current_exe().context("finding this program's own path")?;
    let error = Command::new(this)
        .args(std::env::args_os().skip(1))
        .env(RUN_VARIABLE, on.new_run(Path::new(RESULTS)).as_str())
        .env(ORCHESTRATOR_VARIABLE, "1")
        .exec();
    Err(error).context("starting this program with its run's mark")
}
