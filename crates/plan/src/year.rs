//! What shifting would have saved over a year of a shape.

use gearshift_policy::{Demand, Timing, Totals};
use gearshift_price::PriceError;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::policies::{Name, run};
use crate::shape::Shape;
use crate::{Billed, Priced, REFUSED, billed};

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

/// Replays `days` of a shape at a volume on functions, on tasks and shifted.
pub fn volume(
    shape: &Shape,
    calls_per_month: Decimal,
    days: usize,
    priced: &Priced,
) -> Result<Volume, PriceError> {
    let timing = Timing::minutes();
    let mean = calls_per_month / Decimal::from(gearshift_price::SECONDS_PER_MONTH);
    let per_s = shape.minutes(mean.try_into().unwrap_or(0.0), days);
    let demand = Demand { begins_s: 0, per_s: &per_s };
    let replayed = |name| run(name, demand, &priced.economics, &timing);
    let (function, tasks, flex) = std::thread::scope(|threads| {
        let tasks = threads.spawn(|| replayed(Name::AlwaysTasks));
        let (function, flex) = (replayed(Name::AlwaysFunction), replayed(Name::Flex));
        (function, tasks.join().expect("a replay does not panic"), flex)
    });
    let course = |totals: &Totals| -> Result<Course, PriceError> {
        Ok(Course {
            billed: billed(totals, priced, &timing)?,
            refused: totals.refused_share(),
            shifts_per_day: totals.shifts as f64 / days.max(1) as f64,
        })
    };
    Ok(Volume {
        calls_per_month,
        function: course(&function)?,
        tasks: course(&tasks)?,
        flex: course(&flex)?,
        at_function: flex.at_function as f64 / flex.ticks.max(1) as f64,
    })
}
