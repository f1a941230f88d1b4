//! Linux tells in /proc.

use std::fs;
use std::time::Duration;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike};
use nix::unistd::Pid;

use super::{CpuTimes, HostError};

const STAT: &str = "/proc/stat";

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

/// The CPU's model as the kernel names it; Arm cores are named by their part number.
pub fn cpu_model() -> Result<String, HostError> {
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
pub fn kernel() -> Result<String, HostError> {
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
    fn time_passes_on_all_cores_and_on_each() {
        assert!(CpuTimes::now().unwrap().total > 0);
        let core = std::thread::spawn(|| pin_this_thread().unwrap()).join().unwrap();
        assert!(CpuTimes::of_core(core).unwrap().total > 0);
    }
}
