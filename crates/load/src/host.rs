//! What the generator used and what the machine lost meanwhile.

use std::io;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

/// Whose CPU time is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// Everything that this process does.
    Process,
    /// This thread alone: one of several that make calls.
    Thread,
}

/// A reading of CPU time and of the machine's stolen time.
pub(crate) struct Reading {
    cpu_s: f64,
    /// Ticks stolen and ticks in all, of all cores since boot.
    steal: Option<(u64, u64)>,
}

impl Reading {
    pub(crate) fn now(of: Whose) -> io::Result<Self> {
        let usage = getrusage(who(of))?;
        let cpu_s = seconds(usage.user_time()) + seconds(usage.system_time());
        Ok(Self { cpu_s, steal: steal_ticks() })
    }

    /// CPU seconds since an earlier reading.
    pub(crate) fn cpu_s_since(&self, earlier: &Self) -> f64 {
        self.cpu_s - earlier.cpu_s
    }

    /// Share of the machine's CPU time stolen since an earlier reading, 0 to 1.
    pub(crate) fn steal_share_since(&self, earlier: &Self) -> Option<f64> {
        let ((stolen, all), (stolen_before, all_before)) = (self.steal?, earlier.steal?);
        let all = all.checked_sub(all_before).filter(|all| *all > 0)?;
        Some(stolen.saturating_sub(stolen_before) as f64 / all as f64)
    }
}

#[cfg(target_os = "linux")]
fn who(of: Whose) -> UsageWho {
    match of {
        Whose::Process => UsageWho::RUSAGE_SELF,
        Whose::Thread => UsageWho::RUSAGE_THREAD,
    }
}

/// Other systems count processes only: each of several threads is told what all of them used.
#[cfg(not(target_os = "linux"))]
fn who(_: Whose) -> UsageWho {
    UsageWho::RUSAGE_SELF
}

fn seconds(time: TimeVal) -> f64 {
    time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6
}

/// None where `/proc/stat` is hidden or the kernel does not count stolen time.
#[cfg(target_os = "linux")]
fn steal_ticks() -> Option<(u64, u64)> {
    use procfs::{CurrentSI as _, KernelStats};

    let cpu = KernelStats::current().ok()?.total;
    let stolen = cpu.steal?;
    // Time of guests is already inside `user` and `nice`.
    let all = cpu.user
        + cpu.nice
        + cpu.system
        + cpu.idle
        + cpu.iowait.unwrap_or(0)
        + cpu.irq.unwrap_or(0)
        + cpu.softirq.unwrap_or(0)
        + stolen;
    Some((stolen, all))
}

/// Other systems do not count stolen time.
#[cfg(not(target_os = "linux"))]
fn steal_ticks() -> Option<(u64, u64)> {
    None
}
