//! What this machine and this folder give: places, builds, the twin.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, Result};
use gearshift_gear::RunId;
use gearshift_prepare::Preparer;
use gearshift_price::{PriceBook, PriceError};
use gearshift_sandbox::{ORCHESTRATOR_VARIABLE, RUN_VARIABLE};
use gearshift_twin::{TwinConfig, runs_on_disk};
use rand::Rng;

use crate::builds::Builds;

/// Where results of this folder go.
pub const RESULTS: &str = ".gearshift/runs";

/// Where built services and calibration are kept, per user.
pub fn cache() -> PathBuf {
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    let base = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(home);
    base.unwrap_or_else(std::env::temp_dir).join("gearshift")
}

/// Where this user's own price books are.
pub fn prices() -> PathBuf {
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".local/share"));
    let base = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from).or_else(home);
    base.unwrap_or_else(std::env::temp_dir).join("gearshift/prices")
}

/// This user's own price book of a region; none where there is none.
pub fn own_book(region: &str) -> Result<Option<PriceBook>> {
    let path = prices().join(format!("{region}.toml"));
    // A home that is another user's, as `sudo -u` leaves it: what may not be looked into is not ours.
    let elsewhere = |error: std::io::Error| error.kind() == std::io::ErrorKind::PermissionDenied;
    if path.metadata().is_err_and(elsewhere) {
        return Ok(None);
    }
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            let next = format!("gearshift price refresh --region {region}, or remove it");
            match PriceBook::parse(&text) {
                Ok(book) => Ok(Some(book)),
                Err(PriceError::BadBook { why, .. }) => {
                    anyhow::bail!("{} is not a price book: {why} → {next}", path.display())
                }
                Err(why) => anyhow::bail!("{}: {why}", path.display()),
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}

/// Has every verb use this user's own price books in place of the shipped ones. One that cannot be
/// read fails who asks for its region.
pub fn install_own_books() -> Result<()> {
    for region in PriceBook::regions() {
        match own_book(region) {
            Ok(None) => {}
            Ok(Some(book)) => PriceBook::install(region, Ok(book))?,
            Err(why) => {
                let why = format!("{why:#}");
                PriceBook::install(region, Err(PriceError::Unusable { why }))?;
            }
        }
    }
    Ok(())
}

/// Where programs come from.
pub fn preparer() -> Arc<Preparer> {
    Arc::new(Preparer::new(&cache()))
}

/// What the twin is made of.
pub fn twin_config(builds: &Arc<Builds>) -> Result<TwinConfig> {
    let this = std::env::current_exe().context("finding this program's own path")?;
    let plane = vec![this, "internal".into(), "plane".into()];
    let builds = builds.clone();
    Ok(TwinConfig::usual(plane, Arc::new(move |build| builds.program(build))))
}

/// This comparison's run id. A process can only be marked when it is started, so the first call
/// starts this program once more in its own place, with the mark: `down` then finds whoever would
/// bring up the next row as well.
pub fn own_run(config: &TwinConfig) -> Result<RunId> {
    let marked = std::env::var(RUN_VARIABLE).ok().zip(std::env::var(ORCHESTRATOR_VARIABLE).ok());
    if let Some((run, _)) = marked {
        return Ok(run.parse()?);
    }
    let this = std::env::current_exe().context("finding this program's own path")?;
    let error = Command::new(this)
        .args(std::env::args_os().skip(1))
        .env(RUN_VARIABLE, new_run(config).as_str())
        .env(ORCHESTRATOR_VARIABLE, "1")
        .exec();
    Err(error).context("starting this program with its run's mark")
}

/// A run id nothing here uses: no process, no control group, no directory.
pub fn new_run(config: &TwinConfig) -> RunId {
    let mut taken = config.host.runs();
    taken.extend(runs_on_disk(&config.base));
    taken.extend(runs_on_disk(Path::new(RESULTS)));
    let mut rng = rand::rngs::OsRng;
    loop {
        let run = RunId::from_number(rng.r#gen());
        if !taken.contains(&run) {
            return run;
        }
    }
}

/// Every run that has something here.
pub fn live_runs(config: &TwinConfig) -> Vec<RunId> {
    let mut runs = config.host.runs();
    runs.extend(runs_on_disk(&config.base));
    runs.into_iter().collect()
}
