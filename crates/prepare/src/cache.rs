//! A directory whose entries are whole or absent.
//!
//! An entry is made in a staging directory beside it and renamed when it is complete, together with
//! a manifest that seals every file in it. What does not fit its seal is made anew.
//!
//! What protects whom: the seal lies beside what it seals, so it tells damage by the disk, by a
//! cut-off write or by hand, and nothing else; whoever could write there could seal anew. Against
//! other users of the machine protects that the cache's directory is this user's alone
//! ([`PrivateDir`]), and that every directory and file of an entry belongs to this user and is
//! written by nobody else, which is looked at whenever an entry is used. Against a registry that
//! hands out something else protect the hashes in the lock files, which are compiled in, when an
//! entry is made. Nothing here protects a user from processes of the same user, or of root.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use gearshift_files::{PrivateDir, PrivateError};
use nix::fcntl::{Flock, FlockArg};
use nix::unistd::geteuid;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use walkdir::WalkDir;

use crate::error::{Doing, PrepareError};
use crate::recipe::Made;

const MANIFEST: &str = "prepared.json";
/// Write permission of the group and of all others.
const OF_OTHERS: u32 = 0o022;
/// Staging directories begin like this; entries never do.
const STAGING: &str = ".making-";

/// Entries by name and key.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    root: PathBuf,
}

/// Why an entry cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    Absent,
    /// What is wrong with it, for people.
    Damaged(String),
    /// The cache is not this user's alone: nothing in it is used, and nothing made.
    NotOurs(String),
}

#[derive(Serialize, Deserialize)]
struct Manifest {
    made: Made,
    /// By path inside the entry.
    files: BTreeMap<PathBuf, Seal>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Seal {
    File { bytes: u64, sha256: String },
    Link { to: PathBuf },
}

impl Seal {
    fn of(path: &Path) -> io::Result<Self> {
        if fs::symlink_metadata(path)?.is_symlink() {
            return Ok(Self::Link { to: fs::read_link(path)? });
        }
        let content = fs::read(path)?;
        let sha256 = format!("{:x}", Sha256::digest(&content));
        Ok(Self::File { bytes: content.len() as u64, sha256 })
    }
}

impl Cache {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn entry(&self, name: &str, key: &str) -> PathBuf {
        self.root.join(format!("{name}-{key}"))
    }

    /// The entry's making, once every file in it is as it was sealed.
    pub(crate) fn check(&self, entry: &Path) -> Result<Made, Flaw> {
        let private = PrivateDir::open(&self.root);
        private.map_err(|why| Flaw::NotOurs(why.to_string()))?.ok_or(Flaw::Absent)?;
        if fs::symlink_metadata(entry).is_err() {
            return Err(Flaw::Absent);
        }
        ours(entry)?;
        let damaged = |what: &Path, why: &str| {
            Flaw::Damaged(format!("{} {why}", what.strip_prefix(entry).unwrap_or(what).display()))
        };
        let path = entry.join(MANIFEST);
        let text = fs::read(&path).map_err(|_| damaged(&path, "is missing"))?;
        let manifest: Manifest =
            serde_json::from_slice(&text).map_err(|_| damaged(&path, "is not readable"))?;
        for (file, seal) in &manifest.files {
            let path = entry.join(file);
            match Seal::of(&path) {
                Ok(found) if found == *seal => {}
                Ok(_) => return Err(damaged(&path, "has changed")),
                Err(_) => return Err(damaged(&path, "is missing")),
            }
        }
        Ok(manifest.made)
    }

    /// The cache's directory, made where it is missing.
    pub(crate) fn make(&self) -> Result<PrivateDir, PrivateError> {
        PrivateDir::open_or_create(&self.root)
    }

