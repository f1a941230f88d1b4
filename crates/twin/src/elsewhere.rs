//! Runs that the environment does not lead to: `up` may have been started with another
//! `XDG_RUNTIME_DIR` or `HOME` than `down`, or by another user.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use gearshift_files::{Places, PrivateDir};
use gearshift_gear::RunId;

use crate::place::runs_on_disk;

/// In a place that the environment does not decide: one file a run, named by it, which holds the
/// path of the directory that the run is in.
const NOTES: &str = "elsewhere";
/// The longest path there is (PATH_MAX, limits.h).
const MOST: u64 = 4096;

/// A data plane as its command line shows it, to every user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenPlane {
    pub run: RunId,
    /// Whose it is.
    pub user: u32,
    /// The directory below which its run keeps what it keeps.
    pub base: PathBuf,
}

/// Every data plane that this user sees; none where the system does not show command lines in
/// `/proc`. What one of another user says is that user's word.
pub fn seen_planes() -> Vec<SeenPlane> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbered = processes.filter(|entry| {
        entry.file_name().as_bytes().first().is_some_and(|first| first.is_ascii_digit())
    });
    numbered.filter_map(|process| seen_plane(&process.path())).collect()
}

fn seen_plane(process: &Path) -> Option<SeenPlane> {
    let line = fs::read(process.join("cmdline")).ok()?;
    let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
    let at = words.windows(2).position(|pair| pair == [&b"internal"[..], &b"plane"[..]])?;
    let row = Path::new(OsStr::from_bytes(words.get(at + 2)?));
    let run = row.parent()?;
    Some(SeenPlane {
        run: run.file_name()?.to_str()?.parse().ok()?,
        user: fs::metadata(process).ok()?.uid(),
        base: run.parent()?.to_owned(),
    })
}

/// Every directory in which something is kept of a run of this user, by run: below `base`, in the
/// usual places, where notes say, and where data planes say that they are.
pub fn places_of_runs(base: &Path) -> BTreeMap<RunId, Vec<PathBuf>> {
    let us = nix::unistd::geteuid().as_raw();
    let mut found: BTreeMap<RunId, Vec<PathBuf>> = BTreeMap::new();
    let usual = Places::here().usual_states();
    for base in std::iter::once(base).chain(usual.iter().map(PathBuf::as_path)) {
        // One that is another user's holds nothing of ours.
        if let Ok(Some(base)) = PrivateDir::open(base) {
            for run in runs_on_disk(base.path()) {
                found.entry(run).or_default().push(base.path().to_owned());
            }
        }
    }
    let planes = seen_planes().into_iter().filter(|plane| plane.user == us);
    let seen = planes.map(|plane| (plane.run, plane.base));
    for (run, base) in noted().into_iter().chain(seen) {
        if base.join(run.as_str()).is_dir() {
            found.entry(run).or_default().push(base);
        }
    }
    for bases in found.values_mut() {
        bases.sort();
        bases.dedup();
    }
    found
}

/// The directory of notes, made where it is missing; none where this user has no place that the
/// environment does not decide, such as a home.
fn notes() -> Option<PrivateDir> {
    let usual = Places::here().usual_states();
    usual.iter().find_map(|place| PrivateDir::open_or_create(place).ok()?.dir(NOTES).ok())
}

/// Every directory of notes there is: the first usual place may have been missing at one time.
fn all_notes() -> Vec<PrivateDir> {
    let usual = Places::here().usual_states();
    let opened =
        usual.iter().filter_map(|place| PrivateDir::open(place).ok()??.existing(NOTES).ok()?);
    opened.collect()
}

/// False where a run that was started in another environment, and whose data plane has ended since,
/// cannot be found.
pub fn notes_are_kept() -> bool {
    notes().is_some()
}

/// Notes where this run is, unless it is where everybody looks. Best effort: the run stands without.
pub(crate) fn note(base: &Path, run: &RunId) {
    if !Places::here().usual_states().iter().any(|usual| usual == base)
        && let Some(notes) = notes()
    {
        let _ = notes.write(run.as_str(), base.as_os_str().as_bytes());
    }
}

pub(crate) fn forget(run: &RunId) {
    for notes in all_notes() {
        // A note of a run that is gone is passed over and tried again.
        let _ = notes.remove(run.as_str());
    }
}

/// What the notes say. One of a run that is gone is removed.
fn noted() -> Vec<(RunId, PathBuf)> {
    let read = |notes: &PrivateDir, name: &str| {
        let run: RunId = name.parse().ok()?;
        let base = PathBuf::from(OsStr::from_bytes(&notes.read(name, MOST).ok()??));
        if base.join(name).is_dir() {
            return Some((run, base));
        }
        let _ = notes.remove(name);
        None
    };
    let all = all_notes();
    let named = all.iter().flat_map(|notes| {
        let names = notes.names().unwrap_or_default();
        names.into_iter().filter_map(|name| read(notes, &name)).collect::<Vec<_>>()
    });
    named.collect()
}
