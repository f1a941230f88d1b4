//! The line of what is shifted between two rows.

use gearshift_economics::{Priced, Service, valid_service_of};
use gearshift_plan::volume;
use gearshift_price::{Bill, BillLine, Group, PriceBook};
use rust_decimal::Decimal;

use crate::days_of;
use crate::line::doubtful;
use crate::{QuoteError, QuoteLine, Scenario, Sums};
use gearshift_results::Results;

/// The line's name.
pub const FLEX: &str = "flex";

/// The calls on the run's cheapest function and its tasks, shifted by flex; none where the run has
/// no such two. What is the same in both gears (stores, logs, transfer) is the function's.
pub(crate) fn shifted<'a>(
    results: &Results,
    bill_of: impl Fn(&str) -> Option<&'a Bill>,
    book: &PriceBook,
    scenario: &Scenario,
) -> Option<QuoteLine> {
    let (measured, low) = valid_service_of(results).ok()?;
    let service = Service {
        memory_mb: scenario.memory_mb.unwrap_or(measured.memory_mb),
        duration_ms: scenario.duration_ms.unwrap_or(measured.duration_ms),
        spot: scenario.spot.unwrap_or(measured.spot),
        shared_lb: scenario.shared_lb,
        free_tier: scenario.free_tier,
        ..measured
    };
    let line = priced(service, bill_of(&low)?, book, scenario);
    Some(line.unwrap_or_else(|gap| QuoteLine { gap: Some(gap.to_string()), ..QuoteLine::of(FLEX) }))
}

fn priced(
    service: Service,
    low: &Bill,
    book: &PriceBook,
    scenario: &Scenario,
) -> Result<QuoteLine, QuoteError> {
    let priced = Priced::new(service, book, Decimal::ZERO)?;
    let calls = scenario.calls_per_month;
    let replayed = volume(&scenario.shape, calls, days_of(&scenario.shape), &priced);
    let replayed = replayed?;
    let billed = &replayed.flex.billed;
    let same = |line: &&BillLine| !matches!(line.group, Group::Front | Group::Compute);
    let same = Bill { lines: low.lines.iter().filter(same).cloned().collect(), ..low.clone() };
    let mut groups = Vec::new();
    let mut month = Decimal::ZERO;
    for group in Group::ALL {
        let same = same.group_monthly(group, calls, 1)?.value;
        let shifted = match group {
            Group::Front => billed.usd - billed.compute_usd - billed.addresses_usd,
            Group::Compute => billed.compute_usd,
            Group::Network => billed.addresses_usd,
            _ => Decimal::ZERO,
        };
        groups.push((group, Some(same + shifted)));
        month += same + shifted;
    }
    let sums = Sums {
        fixed: Decimal::ZERO,
        million: month.checked_div(calls).unwrap_or_default() * Decimal::from(1_000_000),
        month,
        low: month,
        high: month,
        doubtful: doubtful(&same),
    };
    let note = match (replayed.flex.shifts_per_day, replayed.at_function) {
        (_, 1.0) => "no shift pays".to_owned(),
        (shifts, _) => format!("{shifts:.1} shifts/day"),
    };
    Ok(QuoteLine { groups, sums: Some(sums), note: Some(note), ..QuoteLine::of(FLEX) })
}
