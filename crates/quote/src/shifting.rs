//! What shifting between two rows of a comparison would have saved.

use gearshift_economics::{HIGH, Priced, valid_service_of};
use gearshift_plan::{Shape, volume};
use gearshift_price::{PriceBook, SECONDS_PER_MONTH};
use gearshift_results::{Results, Shifting};
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;

use crate::QuoteError;

/// Volumes that a year of shifting is shown at, in multiples of the break-even of the two gears:
/// those of the policy suite.
const VOLUMES: [f64; 4] = [0.3, 1.0, 3.0, 10.0];

/// Days of a shape that repeats every week, and at least of one that does not.
const DAYS: usize = 28;

/// What a year of `shape` would have cost at several volumes, as a run measured it.
///
/// # Errors
/// What is missing for it.
pub fn shifting(
    results: &Results,
    book: &PriceBook,
    shape: &Shape,
) -> Result<Shifting, QuoteError> {
    let (service, low) = valid_service_of(results)?;
    let source = service.source.clone();
    let priced = Priced::new(service, book, Decimal::ZERO)?;
    let even = priced.economics.break_even_per_s();
    let days = days_of(shape);
    let mut volumes = Vec::new();
    for times in VOLUMES {
        let calls = even * times * f64::from(SECONDS_PER_MONTH);
        let calls =
            Decimal::from_f64(calls).and_then(|calls| calls.round_sf(1)).unwrap_or_default();
        if calls > Decimal::ZERO {
            volumes.push(volume(shape, calls, days, &priced)?);
        }
    }
    Ok(Shifting {
        shape: shape.name().to_owned(),
        days,
        low,
        high: HIGH.to_owned(),
        source,
        volumes,
    })
}

/// Days of a shape to replay.
pub fn days_of(shape: &Shape) -> usize {
    match shape {
        Shape::Trace { per_s, .. } => per_s.len().div_ceil(24 * 60).max(DAYS),
        Shape::Steady | Shape::Office => DAYS,
    }
}
