//! What shifting would have saved over a year of a shape.

use gearshift_economics::Priced;
use gearshift_policy::{Demand, Timing, Totals};
use gearshift_price::PriceError;
use gearshift_results::{Course, Volume};
use rust_decimal::Decimal;

use crate::billed;
use crate::policies::{Name, run};
use crate::shape::Shape;

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
