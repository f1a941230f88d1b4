use super::*;
use crate::host::Whose;
use crate::testing::{outcome, sample};

fn failed(kind: ErrorKind) -> Sample {
    Sample { error: Some(kind), ..sample(0, 5_000_000) }
}

#[test]
fn failed_calls_are_unacknowledged_and_not_in_the_latencies() {
    use ErrorKind::{Refused, Reset};
    let outcome = outcome([sample(0, 100), failed(Reset), failed(Reset), failed(Refused)]);
    assert_eq!((outcome.sent, outcome.acknowledged, outcome.unacknowledged), (4, 1, 3));
    assert_eq!(outcome.errors, BTreeMap::from([(Refused, 1), (Reset, 2)]));
    assert_eq!((outcome.from_intended.n, outcome.from_intended.max_us), (1, 100));
    assert_eq!((outcome.from_sent.n, outcome.first_byte.n), (1, 1));
    assert_eq!(outcome.samples.len(), 4);
}

#[test]
fn late_calls_and_those_never_sent_miss_the_schedule_but_connecting_does_not() {
    let at = |sent_us| Sample { intended_us: 10_000, ..sample(sent_us, 100) };
    let mut recorder = Recorder::new(10);
    recorder.add(at(10_000 + MISSED_AFTER_US));
    recorder.add(at(10_001 + MISSED_AFTER_US));
    recorder.add(Sample { connect_us: Some(50_000), ..at(60_000) });
    recorder.never_sent(2_000_000);
    let reading = Reading::now(Whose::Process).unwrap();
    let outcome = recorder.finish(Clock::start(), (&reading, &reading), Some(10.0));
    let schedule = outcome.schedule.unwrap();
    assert_eq!((schedule.planned, schedule.missed, schedule.missed_share), (4, 2, 0.5));
    assert_eq!((outcome.sent, outcome.never_sent, outcome.unacknowledged), (3, 1, 0));
    assert_eq!(schedule.lateness.max_us, 2_000_000);
}

#[test]
fn of_more_calls_than_are_kept_all_parts_of_the_run_are_kept_alike() {
    let mut recorder = Recorder::new(1_000);
    for i in 0..10_000 {
        recorder.add(sample(i, 1));
    }
    let reading = Reading::now(Whose::Process).unwrap();
    let outcome = recorder.finish(Clock::start(), (&reading, &reading), None);
    assert_eq!((outcome.samples.len(), outcome.sent, outcome.from_sent.n), (1_000, 10_000, 10_000));
    let early = outcome.samples.iter().filter(|sample| sample.intended_us < 5_000).count();
    // 500 ± 15 by chance.
    assert!((425..575).contains(&early), "{early} of the first half");
    assert!(outcome.samples.is_sorted_by_key(|sample| sample.intended_us));
}

#[test]
fn nothing_is_kept_where_nothing_is_to_be() {
    let mut recorder = Recorder::new(0);
    recorder.add(Sample { count: Some(7), ..sample(0, 1) });
    let reading = Reading::now(Whose::Process).unwrap();
    let outcome = recorder.finish(Clock::start(), (&reading, &reading), None);
    assert_eq!((outcome.samples.len(), outcome.counts, outcome.sent), (0, vec![7], 1));
}

#[test]
fn counts_beyond_what_is_kept_are_told() {
    let mut recorder = Recorder { most_counts: 3, ..Recorder::new(2) };
    for number in 1..=5 {
        recorder.add(Sample { count: Some(number), ..sample(number, 10) });
    }
    let reading = Reading::now(Whose::Process).unwrap();
    let outcome = recorder.finish(Clock::start(), (&reading, &reading), None);
    assert_eq!((outcome.counts, outcome.counts_left_out), (vec![1, 2, 3], 2));
    assert_eq!((outcome.samples.len(), outcome.acknowledged), (2, 5));
}
