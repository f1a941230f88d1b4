//! Break-evens and winners, by hand.

mod common;

use common::{book, dec, ec2, instance, lambda, london, usage};
use gearshift_gear::Dimension;
use gearshift_price::{
    Bill, BreakEven, Candidate, PriceBook, PriceError, Side, bill, break_even,
    break_even_with_units, combine, winners,
};
use rust_decimal::Decimal;

/// A dollar an hour; a request for a cent, half a cent from the 1,000th on.
fn simple() -> PriceBook {
    book(&[
        ("{ instance-hour = \"t2.micro\" }", "hour", "{ begin = 0, usd = \"1\" }"),
        ("\"function-request\"", "request", "{ begin = 0, usd = \"0.01\" }"),
        (
            "\"http-api-request\"",
            "request",
            "{ begin = 0, end = 1000, usd = \"0.01\" }, { begin = 1000, usd = \"0.005\" }",
        ),
        ("\"log-ingest-gb\"", "GB", "{ begin = 0, end = 1000, usd = \"0.01\" }"),
    ])
}

fn standing(hours: &str) -> Bill {
    bill(usage(&[(instance("t2.micro"), hours)], &[]), &simple())
}

fn called(dimension: Dimension, each: &str) -> Bill {
    bill(usage(&[], &[(dimension, each)]), &simple())
}

fn calls(found: &BreakEven) -> Decimal {
    match found {
        BreakEven::At { calls_per_month, .. } => calls_per_month.value,
        other => panic!("no break-even: {other:?}"),
    }
}

#[test]
fn a_function_meets_an_instance_where_its_calls_cost_as_much() {
    let (function, instance) = (lambda(london(), "0.015"), ec2(london()));
    let found = break_even(&function, &instance);
    let per_call = function.per_million_calls().unwrap().value / dec("1000000");
    assert_eq!(calls(&found), dec("14.214") / per_call);
    let BreakEven::At { per_s, cheaper_below, changes_again, .. } = &found else { panic!() };
    assert_eq!(per_s.value, calls(&found) / dec("2628000"));
    assert_eq!((*cheaper_below, *changes_again), (Side::A, false));
    let swapped = break_even(&instance, &function);
    assert_eq!(calls(&swapped), calls(&found));
    assert!(matches!(swapped, BreakEven::At { cheaper_below: Side::B, .. }));
}

#[test]
fn a_tier_moves_the_break_even() {
    // 1,000 calls cost 10 dollars, the remaining 5 dollars buy another 1,000.
    let found = break_even(&called(Dimension::HttpApiRequest, "1"), &standing("15"));
    assert_eq!(calls(&found), dec("2000"));
    // Exactly at a tier's end.
    let found = break_even(&called(Dimension::HttpApiRequest, "1"), &standing("10"));
    assert_eq!(calls(&found), dec("1000"));
}

#[test]
fn tiers_can_change_the_order_twice() {
    // 0.009 a call with 0.5 standing: dearer at first, cheaper around 1,000 calls, dearer above.
    let usage = usage(&[(instance("t2.micro"), "0.5")], &[(Dimension::FunctionRequest, "0.9")]);
    let steady = bill(usage, &simple());
    let found = break_even(&called(Dimension::HttpApiRequest, "1"), &steady);
    assert_eq!(calls(&found), dec("500"));
    assert!(matches!(found, BreakEven::At { changes_again: true, cheaper_below: Side::A, .. }));
}

#[test]
fn one_can_always_be_cheaper_and_both_the_same() {
    let (one, two) = (standing("1"), standing("2"));
    let cheaper = |found| match found {
        BreakEven::Always { cheaper, .. } => cheaper,
        other => panic!("{other:?}"),
    };
    assert_eq!(cheaper(break_even(&one, &two)), Side::A);
    assert_eq!(cheaper(break_even(&two, &one)), Side::B);
    assert_eq!(break_even(&one, &one), BreakEven::Equal);
}

#[test]
fn a_missing_price_hides_the_break_even_only_where_it_lies_beyond() {
    let singapore = PriceBook::shipped("ap-southeast-1").unwrap();
    let hidden = break_even(&lambda(&singapore, "0.015"), &ec2(&singapore));
    assert!(matches!(hidden, BreakEven::Unknown(gap) if gap.what.contains("table write")));
    // The price of a GB is known up to 1,000 GB, 10 dollars.
    let logs = called(Dimension::LogIngestGb, "1");
    assert_eq!(calls(&break_even(&logs, &standing("9"))), dec("900"));
    let beyond = break_even(&logs, &standing("11"));
    assert!(matches!(beyond, BreakEven::Unknown(gap) if gap.what.contains("beyond 1000")));
}

