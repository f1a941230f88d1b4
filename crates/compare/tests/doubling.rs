//! What moves when one law is doubled, with fixed samples: each law gives its median every time.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use gearshift_calibrate::Factor;
use gearshift_gear::{
    CATALOGUE, Dimension, EnvironmentId, Known, LawId, PartKind, Row, RunId, UsageLine,
};
use gearshift_laws::Laws;
use gearshift_load::Sample;
use gearshift_load::testing::{outcome, sample as sample_of};
use gearshift_measure::ceiling::function_ceiling;
use gearshift_measure::latency::{self, Warm};
use gearshift_price::{BreakEven, PriceBook};
use gearshift_quote::{Interval, PricedRow, billed_ms, break_even, row_usage};
use gearshift_results::{Ceiling, Latency, RowResult};
use jiff::Timestamp;
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;

const CALLS: u64 = 200;
/// Before the handler, and inside it for each store.
const OUTSIDE: [&str; 4] =
    ["net.cross_az_rtt", "apigw.http_own", "apigw.to_lambda_transit", "lambda.warm_overhead"];
const TABLE: [&str; 1] = ["ddb.update_add"];
const OBJECT: [&str; 2] = ["s3.get_small", "s3.put_conditional"];
/// What the handler's own code takes, ms.
const HANDLER_MS: f64 = 2.0;

/// Everything that is computed from a row's samples.
struct Found {
    latency: Latency,
    billed_ms: f64,
    million_usd: Decimal,
    other_lines: Vec<(Dimension, Decimal)>,
    break_even: BreakEven,
    ceiling: Ceiling,
}

fn run() -> RunId {
    "beef".parse().unwrap()
}

fn median_ms(laws: &Laws, id: &str) -> f64 {
    laws.named(id).unwrap().quantile(0.5).as_secs_f64() * 1e3
}

fn handler_ms(laws: &Laws, inside: &[&str]) -> f64 {
    HANDLER_MS + inside.iter().map(|id| median_ms(laws, id)).sum::<f64>()
}

/// A call's sample: what this machine did differs from call to call, what laws did does not.
fn sample(laws: &Laws, inside: &[&str], number: u64) -> Sample {
    let here_ms = HANDLER_MS + 1.0 + (number % 20) as f64 / 100.0;
    let declared: Vec<(&str, f64)> =
        OUTSIDE.iter().chain(inside).map(|id| (*id, median_ms(laws, id))).collect();
    let total_ms = here_ms + declared.iter().map(|(_, ms)| ms).sum::<f64>();
    let mut sample = sample_of(number * 100_000, (total_ms * 1e3) as u64);
    sample.timing.environment = Some(EnvironmentId::from("warm"));
    sample.timing.push("handler", handler_ms(laws, inside), PartKind::Measured);
    for (id, ms) in declared {
        sample.timing.push(id, ms, PartKind::Declared);
    }
    sample
}

