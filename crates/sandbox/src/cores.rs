//! Who runs on which core: services apart from everything that measures them.

use std::io;

#[cfg(target_os = "linux")]
use nix::{sched::CpuSet, unistd::Pid};

/// The cores this process may use, split in two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cores {
    /// For orchestrator, data plane and load.
    pub system: Vec<usize>,
    /// For services.
    pub services: Vec<usize>,
}

impl Cores {
    /// Of the cores this process may run on, the first for the system, the others for services; on a single core both share it.
    pub fn split() -> Self {
        let usable = usable();
        match usable.split_first() {
            Some((first, rest)) if !rest.is_empty() => {
                Self { system: vec![*first], services: rest.to_vec() }
            }
            _ => Self { system: usable.clone(), services: usable },
        }
    }

    /// Cores that may be promised to services; one is kept for the system.
    pub fn promised(&self) -> f64 {
        self.services.len() as f64
    }
}

#[cfg(target_os = "linux")]
fn usable() -> Vec<usize> {
    match nix::sched::sched_getaffinity(Pid::from_raw(0)).ok() {
        Some(set) => {
            (0..CpuSet::count()).filter(|core| set.is_set(*core).unwrap_or(false)).collect()
        }
        None => vec![0],
    }
}

/// What keeps a process and its children on these cores (none: all), to be called in it.
#[cfg(target_os = "linux")]
pub(crate) fn affinity(cores: &[usize]) -> impl Fn() -> io::Result<()> + Send + Sync + 'static {
    let mut set = CpuSet::new();
    for core in cores {
        // Cores come from a CpuSet, so they are in range.
        let _ = set.set(*core);
    }
    let set = (!cores.is_empty()).then_some(set);
    move || match &set {
        Some(set) => Ok(nix::sched::sched_setaffinity(Pid::from_raw(0), set)?),
        None => Ok(()),
    }
}

#[cfg(not(target_os = "linux"))]
fn usable() -> Vec<usize> {
    (0..std::thread::available_parallelism().map_or(1, |count| count.get())).collect()
}

/// Other systems let nobody choose a core; rows are unshaped there anyway.
#[cfg(not(target_os = "linux"))]
pub(crate) fn affinity(_: &[usize]) -> impl Fn() -> io::Result<()> + Send + Sync + 'static {
    || Ok(())
}