#[test]
fn three_break_evens_make_a_range() {
    let at = |each| break_even(&called(Dimension::FunctionRequest, each), &standing("12"));
    let BreakEven::At { calls_per_month, per_s, holds_throughout, .. } =
        combine(&at("1"), at("2"), &at("3"))
    else {
        panic!()
    };
    assert_eq!(calls_per_month.value, dec("600"));
    assert_eq!(calls_per_month.range, Some((dec("400"), dec("1200"))));
    let second = dec("2628000");
    assert_eq!(per_s.range, Some((dec("400") / second, dec("1200") / second)));
    assert!(holds_throughout);

    let always = break_even(&standing("1"), &standing("2"));
    let BreakEven::At { calls_per_month, holds_throughout, .. } =
        combine(&at("1"), at("2"), &always)
    else {
        panic!()
    };
    assert_eq!((calls_per_month.range, holds_throughout), (None, false));
    assert!(matches!(
        combine(&always, always.clone(), &at("1")),
        BreakEven::Always { holds_throughout: false, .. }
    ));
}

fn candidate(name: &str, bill: Bill, ceiling_per_s: Option<&str>) -> Candidate {
    Candidate { name: name.to_owned(), bill, ceiling_per_s: ceiling_per_s.map(dec) }
}

#[test]
fn the_winners_step_with_the_units() {
    // A unit serves 2,628 calls a month for 10 dollars; a call costs a cent.
    let candidates = [
        candidate("function", called(Dimension::FunctionRequest, "1"), None),
        candidate("instance", standing("10"), Some("0.001")),
    ];
    let found = winners(&candidates, 0..6_000).unwrap();
    let segments: Vec<_> = found
        .segments
        .iter()
        .map(|s| (s.winner.as_str(), s.from_calls_per_month, s.to_calls_per_month, s.units))
        .collect();
    assert_eq!(
        segments,
        [
            ("function", dec("0"), dec("1000"), (1, 1)),
            // From the second unit on 20 dollars stand against 26.28: the instances stay ahead.
            ("instance", dec("1000"), dec("6000"), (1, 3)),
        ]
    );
    let [function, instance] = &candidates;
    assert_eq!(calls(&break_even_with_units(function, instance)), dec("1000"));

    // Units of half the size: a call more than two serve asks for 30 dollars against 26.28.
    let small = candidate("small", standing("10"), Some("0.0005"));
    let found = winners(&[function.clone(), small.clone()], 0..2_700).unwrap();
    let order: Vec<_> =
        found.segments.iter().map(|s| (s.winner.as_str(), s.to_calls_per_month)).collect();
    let expected = [
        ("function", dec("1000")),
        ("small", dec("1314")),
        ("function", dec("2000")),
        ("small", dec("2628")),
        ("function", dec("2700")),
    ];
    assert_eq!(order, expected);
    assert!(matches!(
        break_even_with_units(function, &small),
        BreakEven::At { changes_again: true, .. }
    ));
}

#[test]
fn who_has_no_price_is_left_out_from_there_on() {
    let candidates = [
        candidate("logs", called(Dimension::LogIngestGb, "1"), None),
        candidate("instance", standing("90"), None),
        candidate("nowhere", called(Dimension::TableReadUnit, "1"), None),
        candidate("broken", standing("1"), Some("0")),
    ];
    let found = winners(&candidates, 0..5_000).unwrap();
    let order: Vec<_> =
        found.segments.iter().map(|s| (s.winner.as_str(), s.to_calls_per_month)).collect();
    assert_eq!(order, [("logs", dec("1000")), ("instance", dec("5000"))]);
    let left: Vec<_> =
        found.left_out.iter().map(|out| (out.name.as_str(), out.from_calls_per_month)).collect();
    assert_eq!(left, [("nowhere", dec("0")), ("broken", dec("0")), ("logs", dec("1000"))]);
}

#[test]
fn a_range_of_too_many_units_is_refused() {
    for ceiling in ["0.001", "0.0000000000000000000000000001"] {
        let candidates = [candidate("small", standing("1"), Some(ceiling))];
        let refused = winners(&candidates, 0..1_000_000_000_000).unwrap_err();
        assert!(matches!(&refused, PriceError::TooManyUnits { name, .. } if name == "small"));
    }
}
