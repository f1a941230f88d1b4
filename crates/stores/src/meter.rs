//! What AWS would bill since the start.

use std::collections::BTreeMap;
use std::sync::Mutex;

use gearshift_gear::Dimension;
use rust_decimal::Decimal;

use crate::Metered;

/// Quantities by dimension.
#[derive(Default)]
pub(crate) struct Meter(Mutex<BTreeMap<Dimension, Decimal>>);

impl Meter {
    /// A meter that shows these dimensions from the start, at zero.
    pub(crate) fn of(dimensions: &[Dimension]) -> Self {
        let zero = |dimension: &Dimension| (dimension.clone(), Decimal::ZERO);
        Self(Mutex::new(dimensions.iter().map(zero).collect()))
    }

    pub(crate) fn add(&self, metered: &Metered) {
        let mut sums = self.0.lock().expect("no holder of this lock panics");
        for (dimension, quantity) in metered {
            *sums.entry(dimension.clone()).or_default() += quantity;
        }
    }

    /// Everything so far, by dimension.
    pub(crate) fn usage(&self) -> Metered {
        let sums = self.0.lock().expect("no holder of this lock panics");
        sums.iter().map(|(dimension, quantity)| (dimension.clone(), *quantity)).collect()
    }
}
