use gearshift_gear::PartKind;

use super::*;
use crate::testing::{from, outcome, sample, with_parts};

/// Ran from `started_us` for a second and returned these counts.
fn worker(started_us: u64, counts: &[u64]) -> Outcome {
    let samples = counts.iter().map(|n| Sample { count: Some(*n), ..sample(*n * 1_000, 500) });
    Outcome { started_us, wall_us: 1_000_000, ..outcome(samples) }
}

#[test]
fn workers_add_up_and_count_from_the_earliest() {
    let later = worker(1_500_000, &[2, 3]);
    let failed = Sample { error: Some(ErrorKind::Reset), ..sample(9_000, 700) };
    let mut earlier = outcome([failed, Sample { count: Some(1), ..sample(1_000, 900) }]);
    earlier.started_us = 1_000_000;
    earlier.wall_us = 1_000_000;
    earlier.generator.core_share = 0.5;
    let merged = Outcome::merge([later.clone(), earlier.clone()]).unwrap();
    let turned = Outcome::merge([earlier, later]).unwrap();
    assert_eq!((&merged.samples, merged.wall_us), (&turned.samples, turned.wall_us));

    assert_eq!((merged.started_us, merged.wall_us), (1_000_000, 1_500_000));
    assert_eq!((merged.sent, merged.acknowledged, merged.unacknowledged), (4, 3, 1));
    assert_eq!(merged.errors, BTreeMap::from([(ErrorKind::Reset, 1)]));
    assert_eq!(merged.throughput_per_s, 2.0);
    assert_eq!((merged.from_sent.n, merged.from_sent.max_us), (3, 900));
    let schedule = merged.schedule.as_ref().unwrap();
    assert_eq!((schedule.rate_per_s, schedule.planned), (20.0, 4));
    assert_eq!((merged.generator.workers, merged.generator.core_share), (2, 0.5));
    let intended: Vec<u64> = merged.samples.iter().map(|s| s.intended_us).collect();
    assert_eq!(intended, [1_000, 9_000, 502_000, 503_000]);
    assert!(merged.count_check_between(0, 3).holds());
}

#[test]
fn a_count_given_to_two_workers_is_found_once_they_are_merged() {
    let (one, two) = (worker(0, &[1, 3]), worker(0, &[2, 3]));
    assert!(two.count_check().holds());
    assert_eq!(Outcome::merge([one, two]).unwrap().count_check().duplicated, [3]);
    assert_eq!(Outcome::merge([]), None);
}

#[test]
fn an_outcome_survives_json() {
    let mut parts = with_parts(5_000, &[("net", 1.25, PartKind::Declared)]);
    parts.error = Some(ErrorKind::Status);
    let written = outcome([from("env-1", true), parts]);
    let text = serde_json::to_string(&written).unwrap();
    let read: Outcome = serde_json::from_str(&text).unwrap();
    assert_eq!(read.samples, written.samples);
    assert_eq!((read.cold, &read.errors), (1, &written.errors));
    assert_eq!(read.from_sent, written.from_sent);
}

#[test]
fn the_schema_knows_every_field() {
    let schema = serde_json::to_value(schemars::schema_for!(Outcome)).unwrap();
    let written = serde_json::to_value(outcome([sample(0, 1)])).unwrap();
    for field in written.as_object().unwrap().keys() {
        assert!(schema["properties"].get(field).is_some(), "{field}");
    }
}

#[test]
fn a_tick_stolen_from_a_short_run_is_a_small_share_of_a_long_one() {
    let with = |wall_us, steal_share| Outcome { wall_us, steal_share, ..worker(0, &[1]) };
    let merged = |one, two| Outcome::merge([one, two]).unwrap().steal_share.unwrap();
    let share = merged(with(100_000, Some(0.1)), with(900_000, Some(0.0)));
    assert!((share - 0.01).abs() < 1e-9, "{share}");
    assert_eq!(merged(with(100_000, None), with(900_000, Some(0.5))), 0.5);
}
