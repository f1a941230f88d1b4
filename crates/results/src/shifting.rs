//! What shifting between two gears would have saved.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Above this share of refused requests a gear does not count as an alternative. Assumed.
pub const REFUSED: f64 = 0.0001;

/// A year of a shape on functions, on tasks and shifted between them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Shifting {
    /// Such as `office hours`.
    pub shape: String,
    /// Replayed, and taken for the whole year.
    pub days: usize,
    /// The row whose function serves.
    pub low: String,
    /// The row whose tasks serve.
    pub high: String,
    /// Where durations and capacity come from, in words.
    pub source: String,
    pub volumes: Vec<Volume>,
}

/// One gear, or shifting, for a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Course {
    /// Without what is the same in every gear.
    pub billed: Billed,
    /// Share of requests that nothing could take, 0 to 1.
    pub refused: f64,
    pub shifts_per_day: f64,
}

/// A volume, on each gear alone and shifted between them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Volume {
    pub calls_per_month: Decimal,
    pub function: Course,
    /// As many as target tracking wants.
    pub tasks: Course,
    pub flex: Course,
    /// Part of the time that flex spends on functions, 0 to 1.
    pub at_function: f64,
}

impl Volume {
    /// The cheaper single gear of those that refuse nothing, US dollars a month.
    pub fn single(&self) -> Decimal {
        let (function, tasks) = (self.function.billed.usd, self.tasks.billed.usd);
        if self.tasks.refused > REFUSED { function } else { function.min(tasks) }
    }

    /// What flex saves over it in twelve months, US dollars; below zero where it costs.
    pub fn saved_per_year(&self) -> Decimal {
        (self.single() - self.flex.billed.usd) * Decimal::from(12)
    }
}

/// US dollars a month of 730 hours.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Billed {
    pub usd: Decimal,
    /// Of `usd`: front, calls and duration.
    pub function_usd: Decimal,
    /// Of `usd`: hours, addresses and capacity units of the load balancer.
    pub lb_usd: Decimal,
    /// Of `usd`: tasks and their addresses.
    pub tasks_usd: Decimal,
    /// Of `usd`, across the gears: calls and duration of the function, and tasks.
    pub compute_usd: Decimal,
    /// Of `usd`, across the gears: public addresses.
    pub addresses_usd: Decimal,
}
