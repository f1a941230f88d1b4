use gearshift_gear::PartKind::{Accounted, Declared, Late, Measured};

use super::*;
use crate::ErrorKind;
use crate::testing::{sample, with_parts};

#[test]
fn only_calls_near_the_median_count() {
    let samples: Vec<Sample> = (1..=100).map(|ms| sample(0, ms * 1_000)).collect();
    let split = near_median(&samples, Since::Sent).unwrap();
    // The 46th to the 55th call.
    assert_eq!((split.n, split.of, split.total_ms), (10, 100, 50.5));
}

#[test]
fn here_and_declared_make_the_total_and_accounted_is_beside_it() {
    let parts = [
        ("net", 1.0, Declared),
        ("db", 1.5, Declared),
        ("db", 0.5, Declared),
        ("place", 900.0, Accounted),
        ("init", 2.0, Measured),
        ("db", 0.25, Late),
    ];
    let samples = vec![with_parts(10_000, &parts); 3];
    let split = near_median(&samples, Since::Sent).unwrap();
    assert_eq!((split.total_ms, split.declared_ms, split.here_ms), (10.0, 3.0, 7.0));
    assert_eq!((split.accounted_ms, split.total_with_accounted_ms), (900.0, 910.0));
    let part = |name, kind| split.parts.iter().find(|p| p.name == name && p.kind == kind).unwrap();
    assert_eq!((part("db", "declared").ms, part("db", "declared").n), (2.0, split.n));
    assert_eq!(part("db", "late").ms, 0.25);
    assert_eq!(part("init", "measured").ms, 2.0);
}

#[test]
fn a_part_that_only_some_calls_had_counts_as_nothing_in_the_others() {
    let samples = [with_parts(5_000, &[("db", 4.0, Declared)]), sample(0, 5_000)];
    let split = near_median(&samples, Since::Sent).unwrap();
    assert_eq!((split.n, split.parts[0].ms, split.parts[0].n), (2, 2.0, 1));
}

#[test]
fn failed_calls_do_not_count() {
    let failed = Sample { error: Some(ErrorKind::Status), ..sample(0, 9_000_000) };
    assert_eq!(near_median(std::slice::from_ref(&failed), Since::Sent), None);
    let split = near_median(&[failed, sample(0, 2_000)], Since::Sent).unwrap();
    assert_eq!((split.n, split.of, split.total_ms), (1, 1, 2.0));
}

#[test]
fn waiting_to_be_sent_counts_from_the_intended_time_only() {
    let waited = Sample { intended_us: 0, ..sample(7_000, 2_000) };
    let split = |since| near_median(std::slice::from_ref(&waited), since).unwrap();
    assert_eq!((split(Since::Intended).total_ms, split(Since::Sent).total_ms), (9.0, 2.0));
}
