//! What the pools of one side have in common.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gearshift_gear::Program;
use gearshift_laws::Laws;
use gearshift_sandbox::Host;
use gearshift_stores::FileStore;

use crate::place::PlaneConfig;
use crate::plane::events::EventLog;
use crate::plane::store_times::StoreTimes;
use crate::plane::stores::Stores;

/// What the members of a side are made with.
pub(super) struct Setting {
    pub(super) config: PlaneConfig,
    pub(super) host: Host,
    pub(super) program: Program,
    pub(super) files: Option<FileStore>,
    /// The stores that the row's sides share.
    pub(super) stores: Option<Arc<Stores>>,
    pub(super) laws: Arc<Laws>,
    /// Whether something before the members checks them and chooses among them.
    pub(super) balanced: bool,
    pub(super) events: Arc<EventLog>,
    pub(super) times: Arc<StoreTimes>,
    /// Numbers of members, so that no name returns in a row.
    pub(super) numbers: AtomicU64,
}

impl Setting {
    pub(super) fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed) + 1
    }
}
