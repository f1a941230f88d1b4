//! Which rows lose what a user's service counts, and why.

use std::collections::BTreeSet;

use gearshift_deploy::{Condition, ConditionKind};

use crate::Subject;
use crate::{MeasureError, counter};
use gearshift_results::StateKept;

/// Counts from several callers at once, then once more after the row's members were replaced. None
/// for the built-in service, whose counter must hold, and where nothing is said of a counter.
pub async fn look(at: &Subject<'_>) -> Result<Option<StateKept>, MeasureError> {
    let Some(paths) = at.asks.counter.as_ref().filter(|_| at.asks.own) else { return Ok(None) };
    if at.facts.arranges(ConditionKind::Cold).is_err() {
        return Ok(None);
    }
    let before = counter::read(at, paths).await?;
    let added = counter::add(at, paths, counter::CALLS).await?;
    let after = counter::read(at, paths).await?;
    let check = added.count_check_between(before, after);
    let who = added.samples.iter().filter_map(|sample| sample.timing.environment.as_ref());
    let members = who.collect::<BTreeSet<_>>().len() as u64;
    let highest = added.counts.iter().copied().max().unwrap_or_default().max(after);
    at.target.arrange(at.run, &at.row.name, Condition::Cold).await?;
    let again = counter::read(at, paths).await?;
    let mut reasons = Vec::new();
    if !check.holds() {
        reasons.push(match members {
            0 | 1 => format!("it miscounts by itself: {}", check.reasons().join(", ")),
            _ => format!("{members} members answered at once, and each counts for itself"),
        });
    }
    if again < highest {
        reasons.push(format!("a new member begins anew: {highest} counted before, {again} after"));
    }
    Ok(Some(StateKept { members, together: check.holds(), replaced: again >= highest, reasons }))
}
