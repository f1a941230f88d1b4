//! What the simulator is like.

use std::collections::BTreeSet;

use gearshift_deploy::{ConditionKind, Facts, Patience, Shaping};
use gearshift_gear::{ArtefactKind, Compute, Missing, Row};

use crate::CloudConfig;

/// What the simulator is like for this row.
pub(crate) fn facts(config: &CloudConfig, row: &Row) -> Result<Facts, Missing> {
    let cold = config.arranges.then_some(ConditionKind::Cold);
    can(row).map(|shaping| Facts {
        target: "sim".to_owned(),
        // As a cloud does: what lies on this machine alone does not reach it.
        accepts: BTreeSet::from([ArtefactKind::Zip, ArtefactKind::Image]),
        shaping,
        laws: false,
        conditions: cold.into_iter().collect(),
        usage_lag: config.usage_lag,
        patience: Patience::default(),
    })
}

/// Whether a row can be simulated.
fn can(row: &Row) -> Result<Shaping, Missing> {
    let missing = |why: &str, how: &str| {
        let what = format!("row {}", row.name);
        Err(Missing { what, why: why.to_owned(), how_to_get_it: how.to_owned() })
    };
    if !row.built {
        return missing("not built yet", "gearshift gears lists what is");
    }
    let pods = |compute: &Compute| matches!(compute, Compute::Pod { .. });
    let mut pools = row.sides().into_iter().flat_map(|(_, gear)| &gear.pools);
    if pools.any(|pool| pods(&pool.compute)) {
        return missing("pods are not metered by the simulator", "--on twin");
    }
    Ok(Shaping::Unshaped {
        why: "the simulator runs no code".to_owned(),
        how_to_get_it: "--on twin".to_owned(),
    })
}
