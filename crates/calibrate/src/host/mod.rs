//! What the kernel says about this host: model, version, steal, memory, cores.

#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(target_os = "linux")]
mod linux;

#[cfg(not(target_os = "linux"))]
use elsewhere as system;
#[cfg(target_os = "linux")]
use linux as system;

pub(crate) use system::{available_memory, pin_this_thread, thread_cpu_time};
pub use system::{cpu_model, kernel};

/// Why the host could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    #[error("{path} cannot be read: {source} → calibration needs Linux with /proc mounted")]
    Unreadable { path: &'static str, source: std::io::Error },
    #[error("{path} has no line `{line}` as Linux writes it")]
    Unexpected { path: &'static str, line: String },
    #[error("this process cannot be pinned to a core: {0} → allow sched_setaffinity")]
    Pin(#[from] nix::Error),
    #[error("the kernel does not tell a thread's CPU time: {0}")]
    CpuTime(nix::Error),
    #[error("this system does not tell its {what} → calibrate on Linux, or go without")]
    Untold { what: &'static str },
    #[error("this process may run on no core at all")]
    NoCore,
}

/// CPU time since boot, in kernel ticks (10 ms on most kernels).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuTimes {
    /// Everything, idle included.
    pub total: u64,
    /// Time this machine wanted to run and its host ran somebody else.
    pub stolen: u64,
}

/// The share (0 … 1) of CPU time that was stolen between two readings; 0 when no tick passed.
pub fn steal_share(before: &CpuTimes, after: &CpuTimes) -> f64 {
    let total = after.total.saturating_sub(before.total);
    let stolen = after.stolen.saturating_sub(before.stolen);
    if total == 0 { 0.0 } else { stolen as f64 / total as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steal_is_a_share_of_what_passed() {
        let at = |total, stolen| CpuTimes { total, stolen };
        assert_eq!(steal_share(&at(1000, 10), &at(1200, 14)), 0.02);
        assert_eq!(steal_share(&at(1000, 10), &at(1000, 10)), 0.0);
    }

    #[test]
    fn this_host_can_be_asked() {
        assert!(!cpu_model().unwrap().is_empty() && !kernel().unwrap().is_empty());
        assert!(available_memory().unwrap() > 0);
        let core = std::thread::spawn(|| pin_this_thread().unwrap()).join().unwrap();
        assert!(CpuTimes::of_core(core).is_ok());
    }
}
