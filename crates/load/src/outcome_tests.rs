use gearshift_gear::PartKind;

use super::*;
use crate::Distrust;
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
    let why = Distrust::Other("odd".to_owned());
    let told = Some(Untrusted { host: "service.test".to_owned(), why });
    let written = Outcome { untrusted: told.clone(), ..written };
    assert_eq!(Outcome::merge([worker(0, &[1]), written.clone()]).unwrap().untrusted, told);
    let text = serde_json::to_string(&written).unwrap();
    let read: Outcome = serde_json::from_str(&text).unwrap();
    assert_eq!((&read.samples, &read.untrusted), (&written.samples, &told));
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

/// 1, 2 and 4 were kept of a counter that gave 1 to 6; 3, 5 and 6 came back after the bound was reached.
fn bounded() -> Outcome {
    let kept = worker(0, &[1, 2, 4]);
    Outcome { sent: 6, acknowledged: 6, counts_left_out: 3, ..kept }
}

#[test]
fn counts_that_were_not_kept_are_neither_missing_nor_counted_too_often() {
    let check = bounded().count_check_between(0, 6);
    assert!(check.holds(), "{:?}", check.reasons());
    assert_eq!((check.acknowledged, check.gaps), (6, 0));
}

#[test]
fn counts_that_were_not_kept_excuse_no_more_than_they_are() {
    assert!(!bounded().count_check_between(0, 5).holds(), "6 acknowledged, 5 counted");
    assert!(!bounded().count_check_between(0, 7).holds(), "7 counted, 6 calls");
    let far = Outcome { counts_left_out: 3, ..worker(0, &[1, 2, 7]) };
    assert_eq!(far.count_check().gaps, 1, "3 to 6 are four");
    assert!(!far.count_check().holds());
    let twice = Outcome { counts_left_out: 3, ..worker(0, &[1, 2, 2]) };
    assert!(!twice.count_check().holds());
}

#[test]
fn an_outcome_without_later_fields_is_read() {
    let mut value = serde_json::to_value(outcome([sample(0, 1)])).unwrap();
    let fields = value.as_object_mut().unwrap();
    for later in ["counts_left_out", "untrusted"] {
        assert!(fields.remove(later).is_none(), "{later} is not written where there is nothing");
    }
    let read: Outcome = serde_json::from_value(value).unwrap();
    assert_eq!((read.counts_left_out, read.untrusted), (0, None));
}
