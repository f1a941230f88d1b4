//! What holds for every usage.

mod common;

use common::{dec, instance, london};
use gearshift_gear::{Dimension, Origin};
use gearshift_price::{
    Bill, BreakEven, Candidate, FixedLine, SECONDS_PER_MONTH, Side, Usage, UsagePerCall, bill,
    break_even, winners,
};
use proptest::prelude::*;
use rust_decimal::Decimal;

/// Products of 12 + 7 + 10 digits are rounded to 28.
fn close(a: Decimal, b: Decimal) -> bool {
    (a - b).abs() <= dec("0.000001")
}

fn quantity(most: u64) -> impl Strategy<Value = Decimal> {
    (0..=most * 1_000_000).prop_map(|millionths| Decimal::new(millionths as i64, 6))
}

fn origin() -> Origin {
    Origin::Assumed("drawn".to_owned())
}

fn fixed() -> impl Strategy<Value = Vec<FixedLine>> {
    let dimension = prop::sample::select(vec![
        instance("t2.micro"),
        instance("t3.large"),
        Dimension::VolumeGbMonth,
        Dimension::PublicIpv4Hour,
    ]);
    let line = (dimension, quantity(5_000), any::<bool>());
    let line = line.prop_map(|(dimension, quantity, shared)| FixedLine {
        shared,
        dimension,
        quantity,
        origin: origin(),
    });
    prop::collection::vec(line, 0..4)
}

fn per_call() -> impl Strategy<Value = Vec<UsagePerCall>> {
    let dimension = prop::sample::select(vec![
        Dimension::HttpApiRequest,
        Dimension::FunctionRequest,
        Dimension::FunctionGbSecond,
        Dimension::FunctionInitGbSecond,
        Dimension::TableWriteUnit,
        Dimension::LogIngestGb,
        Dimension::InternetEgressGb,
    ]);
    let line = (dimension, quantity(3)).prop_map(|(dimension, quantity)| UsagePerCall {
        dimension,
        quantity,
        origin: origin(),
    });
    prop::collection::vec(line, 0..4)
}

fn usage() -> impl Strategy<Value = Usage> {
    (fixed(), per_call()).prop_map(|(fixed, per_call)| Usage { fixed, per_call })
}

fn both(a: &Usage, b: &Usage) -> Usage {
    Usage {
        fixed: [a.fixed.clone(), b.fixed.clone()].concat(),
        per_call: [a.per_call.clone(), b.per_call.clone()].concat(),
    }
}

fn volume() -> impl Strategy<Value = u64> {
    prop_oneof![0..10_000_000u64, 0..1_000_000_000_000u64]
}

