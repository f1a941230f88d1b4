//! Measuring this machine's core.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::host::{self, CpuTimes, HostError, steal_share};
use crate::kernels::{self, K2_BYTES, KernelError};

/// The largest ratio of slowest to fastest run that is believed.
pub const MAX_SPREAD: f64 = 1.1;
/// The largest share of stolen CPU time that is believed. As much may go to other programs of this
/// machine: one that always runs slows every run alike, so the spread does not show it.
pub const MAX_STEAL: f64 = 0.02;

const K1_RUNS: usize = 7;
const K2_RUNS: usize = 3;
const ATTEMPTS: usize = 4;
/// K1 has been seen between 39 ms (newest cores) and 180 ms (old cloud cores); beyond a second it
/// was built without optimisation (1,450 ms on a fast core).
const K1_PLAUSIBLE_MS: std::ops::Range<f64> = 10.0..1000.0;
/// What must stay free beside K2's numbers.
const SPARE_BYTES: u64 = 32 * 1024 * 1024;

/// How fast one core here is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CoreSpeed {
    /// K1, best of seven, in ms.
    pub k1_ms: f64,
    /// K2, median of three, in ms; absent where it could not be measured.
    pub k2_ms: Option<f64>,
    /// Why K2 is absent.
    pub k2_missing: Option<String>,
    /// As the kernel names it.
    pub cpu_model: String,
    /// The kernel's version.
    pub kernel: String,
    /// The architecture this program was built for: `x86_64` or `aarch64`.
    pub arch: String,
    /// Version of this crate: kernels may change with it.
    pub tool_version: String,
    /// Stolen share (0 … 1) of the measuring core's time.
    pub steal: f64,
    /// Seconds since 1970.
    pub measured_at_unix_s: u64,
}

/// Why this machine's core speed stays unknown.
#[derive(Debug, thiserror::Error)]
pub enum CalibrateError {
    #[error(transparent)]
    Host(#[from] HostError),
    #[error(transparent)]
    Kernel(#[from] KernelError),
    #[error(
        "too noisy: {kernel} differed by a factor of {spread:.2} between runs with {steal_percent:.1} % \
         of its core stolen and {shared_percent:.1} % gone to other programs, {attempts} times in a row \
         → stop other work on this machine and try again"
    )]
    TooNoisy {
        kernel: &'static str,
        spread: f64,
        steal_percent: f64,
        shared_percent: f64,
        attempts: usize,
    },
    #[error(
        "K1 took {k1_ms:.0} ms, outside 10-1000 ms: this program was built without optimisation \
         → build with --release"
    )]
    Implausible { k1_ms: f64 },
    #[error("the measuring thread could not run: {0}")]
    Thread(String),
}

/// Measures this machine's core: K1 best of seven, K2 median of three, in a thread pinned to one
/// core; a noisy attempt is discarded and repeated. Blocks for 2 to 10 s. Call it outside any CPU
/// quota and while nothing else runs.
///
/// Without room for K2 (132 MiB), or where only K2 is noisy, the result holds K1 alone and says why.
pub fn calibrate() -> Result<CoreSpeed, CalibrateError> {
    let thread = std::thread::Builder::new().name("calibrate".to_owned());
    let running =
        thread.spawn(measure).map_err(|error| CalibrateError::Thread(error.to_string()))?;
    running.join().map_err(|_| CalibrateError::Thread("it panicked".to_owned()))?
}

