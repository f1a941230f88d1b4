//! What the kernel says about this host: model, version, steal, memory, cores.

use std::fs;

use std::time::Duration;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike};
use nix::unistd::Pid;

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
    #[error("this process may run on no core at all")]
    NoCore,
}

const STAT: &str = "/proc/stat";

/// CPU time since boot, in kernel ticks (10 ms on most kernels).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuTimes {
    /// Everything, idle included.
    pub total: u64,
    /// Time this machine wanted to run and its host ran somebody else.
    pub stolen: u64,
}

impl CpuTimes {
    /// Of all cores together.
    pub fn now() -> Result<Self, HostError> {
        Self::of("cpu")
    }

    /// Of one core, by its number.
    pub fn of_core(core: usize) -> Result<Self, HostError> {
        Self::of(&format!("cpu{core}"))
    }

    fn of(label: &str) -> Result<Self, HostError> {
        Self::parse(&read(STAT)?, label)
    }

    fn parse(stat: &str, label: &str) -> Result<Self, HostError> {
        let unexpected = || HostError::Unexpected { path: STAT, line: label.to_owned() };
        let line = stat
            .lines()
            .find(|line| line.split_whitespace().next() == Some(label))
            .ok_or_else(unexpected)?;
        // user nice system idle iowait irq softirq steal; guest time is already inside user.
        let ticks: Vec<u64> =
            line.split_whitespace().skip(1).take(8).map_while(|field| field.parse().ok()).collect();
        let stolen = *ticks.get(7).ok_or_else(unexpected)?;
        Ok(Self { total: ticks.iter().sum(), stolen })
    }
}

/// The share (0 … 1) of CPU time that was stolen between two readings; 0 when no tick passed.
pub fn steal_share(before: &CpuTimes, after: &CpuTimes) -> f64 {
    let total = after.total.saturating_sub(before.total);
    let stolen = after.stolen.saturating_sub(before.stolen);
    if total == 0 { 0.0 } else { stolen as f64 / total as f64 }
}

/// The CPU's model as the kernel names it; Arm cores are named by their part number.
pub(crate) fn cpu_model() -> Result<String, HostError> {
    let info = read("/proc/cpuinfo")?;
    let field = |name: &str| {
        info.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            (key.trim() == name).then(|| value.trim().to_owned())
        })
    };
    Ok(field("model name")
        .or_else(|| field("CPU part").map(|part| format!("Arm part {part}")))
        .unwrap_or_else(|| "unnamed CPU".to_owned()))
}

/// The kernel's version.
pub(crate) fn kernel() -> Result<String, HostError> {
    Ok(read("/proc/sys/kernel/osrelease")?.trim().to_owned())
}

/// Memory that can be had without swapping, in bytes.
pub(crate) fn available_memory() -> Result<u64, HostError> {
    const MEMINFO: &str = "/proc/meminfo";
    let line = "MemAvailable";
    let info = read(MEMINFO)?;
    info.lines()
        .find_map(|text| text.strip_prefix(line)?.strip_prefix(':')?.trim().strip_suffix(" kB"))
        .and_then(|kib| kib.trim().parse::<u64>().ok())
        .map(|kib| kib * 1024)
        .ok_or_else(|| HostError::Unexpected { path: MEMINFO, line: line.to_owned() })
}

/// CPU time the calling thread has had; what other programs took of its core is missing from it.
pub(crate) fn thread_cpu_time() -> Result<Duration, HostError> {
    let usage = getrusage(UsageWho::RUSAGE_THREAD).map_err(HostError::CpuTime)?;
    let micros = |time: TimeVal| u64::try_from(time.num_microseconds()).unwrap_or(0);
    Ok(Duration::from_micros(micros(usage.user_time()) + micros(usage.system_time())))
}

/// Pins the calling thread to the last core it may run on, and names that core.
pub(crate) fn pin_this_thread() -> Result<usize, HostError> {
    let this_thread = Pid::from_raw(0);
    let allowed = sched_getaffinity(this_thread)?;
    let core = (0..CpuSet::count())
        .rev()
        .find(|core| allowed.is_set(*core) == Ok(true))
        .ok_or(HostError::NoCore)?;
    let mut only = CpuSet::new();
    only.set(core)?;
    sched_setaffinity(this_thread, &only)?;
    Ok(core)
}

fn read(path: &'static str) -> Result<String, HostError> {
    fs::read_to_string(path).map_err(|source| HostError::Unreadable { path, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT_TEXT: &str = "cpu  100 0 50 800 10 0 5 35 7 0\ncpu0 50 0 25 400 5 0 2 18 3 0\n\
                             intr 1 2 3\n";

    #[test]
    fn steal_is_the_eighth_field_and_guest_time_is_not_counted_twice() {
        let all = CpuTimes::parse(STAT_TEXT, "cpu").unwrap();
        assert_eq!(all, CpuTimes { total: 1000, stolen: 35 });
        let first = CpuTimes::parse(STAT_TEXT, "cpu0").unwrap();
        assert_eq!(first, CpuTimes { total: 500, stolen: 18 });
        assert!(CpuTimes::parse(STAT_TEXT, "cpu1").is_err());
        assert!(CpuTimes::parse("cpu 1 2 three", "cpu").is_err());
    }

    #[test]
    fn steal_is_a_share_of_what_passed() {
        let at = |total, stolen| CpuTimes { total, stolen };
        assert_eq!(steal_share(&at(1000, 10), &at(1200, 14)), 0.02);
        assert_eq!(steal_share(&at(1000, 10), &at(1000, 10)), 0.0);
    }

    #[test]
    fn this_host_can_be_asked() {
        assert!(CpuTimes::now().unwrap().total > 0);
        assert!(!cpu_model().unwrap().is_empty() && !kernel().unwrap().is_empty());
        assert!(available_memory().unwrap() > 0);
        let core = std::thread::spawn(|| pin_this_thread().unwrap()).join().unwrap();
        assert!(CpuTimes::of_core(core).unwrap().total > 0);
    }
}
