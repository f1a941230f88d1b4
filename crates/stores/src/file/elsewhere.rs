//! Where there is no FUSE as Linux has it, there is no file store.

use std::convert::Infallible;
use std::io;
use std::path::Path;

use gearshift_gear::{FaultPlan, Missing};

use super::FileConfig;
use crate::{FaultCounts, Metered, StoreError};

/// Never there on this system.
pub struct FileStore(Infallible);

/// Never there on this system.
pub struct Mount {
    _never: Infallible,
}

impl FileStore {
    /// Says that this needs Linux.
    pub fn start(_: FileConfig) -> Result<Self, StoreError> {
        Err(not_here().into())
    }

    pub fn mount(&self, _: &Path, _: &str) -> Result<Mount, StoreError> {
        match self.0 {}
    }

    pub fn usage(&self) -> Metered {
        match self.0 {}
    }

    pub fn set_faults(&self, _: FaultPlan) -> Result<(), StoreError> {
        match self.0 {}
    }

    pub fn fault_counts(&self) -> FaultCounts {
        match self.0 {}
    }
}

/// Says that this needs Linux.
pub fn files_available() -> Result<(), Missing> {
    Err(not_here())
}

fn not_here() -> Missing {
    Missing {
        what: "a shared file store (FUSE)".into(),
        why: "it is mounted by Linux's FUSE, and this is another system".into(),
        how_to_get_it: "run on Linux".into(),
    }
}

/// Finds nothing: no file store is ever mounted here.
pub fn unmount_below(_: &Path) -> io::Result<usize> {
    Ok(0)
}