fn measure() -> Result<CoreSpeed, CalibrateError> {
    let core = host::pin_this_thread()?;
    let before = CpuTimes::of_core(core)?;
    let k1 = quiet_runs("K1", core, K1_RUNS, kernels::k1)?;
    let k1_ms = millis(k1[0]);
    if !K1_PLAUSIBLE_MS.contains(&k1_ms) {
        return Err(CalibrateError::Implausible { k1_ms });
    }
    let (k2_ms, k2_missing) = match k2_ms(core)? {
        Ok(ms) => (Some(ms), None),
        Err(why) => (None, Some(why)),
    };
    Ok(CoreSpeed {
        k1_ms,
        k2_ms,
        k2_missing,
        cpu_model: host::cpu_model()?,
        kernel: host::kernel()?,
        arch: std::env::consts::ARCH.to_owned(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        steal: steal_share(&before, &CpuTimes::of_core(core)?),
        measured_at_unix_s: unix_now_s(),
    })
}

/// K2's time, or why it has none.
fn k2_ms(core: usize) -> Result<Result<f64, String>, CalibrateError> {
    let free = host::available_memory()?;
    if free < K2_BYTES as u64 + SPARE_BYTES {
        return Ok(Err(format!("K2 needs 132 MiB, {} MiB are free", free >> 20)));
    }
    match quiet_runs("K2", core, K2_RUNS, kernels::k2) {
        Ok(runs) => Ok(Ok(millis(runs[K2_RUNS / 2]))),
        Err(noisy @ CalibrateError::TooNoisy { .. }) => Ok(Err(noisy.to_string())),
        Err(error) => Err(error),
    }
}

/// `count` runs of a kernel, fastest first, of the first attempt that was quiet.
fn quiet_runs(
    kernel: &'static str,
    core: usize,
    count: usize,
    run: fn() -> Result<Duration, KernelError>,
) -> Result<Vec<Duration>, CalibrateError> {
    let (mut spread, mut steal, mut shared) = (f64::NAN, f64::NAN, f64::NAN);
    for _ in 0..ATTEMPTS {
        let before = CpuTimes::of_core(core)?;
        let (began, cpu_before) = (Instant::now(), host::thread_cpu_time()?);
        let mut runs = (0..count).map(|_| run()).collect::<Result<Vec<_>, _>>()?;
        let cpu_time = host::thread_cpu_time()?.saturating_sub(cpu_before);
        shared = 1.0 - cpu_time.as_secs_f64() / began.elapsed().as_secs_f64();
        steal = steal_share(&before, &CpuTimes::of_core(core)?);
        runs.sort_unstable();
        spread = millis(runs[count - 1]) / millis(runs[0]);
        if spread <= MAX_SPREAD && steal <= MAX_STEAL && shared <= MAX_STEAL {
            return Ok(runs);
        }
    }
    Err(CalibrateError::TooNoisy {
        kernel,
        spread,
        steal_percent: steal * 100.0,
        shared_percent: shared * 100.0,
        attempts: ATTEMPTS,
    })
}

/// A quick look at the core's speed, for before and after a row: the best of four short pieces of
/// K1, about 20 ms together on a fast core. Only ratios of two probes mean anything.
pub fn drift_probe() -> Duration {
    const PIECES: usize = 4;
    const DIGESTS: u32 = 32_000;
    (0..PIECES)
        .map(|_| {
            let began = Instant::now();
            kernels::chain(DIGESTS);
            began.elapsed()
        })
        .min()
        .expect("there are four pieces")
}

pub(crate) fn unix_now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    fn busy(ms: u64) {
        let began = Instant::now();
        while began.elapsed() < Duration::from_millis(ms) {
            std::hint::spin_loop();
        }
    }

    fn every_run_slower() -> Result<Duration, KernelError> {
        static RUN: AtomicU64 = AtomicU64::new(10);
        Ok(Duration::from_millis(RUN.fetch_add(5, Ordering::Relaxed)))
    }

    fn always_off_the_core() -> Result<Duration, KernelError> {
        std::thread::sleep(Duration::from_millis(5));
        busy(1);
        Ok(Duration::from_millis(6))
    }

    #[test]
    fn noise_that_stays_is_refused() {
        let core = host::pin_this_thread().unwrap();
        let refused = quiet_runs("K1", core, 3, every_run_slower).unwrap_err();
        let CalibrateError::TooNoisy { spread, attempts, .. } = refused else {
            panic!("{refused}");
        };
        // The fourth attempt's runs took 55, 60 and 65 ms.
        assert_eq!((attempts, spread), (ATTEMPTS, 65.0 / 55.0));
    }

    #[test]
    fn a_core_that_others_use_is_refused_though_every_run_takes_the_same() {
        let core = host::pin_this_thread().unwrap();
        let refused = quiet_runs("K1", core, 3, always_off_the_core).unwrap_err();
        let CalibrateError::TooNoisy { spread, shared_percent, .. } = refused else {
            panic!("{refused}");
        };
        assert_eq!(spread, 1.0);
        assert!(shared_percent > 50.0, "{shared_percent}");
    }
}
