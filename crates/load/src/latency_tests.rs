use proptest::prelude::*;

use super::*;
use crate::percentile;

fn latency(values: &[u64]) -> Latency {
    let mut gauge = Gauge::new();
    for us in values {
        gauge.record(*us);
    }
    gauge.latency()
}

proptest! {
    #[test]
    fn merging_is_recording_all_in_one(
        one in prop::collection::vec(0u64..70_000_000, 0..300),
        two in prop::collection::vec(0u64..5_000, 0..300),
    ) {
        let mut merged = latency(&one);
        merged.merge(&latency(&two));
        prop_assert_eq!(merged, latency(&[one, two].concat()));
    }

    #[test]
    fn percentiles_are_the_exact_ones_to_three_digits(
        values in prop::collection::vec(1u64..59_000_000, 1_000..1_300),
        q in prop::sample::select(vec![0.5, 0.9, 0.95, 0.99, 0.999]),
    ) {
        let exact: Vec<f64> = values.iter().map(|us| *us as f64).collect();
        let exact = percentile(&exact, q).value().unwrap();
        let value = latency(&values).percentile(q).value().unwrap();
        prop_assert!((value / exact - 1.0).abs() <= 0.001, "{value} for {exact}");
    }
}

#[test]
fn too_few_calls_give_no_percentile_but_a_maximum() {
    let latency = latency(&[1_234_567; 199]);
    assert_eq!(latency.p99_us, Percentile::TooFew { n: 199, needs: 200 });
    assert_eq!(latency.p999_us, Percentile::TooFew { n: 199, needs: 1_000 });
    assert!(latency.p95_us.value().is_some());
    assert_eq!(latency.max_us, 1_234_567);
}

#[test]
fn beyond_the_range_the_maximum_stays_exact() {
    let latency = latency(&[0, 90_000_000]);
    assert_eq!((latency.n, latency.max_us), (2, 90_000_000));
}

#[test]
fn the_curve_ends_where_the_calls_do() {
    let curve = |n: u64| latency(&(1..=n).collect::<Vec<_>>()).curve;
    assert_eq!(curve(0), []);
    assert_eq!(curve(1), [CurvePoint { q: 0.0, us: 1 }]);
    assert!(curve(100).iter().all(|point| point.q <= 0.99 + 1e-9));
    let whole = curve(20_000);
    assert_eq!(whole.len(), 30);
    assert!((whole[29].q - 0.9999).abs() < 1e-9);
    assert!(whole.windows(2).all(|pair| pair[0].q < pair[1].q && pair[0].us <= pair[1].us));
}
