use std::collections::BTreeSet;

use gearshift_gear::PartKind;

use super::*;
use crate::testing::{from, outcome, sample, with_parts};
use crate::{ErrorKind, Sample, Temperature};

fn good(n: u64) -> Outcome {
    outcome((0..n).map(|i| sample(i, 1_000)))
}

fn only_reason(outcome: &Outcome, asked: &Criteria) -> String {
    let verdict = judge(outcome, asked);
    assert!(!verdict.valid);
    assert_eq!(verdict.reasons.len(), 1, "{:?}", verdict.reasons);
    verdict.reasons[0].clone()
}

#[test]
fn a_clean_run_is_valid() {
    let verdict = judge(&good(200), &Criteria::percentiles(&[0.5, 0.99]));
    assert_eq!(verdict, Verdict { valid: true, reasons: Vec::new() });
    assert!(!verdict.and(["the host drifted".to_owned()]).valid);
}

#[test]
fn the_highest_percentile_that_lacks_samples_is_named() {
    let reason = only_reason(&good(199), &Criteria::percentiles(&[0.999, 0.5, 0.99]));
    assert_eq!(reason, "too few samples: p99.9 needs 1000 good answers, there are 199");
    let reason = only_reason(&good(199), &Criteria::percentiles(&[0.99]));
    assert!(reason.contains("p99 needs 200"), "{reason}");
}

#[test]
fn a_busy_generator_or_machine_spoils_the_run() {
    let mut busy = good(200);
    busy.generator.core_share = CORE_SHARE_MAX;
    busy.steal_share = Some(STEAL_SHARE_MAX);
    assert!(judge(&busy, &Criteria::default()).valid);
    busy.generator.core_share = 0.93;
    assert!(only_reason(&busy, &Criteria::default()).contains("used 93 % of its core"));
    busy.generator.core_share = 0.1;
    busy.steal_share = Some(0.031);
    assert!(only_reason(&busy, &Criteria::default()).contains("3.1 %"));
    busy.steal_share = None;
    assert!(judge(&busy, &Criteria::default()).valid);
}

#[test]
fn more_than_one_call_in_a_hundred_off_schedule_spoils_the_run() {
    let late = |n| {
        outcome((0..200).map(move |i| {
            let sent_us = if i < n { MISSED_AFTER_US + 1 } else { 0 };
            Sample { intended_us: 0, ..sample(sent_us, 1_000) }
        }))
    };
    assert!(judge(&late(2), &Criteria::default()).valid);
    assert!(only_reason(&late(3), &Criteria::default()).contains("3 of 200 calls"));
}

#[test]
fn errors_spoil_the_run_unless_expected() {
    let failed = |kind| Sample { error: Some(kind), ..sample(0, 1) };
    let outcome =
        outcome([failed(ErrorKind::Reset), failed(ErrorKind::Timeout), failed(ErrorKind::Reset)]);
    let reason = only_reason(&outcome, &Criteria::default());
    assert_eq!(reason, "errors: 3 of 3 calls failed: 2 reset, 1 timed out");
    let expected = |errors_expected| Criteria { errors_expected, ..Criteria::default() };
    assert!(judge(&outcome, &expected(3)).valid);
    assert!(only_reason(&outcome, &expected(2)).contains("(2 expected)"));
}

#[test]
fn laws_late_in_more_than_one_call_in_a_hundred_spoil_the_run() {
    let late = |n| {
        outcome((0..200).map(move |i| {
            if i < n {
                with_parts(1_000, &[("net", 0.2, PartKind::Late)])
            } else {
                sample(0, 1_000)
            }
        }))
    };
    assert!(judge(&late(2), &Criteria::default()).valid);
    assert!(only_reason(&late(3), &Criteria::default()).contains("in 3 of 200 calls"));
}

#[test]
fn cold_answers_in_a_warm_run_spoil_it() {
    let samples = [from("a", false), from("b", true)];
    let check = TemperatureCheck::over(&samples, Temperature::Warm, &BTreeSet::new());
    let asked = Criteria { temperature: Some(check), ..Criteria::default() };
    assert!(only_reason(&outcome(samples), &asked).contains("mixed cold and warm"));
}
