//! What a client holds of the store, as a Linux NFS client would.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use fuser::{FileAttr, FileType};

/// How long an NFS client takes a file's attributes for true. Source: nfs(5), acregmin.
const FILE_KNOWN: Duration = Duration::from_secs(3);
/// The same for directories, and so for which names they lack. Source: nfs(5), acdirmin.
const DIRECTORY_KNOWN: Duration = Duration::from_secs(30);

/// Attributes that need no trip, and files with changes that are not durable yet. It decides about
/// delays only: what is answered always comes from the tree.
#[derive(Default)]
pub(super) struct Known {
    attributes: HashMap<u64, Instant>,
    changed: HashSet<u64>,
}

impl Known {
    pub(super) fn has(&self, ino: u64) -> bool {
        self.attributes.get(&ino).is_some_and(|until| Instant::now() < *until)
    }

    pub(super) fn learn(&mut self, attr: &FileAttr) {
        let directory = attr.kind == FileType::Directory;
        let long = if directory { DIRECTORY_KNOWN } else { FILE_KNOWN };
        self.attributes.insert(attr.ino.0, Instant::now() + long);
    }

    /// After a lock was taken, attributes are asked for again.
    pub(super) fn doubt(&mut self, ino: u64) {
        self.attributes.remove(&ino);
    }

    /// The kernel forgot the object.
    pub(super) fn forget(&mut self, ino: u64) {
        self.attributes.remove(&ino);
        self.changed.remove(&ino);
    }

    pub(super) fn change(&mut self, ino: u64) {
        self.changed.insert(ino);
    }

    /// Whether there is anything to make durable; there is not, afterwards.
    pub(super) fn flush(&mut self, ino: u64) -> bool {
        self.changed.remove(&ino)
    }
}
