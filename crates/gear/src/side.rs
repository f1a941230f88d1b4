//! The sides of a row: its only gear, or the low and the high one of a flex setup.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Build, Compute, Count, Gear, OWN, OWN_ADAPTED, Pool, Row, Setup};

/// One gear of a row's setup.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// The gear of a steady setup.
    Only,
    /// The gear of a flex setup that costs least while there is little traffic: the function.
    Low,
    /// The gear of a flex setup that costs least under much traffic: the tasks.
    High,
}

impl Side {
    /// The other side of a flex setup; of a steady one itself.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Only => Self::Only,
            Self::Low => Self::High,
            Self::High => Self::Low,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Only => "only",
            Self::Low => "low",
            Self::High => "high",
        })
    }
}

impl Setup {
    /// Every gear of this setup, the low one first.
    pub fn sides(&self) -> Vec<(Side, &Gear)> {
        match self {
            Self::Steady(gear) => vec![(Side::Only, gear)],
            Self::Flex { low, high } => vec![(Side::Low, low), (Side::High, high)],
        }
    }
}

impl Row {
    /// Every gear of this row, the low one first. Never empty.
    pub fn sides(&self) -> Vec<(Side, &Gear)> {
        self.setup.sides()
    }

    /// The gear of one side; none where this row's setup does not have it.
    pub fn side(&self, side: Side) -> Option<&Gear> {
        self.sides().into_iter().find_map(|(of, gear)| (of == side).then_some(gear))
    }

    /// Each side as a steady row of its own, named after it: what is measured and priced side by side. A
    /// steady row is its own only side.
    pub fn each_side(&self) -> Vec<Self> {
        let Setup::Flex { .. } = &self.setup else { return vec![self.clone()] };
        let steady = |(side, gear): (Side, &Gear)| Self {
            name: format!("{}-{}", self.name, gear.kind()),
            setup: Setup::Steady(gear.standing()),
            build: Build { name: self.build_of(side).to_owned(), ..self.build.clone() },
            ..self.clone()
        };
        self.sides().into_iter().map(steady).collect()
    }

    /// The build that runs on one side. Both sides of a flex setup run the same code: on a function
    /// the built-in service is its build for the Runtime API, and a user's is behind the adapter.
    pub fn build_of(&self, side: Side) -> &str {
        let function = self.side(side).is_some_and(Gear::is_function);
        match (&self.setup, self.build.name.as_str()) {
            (Setup::Flex { .. }, "hits") if function => "function-rust",
            (Setup::Flex { .. }, OWN) if function => OWN_ADAPTED,
            (_, name) => name,
        }
    }
}

impl Gear {
    /// It with as many members as it is started with, at least one, where it has a range of them.
    fn standing(&self) -> Self {
        let mut gear = self.clone();
        for pool in &mut gear.pools {
            if let Count::Range(least, _) = pool.count {
                pool.count = Count::Fixed(least.max(1));
            }
        }
        gear
    }

    /// Whether its compute is a function, whose members follow the requests in flight.
    pub fn is_function(&self) -> bool {
        matches!(self.pools.first().map(|pool| &pool.compute), Some(Compute::Function { .. }))
    }

    /// What a user calls this gear beside the other one of its setup.
    pub fn kind(&self) -> &'static str {
        self.pools.first().map_or("nothing", |pool| pool.compute.kind())
    }
}

impl Compute {
    /// The kind of compute in one word, plural where members are counted.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Instance(_) => "instances",
            Self::Function { .. } => "function",
            Self::Task { .. } => "tasks",
            Self::Pod { .. } => "pods",
        }
    }
}

impl Pool {
    /// Its name in its gear: its route without the slash, or else the kind of its compute.
    pub fn name(&self) -> &str {
        let route = self.route.as_deref().map(|route| route.trim_matches('/'));
        route.filter(|route| !route.is_empty()).unwrap_or(self.compute.kind())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CATALOGUE;

    #[test]
    fn a_flex_row_has_two_sides_of_the_same_code() {
        let flex = CATALOGUE.row("flex").unwrap();
        let sides: Vec<_> =
            flex.sides().into_iter().map(|(side, gear)| (side, gear.kind())).collect();
        assert_eq!(sides, [(Side::Low, "function"), (Side::High, "tasks")]);
        assert_eq!(
            (flex.build_of(Side::Low), flex.build_of(Side::High)),
            ("function-rust", "hits")
        );
        let own = flex.clone().with_own_code().unwrap();
        assert_eq!((own.build_of(Side::Low), own.build_of(Side::High)), (OWN_ADAPTED, OWN));
        assert_eq!(own.side(Side::High).unwrap().store, crate::Store::Memory);
        let names: Vec<_> =
            flex.each_side().into_iter().map(|row| (row.name, row.build.name)).collect();
        let pair = |name: &str, build: &str| (name.to_owned(), build.to_owned());
        assert_eq!(names, [pair("flex-function", "function-rust"), pair("flex-tasks", "hits")]);
    }

    #[test]
    fn pools_are_named_after_their_routes() {
        let clusters = CATALOGUE.row("clusters").unwrap();
        let names: Vec<_> = clusters.gear().pools.iter().map(Pool::name).collect();
        assert_eq!(names, ["cluster1", "cluster2"]);
        assert_eq!(CATALOGUE.row("fargate").unwrap().gear().pools[0].name(), "tasks");
    }
}
