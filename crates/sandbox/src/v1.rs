//! cgroup v1: one tree per controller.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::While;
use crate::hierarchy::{CpuQuota, CpuTime, Hierarchy, MemoryUse};
use crate::mounted::{Version, trees};
use crate::no_shares::NoShares;
use crate::{SandboxError, marks::TREE};

/// The controllers needed; `cpu` and `cpuacct` are one mount on many distributions.
const CONTROLLERS: [&str; 4] = ["cpu", "cpuacct", "memory", "freezer"];
/// An empty group that stays frozen beside a run's members. The kernel patches its own code when
/// the first group of a machine freezes and when the last one thaws; with this one, freezing a
/// member never is the first nor the last, and takes 2 µs instead of 77 µs (Linux 6.18).
const STILL: &str = "still";

pub(crate) struct V1 {
    cpu: PathBuf,
    cpuacct: PathBuf,
    memory: PathBuf,
    freezer: PathBuf,
}

impl V1 {
    pub(crate) fn detect() -> Result<Self, NoShares> {
        let trees = trees()?;
        let mount_of = |controller: &str| {
            trees
                .iter()
                .filter(|tree| tree.version == Version::V1)
                .find(|tree| tree.controllers.iter().any(|one| one == controller))
                .map(|tree| tree.at.join(TREE))
        };
        let mut found = CONTROLLERS.map(mount_of);
        if let Some(missing) = found.iter().position(Option::is_none) {
            return Err(NoShares::NoV1Controller(CONTROLLERS[missing]));
        }
        for path in found.iter().flatten() {
            try_out(path).map_err(|error| NoShares::NotWritable {
                version: "v1",
                path: path.clone(),
                error,
            })?;
        }
        let mut take = |index: usize| found[index].take().expect("checked above");
        Ok(Self { cpu: take(0), cpuacct: take(1), memory: take(2), freezer: take(3) })
    }

    /// There is a v1 tree of some controller.
    pub(crate) fn is_mounted() -> bool {
        trees().is_ok_and(|all| all.iter().any(|tree| tree.version == Version::V1))
    }

    fn trees(&self) -> BTreeSet<&Path> {
        BTreeSet::from([&*self.cpu, &*self.cpuacct, &*self.memory, &*self.freezer])
    }

    fn keep_still(&self, run: &str) -> Result<(), SandboxError> {
        let still = self.freezer.join(run).join(STILL);
        match fs::create_dir(&still) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error).doing("create the control group", &still),
            Ok(()) => write(&still.join("freezer.state"), "FROZEN"),
        }
    }
}

impl Hierarchy for V1 {
    fn create(&self, group: &str) -> Result<(), SandboxError> {
        self.trees().into_iter().try_for_each(|tree| {
            let path = tree.join(group);
            fs::create_dir_all(&path).doing("create the control group", &path)
        })?;
        match group.split_once('/') {
            Some((run, _)) => self.keep_still(run),
            None => Ok(()),
        }
    }

    fn remove(&self, group: &str) -> Result<(), SandboxError> {
        remove_group(&self.freezer.join(group).join(STILL))?;
        self.trees().into_iter().try_for_each(|tree| remove_group(&tree.join(group)))
    }

    fn entrances(&self, group: &str) -> Vec<PathBuf> {
        // A lone thread that moves itself by `tasks` skips the lock that a whole process takes by
        // `cgroup.procs`, and with it an RCU grace period of some ten milliseconds.
        self.trees().into_iter().map(|tree| tree.join(group).join("tasks")).collect()
    }

    fn set_cpu(&self, group: &str, quota: Option<CpuQuota>) -> Result<(), SandboxError> {
        let dir = self.cpu.join(group);
        let Some(CpuQuota { quota_us, period_us }) = quota else {
            return write(&dir.join("cpu.cfs_quota_us"), "-1");
        };
        // The parent has no limit, so period and quota may change one after the other; lifting
        // the old quota first keeps the pair between them valid.
        write(&dir.join("cpu.cfs_quota_us"), "-1")?;
        write(&dir.join("cpu.cfs_period_us"), &period_us.to_string())?;
        write(&dir.join("cpu.cfs_quota_us"), &quota_us.to_string())
    }

