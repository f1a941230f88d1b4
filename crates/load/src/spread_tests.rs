use gearshift_gear::PartKind::Declared;

use super::*;
use crate::ErrorKind;
use crate::testing::{sample, with_parts};

/// 1 to `n` ms, of which 1 ms is declared, except that the last one waited `n` − 1 ms for a law.
fn samples(n: u64) -> Vec<Sample> {
    let declared = |ms| if ms == n { ms as f64 - 1.0 } else { 1.0 };
    (1..=n).map(|ms| with_parts(ms * 1_000, &[("net", declared(ms), Declared)])).collect()
}

fn at(points: &[SplitAt], q: f64) -> SplitAt {
    *points.iter().find(|point| (point.q - q).abs() < 1e-9).unwrap_or_else(|| panic!("no p{q}"))
}

#[test]
fn a_point_is_a_mean_over_its_neighbours_and_a_tail_is_single_calls() {
    let points = along_percentiles(&samples(1_000), Since::Sent);
    let p50 = at(&points, 0.5);
    assert_eq!((p50.n, p50.total_ms, p50.declared_ms, p50.here_ms), (51, 500.0, 1.0, 499.0));
    // Ten calls lie beyond it, a quarter of which are two.
    assert_eq!((at(&points, 0.99).n, at(&points, 0.99).total_ms), (5, 990.0));
    let p999 = at(&points, 0.999);
    assert_eq!((p999.n, p999.total_ms), (1, 999.0), "the one slow law is the call after it");
    assert_eq!((points[0].q, points[0].n, points[0].total_ms), (0.0, 1, 1.0));
}

#[test]
fn points_rise_and_their_parts_make_the_whole() {
    for n in [1, 5, 39, 200, 3_000] {
        let points = along_percentiles(&samples(n), Since::Sent);
        assert!(
            points
                .windows(2)
                .all(|pair| pair[0].q < pair[1].q && pair[0].total_ms <= pair[1].total_ms),
            "{n}: {points:?}"
        );
        assert!(points.iter().all(|p| (p.here_ms + p.declared_ms - p.total_ms).abs() < 1e-9));
    }
}

#[test]
fn a_percentile_without_calls_enough_has_no_point() {
    let has =
        |n, q: f64| along_percentiles(&samples(n), Since::Sent).iter().any(|point| point.q == q);
    assert!(!has(199, 0.99) && has(200, 0.99));
    assert!(!has(999, 0.999) && has(1_000, 0.999));
    assert!(!has(5, 0.5) && has(6, 0.5));
}

#[test]
fn failed_calls_have_no_part_in_it() {
    let failed = Sample { error: Some(ErrorKind::Timeout), ..sample(0, 9_000_000) };
    assert_eq!(along_percentiles(std::slice::from_ref(&failed), Since::Sent), []);
    let points = along_percentiles(&[failed, sample(0, 2_000)], Since::Sent);
    assert!(points.iter().all(|point| point.total_ms == 2.0));
}
