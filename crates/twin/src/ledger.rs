//! The CPU ledger: what is promised to services never exceeds the cores kept for them.

use gearshift_deploy::Wanted;
use gearshift_gear::{Compute, Count, Pool, instance_type};
use gearshift_sandbox::Cores;

use crate::shares::cores_for;

/// Memory of one Lambda vCPU, MB. Source: docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html.
const FUNCTION_MB_PER_VCPU: f64 = 1769.0;

/// Cores of this machine a row is promised: its members that always run. A function is counted
/// once, at its share while handling a request; a row without shares is promised nothing.
pub fn promised_cores(wanted: &Wanted) -> f64 {
    if !wanted.settings.shaped {
        return 0.0;
    }
    let pools = wanted.row.gear().pools.iter();
    pools.map(|pool| pool_cores(pool, wanted.settings.core_factor)).sum()
}

fn pool_cores(pool: &Pool, core_factor: f64) -> f64 {
    let each = match &pool.compute {
        Compute::Instance(kind) => instance_type(kind).map_or(0.0, |kind| kind.vcpus),
        Compute::Function { memory_mb } => f64::from(*memory_mb) / FUNCTION_MB_PER_VCPU,
        Compute::Task { milli_vcpu, .. } | Compute::Pod { milli_vcpu, .. } => {
            f64::from(milli_vcpu.0) / 1000.0
        }
    };
    let count = match pool.count {
        Count::PerRequest => 1,
        Count::Fixed(count) | Count::Range(_, count) => count,
    };
    cores_for(each, core_factor) * f64::from(count)
}

/// Whether this row fits beside those that stand on this machine, of whatever run; otherwise the
/// sentence that says why not.
pub fn room_for(wanted: &Wanted, standing: &[Wanted], cores: &Cores) -> Result<(), String> {
    let taken: f64 = standing.iter().map(promised_cores).sum();
    let needs = promised_cores(wanted);
    let free = cores.promised() - taken;
    if needs <= free + 1e-9 {
        return Ok(());
    }
    Err(format!(
        "{} needs {needs:.2} cores of this machine, {free:.2} are free for services here → end other runs (gearshift doctor lists them)",
        wanted.row.name
    ))
}

#[cfg(test)]
mod tests {
    use gearshift_deploy::Settings;
    use gearshift_gear::CATALOGUE;

    use super::*;

    fn wanted(row: &str, core_factor: f64) -> Wanted {
        let settings = Settings { core_factor, ..Settings::default() };
        Wanted { row: CATALOGUE.row(row).unwrap().clone(), settings }
    }

    #[test]
    fn a_row_beyond_the_free_cores_is_refused_with_both_figures() {
        let cores = Cores { system: vec![0], services: vec![1] };
        let ec2 = wanted("ec2", 1.0);
        assert_eq!(room_for(&ec2, &[], &cores), Ok(()));
        let refused = room_for(&ec2, std::slice::from_ref(&ec2), &cores).unwrap_err();
        assert!(refused.contains("needs 1.00") && refused.contains("0.00 are free"), "{refused}");
        let beside = wanted("ec2", 2.3);
        let mut unshaped = ec2.clone();
        unshaped.settings.shaped = false;
        assert_eq!(room_for(&unshaped, std::slice::from_ref(&ec2), &cores), Ok(()));
        assert_eq!(room_for(&beside, std::slice::from_ref(&beside), &cores), Ok(()));
    }
}
