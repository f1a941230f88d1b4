//! The CPU ledger: what is promised to services never exceeds the cores kept for them.

use gearshift_deploy::Wanted;
use gearshift_gear::{Compute, Pool, instance_type};
use gearshift_sandbox::Cores;

use crate::shares::cores_for;

/// Memory of one Lambda vCPU, MB. Source: docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html.
const FUNCTION_MB_PER_VCPU: f64 = 1769.0;

/// Cores of this machine a row is promised at its scale: its members that always run, of every side
/// that stands. A function is counted once, at its share while handling a request; a row without
/// shares is promised nothing.
pub fn promised_cores(wanted: &Wanted) -> f64 {
    unscaled_cores(wanted) * wanted.spec.settings.share_factor
}

/// That before the row's shares are scaled to what fits this machine.
fn unscaled_cores(wanted: &Wanted) -> f64 {
    let settings = &wanted.spec.settings;
    if !settings.shaped {
        return 0.0;
    }
    let sides = wanted.scale.sides.iter();
    let sides = sides.filter_map(|(side, scale)| Some((wanted.spec.row.side(*side)?, scale)));
    let pools = sides.flat_map(|(gear, scale)| {
        gear.pools.iter().map(|pool| {
            let members = scale.members.get(pool.name()).copied();
            // One whose members follow requests is counted once.
            cores_of_one(pool, settings.core_factor) * f64::from(members.unwrap_or(1))
        })
    });
    pools.sum()
}

fn cores_of_one(pool: &Pool, core_factor: f64) -> f64 {
    let vcpus = match &pool.compute {
        Compute::Instance(kind) => instance_type(kind).map_or(0.0, |kind| kind.vcpus),
        Compute::Function { memory_mb } => f64::from(*memory_mb) / FUNCTION_MB_PER_VCPU,
        Compute::Task { milli_vcpu, .. } | Compute::Pod { milli_vcpu, .. } => {
            f64::from(milli_vcpu.0) / 1000.0
        }
    };
    cores_for(vcpus, core_factor)
}

/// By what this row's shares must be multiplied to fit the cores that are free beside rows that
/// stand: 1 where they fit as they are.
pub fn fitting_share(wanted: &Wanted, standing: &[Wanted], cores: &Cores) -> f64 {
    let taken: f64 = standing.iter().map(promised_cores).sum();
    let (free, needs) = (cores.promised() - taken, unscaled_cores(wanted));
    // Rounded down to thousandths: a factor is read by people.
    let fits = if needs > 0.0 { (free / needs * 1000.0).floor() / 1000.0 } else { 1.0 };
    fits.min(1.0)
}

/// A row that does not fit this machine beside those that stand on it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error(
    "{row} needs {needs:.2} cores of this machine, {free:.2} are free for services here → end other runs (gearshift doctor lists them), or --vcpu auto"
)]
pub struct NoRoom {
    pub row: String,
    /// Cores that its members are promised together, and cores that nobody was promised.
    pub needs: f64,
    pub free: f64,
}

/// Whether this row fits beside those that stand on this machine, of whatever run.
///
/// # Errors
/// Where it does not.
pub fn room_for(wanted: &Wanted, standing: &[Wanted], cores: &Cores) -> Result<(), NoRoom> {
    let taken: f64 = standing.iter().map(promised_cores).sum();
    let needs = promised_cores(wanted);
    let free = cores.promised() - taken;
    if needs <= free + 1e-9 {
        return Ok(());
    }
    Err(NoRoom { row: wanted.spec.row.name.clone(), needs, free })
}

#[cfg(test)]
mod tests {
    use gearshift_deploy::{Settings, SideScale};
    use std::collections::BTreeMap;

    use gearshift_gear::{CATALOGUE, Side};

    use super::*;

    fn wanted(row: &str, core_factor: f64) -> Wanted {
        let settings = Settings { core_factor, ..Settings::default() };
        Wanted::initial(CATALOGUE.row(row).unwrap().clone(), settings, BTreeMap::new())
    }

    #[test]
    fn a_row_beyond_the_free_cores_is_refused_with_both_figures() {
        let cores = Cores { system: vec![0], services: vec![1] };
        let ec2 = wanted("ec2", 1.0);
        assert_eq!(room_for(&ec2, &[], &cores), Ok(()));
        let refused = room_for(&ec2, std::slice::from_ref(&ec2), &cores).unwrap_err().to_string();
        assert!(refused.contains("needs 1.00") && refused.contains("0.00 are free"), "{refused}");
        let beside = wanted("ec2", 2.3);
        let mut unshaped = ec2.clone();
        unshaped.spec.settings.shaped = false;
        assert_eq!(room_for(&unshaped, std::slice::from_ref(&ec2), &cores), Ok(()));
        assert_eq!(room_for(&beside, std::slice::from_ref(&beside), &cores), Ok(()));
    }

    #[test]
    fn eight_members_fit_one_core_at_a_factor_that_is_said() {
        let cores = Cores { system: vec![0], services: vec![1] };
        let mut clusters = wanted("clusters", 2.3);
        // 4 × 1 and 4 × 2 vCPUs, each 1/2.3 of a core.
        assert!((promised_cores(&clusters) - 12.0 / 2.3).abs() < 1e-9);
        let factor = fitting_share(&clusters, &[], &cores);
        assert!((0.19..0.192).contains(&factor), "{factor}");
        clusters.spec.settings.share_factor = factor;
        assert_eq!(room_for(&clusters, &[], &cores), Ok(()));
        assert_eq!(fitting_share(&wanted("ec2", 1.0), &[], &cores), 1.0);
    }

    #[test]
    fn a_side_counts_once_it_stands() {
        let mut flex = wanted("flex", 1.0);
        let before = promised_cores(&flex);
        let high = flex.spec.row.side(Side::High).unwrap();
        flex.scale.sides.insert(Side::High, SideScale::of(high, 0));
        assert!((promised_cores(&flex) - before - 0.25).abs() < 1e-9);
    }
}
