//! The small interface behind which cgroup v1 and v2 are the same.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::SandboxError;
use crate::no_shares::NoShares;
use crate::scope::how_to_get_shares;
use crate::v1::V1;
use crate::v2::V2;

/// A CFS bandwidth limit: this much CPU time in each period. The kernel takes a quota from 1 ms
/// and a period from 1 ms to 1 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuQuota {
    pub quota_us: u64,
    pub period_us: u64,
}

/// What a group's processes have used of the CPU since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuTime {
    pub used_us: u64,
    /// Time processes wanted to run and the quota stopped them.
    pub throttled_us: u64,
    pub periods: u64,
    pub throttled_periods: u64,
}

/// What a group's processes have used of memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryUse {
    pub now_bytes: u64,
    pub peak_bytes: u64,
    /// Processes the kernel killed at the limit.
    pub kills: u64,
}

/// One cgroup tree. Groups are named by a relative path such as `7f3a/fn-1`.
pub(crate) trait Hierarchy: Send + Sync {
    fn create(&self, group: &str) -> Result<(), SandboxError>;
    fn remove(&self, group: &str) -> Result<(), SandboxError>;
    /// The files a process of one thread writes `0` to in order to enter the group.
    fn entrances(&self, group: &str) -> Vec<PathBuf>;
    fn set_cpu(&self, group: &str, quota: Option<CpuQuota>) -> Result<(), SandboxError>;
    fn set_memory(&self, group: &str, bytes: u64) -> Result<(), SandboxError>;
    fn freeze(&self, group: &str, frozen: bool) -> Result<(), SandboxError>;
    fn cpu_time(&self, group: &str) -> Result<CpuTime, SandboxError>;
    fn memory_use(&self, group: &str) -> Result<MemoryUse, SandboxError>;
    /// [`MemoryUse::peak_bytes`] alone: one file instead of three.
    fn memory_peak_bytes(&self, group: &str) -> Result<u64, SandboxError>;
    fn processes(&self, group: &str) -> Vec<i32>;
    /// Names of the groups directly below this one.
    fn children(&self, group: &str) -> Vec<String>;
    fn label(&self) -> &'static str;
}

/// What this machine enforces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Enforcement {
    /// Shares are real.
    Shaped { by: String },
    /// They are not; why, and the command that changes it.
    Unshaped { why: String, how_to_get_it: String },
}

/// This machine's way of shaping processes.
#[derive(Clone)]
pub struct Host {
    pub(crate) hierarchy: Option<Arc<dyn Hierarchy>>,
    enforcement: Enforcement,
}

impl Host {
    /// Looks at what is mounted and writable here: v1 controllers, else a v2 tree, else nothing.
    pub fn detect() -> Self {
        match find() {
            Ok(hierarchy) => {
                let by = hierarchy.label().to_owned();
                Self { hierarchy: Some(hierarchy), enforcement: Enforcement::Shaped { by } }
            }
            Err(error) => {
                let (why, how_to_get_it) = (error.to_string(), how_to_get_shares());
                let enforcement = Enforcement::Unshaped { why, how_to_get_it };
                Self { hierarchy: None, enforcement }
            }
        }
    }

    /// Every tree a run may have groups in: this process's own, and those in scopes, which stay
    /// within reach of one that can make no groups itself.
    pub(crate) fn trees(&self) -> Vec<Arc<dyn Hierarchy>> {
        let in_scopes = V2::in_scopes().into_iter().map(|tree| Arc::new(tree) as _);
        self.hierarchy.iter().cloned().chain(in_scopes).collect()
    }

    /// Whether shares are real here.
    pub fn enforcement(&self) -> &Enforcement {
        &self.enforcement
    }
}

fn find() -> Result<Arc<dyn Hierarchy>, NoShares> {
    let no_v1 = match V1::detect() {
        Ok(v1) => return Ok(Arc::new(v1)),
        Err(why) => why,
    };
    match V2::detect() {
        Ok(v2) => Ok(Arc::new(v2)),
        Err(no_v2) if V1::is_mounted() => Err(NoShares::Neither(Box::new([no_v1, no_v2]))),
        Err(no_v2) => Err(no_v2),
    }
}
