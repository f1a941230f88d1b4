//! What shifting would have saved over a year of a shape.

use gearshift_economics::{Priced, Service};
use gearshift_plan::{Shape, volume};
use gearshift_price::PriceBook;
use gearshift_results::Volume;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

const MILLION: u32 = 1_000_000;
const MINUTES_PER_WEEK: usize = 7 * 24 * 60;

fn api() -> Priced {
    let book = PriceBook::shipped("us-east-1").unwrap();
    Priced::new(Service::default(), &book, Decimal::ZERO).unwrap()
}

fn month(shape: &Shape, calls: Decimal, days: usize) -> Volume {
    volume(shape, calls, days, &api()).unwrap()
}

fn close(left: Decimal, right: Decimal, share: f64) {
    let (left, right) = (left.to_f64().unwrap(), right.to_f64().unwrap());
    assert!((left - right).abs() <= share * right.abs(), "{left} is not about {right}");
}

#[test]
fn office_hours_are_fifty_of_a_week_and_keep_the_volume() {
    let week = Shape::Office.minutes(10.0, 7);
    assert_eq!(week.len(), MINUTES_PER_WEEK);
    let mean = week.iter().sum::<f64>() / week.len() as f64;
    assert!((mean - 10.0).abs() < 1e-9, "{mean}");
    // Monday 8:00 to 18:00 and then again on Tuesday; nothing on Saturday and Sunday.
    assert_eq!(week[7 * 60 + 59], 0.0);
    assert!(week[8 * 60 + 1] > 0.0 && week[17 * 60 + 59] > 0.0);
    assert_eq!(week[18 * 60], 0.0);
    assert!(week[5 * 24 * 60..].iter().all(|per_s| *per_s == 0.0));
    // Half a sine has its peak at pi/2 times its mean, and 50 of 168 hours carry all.
    let peak = 168.0 / 50.0 * std::f64::consts::FRAC_PI_2;
    assert!((Shape::Office.peak_over_mean() - peak).abs() < 1e-3);
    assert!((week.iter().copied().fold(0.0, f64::max) / 10.0 - peak).abs() < 1e-3);
}

#[test]
fn a_trace_is_repeated_and_scaled_to_the_volume() {
    let trace = Shape::Trace { name: "two".to_owned(), per_s: vec![1.0, 3.0] };
    assert_eq!(trace.minutes(10.0, 1)[..4], [5.0, 15.0, 5.0, 15.0]);
    assert_eq!(trace.minutes(10.0, 1).len(), 24 * 60);
    assert_eq!(trace.peak_over_mean(), 1.5);
    let silent = Shape::Trace { name: "none".to_owned(), per_s: vec![0.0; 60] };
    assert!(silent.minutes(10.0, 1).iter().all(|per_s| *per_s == 0.0));
    assert_eq!(silent.peak_over_mean(), 1.0);
}

/// 1 M calls of 60 ms at 512 MB: 30,000 GB-seconds x $0.0000166667 = $0.500001, requests $0.20, the
/// HTTP API $1.00 (aws.amazon.com/lambda/pricing and /api-gateway/pricing).
#[test]
fn a_month_of_functions_costs_what_the_pages_say() {
    let one = month(&Shape::Office, MILLION.into(), 28);
    assert_eq!(one.function.billed.usd.round_dp(6), Decimal::new(1_700_001, 6));
    assert_eq!(one.function.billed.addresses_usd, Decimal::ZERO);
    assert_eq!(one.function.refused, 0.0);
}

/// A steady 10 requests/s is 26.28 M in 730 hours. The load balancer: 730 h x ($0.0225 + 2 x $0.005
/// of addresses) = $23.725; its units: 26.28 M x 5 kB = 131.4 GB, one unit carries 1 GB an hour, x
/// $0.008 = $1.0512 (aws.amazon.com/elasticloadbalancing/pricing).
#[test]
fn a_month_of_tasks_pays_for_the_load_balancer_by_the_hour_and_by_what_it_carries() {
    let calls = Decimal::from(10 * 730 * 3600);
    let one = month(&Shape::Steady, calls, 28);
    close(one.tasks.billed.lb_usd, Decimal::new(247_762, 4), 1e-4);
    assert_eq!(one.tasks.billed.function_usd, Decimal::ZERO);
    // Whole tasks, each $0.04048 x 0.5 + $0.004445 x 1 + $0.005 = $0.029685 an hour.
    let task = Decimal::new(29_685, 6) * Decimal::from(730);
    let tasks = (one.tasks.billed.tasks_usd / task).to_f64().unwrap();
    assert!(tasks >= 1.0 && (tasks - tasks.round()).abs() < 0.01, "{tasks} tasks");
}

#[test]
fn a_small_volume_stays_on_functions_and_saves_nothing() {
    let one = month(&Shape::Office, MILLION.into(), 28);
    assert_eq!(one.at_function, 1.0);
    assert_eq!(one.flex.shifts_per_day, 0.0);
    assert_eq!(one.saved_per_year(), Decimal::ZERO);
    assert_eq!(one.flex.billed, one.function.billed);
}

#[test]
fn a_middling_volume_of_office_hours_is_shifted_twice_a_working_day_and_saves() {
    let one = month(&Shape::Office, Decimal::from(100) * Decimal::from(MILLION), 28);
    // Ten working hours on tasks, the rest of the week on functions that cost nothing idle.
    assert!((0.6..0.8).contains(&one.at_function), "{}", one.at_function);
    let (working, days) = (20.0, 28.0);
    assert!((one.flex.shifts_per_day - 2.0 * working / days).abs() < 0.2, "{one:?}");
    assert!(one.saved_per_year() > Decimal::ZERO, "{one:?}");
    assert_eq!(one.flex.refused, 0.0);
}

#[test]
fn shifting_is_never_much_dearer_than_the_cheaper_gear() {
    for shape in [Shape::Steady, Shape::Office] {
        for millions in [1u32, 10, 30, 100, 300] {
            let calls = Decimal::from(millions) * Decimal::from(MILLION);
            let one = month(&shape, calls, 28);
            let most = one.single() * Decimal::new(101, 2);
            assert!(one.flex.billed.usd <= most, "{} {millions} M: {one:?}", shape.name());
        }
    }
}

#[test]
fn four_weeks_stand_for_a_year() {
    for millions in [10u32, 100] {
        let calls = Decimal::from(millions) * Decimal::from(MILLION);
        let (short, long) = (month(&Shape::Office, calls, 28), month(&Shape::Office, calls, 364));
        close(short.flex.billed.usd, long.flex.billed.usd, 0.01);
        close(short.function.billed.usd, long.function.billed.usd, 1e-6);
        close(short.tasks.billed.usd, long.tasks.billed.usd, 0.01);
    }
}

#[test]
fn a_gear_that_refuses_requests_is_no_alternative() {
    let one = month(&Shape::Office, Decimal::from(300) * Decimal::from(MILLION), 28);
    let mut refusing = one.clone();
    refusing.tasks.refused = 0.5;
    refusing.tasks.billed.usd = Decimal::ONE;
    assert_eq!(refusing.single(), one.function.billed.usd);
    refusing.tasks.refused = 0.0;
    assert_eq!(refusing.single(), Decimal::ONE);
}