fn monthly(bill: &Bill, calls: impl Into<Decimal>) -> Decimal {
    bill.monthly(calls).unwrap().value
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bills_add_up(a in usage(), b in usage(), calls in volume()) {
        let (one, other) = (bill(a.clone(), london()), bill(b.clone(), london()));
        let sum = bill(both(&a, &b), london());
        let standing = |bill: &Bill| bill.per_month_fixed().unwrap().value;
        let million = |bill: &Bill| bill.per_million_calls().unwrap().value;
        prop_assert!(close(standing(&sum), standing(&one) + standing(&other)));
        prop_assert!(close(million(&sum), million(&one) + million(&other)));
        // Tiers fall with volume, so together never costs more than apart.
        let apart = monthly(&one, calls) + monthly(&other, calls);
        prop_assert!(monthly(&sum, calls) <= apart + dec("0.000001"));
        prop_assert!(monthly(&sum, calls) >= monthly(&one, calls));
    }

    #[test]
    fn a_month_is_its_groups(a in usage(), calls in volume()) {
        let bill = bill(a, london());
        let groups = gearshift_price::Group::ALL
            .map(|group| bill.group_monthly(group, calls, 1).unwrap().value);
        prop_assert!(close(groups.into_iter().sum(), monthly(&bill, calls)));
    }

    #[test]
    fn a_line_can_be_cut_in_two(a in usage(), calls in volume(), part in 0..=100i64) {
        let whole = bill(a.clone(), london());
        let mut cut = a.clone();
        for line in &a.per_call {
            let less = line.quantity * Decimal::new(part, 2);
            cut.per_call.push(UsagePerCall { quantity: less, ..line.clone() });
        }
        for (line, less) in cut.per_call.clone().iter().skip(a.per_call.len()).enumerate() {
            cut.per_call[line].quantity -= less.quantity;
        }
        prop_assert!(close(monthly(&bill(cut, london()), calls), monthly(&whole, calls)));
    }

    #[test]
    fn more_never_costs_less(a in usage(), calls in volume(), more in volume()) {
        let bill = bill(a, london());
        prop_assert!(monthly(&bill, calls) <= monthly(&bill, calls + more));
        prop_assert!(bill.per_month_fixed().unwrap().value <= monthly(&bill, calls));
    }

    #[test]
    fn costs_are_equal_at_the_break_even_and_ordered_beside_it(
        a in usage(), b in usage(), beside in volume(),
    ) {
        let (a, b) = (bill(a, london()), bill(b, london()));
        let dearer_by = |calls: Decimal| monthly(&a, calls) - monthly(&b, calls);
        let ordered = |calls: Decimal, cheaper: Side| {
            let by = dearer_by(calls);
            close(by, dec("0")) || by.is_sign_negative() == (cheaper == Side::A)
        };
        match break_even(&a, &b) {
            BreakEven::At { calls_per_month, cheaper_below, changes_again, .. } => {
                let at = calls_per_month.value;
                prop_assert!(close(dearer_by(at), dec("0")), "{} at {at}", dearer_by(at));
                let below = at * Decimal::from(beside) / dec("1000000000000");
                prop_assert!(ordered(below, cheaper_below));
                if !changes_again && Decimal::from(beside) > at {
                    prop_assert!(ordered(beside.into(), cheaper_below.other()));
                }
            }
            BreakEven::Always { cheaper, .. } => prop_assert!(ordered(beside.into(), cheaper)),
            BreakEven::Equal => prop_assert!(close(dearer_by(beside.into()), dec("0"))),
            BreakEven::Unknown(gap) => prop_assert!(false, "{gap}"),
        }
    }

    #[test]
    fn no_candidate_beats_the_winner(
        drawn in prop::collection::vec((usage(), prop::option::of(1..2_000i64)), 1..4),
        end in 1..1_000_000_000u64,
        thousandth in 0..=1_000u64,
    ) {
        let candidates: Vec<_> = drawn
            .into_iter()
            .enumerate()
            .map(|(index, (usage, ceiling))| Candidate {
                name: index.to_string(),
                bill: bill(usage, london()),
                ceiling_per_s: ceiling.map(Decimal::from),
            })
            .collect();
        let found = winners(&candidates, 0..end).unwrap();
        prop_assert!(found.left_out.is_empty());
        prop_assert_eq!(found.segments.last().unwrap().to_calls_per_month, end.into());
        for pair in found.segments.windows(2) {
            prop_assert_eq!(pair[0].to_calls_per_month, pair[1].from_calls_per_month);
            prop_assert_ne!(&pair[0].winner, &pair[1].winner);
        }
        for segment in &found.segments {
            let (from, to) = (segment.from_calls_per_month, segment.to_calls_per_month);
            // Never exactly at the beginning, where the cost steps.
            let at = from + (to - from) * Decimal::from(thousandth + 1) / dec("1002");
            let usd = |candidate: &Candidate| {
                let peak = at / Decimal::from(SECONDS_PER_MONTH);
                let ceiling = candidate.ceiling_per_s.unwrap_or(Decimal::MAX);
                candidate.bill.monthly_with_units(at, ceiling, peak).unwrap()
            };
            let winner = candidates.iter().find(|c| c.name == segment.winner).unwrap();
            let best = candidates.iter().map(|c| usd(c).usd.value).min().unwrap();
            let won = usd(winner);
            prop_assert!(close(won.usd.value, best), "{segment:?} at {at}: {best}");
            prop_assert!((segment.units.0..=segment.units.1).contains(&won.units));
        }
    }
}
