//! cgroup v2: one tree, controllers handed down by `cgroup.subtree_control`.

use std::fs;
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;

use crate::delegated::{base, hand_down, missing_controller, mount, settle, trees_in_scopes};
use crate::error::While;
use crate::hierarchy::{CpuQuota, CpuTime, Hierarchy, MemoryUse};
use crate::no_shares::NoShares;
use crate::v1::{directories, field, pids, read, remove_group, try_out, write};
use crate::{SandboxError, marks::TREE};

pub(crate) struct V2 {
    tree: PathBuf,
}

impl V2 {
    pub(crate) fn detect() -> Result<Self, NoShares> {
        Self::below(&base(&mount()?)?)
    }

    /// Uses the sub-tree `gearshift` of this directory.
    fn below(base: &Path) -> Result<Self, NoShares> {
        if let Some(missing) = missing_controller(base) {
            let path = base.to_owned();
            return Err(NoShares::NoV2Controller { missing, path });
        }
        let tree = base.join(TREE);
        let prepared = try_out(&tree).and_then(|()| settle(base)).and_then(|()| hand_down(&tree));
        match prepared {
            Ok(()) => Ok(Self { tree }),
            Err(error) => Err(NoShares::NotWritable { version: "v2", path: tree, error }),
        }
    }

    /// What Gearshift made in scopes, whichever terminal it was started in.
    pub(crate) fn in_scopes() -> Vec<Self> {
        let trees = mount().map(|mount| trees_in_scopes(&mount)).unwrap_or_default();
        trees.into_iter().map(|tree| Self { tree }).collect()
    }
}

impl Hierarchy for V2 {
    fn create(&self, group: &str) -> Result<(), SandboxError> {
        let mut dir = self.tree.clone();
        let mut names = group.split('/').peekable();
        while let Some(name) = names.next() {
            dir.push(name);
            fs::create_dir_all(&dir).doing("create the control group", &dir)?;
            if names.peek().is_some() {
                hand_down(&dir).doing("hand controllers down from", &dir)?;
            }
        }
        Ok(())
    }

    fn remove(&self, group: &str) -> Result<(), SandboxError> {
        remove_group(&self.tree.join(group))
    }

    fn entrances(&self, group: &str) -> Vec<PathBuf> {
        vec![self.tree.join(group).join("cgroup.procs")]
    }

    fn set_cpu(&self, group: &str, quota: Option<CpuQuota>) -> Result<(), SandboxError> {
        let value = match quota {
            Some(CpuQuota { quota_us, period_us }) => format!("{quota_us} {period_us}"),
            None => "max".to_owned(),
        };
        write(&self.tree.join(group).join("cpu.max"), &value)
    }

    fn set_memory(&self, group: &str, bytes: u64) -> Result<(), SandboxError> {
        let dir = self.tree.join(group);
        write(&dir.join("memory.max"), &bytes.to_string())?;
        let swap = dir.join("memory.swap.max");
        if swap.exists() { write(&swap, "0") } else { Ok(()) }
    }

    fn freeze(&self, group: &str, frozen: bool) -> Result<(), SandboxError> {
        let state = if frozen { "1" } else { "0" };
        write(&self.tree.join(group).join("cgroup.freeze"), state)
    }

    fn cpu_time(&self, group: &str) -> Result<CpuTime, SandboxError> {
        let stat = read(&self.tree.join(group).join("cpu.stat"))?;
        Ok(CpuTime {
            used_us: field(&stat, "usage_usec"),
            throttled_us: field(&stat, "throttled_usec"),
            periods: field(&stat, "nr_periods"),
            throttled_periods: field(&stat, "nr_throttled"),
        })
    }

    fn memory_use(&self, group: &str) -> Result<MemoryUse, SandboxError> {
        let dir = self.tree.join(group);
        let number = |name: &str| -> u64 {
            read(&dir.join(name)).ok().and_then(|text| text.trim().parse().ok()).unwrap_or_default()
        };
        Ok(MemoryUse {
            now_bytes: number("memory.current"),
            peak_bytes: number("memory.peak"),
            kills: field(&read(&dir.join("memory.events"))?, "oom_kill"),
        })
    }

    fn memory_peak_bytes(&self, group: &str) -> Result<u64, SandboxError> {
        // Kernels before 5.19 do not keep it.
        let peak = read(&self.tree.join(group).join("memory.peak")).unwrap_or_default();
        Ok(peak.trim().parse().unwrap_or_default())
    }

    fn processes(&self, group: &str) -> Vec<i32> {
        pids(&self.tree.join(group))
    }

    fn children(&self, group: &str) -> Vec<String> {
        directories(&self.tree.join(group))
    }

    fn label(&self) -> &'static str {
        match geteuid().is_root() {
            true => "cgroup v2",
            false => "cgroup v2, delegated to this user",
        }
    }
}