fn usage(row: &Row, laws: &Laws, inside: &[&str]) -> Vec<UsageLine> {
    let billed_s = handler_ms(laws, inside).ceil() / 1e3;
    let gb = f64::from(row.function_memory_mb().unwrap()) / 1024.0;
    let gb_s = Decimal::from_f64(billed_s * gb).unwrap() * Decimal::from(CALLS);
    let quantities = [
        (Dimension::HttpApiRequest, Decimal::from(CALLS)),
        (Dimension::FunctionRequest, Decimal::from(CALLS)),
        (Dimension::FunctionGbSecond, gb_s),
    ];
    let window = (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
    let line =
        |(dimension, quantity)| UsageLine { dimension, quantity, window, complete_until: window.1 };
    quantities.map(line).into()
}

fn found(row: &str, laws: &Laws, inside: &[&str]) -> Found {
    let row = CATALOGUE.row(row).unwrap();
    let samples = (0..CALLS).map(|number| sample(laws, inside, number));
    let outcome = outcome(samples);
    let warm = Warm { rate_per_s: 10.0, seen: [EnvironmentId::from("warm")].into() };
    let latency = latency::result(&outcome, &warm, &run(), 1).unwrap();
    let lines = usage(row, laws, inside);
    let book = PriceBook::shipped("eu-west-2").unwrap();
    let factor = Factor { value: 1.0, low: 0.9, high: 1.1, ..Factor::unknown("a test") };
    let calls = NonZeroU64::new(CALLS).unwrap();
    let interval = |row: &Row, lines: &[UsageLine]| {
        let usage = row_usage(row, lines, calls, &run()).unwrap();
        Interval::of(&usage, Some(&latency), &factor, &book)
    };
    let priced =
        PricedRow { name: row.name.clone(), interval: interval(row, &lines), ceiling: None };
    let ec2 = CATALOGUE.row("ec2").unwrap();
    let standing =
        PricedRow { name: ec2.name.clone(), interval: interval(ec2, &[]), ceiling: None };
    let bill = &priced.interval.middle;
    let other = bill.lines.iter().filter(|line| line.dimension != Dimension::FunctionGbSecond);
    let mut result = RowResult::empty(row);
    (result.usage, result.latency) = (lines, Some(latency.clone()));
    Found {
        billed_ms: billed_ms(&result, row.function_memory_mb().unwrap()).unwrap().value,
        million_usd: bill.per_million_calls().unwrap().value,
        other_lines: other.map(|line| (line.dimension.clone(), line.quantity)).collect(),
        break_even: break_even(&priced, &standing),
        ceiling: function_ceiling(row, &latency),
        latency,
    }
}

fn calls_at(found: &Found) -> Known<Decimal> {
    match &found.break_even {
        BreakEven::At { calls_per_month, .. } => calls_per_month.clone(),
        other => panic!("no break-even: {other:?}"),
    }
}

/// Doubles one law and compares everything.
fn doubled(row: &str, inside: &[&str], law: &str) {
    let (laws, id) = (Laws::shipped(), LawId::from(law));
    let twice = laws.clone().scaled_by(&BTreeMap::from([(id, 2.0)])).unwrap();
    let more_ms = median_ms(&laws, law);
    let (once, twice) = (found(row, &laws, inside), found(row, &twice, inside));
    let part =
        |of: &Found, name: &str| of.latency.parts.iter().find(|p| p.name == name).unwrap().ms;
    let close = |a: f64, b: f64| (a - b).abs() < 0.002;

    for other in OUTSIDE.iter().chain(inside) {
        let times = if *other == law { 2.0 } else { 1.0 };
        let (before, after) = (part(&once, other), part(&twice, other));
        assert!(close(after, before * times), "{law} × 2: {other} was {before}, is {after}");
    }
    assert!(
        close(once.latency.here_ms.value, twice.latency.here_ms.value),
        "{law} × 2: here moved"
    );
    let p50 = (once.latency.p50_ms.value, twice.latency.p50_ms.value);
    // A histogram keeps three digits.
    let off = (p50.1 - p50.0 - more_ms).abs();
    assert!(off <= p50.1 * 0.002, "{law} × 2: p50 {p50:?}, {more_ms} more");
    assert_eq!(once.other_lines, twice.other_lines, "{law} × 2: something else is billed");

    let is_inside = inside.contains(&law);
    let billed = (once.billed_ms, twice.billed_ms);
    assert_eq!(close(billed.1, billed.0), !is_inside, "{law} × 2: billed {billed:?}");
    assert!(!is_inside || (billed.1 - billed.0 - more_ms).abs() <= 1.0, "{law} × 2: {billed:?}");
    assert_eq!(once.million_usd < twice.million_usd, is_inside, "{law} × 2: the cost");
    let break_evens = (calls_at(&once).value, calls_at(&twice).value);
    assert_eq!(break_evens.0 > break_evens.1, is_inside, "{law} × 2: {break_evens:?}");
    assert!(is_inside || break_evens.0 == break_evens.1, "{law} × 2: {break_evens:?}");
    if !is_inside {
        assert_eq!(once.ceiling, twice.ceiling, "{law} × 2: the ceiling moved");
    }
}

#[test]
fn doubling_one_law_moves_its_part_and_what_is_computed_from_it_over_a_table() {
    for law in OUTSIDE.iter().chain(&TABLE) {
        doubled("lambda-rust-dynamodb", &TABLE, law);
    }
}

#[test]
fn doubling_one_law_moves_its_part_and_what_is_computed_from_it_over_an_object() {
    for law in OUTSIDE.iter().chain(&OBJECT) {
        doubled("lambda-python-s3", &OBJECT, law);
    }
    // One swap after another: the ceiling of the object is made of its laws.
    let laws = Laws::shipped();
    let put = LawId::from("s3.put_conditional");
    let twice = laws.clone().scaled_by(&BTreeMap::from([(put, 2.0)])).unwrap();
    let per_s = |laws: &Laws| found("lambda-python-s3", laws, &OBJECT).ceiling.sustained;
    let (once, twice) = (per_s(&laws), per_s(&twice));
    assert_eq!((once.set_by.as_str(), twice.set_by.as_str()), ("swap", "swap"));
    assert!(twice.per_s.value < once.per_s.value, "{} {}", once.per_s.value, twice.per_s.value);
}