    fn set_memory(&self, group: &str, bytes: u64) -> Result<(), SandboxError> {
        let dir = self.memory.join(group);
        write(&dir.join("memory.limit_in_bytes"), &bytes.to_string())?;
        let with_swap = dir.join("memory.memsw.limit_in_bytes");
        if with_swap.exists() { write(&with_swap, &bytes.to_string()) } else { Ok(()) }
    }

    fn freeze(&self, group: &str, frozen: bool) -> Result<(), SandboxError> {
        let state = if frozen { "FROZEN" } else { "THAWED" };
        write(&self.freezer.join(group).join("freezer.state"), state)
    }

    fn cpu_time(&self, group: &str) -> Result<CpuTime, SandboxError> {
        let usage = self.cpuacct.join(group).join("cpuacct.usage");
        let used_ns: u64 = read(&usage)?.trim().parse().unwrap_or_default();
        let stat = read(&self.cpu.join(group).join("cpu.stat"))?;
        Ok(CpuTime {
            used_us: used_ns / 1000,
            throttled_us: field(&stat, "throttled_time") / 1000,
            periods: field(&stat, "nr_periods"),
            throttled_periods: field(&stat, "nr_throttled"),
        })
    }

    fn memory_use(&self, group: &str) -> Result<MemoryUse, SandboxError> {
        let dir = self.memory.join(group);
        let number = |name: &str| -> Result<u64, SandboxError> {
            Ok(read(&dir.join(name))?.trim().parse().unwrap_or_default())
        };
        Ok(MemoryUse {
            now_bytes: number("memory.usage_in_bytes")?,
            peak_bytes: number("memory.max_usage_in_bytes")?,
            kills: field(&read(&dir.join("memory.oom_control"))?, "oom_kill"),
        })
    }

    fn memory_peak_bytes(&self, group: &str) -> Result<u64, SandboxError> {
        let peak = self.memory.join(group).join("memory.max_usage_in_bytes");
        Ok(read(&peak)?.trim().parse().unwrap_or_default())
    }

    fn processes(&self, group: &str) -> Vec<i32> {
        pids(&self.freezer.join(group))
    }

    fn children(&self, group: &str) -> Vec<String> {
        let below: BTreeSet<String> =
            self.trees().into_iter().flat_map(|tree| directories(&tree.join(group))).collect();
        below.into_iter().filter(|name| name != STILL).collect()
    }

    fn label(&self) -> &'static str {
        "cgroup v1"
    }
}

/// Makes the tree where there is none, and a group in it: one that somebody else made is of no use.
pub(crate) fn try_out(tree: &Path) -> std::io::Result<()> {
    fs::create_dir_all(tree)?;
    // A name no run has, and another one for each that tries at the same moment.
    static TRIES: AtomicU64 = AtomicU64::new(0);
    let number = TRIES.fetch_add(1, Ordering::Relaxed);
    forget_the_dead(tree);
    let group = tree.join(format!("try-{}-{number}", std::process::id()));
    fs::create_dir_all(&group)?;
    fs::remove_dir(&group)
}

/// Removes the groups of those who were killed while they tried.
fn forget_the_dead(tree: &Path) {
    for name in directories(tree) {
        let pid = name.strip_prefix("try-").and_then(|rest| rest.split('-').next());
        let dead = pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists());
        if dead {
            let _ = fs::remove_dir(tree.join(name));
        }
    }
}

pub(crate) fn write(path: &Path, value: &str) -> Result<(), SandboxError> {
    fs::write(path, value).doing("write to", path)
}

pub(crate) fn read(path: &Path) -> Result<String, SandboxError> {
    fs::read_to_string(path).doing("read", path)
}

pub(crate) fn remove_group(path: &Path) -> Result<(), SandboxError> {
    match fs::remove_dir(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).doing("remove the control group", path)
        }
        _ => Ok(()),
    }
}

pub(crate) fn pids(group: &Path) -> Vec<i32> {
    let listed = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    listed.lines().filter_map(|line| line.parse().ok()).collect()
}

pub(crate) fn directories(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect()
}

/// The number behind `name` in a `name number` file; 0 where the kernel does not keep it.
pub(crate) fn field(text: &str, name: &str) -> u64 {
    text.lines()
        .filter_map(|line| line.split_once(' '))
        .find(|(key, _)| *key == name)
        .and_then(|(_, value)| value.trim().parse().ok())
        .unwrap_or_default()
}
