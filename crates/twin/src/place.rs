//! Where a run keeps what is not in the kernel: one directory, named by run and row, which belongs
//! to this user alone.
//!
//! What is kept is what a row was started as, a control socket and logs. What a service is told
//! besides, such as a password of the user's, is never kept: a data plane gets it on its standard
//! input.

use std::collections::BTreeMap;
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use gearshift_deploy::{Fence, TargetError, Wanted};
use gearshift_files::{PrivateDir, PrivateError};
use gearshift_gear::{Program, RunId, Side};
use gearshift_stores::unmount_below;
use nix::fcntl::Flock;
use serde::{Deserialize, Serialize};

use crate::elsewhere;

/// What a row was started as, in its directory.
const WANTED: &str = "wanted.json";
/// No [`Wanted`] and no data plane's last words come near it, bytes.
const MOST: u64 = 4 << 20;

/// What a data plane needs to know. It gets it on its standard input.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PlaneConfig {
    pub run: RunId,
    pub wanted: Wanted,
    /// What runs on each side of the row, whether the side stands yet or not.
    pub programs: BTreeMap<Side, Program>,
    /// The row's directory.
    pub directory: PathBuf,
    /// The cores its services run on; the data plane itself is kept off them.
    pub service_cores: Vec<usize>,
    /// Told apart from an earlier data plane of the same row, so that no member's name returns.
    pub incarnation: String,
}

impl PlaneConfig {
    /// What runs on this side.
    ///
    /// # Errors
    /// Where the row has no such side.
    pub fn program(&self, side: Side) -> Result<&Program, NoSuchSide> {
        let row = || self.wanted.spec.row.name.clone();
        self.programs.get(&side).ok_or_else(|| NoSuchSide { row: row(), side })
    }

    /// The row's directory, opened.
    ///
    /// # Errors
    /// Where it is not there, or not this user's alone.
    pub fn private(&self) -> Result<PrivateDir, PrivateError> {
        let gone = || PrivateError::Io {
            path: self.directory.clone(),
            error: std::io::ErrorKind::NotFound.into(),
        };
        PrivateDir::open(&self.directory)?.ok_or_else(gone)
    }
}

/// A side that a row does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{row} has no side {side}")]
pub struct NoSuchSide {
    pub row: String,
    pub side: Side,
}

/// The directory of one run.
#[derive(Clone, Debug)]
pub struct RunPlace {
    base: PathBuf,
    run: RunId,
}

impl RunPlace {
    /// The place of this run below `base`, whether it exists or not.
    pub fn new(base: &Path, run: &RunId) -> Self {
        Self { base: base.to_owned(), run: run.clone() }
    }

    /// True where something is kept.
    pub fn exists(&self) -> bool {
        self.base.join(self.run.as_str()).symlink_metadata().is_ok()
    }

    /// A row's directory.
    pub fn row(&self, row: &str) -> PathBuf {
        self.base.join(self.run.as_str()).join(row)
    }

    /// None where it is not there. What is not this user's alone counts as not there: whoever wants
    /// to make it is told.
    fn open(&self) -> Option<PrivateDir> {
        PrivateDir::open(&self.base).ok()??.existing(self.run.as_str()).ok()?
    }

    /// A row's directory, opened; none where it is not there.
    pub(crate) fn open_row(&self, row: &str) -> Option<PrivateDir> {
        self.open()?.existing(row).ok()?
    }

    /// The rows that have a directory.
    pub fn rows(&self) -> Vec<String> {
        let Some(directory) = self.open() else { return Vec::new() };
        let mut names = directory.names().unwrap_or_default();
        names.retain(|name| directory.path().join(name).is_dir());
        names
    }

    /// What the row was started as.
    pub fn wanted(&self, row: &str) -> Option<Wanted> {
        serde_json::from_slice(&self.open_row(row)?.read(WANTED, MOST).ok()??).ok()
    }

    /// The last line that the row's data plane said; none where it said nothing.
    pub(crate) fn last_words(&self, row: &str) -> Option<String> {
        let log = self.open_row(row)?.read(PLANE_LOG, MOST).ok()??;
        let log = String::from_utf8_lossy(&log);
        Some(log.trim().lines().last()?.to_owned())
    }

    /// Makes the row's directory and notes what it is started as. None where the row has one
    /// already: whoever made it starts the row, and nobody else.
    pub(crate) fn claim(&self, wanted: &Wanted) -> Result<Option<PrivateDir>, PrivateError> {
        let run = PrivateDir::open_or_create(&self.base)?.dir(self.run.as_str())?;
        elsewhere::note(&self.base, &self.run);
        let Some(row) = run.create_dir(&wanted.spec.row.name)? else { return Ok(None) };
        let text = serde_json::to_vec_pretty(wanted).expect("what is wanted is plain data");
        row.write(WANTED, &text)?;
        Ok(Some(row))
    }

    /// Removes the row's directory, and the run's with the last one.
    pub fn remove_row(&self, row: &str) -> std::io::Result<()> {
        if let Some(directory) = self.open() {
            remove_tree(&directory, row)?;
        }
        if self.rows().is_empty() { self.remove() } else { Ok(()) }
    }

    /// Removes everything the run keeps.
    pub fn remove(&self) -> std::io::Result<()> {
        // In a directory that is not this user's alone there is nothing of this user's.
        if let Some(base) = PrivateDir::open(&self.base).ok().flatten() {
            remove_tree(&base, self.run.as_str())?;
        }
        elsewhere::forget(&self.run);
        Ok(())
    }

    /// Takes note of a fence, or refuses it when a newer one was here. The note goes with the run.
    pub fn pass(&self, fence: Fence) -> Result<(), TargetError> {
        let failed = |why: String| TargetError::Failed {
            what: format!("keeping the run's fence in {}", self.base.display()),
            why,
            next: "free space or fix permissions there, then again".to_owned(),
        };
        let kept = PrivateDir::open_or_create(&self.base)
            .and_then(|base| base.dir(self.run.as_str()))
            .and_then(|run| run.lock("fence"));
        let mut file = kept.map_err(|error| failed(error.to_string()))?;
        let newest = noted(&mut file).map_err(|error| failed(error.to_string()))?;
        if fence.0 < newest {
            return Err(TargetError::Fenced { ours: fence.0, newest });
        }
        note(&mut file, fence.0).map_err(|error| failed(error.to_string()))
    }
}

pub(crate) const PLANE_LOG: &str = "plane.log";

/// The number in a file; 0 where there is none.
fn noted(file: &mut std::fs::File) -> std::io::Result<u64> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text)?;
    Ok(text.trim().parse().unwrap_or(0))
}

fn note(file: &mut std::fs::File, number: u64) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(number.to_string().as_bytes())
}

/// The ledger of promised cores, until dropped. It says nothing itself: what is promised stands in
/// the rows' directories.
pub(crate) fn lock_ledger(base: &Path) -> Result<Flock<std::fs::File>, PrivateError> {
    PrivateDir::open_or_create(base)?.lock("ledger")
}

/// Every run that keeps something below `base`, which may be anybody's folder.
pub fn runs_on_disk(base: &Path) -> Vec<RunId> {
    let entries = std::fs::read_dir(base).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// With what is mounted in it unmounted first: a file store's files are nobody's to remove.
fn remove_tree(directory: &PrivateDir, name: &str) -> std::io::Result<()> {
    match unmount_below(&directory.path().join(name)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    directory.remove(name).map_err(std::io::Error::other)
}
