//! From a provider's CPU promise to the kernel's CFS quota here.
//!
//! `factor` is this core ÷ the provider's vCPU (1 when unknown). A share is divided by it, so that
//! work takes as long as there; a slower machine (factor below 1) never gets more than whole cores
//! for it.

use serde::{Deserialize, Serialize};

/// Memory at which a function has one whole vCPU (AWS Lambda documentation).
const MB_PER_VCPU: f64 = 1769.0;
/// Lambda's scheduling period (EuroSys '26, github.com/ubc-cirrus-lab/demystifying-serverless-costs).
const FUNCTION_PERIOD_US: f64 = 20_000.0;
/// Lambda's scheduler tick: a small function runs for about one before it is stopped (same source).
const FUNCTION_BURST_US: f64 = 4_000.0;
/// The kernel's smallest quota and longest period.
const MIN_QUOTA_US: f64 = 1_000.0;
const MAX_PERIOD_US: f64 = 1_000_000.0;

/// A CFS quota: `quota_us` of CPU time in every `period_us`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuShare {
    pub quota_us: u64,
    pub period_us: u64,
}

impl CpuShare {
    /// The share in cores of this machine.
    pub fn cores(&self) -> f64 {
        self.quota_us as f64 / self.period_us as f64
    }
}

/// What a function of this memory may use while it handles requests: memory / 1769 of a vCPU, in
/// 20 ms periods; below about 350 MB in bursts of one 4 ms tick with the period stretched to fit,
/// which is what was observed on Lambda and keeps above the kernel's smallest quota.
pub fn function_share(memory_mb: u32, factor: f64) -> CpuShare {
    let vcpu = f64::from(memory_mb.max(1)) / MB_PER_VCPU;
    let cores = cores_for(vcpu, factor);
    let quota = (FUNCTION_PERIOD_US * cores).max(FUNCTION_BURST_US / factor);
    share(cores, quota)
}

/// What a function may use while it initialises: one whole vCPU, whatever its memory.
pub fn init_share(factor: f64) -> CpuShare {
    let cores = cores_for(1.0, factor);
    share(cores, FUNCTION_PERIOD_US * cores)
}

/// What a task, pod or instance of `milli_vcpu` thousandths may use, in periods of `period_us`
/// (100,000 for Fargate); the period is stretched where the quota would be below the kernel's
/// smallest.
pub fn vcpu_share(milli_vcpu: u32, factor: f64, period_us: u64) -> CpuShare {
    let cores = cores_for(f64::from(milli_vcpu.max(1)) / 1000.0, factor);
    share(cores, period_us as f64 * cores)
}

/// Cores here that stand for `vcpu` there.
fn cores_for(vcpu: f64, factor: f64) -> f64 {
    (vcpu / factor).min(vcpu.ceil())
}

/// The share of `cores` with about this quota, within the kernel's limits. Only a share below one
/// thousandth of a core is raised by them.
fn share(cores: f64, quota_us: f64) -> CpuShare {
    let period = (quota_us.max(MIN_QUOTA_US) / cores).min(MAX_PERIOD_US);
    let quota = (period * cores).max(MIN_QUOTA_US);
    CpuShare { quota_us: quota.round() as u64, period_us: period.round() as u64 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn small_functions_run_in_bursts_of_one_tick() {
        // 4 ms ÷ 2.3 = 1.74 ms in every 55 ms at 128 MB, in every 28 ms at 256 MB.
        assert_eq!(function_share(128, 2.3), CpuShare { quota_us: 1739, period_us: 55_281 });
        assert_eq!(function_share(256, 2.3), CpuShare { quota_us: 1739, period_us: 27_641 });
    }

    #[test]
    fn larger_functions_use_lambdas_own_period() {
        assert_eq!(function_share(442, 1.0), CpuShare { quota_us: 4_997, period_us: 20_000 });
        assert_eq!(function_share(1769, 2.0), CpuShare { quota_us: 10_000, period_us: 20_000 });
        assert_eq!(function_share(3538, 1.0), CpuShare { quota_us: 40_000, period_us: 20_000 });
    }

    #[test]
    fn a_fast_core_lengthens_the_period_rather_than_break_the_kernels_limit() {
        let share = function_share(128, 8.0);
        assert_eq!(share.quota_us, 1_000);
        assert!((share.cores() - 128.0 / 1769.0 / 8.0).abs() < 1e-5, "{share:?}");
    }

    #[test]
    fn a_function_initialises_on_one_vcpu() {
        assert_eq!(init_share(2.0), CpuShare { quota_us: 10_000, period_us: 20_000 });
    }

    #[test]
    fn tasks_use_the_period_they_are_given() {
        assert_eq!(
            vcpu_share(250, 1.0, 100_000),
            CpuShare { quota_us: 25_000, period_us: 100_000 }
        );
        assert_eq!(
            vcpu_share(250, 2.0, 100_000),
            CpuShare { quota_us: 12_500, period_us: 100_000 }
        );
        let tiny = vcpu_share(10, 2.0, 20_000);
        assert_eq!(tiny, CpuShare { quota_us: 1_000, period_us: 200_000 });
    }

    #[test]
    fn a_slower_machine_gives_whole_cores_and_no_more() {
        assert_eq!(init_share(0.5), CpuShare { quota_us: 20_000, period_us: 20_000 });
        assert_eq!(vcpu_share(2000, 0.5, 100_000).cores(), 2.0);
        assert_eq!(vcpu_share(250, 0.5, 100_000).cores(), 0.5);
    }

    proptest! {
        #[test]
        fn every_share_is_within_the_kernels_limits_and_as_promised(
            memory_mb in 128u32..=10_240,
            milli_vcpu in 1u32..=16_000,
            factor in 0.1f64..12.0,
            period_us in 5_000u64..=100_000,
        ) {
            let vcpu = f64::from(memory_mb) / MB_PER_VCPU;
            for (share, cores) in [
                (function_share(memory_mb, factor), cores_for(vcpu, factor)),
                (init_share(factor), cores_for(1.0, factor)),
                (vcpu_share(milli_vcpu, factor, period_us),
                    cores_for(f64::from(milli_vcpu) / 1000.0, factor)),
            ] {
                prop_assert!(share.quota_us >= 1_000 && share.period_us <= 1_000_000, "{:?}", share);
                let promised = cores.max(MIN_QUOTA_US / MAX_PERIOD_US);
                prop_assert!((share.cores() / promised - 1.0).abs() < 1e-3, "{:?} {}", share, cores);
            }
            prop_assert!(function_share(memory_mb, factor).period_us >= 20_000);
        }
    }
}