    /// Waits until nobody else makes an entry, and removes what those that were killed left.
    pub(crate) async fn lock(&self) -> Result<Locked<'_>, PrepareError> {
        self.make().map_err(PrepareError::Place)?;
        let path = self.root.join("lock");
        loop {
            let file = File::create(&path).doing(|| format!("opening {}", path.display()))?;
            match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(lock) => {
                    self.remove_leftovers();
                    return Ok(Locked { cache: self, _lock: lock });
                }
                // Another Gearshift prepares something; it may take minutes.
                Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
            }
        }
    }

    /// Removes staging directories that nobody works in, where nobody holds the lock; how many.
    pub(crate) fn tidy(&self) -> usize {
        let Ok(file) = File::open(self.root.join("lock")) else { return 0 };
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(_lock) => self.remove_leftovers(),
            Err(_) => 0,
        }
    }

    fn remove_leftovers(&self) -> usize {
        let entries = fs::read_dir(&self.root).into_iter().flatten().flatten();
        let left = entries.filter(|e| e.file_name().to_string_lossy().starts_with(STAGING));
        left.filter(|entry| fs::remove_dir_all(entry.path()).is_ok()).count()
    }
}

/// The right to make entries.
pub(crate) struct Locked<'a> {
    cache: &'a Cache,
    _lock: Flock<File>,
}

impl Locked<'_> {
    /// A directory to make an entry in; removed with whatever is in it unless it is kept.
    pub(crate) fn stage(&self, name: &str) -> Result<Staging, PrepareError> {
        let path = self.cache.root.join(format!("{STAGING}{name}"));
        fs::create_dir(&path).doing(|| format!("making {}", path.display()))?;
        Ok(Staging { path, kept: false })
    }

    /// Seals what was made and gives it its name, in place of an entry that was there.
    pub(crate) fn keep(
        &self,
        mut staging: Staging,
        entry: &Path,
        made: &Made,
    ) -> Result<(), PrepareError> {
        close(&staging.path).doing(|| format!("closing {}", entry.display()))?;
        let files = seals(&staging.path).doing(|| format!("reading {}", entry.display()))?;
        let manifest = Manifest { made: made.clone(), files };
        let text = serde_json::to_vec_pretty(&manifest).expect("a manifest is plain data");
        let keeping = || {
            fs::write(staging.path.join(MANIFEST), text)?;
            if entry.exists() {
                fs::remove_dir_all(entry)?;
            }
            fs::rename(&staging.path, entry)
        };
        keeping().doing(|| format!("keeping {}", entry.display()))?;
        staging.kept = true;
        Ok(())
    }
}

/// Refuses an entry in which something belongs to another user, or may be written by one.
fn ours(entry: &Path) -> Result<(), Flaw> {
    let us = geteuid().as_raw();
    for found in WalkDir::new(entry).follow_root_links(false) {
        let found = found.map_err(|error| Flaw::Damaged(error.to_string()))?;
        let metadata = found.metadata().map_err(|error| Flaw::Damaged(error.to_string()))?;
        let inside = found.path().strip_prefix(entry).unwrap_or(found.path()).display();
        if metadata.uid() != us {
            return Err(Flaw::Damaged(format!("{inside} belongs to uid {}", metadata.uid())));
        }
        if !metadata.is_symlink() && metadata.mode() & OF_OTHERS != 0 {
            return Err(Flaw::Damaged(format!("{inside} may be written by other users")));
        }
    }
    Ok(())
}

/// Takes from all others the right to write, which this user's umask or a package may have given.
fn close(directory: &Path) -> io::Result<()> {
    for found in WalkDir::new(directory) {
        let found = found?;
        let metadata = found.metadata()?;
        if !metadata.is_symlink() && metadata.mode() & OF_OTHERS != 0 {
            let mode = metadata.mode() & 0o7777 & !OF_OTHERS;
            fs::set_permissions(found.path(), fs::Permissions::from_mode(mode))?;
        }
    }
    Ok(())
}

fn seals(directory: &Path) -> io::Result<BTreeMap<PathBuf, Seal>> {
    let mut files = BTreeMap::new();
    for entry in WalkDir::new(directory) {
        let entry = entry?;
        if !entry.file_type().is_dir() {
            let inside = entry.path().strip_prefix(directory).expect("it was walked from there");
            files.insert(inside.to_owned(), Seal::of(entry.path())?);
        }
    }
    Ok(files)
}

/// A directory in the making.
pub(crate) struct Staging {
    path: PathBuf,
    kept: bool,
}

impl Staging {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if !self.kept {
            // What cannot be removed now is removed before the next preparation.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}
