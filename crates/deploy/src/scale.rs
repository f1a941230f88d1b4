//! What of a row changes in place: members and weight of each side.

use std::collections::BTreeMap;

use gearshift_gear::{Count, Gear, Row, Side};
use serde::{Deserialize, Serialize};

/// All weights of a row together: a weight is in thousandths of its requests.
pub const FULL_WEIGHT: u16 = 1000;

/// What changes in place: the sides that stand, each with its weight and its members. A side that is
/// not in it is taken away. Whatever stays keeps its members and their requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scale {
    pub sides: BTreeMap<Side, SideScale>,
}

/// One side as wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SideScale {
    /// Which part of new requests comes here, in thousandths: 0..=1000. The weights of a row's sides
    /// are [`FULL_WEIGHT`] together.
    pub weight: u16,
    /// Members by pool. A pool whose members follow the requests in flight is not in it.
    pub members: BTreeMap<String, u32>,
}

/// A scale that a row cannot have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScaleError {
    #[error("{row} has no side `{side}` → gearshift gears")]
    NoSuchSide { row: String, side: Side },
    #[error("the weights of {row} are {weights} together, not 1000")]
    Weights { row: String, weights: u32 },
    #[error("{row} has no pool `{pool}` whose members could be set; it has: {known}")]
    NoSuchPool { row: String, pool: String, known: String },
    #[error("{row} can have {least} to {most} members in {pool}, not {members} → {next}")]
    Members { row: String, pool: String, members: u32, least: u32, most: u32, next: &'static str },
    #[error("a side without members cannot get requests: {side} of {row} has weight {weight}")]
    Empty { row: String, side: Side, weight: u16 },
}

/// Most members of a pool that has no range of its own. Assumed: more would not fit a machine that
/// this runs on, and a number with a digit too many is caught.
const MOST_MEMBERS: u32 = 100;

impl Scale {
    /// As a row starts: the only or the low side has all requests, and of a flex row's high side there
    /// is nothing yet.
    pub fn initial(row: &Row) -> Self {
        let first = row.sides().into_iter().next();
        let side = |(side, gear): (Side, &Gear)| (side, SideScale::of(gear, FULL_WEIGHT));
        Self { sides: first.into_iter().map(side).collect() }
    }

    /// The weight of a side; 0 where it does not stand.
    pub fn weight(&self, side: Side) -> u16 {
        self.sides.get(&side).map_or(0, |side| side.weight)
    }

    /// Whether this row can be scaled like this.
    ///
    /// # Errors
    /// [`ScaleError`] for the first thing that does not fit.
    pub fn check(&self, row: &Row) -> Result<(), ScaleError> {
        let name = || row.name.clone();
        for (&side, scale) in &self.sides {
            let gear =
                row.side(side).ok_or_else(|| ScaleError::NoSuchSide { row: name(), side })?;
            scale.check(row, gear)?;
            let counted = !scale.members.is_empty();
            if scale.weight > 0 && counted && scale.members.values().all(|&members| members == 0) {
                return Err(ScaleError::Empty { row: name(), side, weight: scale.weight });
            }
        }
        let weights: u32 = self.sides.values().map(|side| u32::from(side.weight)).sum();
        match weights == u32::from(FULL_WEIGHT) {
            true => Ok(()),
            false => Err(ScaleError::Weights { row: name(), weights }),
        }
    }
}

impl SideScale {
    /// This gear with as many members as it starts with, and at least one where it can have none.
    pub fn of(gear: &Gear, weight: u16) -> Self {
        let counted = gear.pools.iter().filter_map(|pool| {
            let members = match pool.count {
                Count::PerRequest => return None,
                Count::Fixed(members) => members,
                Count::Range(least, _) => least.max(1),
            };
            Some((pool.name().to_owned(), members))
        });
        Self { weight, members: counted.collect() }
    }

    fn check(&self, row: &Row, gear: &Gear) -> Result<(), ScaleError> {
        for (pool, &members) in &self.members {
            let (least, most) = bounds(gear, pool).ok_or_else(|| ScaleError::NoSuchPool {
                row: row.name.clone(),
                pool: pool.clone(),
                known: pools(gear),
            })?;
            if !(least..=most).contains(&members) {
                return Err(ScaleError::Members {
                    row: row.name.clone(),
                    pool: pool.clone(),
                    members,
                    least,
                    most,
                    next: if members < least { "gearshift down" } else { "ask for fewer" },
                });
            }
        }
        Ok(())
    }
}

/// How few and how many members a pool of this gear can have.
fn bounds(gear: &Gear, pool: &str) -> Option<(u32, u32)> {
    let found = gear.pools.iter().find(|one| one.name() == pool)?;
    match found.count {
        Count::PerRequest => None,
        Count::Fixed(_) => Some((1, MOST_MEMBERS)),
        Count::Range(least, most) => Some((least, most)),
    }
}

/// The pools of this gear whose members can be set, in words.
fn pools(gear: &Gear) -> String {
    let counted = gear.pools.iter().filter(|pool| pool.count != Count::PerRequest);
    let names: Vec<_> = counted.map(|pool| pool.name()).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use gearshift_gear::CATALOGUE;

    use super::*;

    fn row(name: &str) -> Row {
        CATALOGUE.row(name).unwrap().clone()
    }

    #[test]
    fn a_flex_row_starts_on_its_low_side_and_clusters_with_every_member() {
        let flex = Scale::initial(&row("flex"));
        assert_eq!((flex.weight(Side::Low), flex.weight(Side::High)), (1000, 0));
        assert!(!flex.sides.contains_key(&Side::High));
        assert!(flex.sides[&Side::Low].members.is_empty(), "its members follow requests");
        let clusters = Scale::initial(&row("clusters"));
        let four = |name: &str| (name.to_owned(), 4);
        assert_eq!(
            clusters.sides[&Side::Only].members,
            BTreeMap::from(["cluster1", "cluster2"].map(four))
        );
        for name in ["flex", "clusters", "ec2", "fargate", "lambda-rust-dynamodb"] {
            assert_eq!(Scale::initial(&row(name)).check(&row(name)), Ok(()), "{name}");
        }
    }

    #[test]
    fn what_does_not_fit_the_row_is_refused_with_what_does() {
        let clusters = row("clusters");
        let with = |pool: &str, members: u32| {
            let mut scale = Scale::initial(&clusters);
            let side = scale.sides.get_mut(&Side::Only).unwrap();
            side.members.insert(pool.to_owned(), members);
            scale.check(&clusters).unwrap_err().to_string()
        };
        assert!(
            with("cluster3", 1).contains("it has: cluster1, cluster2"),
            "{}",
            with("cluster3", 1)
        );
        assert!(with("cluster1", 0).contains("1 to 100") && with("cluster1", 0).contains("down"));
        assert!(with("cluster1", 101).contains("not 101"));
    }

    #[test]
    fn weights_are_1000_together_and_none_goes_where_nobody_is() {
        let flex = row("flex");
        let mut scale = Scale::initial(&flex);
        scale.sides.insert(Side::High, SideScale::of(flex.side(Side::High).unwrap(), 1));
        assert_eq!(
            scale.check(&flex),
            Err(ScaleError::Weights { row: "flex".into(), weights: 1001 })
        );
        scale.sides.get_mut(&Side::Low).unwrap().weight = 999;
        assert_eq!(scale.check(&flex), Ok(()));
        scale.sides.get_mut(&Side::High).unwrap().members.insert("tasks".into(), 0);
        assert!(matches!(scale.check(&flex), Err(ScaleError::Empty { side: Side::High, .. })));
    }
}
