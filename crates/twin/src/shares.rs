//! A gear's CPU share as a kernel quota on this machine.

use gearshift_calibrate::{CpuShare, function_share, init_share};
use gearshift_deploy::Settings;
use gearshift_functions::Shares;
use gearshift_sandbox::CpuQuota;

/// Shortest quota the kernel takes, µs (`man 7 sched`; CFS bandwidth control).
const SHORTEST_QUOTA_US: f64 = 1000.0;
/// Period for instances, µs. A hypervisor schedules a vCPU in slices of milliseconds; the shorter
/// the period, the less a request waits for the end of one. Assumed.
const INSTANCE_PERIOD_US: f64 = 5000.0;

/// A function's shares: about one vCPU during init, memory ÷ 1,769 MB while handling.
pub(crate) fn function_shares(memory_mb: u32, settings: &Settings) -> Shares {
    if !settings.shaped {
        return Shares::default();
    }
    Shares {
        init: Some(quota(init_share(settings.core_factor / settings.share_factor))),
        run: Some(quota(function_share(memory_mb, settings.core_factor / settings.share_factor))),
    }
}

fn quota(share: CpuShare) -> CpuQuota {
    CpuQuota { quota_us: share.quota_us, period_us: share.period_us }
}

/// Cores here for this many vCPUs. A vCPU never gets more than a core: where a core here is the
/// slower one the row runs slower, and the header says so.
pub(crate) fn cores_for(vcpus: f64, core_factor: f64) -> f64 {
    vcpus / core_factor.max(vcpus.min(1.0))
}

/// Cores here for this many vCPUs of a row, scaled as its settings say.
fn share_of(vcpus: f64, settings: &Settings) -> f64 {
    cores_for(vcpus, settings.core_factor) * settings.share_factor
}

/// A task's share, per period of the container agent's: 100 ms, Linux's default for containers.
/// Source: github.com/aws/amazon-ecs-agent, agent/api/task (CPU period of a task's cgroup).
pub(crate) fn task_quota(milli_vcpu: u32, settings: &Settings) -> Option<CpuQuota> {
    const PERIOD_US: f64 = 100_000.0;
    let share = share_of(f64::from(milli_vcpu) / 1000.0, settings);
    settings.shaped.then(|| CpuQuota {
        quota_us: (share * PERIOD_US).max(SHORTEST_QUOTA_US).round() as u64,
        period_us: PERIOD_US as u64,
    })
}

/// This many vCPUs of an instance.
pub(crate) fn instance_quota(vcpus: f64, settings: &Settings) -> Option<CpuQuota> {
    let share = share_of(vcpus, settings);
    let period_us = (SHORTEST_QUOTA_US / share).clamp(INSTANCE_PERIOD_US, 1e6);
    let quota_us = (share * period_us).max(SHORTEST_QUOTA_US);
    settings.shaped.then(|| CpuQuota {
        quota_us: quota_us.round() as u64,
        period_us: period_us.round() as u64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(vcpus: f64, core_factor: f64) -> f64 {
        let settings = Settings { core_factor, ..Settings::default() };
        let quota = instance_quota(vcpus, &settings).unwrap();
        assert!(quota.quota_us >= 1000 && quota.period_us <= 1_000_000, "{quota:?}");
        quota.quota_us as f64 / quota.period_us as f64
    }

    #[test]
    fn an_instance_gets_its_share_of_a_faster_core() {
        for (vcpus, factor) in [(1.0, 2.3), (0.1, 2.3), (2.0, 1.0), (0.05, 4.1)] {
            let expected = vcpus / factor;
            assert!((share(vcpus, factor) / expected - 1.0).abs() < 0.01, "{vcpus} at {factor}");
        }
    }

    #[test]
    fn on_a_slower_core_a_vcpu_gets_the_whole_core_and_no_more() {
        assert_eq!(cores_for(1.0, 0.75), 1.0);
        assert_eq!(cores_for(2.0, 0.75), 2.0);
        assert!((cores_for(0.1, 0.75) - 0.1333).abs() < 0.001);
    }

    #[test]
    fn unshaped_settings_set_no_quota() {
        let settings = Settings { shaped: false, ..Settings::default() };
        assert_eq!(instance_quota(1.0, &settings), None);
        assert!(function_shares(128, &settings).run.is_none());
    }
}
