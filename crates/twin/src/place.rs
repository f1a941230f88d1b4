//! Where a run keeps what is not in the kernel: one directory, named by run and row.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use gearshift_deploy::{Fence, TargetError, Wanted};
use gearshift_gear::{Program, RunId};
use gearshift_stores::unmount_below;
use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};

/// What a data plane needs to know; kept as `wanted.json` in its directory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PlaneConfig {
    pub run: RunId,
    pub wanted: Wanted,
    pub program: Program,
    /// The row's directory.
    pub directory: PathBuf,
    /// The cores its services run on; the data plane itself is kept off them.
    pub service_cores: Vec<usize>,
    /// Told apart from an earlier data plane of the same row, so that no member's name returns.
    pub incarnation: String,
}

impl PlaneConfig {
    /// The socket its data plane answers on.
    pub fn socket(&self) -> PathBuf {
        socket(&self.directory)
    }
}

pub(crate) fn socket(row_directory: &Path) -> PathBuf {
    row_directory.join("control.sock")
}

/// The directory of one run.
#[derive(Clone, Debug)]
pub struct RunPlace {
    directory: PathBuf,
}

impl RunPlace {
    /// The place of this run below `base`, whether it exists or not.
    pub fn new(base: &Path, run: &RunId) -> Self {
        Self { directory: base.join(run.as_str()) }
    }

    /// True where something is kept.
    pub fn exists(&self) -> bool {
        self.directory.exists()
    }

    /// A row's directory.
    pub fn row(&self, row: &str) -> PathBuf {
        self.directory.join(row)
    }

    /// The rows that have a directory.
    pub fn rows(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.directory).into_iter().flatten().flatten();
        let mut rows: Vec<String> = entries
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        rows.sort();
        rows
    }

    /// What the row was started as.
    pub fn plane_config(&self, row: &str) -> Option<PlaneConfig> {
        serde_json::from_slice(&fs::read(self.row(row).join("wanted.json")).ok()?).ok()
    }

    /// Makes the row's directory with its `wanted.json`. False where the row has one already:
    /// whoever made it starts the row, and nobody else.
    pub fn claim(&self, config: &PlaneConfig) -> io::Result<bool> {
        fs::create_dir_all(&self.directory)?;
        match fs::create_dir(&config.directory) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
            made => made?,
        }
        fs::write(config.directory.join("wanted.json"), serde_json::to_vec_pretty(config)?)?;
        Ok(true)
    }

    /// Removes the row's directory, and the run's with the last one.
    pub fn remove_row(&self, row: &str) -> io::Result<()> {
        remove_tree(&self.row(row))?;
        if self.rows().is_empty() { self.remove() } else { Ok(()) }
    }

    /// Removes everything the run keeps.
    pub fn remove(&self) -> io::Result<()> {
        remove_tree(&self.directory)
    }

    /// Takes note of a fence, or refuses it when a newer one was here. The note goes with the run.
    pub fn pass(&self, fence: Fence) -> Result<(), TargetError> {
        let failed = |error: io::Error| TargetError::Failed {
            what: format!("keeping the run's fence in {}", self.directory.display()),
            why: error.to_string(),
            next: "free space or fix permissions there, then again".to_owned(),
        };
        fs::create_dir_all(&self.directory).map_err(failed)?;
        let path = self.directory.join("fence");
        let file = fs::OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(&path)
            .map_err(failed)?;
        let _locked = Flock::lock(file, FlockArg::LockExclusive)
            .map_err(|(_, error)| failed(error.into()))?;
        let newest = fs::read_to_string(&path).map_err(failed)?.trim().parse().unwrap_or(0);
        if fence.0 < newest {
            return Err(TargetError::Fenced { ours: fence.0, newest });
        }
        fs::write(&path, fence.0.to_string()).map_err(failed)
    }
}

/// The ledger of promised cores, until dropped. It says nothing itself: what is promised stands in
/// the rows' directories.
pub(crate) fn lock_ledger(base: &Path) -> io::Result<Flock<fs::File>> {
    fs::create_dir_all(base)?;
    let file = fs::File::create(base.join("ledger"))?;
    Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, error)| error.into())
}

/// Every run that keeps something below `base`.
pub fn runs_on_disk(base: &Path) -> Vec<RunId> {
    let entries = fs::read_dir(base).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// With what is mounted in it unmounted first: a file store's files are nobody's to remove.
fn remove_tree(directory: &Path) -> io::Result<()> {
    gone(unmount_below(directory).map(|_| ()))?;
    gone(fs::remove_dir_all(directory))
}

fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
