//! Other systems tell model, version and memory; they count no stolen time and pin no thread.

use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime};
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

use super::{CpuTimes, HostError};

/// Nothing passes and nothing is stolen, so the stolen share is 0: what a host takes is seen only in
/// the spread of the runs.
impl CpuTimes {
    /// Of all cores together.
    pub fn now() -> Result<Self, HostError> {
        Ok(Self { total: 0, stolen: 0 })
    }

    /// Of one core, by its number.
    pub fn of_core(_: usize) -> Result<Self, HostError> {
        Self::now()
    }
}

/// The CPU's model as the system names it.
pub fn cpu_model() -> Result<String, HostError> {
    let what = "CPU model";
    let cores = RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing());
    let system = asked(cores, what)?;
    let model = system.cpus().first().map(|core| core.brand().trim().to_owned());
    model.filter(|model| !model.is_empty()).ok_or(HostError::Untold { what })
}

/// The kernel's version.
pub fn kernel() -> Result<String, HostError> {
    System::kernel_version().map_err(|_| HostError::Untold { what: "kernel version" })
}

/// Memory that can be had without swapping, in bytes.
pub(crate) fn available_memory() -> Result<u64, HostError> {
    let what = "free memory";
    let memory = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    match asked(memory, what)?.available_memory() {
        0 => Err(HostError::Untold { what }),
        bytes => Ok(bytes),
    }
}

fn asked(questions: RefreshKind, what: &'static str) -> Result<System, HostError> {
    System::new_with_specifics(questions).map_err(|_| HostError::Untold { what })
}

/// CPU time the calling thread has had; what other programs took of its core is missing from it.
pub(crate) fn thread_cpu_time() -> Result<Duration, HostError> {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::ThreadCPUTime);
    // Both are never negative: the clock starts at 0 with the thread.
    Ok(Duration::new(tv_sec.unsigned_abs(), u32::try_from(tv_nsec).unwrap_or_default()))
}

/// Nobody chooses a core here: the thread stays where the system puts it, and the number means
/// nothing.
pub(crate) fn pin_this_thread() -> Result<usize, HostError> {
    Ok(0)
}
