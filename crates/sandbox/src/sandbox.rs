//! One group of processes under limits.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gearshift_gear::RunId;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::cores::affinity;
use crate::error::While;
use crate::hierarchy::Hierarchy;
use crate::marks::{MEMBER_VARIABLE, ORCHESTRATOR_VARIABLE, RUN_VARIABLE, processes_of};
use crate::sweep::kill_marked;
use crate::{CpuQuota, CpuTime, Host, MemoryUse, SandboxError};

/// How long the kernel may take to let go of what was killed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// What a sandbox's processes may use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// None: as much as the cores give.
    pub cpu: Option<CpuQuota>,
    /// The kernel kills at this; none: no limit.
    pub memory_bytes: Option<u64>,
    /// The cores to run on; empty: all. Affinity, not a cpuset: it costs a start nothing.
    pub cores: Vec<usize>,
}

/// A group of processes under limits; dropping it kills them and removes the group.
pub struct Sandbox {
    hierarchy: Option<Arc<dyn Hierarchy>>,
    run: RunId,
    member: String,
    group: String,
    cores: Vec<usize>,
}

impl Sandbox {
    /// Makes the group for one member of a run and sets its limits.
    ///
    /// # Errors
    /// Where the kernel refuses the group or a limit, such as a quota below 1 ms.
    pub fn create(
        host: &Host,
        run: &RunId,
        member: &str,
        limits: &Limits,
    ) -> Result<Self, SandboxError> {
        let sandbox = Self {
            hierarchy: host.hierarchy.clone(),
            run: run.clone(),
            member: member.to_owned(),
            group: format!("{run}/{member}"),
            cores: limits.cores.clone(),
        };
        if let Some(hierarchy) = &sandbox.hierarchy {
            hierarchy.create(&sandbox.group)?;
            if let Some(bytes) = limits.memory_bytes {
                hierarchy.set_memory(&sandbox.group, bytes)?;
            }
            if limits.cpu.is_some() {
                hierarchy.set_cpu(&sandbox.group, limits.cpu)?;
            }
        }
        let grouped = sandbox.hierarchy.is_some();
        tracing::debug!(%run, member, grouped, ?limits, "a sandbox was made");
        Ok(sandbox)
    }

    /// Makes the command's process enter this sandbox before it executes anything; see [`apart`].
    pub fn enter(&self, command: &mut Command) -> Result<(), SandboxError> {
        let mut entrances = Vec::<File>::new();
        for path in self.hierarchy.iter().flat_map(|hierarchy| hierarchy.entrances(&self.group)) {
            let opened = OpenOptions::new().write(true).open(&path);
            entrances.push(opened.doing("open", &path)?);
        }
        apart(command, &self.run, &self.member, &self.cores);
        // SAFETY: between fork and exec only `write` on descriptors opened above is called.
        unsafe {
            command.pre_exec(move || {
                entrances.iter_mut().try_for_each(|entrance| entrance.write_all(b"0"))
            });
        }
        Ok(())
    }

    /// Changes the CPU share of the running processes.
    pub fn set_cpu(&self, quota: Option<CpuQuota>) -> Result<(), SandboxError> {
        tracing::debug!(run = %self.run, member = self.member, ?quota, "changing the CPU share");
        self.hierarchy.as_ref().map_or(Ok(()), |tree| tree.set_cpu(&self.group, quota))
    }

    /// Stops every process where it stands.
    pub fn freeze(&self) -> Result<(), SandboxError> {
        tracing::debug!(run = %self.run, member = self.member, "freezing");
        self.hierarchy.as_ref().map_or(Ok(()), |tree| tree.freeze(&self.group, true))
    }

    /// Lets frozen processes go on.
    pub fn thaw(&self) -> Result<(), SandboxError> {
        tracing::debug!(run = %self.run, member = self.member, "thawing");
        self.hierarchy.as_ref().map_or(Ok(()), |tree| tree.freeze(&self.group, false))
    }

    /// CPU used so far; zeros where nothing is enforced.
    pub fn cpu_time(&self) -> Result<CpuTime, SandboxError> {
        self.hierarchy.as_ref().map_or(Ok(CpuTime::default()), |tree| tree.cpu_time(&self.group))
    }

    /// Memory used so far; zeros where nothing is enforced.
    pub fn memory_use(&self) -> Result<MemoryUse, SandboxError> {
        self.hierarchy
            .as_ref()
            .map_or(Ok(MemoryUse::default()), |tree| tree.memory_use(&self.group))
    }

    /// The most memory used so far, bytes; 0 where nothing is enforced.
    pub fn memory_peak_bytes(&self) -> Result<u64, SandboxError> {
        self.hierarchy.as_ref().map_or(Ok(0), |tree| tree.memory_peak_bytes(&self.group))
    }

    /// The processes inside.
    pub fn processes(&self) -> Vec<i32> {
        self.hierarchy.as_ref().map_or_else(Vec::new, |tree| tree.processes(&self.group))
    }

    /// The processes inside; where nothing is enforced there is no group to ask, so they are found
    /// by their environment, which takes a look at every process of the machine.
    pub fn residents(&self) -> Vec<i32> {
        if self.hierarchy.is_some() {
            return self.processes();
        }
        let marked = processes_of(&self.run).into_iter();
        marked.filter(|of| of.member == self.member).map(|of| of.pid).collect()
    }

    /// Kills every process inside and waits until none is left, at most two seconds. Where nothing
    /// is enforced there is no group to ask, so they are found by their environment.
    pub fn kill(&self) {
        match &self.hierarchy {
            Some(hierarchy) => kill_group(&**hierarchy, &self.group),
            None => kill_marked(&self.run, &|member: &str| member == self.member),
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.kill();
        if let Some(hierarchy) = &self.hierarchy {
            // What cannot be removed is found again by `sweep`.
            let removed = remove_groups(&**hierarchy, std::slice::from_ref(&self.group));
            tracing::debug!(run = %self.run, member = self.member, removed, "a control group ends");
        }
    }
}

/// Makes the command's process a session of its own (a terminal's Ctrl-C reaches Gearshift only),
/// marks it with its run and member, and keeps it on these cores (none: all).
pub fn apart(command: &mut Command, run: &RunId, member: &str, cores: &[usize]) {
    command.env(RUN_VARIABLE, run.as_str()).env(MEMBER_VARIABLE, member);
    command.env_remove(ORCHESTRATOR_VARIABLE);
    let stay = affinity(cores);
    // SAFETY: between fork and exec only the system calls setsid and sched_setaffinity are made.
    unsafe {
        command.pre_exec(move || {
            nix::unistd::setsid()?;
            stay()
        });
    }
}

/// Removes these groups; false where one of them is still there after [`PATIENCE`].
pub(crate) fn remove_groups(hierarchy: &dyn Hierarchy, groups: &[String]) -> bool {
    let began = Instant::now();
    loop {
        // A group is busy a moment longer than it shows the last process.
        let left = groups.iter().filter(|group| hierarchy.remove(group).is_err()).count();
        if left == 0 || began.elapsed() >= PATIENCE {
            return left == 0;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Kills a group's processes and waits until they are gone. A frozen process dies only when
/// thawed, so it is thawed after the signal.
pub(crate) fn kill_group(hierarchy: &dyn Hierarchy, group: &str) {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        let processes = hierarchy.processes(group);
        if processes.is_empty() {
            return;
        }
        tracing::debug!(group, ?processes, signal = "SIGKILL", "ending processes");
        for pid in processes {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
        let _ = hierarchy.freeze(group, false);
        std::thread::sleep(Duration::from_millis(1));
    }
}
