use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;

fn ranks(n: u32) -> Vec<f64> {
    (1..=n).map(f64::from).collect()
}

#[test]
fn percentiles_need_what_the_design_promises() {
    let needs = [(0.5, 6), (0.9, 20), (0.95, 40), (0.99, 200), (0.999, 1_000), (0.9999, 10_000)];
    for (q, n) in needs {
        assert_eq!(needed(q), n, "p{}", q * 100.0);
    }
    assert_eq!(needed(0.01), 200);
    assert_eq!(needed(1.0), 1);
}

#[test]
fn too_few_values_give_no_number() {
    let too_few = percentile(&ranks(199), 0.99);
    assert_eq!(too_few, Percentile::TooFew { n: 199, needs: 200 });
    assert_eq!(too_few.to_string(), "n<200");
    assert_eq!(percentile(&ranks(200), 0.99), Percentile::Value(198.0));
    assert_eq!(percentile(&[], 1.0), Percentile::TooFew { n: 0, needs: 1 });
    assert_eq!(percentile(&[3.0], 1.0), Percentile::Value(3.0));
}

/// Ranks and coverages worked out by hand from the binomial with p = ½.
#[test]
fn median_intervals_are_the_tables() {
    for (n, low, high, confidence) in [
        (6, 1.0, 6.0, 62.0 / 64.0),
        (9, 2.0, 8.0, 1.0 - 2.0 * 10.0 / 512.0),
        (10, 2.0, 9.0, 1.0 - 2.0 * 11.0 / 1024.0),
        (20, 6.0, 15.0, 1.0 - 2.0 * 21_700.0 / 1_048_576.0),
    ] {
        let interval = median_interval(&ranks(n), 0.95).unwrap();
        assert_eq!((interval.low, interval.high), (low, high), "n = {n}");
        assert!((interval.confidence - confidence).abs() < 1e-9, "n = {n}: {interval:?}");
    }
    assert_eq!(median_interval(&ranks(5), 0.95), None);
    assert_eq!(median_interval(&[], 0.95), None);
}

#[test]
fn intervals_hold_the_true_quantile_as_often_as_they_say() {
    let mut rng = StdRng::seed_from_u64(7);
    for (n, q) in [(15, 0.5), (60, 0.9)] {
        let holds = (0..4_000).filter(|_| {
            let values: Vec<f64> = (0..n).map(|_| rng.r#gen()).collect();
            let interval = quantile_interval(&values, q, 0.95).unwrap();
            (interval.low..=interval.high).contains(&q)
        });
        let share = holds.count() as f64 / 4_000.0;
        assert!(share > 0.94 && share < 0.995, "n = {n}, q = {q}: {share}");
    }
}

#[test]
fn intervals_of_many_values_stay_in_range() {
    let interval = median_interval(&ranks(20_000), 0.95).unwrap();
    // Normal approximation: 10,000 ∓ 1.96 · √20,000 / 2.
    assert!((interval.low - 9_861.0).abs() < 3.0, "{interval:?}");
    assert!((interval.high - 10_140.0).abs() < 3.0, "{interval:?}");
    assert!((0.95..0.952).contains(&interval.confidence), "{interval:?}");
}

proptest! {
    #[test]
    fn a_percentile_is_the_least_value_with_enough_at_or_below(
        values in prop::collection::vec(0u32..50, 20..300),
        q in prop::sample::select(vec![0.25, 0.5, 0.75, 0.9]),
    ) {
        let values: Vec<f64> = values.into_iter().map(f64::from).collect();
        let value = percentile(&values, q).value().unwrap();
        let wanted = q * values.len() as f64 - 1e-9;
        let at_or_below = values.iter().filter(|v| **v <= value).count() as f64;
        let below = values.iter().filter(|v| **v < value).count() as f64;
        prop_assert!(values.contains(&value));
        prop_assert!(at_or_below >= wanted && below < wanted);
    }

    #[test]
    fn an_interval_holds_the_percentile_and_is_as_sure_as_asked(
        values in prop::collection::vec(-1e6f64..1e6, 6..200),
    ) {
        let interval = median_interval(&values, 0.95).unwrap();
        let median = percentile(&values, 0.5).value().unwrap();
        prop_assert!(interval.low <= median && median <= interval.high);
        prop_assert!(interval.confidence >= 0.95 && interval.confidence < 1.0);
    }
}
