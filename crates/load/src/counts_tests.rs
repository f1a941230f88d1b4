use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// A correct counter's run: where it started, which calls were answered with their count, and how
/// many answers were lost. Counts come back in any order.
fn history() -> impl Strategy<Value = (u64, Vec<u64>, u64)> {
    (0u64..1_000_000, prop::collection::vec(prop::bool::weighted(0.9), 1..200)).prop_flat_map(
        |(before, answered)| {
            let lost = answered.iter().filter(|answered| !**answered).count() as u64;
            let counts: Vec<u64> = (before + 1..)
                .zip(answered)
                .filter_map(|(count, answered)| answered.then_some(count))
                .collect();
            (Just(before), Just(counts).prop_shuffle(), Just(lost))
        },
    )
}

proptest! {
    #[test]
    fn a_correct_counter_always_holds((before, counts, lost) in history(), uncounted in 0u64..5) {
        let after = before + counts.len() as u64 + lost;
        let check = CountCheck::over(&counts, lost + uncounted).between(&counts, before, after);
        prop_assert!(check.holds(), "{:?}", check.reasons());
    }

    #[test]
    fn a_count_given_twice_never_holds(
        (_, mut counts, lost) in history(), at: prop::sample::Index, to: prop::sample::Index,
    ) {
        prop_assume!(!counts.is_empty());
        let again = *at.get(&counts);
        counts.insert(to.index(counts.len() + 1), again);
        let check = CountCheck::over(&counts, lost);
        prop_assert_eq!((check.duplicates, check.duplicated.clone()), (1, vec![again]));
        prop_assert!(!check.holds());
    }

    #[test]
    fn more_counts_missing_than_calls_unacknowledged_never_holds(
        counts in prop::collection::btree_set(0u64..500, 2..100),
    ) {
        let counts: Vec<u64> = counts.into_iter().collect();
        let gaps = counts[counts.len() - 1] - counts[0] + 1 - counts.len() as u64;
        prop_assert_eq!(CountCheck::over(&counts, gaps).gaps, gaps);
        prop_assert!(CountCheck::over(&counts, gaps).holds());
        if gaps > 0 {
            prop_assert!(!CountCheck::over(&counts, gaps - 1).holds());
        }
    }

    #[test]
    fn a_counter_that_lost_or_invented_counts_never_holds((before, counts, lost) in history()) {
        prop_assume!(!counts.is_empty());
        let check = CountCheck::over(&counts, lost);
        let (least, most) = (counts.len() as u64, counts.len() as u64 + lost);
        for after in [before + least - 1, before + most + 1] {
            prop_assert!(!check.clone().between(&counts, before, after).holds());
        }
    }

    #[test]
    fn duplicates_and_gaps_are_those_of_a_set(counts in prop::collection::vec(0u64..60, 0..80)) {
        let check = CountCheck::over(&counts, 0);
        let set: BTreeSet<u64> = counts.iter().copied().collect();
        let span = match (set.first(), set.last()) {
            (Some(low), Some(high)) => (*low..=*high).count(),
            _ => 0,
        };
        prop_assert_eq!(check.duplicates as usize, counts.len() - set.len());
        prop_assert_eq!(check.gaps as usize, span - set.len());
    }
}

#[test]
fn a_counter_that_went_back_or_answered_from_elsewhere_does_not_hold() {
    let between = |before, after| CountCheck::over(&[5, 6], 0).between(&[5, 6], before, after);
    assert!(between(4, 6).holds());
    assert!(between(6, 4).reasons()[0].contains("went back"));
    assert_eq!(between(4, 5).reasons()[0], "lost counts: 2 acknowledged, 1 counted");
    assert_eq!(between(5, 7).range.unwrap().outside, 1);
    assert_eq!(between(3, 5).range.unwrap().outside, 1);
}

#[test]
fn nothing_counted_holds_and_extremes_do_not_overflow() {
    assert!(CountCheck::over(&[], 0).holds());
    let check = CountCheck::over(&[0, u64::MAX], u64::MAX);
    assert_eq!(check.gaps, u64::MAX - 1);
    assert!(check.between(&[0, u64::MAX], 0, u64::MAX).range.is_some());
}
