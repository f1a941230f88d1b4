//! Bills, against published figures and by hand.

mod common;

use std::num::NonZeroU64;

use common::{book, dec, ec2, instance, lambda, london, usage};
use gearshift_gear::{CATALOGUE, Dimension, Origin, UsageLine};
use gearshift_price::{Group, PriceBook, PriceError, Usage, bill, fixed_usage, per_call_usage};

/// What the December 2021 table of eu-west-2 was computed with.
fn december_2021() -> PriceBook {
    let flat = |usd: &str| format!("{{ begin = 0, usd = \"{usd}\" }}");
    book(&[
        ("{ instance-hour = \"t2.micro\" }", "hour", &flat("0.0132")),
        ("\"volume-gb-month\"", "GB-month", &flat("0.116")),
        ("\"http-api-request\"", "request", &flat("0.00000116")),
        ("\"function-request\"", "request", &flat("0.0000002")),
        ("\"function-gb-second\"", "GB-second", &flat("0.0000166667")),
        ("\"table-write-unit\"", "write unit", &flat("0.0000014846")),
        ("\"table-read-unit\"", "read unit", &flat("0.000000297")),
    ])
}

#[test]
fn the_published_figures_of_december_2021_come_out() {
    let book = december_2021();
    let fixed = [(instance("t2.micro"), "730"), (Dimension::VolumeGbMonth, "8")];
    let ec2 = bill(usage(&fixed, &[]), &book);
    assert_eq!(ec2.monthly_in_cents(0).unwrap().value, dec("10.57"));
    assert_eq!(ec2.per_month_fixed().unwrap().value, dec("10.564"), "not rounded");
    // 0.25 GB x 60 ms; a read is eventually consistent.
    let python = lambda(&book, "0.015");
    assert_eq!(python.monthly_in_cents(1_000_000).unwrap().value, dec("3.24"));
    assert_eq!(python.per_million_calls().unwrap().value, dec("3.2431005"));
    let cpp = lambda(&book, "0.00575");
    assert_eq!(cpp.monthly_in_cents(1_000_000).unwrap().value, dec("3.09"));
}

#[test]
fn an_instance_in_london_costs_14_214_today() {
    let row = CATALOGUE.row("ec2").unwrap();
    let bill = bill(Usage { fixed: fixed_usage(row).unwrap(), per_call: vec![] }, london());
    let group = |group| bill.group_monthly(group, 0, 1).unwrap().value;
    assert_eq!(group(Group::Compute), dec("9.636"));
    assert_eq!(group(Group::Store), dec("0.928"));
    assert_eq!(group(Group::Network), dec("3.65"));
    assert_eq!(bill.per_month_fixed().unwrap().value, dec("14.214"));
    assert_eq!(bill.monthly(1_000_000_000).unwrap().value, dec("14.214"));
    assert_eq!(bill.per_million_calls().unwrap().value, dec("0"));
}

#[test]
fn functions_have_no_fixed_usage_and_shifting_has_none_of_its_own() {
    let fixed = |name| fixed_usage(CATALOGUE.row(name).unwrap());
    assert_eq!(fixed("lambda-rust-dynamodb"), Ok(vec![]));
    let refused = fixed("flex").unwrap_err();
    assert!(matches!(&refused, PriceError::NoRule { row, .. } if row == "flex"), "{refused}");
}

#[test]
fn clusters_and_kubernetes_cost_what_they_stand_on() {
    let month = |row: &str, region: &str| {
        let fixed = fixed_usage(CATALOGUE.row(row).unwrap()).unwrap();
        let bill = bill(Usage { fixed, per_call: vec![] }, &PriceBook::shipped(region).unwrap());
        bill.per_month_fixed().unwrap().value
    };
    // us-east-1. Five t2.micro (four and the balancer's) and four t2.large all month:
    // (5 × 0.0116 + 4 × 0.0928) × 730 = 313.316; nine disks of 8 GB: 9 × 8 × 0.10 = 7.20; nine
    // addresses: 9 × 0.005 × 730 = 32.85.
    assert_eq!(month("clusters", "us-east-1"), dec("353.366"));
    // Control plane 0.10 × 730 = 73.00; a t3.medium 0.0416 × 730 = 30.368; its disk 20 × 0.10 =
    // 2.00; its address 3.65.
    assert_eq!(month("kubernetes", "us-east-1"), dec("109.018"));
}

#[test]
fn a_second_task_costs_a_task_and_no_second_load_balancer() {
    let bill_of = |row: &str| {
        let fixed = fixed_usage(CATALOGUE.row(row).unwrap()).unwrap();
        bill(Usage { fixed, per_call: vec![] }, london())
    };
    let month = |row: &str, units: i64| {
        let cost = bill_of(row).monthly_with_units(0, dec("1"), units.into()).unwrap();
        assert_eq!(cost.units, units as u64);
        cost.usd.value.round_dp(2)
    };
    // Load balancer 19.32 and two addresses 7.30; a task 3.27 and its address 3.65.
    assert_eq!(month("fargate", 1), dec("33.53"));
    assert_eq!(month("fargate", 3) - month("fargate", 2), dec("6.92"));
    assert_eq!(month("fargate-direct", 1), dec("6.92"));
    // t2.micro 9.64, 30 GB 3.48, one address more than its load balancer's.
    assert_eq!(month("ecs-ec2", 1), dec("43.38"));
    let groups = |group| bill_of("fargate").group_monthly(group, 0, 1).unwrap().value.round_dp(2);
    assert_eq!(
        [Group::Front, Group::Compute, Group::Network].map(groups),
        ["19.32", "3.27", "10.95"].map(dec)
    );
}

#[test]
fn usage_per_call_is_the_average_and_leaves_out_what_is_billed_by_time() {
    let at = "2026-11-01T00:00:00Z".parse().unwrap();
    let line = |dimension, quantity| UsageLine {
        dimension,
        quantity: dec(quantity),
        window: (at, at),
        complete_until: at,
    };
    let lines = [
        line(Dimension::TableWriteUnit, "5"),
        line(instance("t2.micro"), "3"),
        line(Dimension::FunctionGbSecond, "1"),
        line(Dimension::TableWriteUnit, "3"),
    ];
    let origin = Origin::Assumed("test".to_owned());
    let per_call = per_call_usage(&lines, NonZeroU64::new(4).unwrap(), &origin);
    let found: Vec<_> = per_call.iter().map(|u| (u.dimension.clone(), u.quantity)).collect();
    assert_eq!(
        found,
        [(Dimension::FunctionGbSecond, dec("0.25")), (Dimension::TableWriteUnit, dec("2"))]
    );
}

#[test]
fn a_missing_price_empties_its_sums_and_no_others() {
    let singapore = PriceBook::shipped("ap-southeast-1").unwrap();
    let bill = lambda(&singapore, "0.015");
    for sum in [bill.monthly(1), bill.per_million_calls(), bill.group_monthly(Group::Store, 1, 1)] {
        let gap = sum.unwrap_err();
        assert_eq!(gap.what, "table write, ap-southeast-1");
        assert!(gap.text.contains("gearshift price refresh --region ap-southeast-1"), "{gap}");
    }
    let front = bill.group_monthly(Group::Front, 1_000_000, 1).unwrap();
    assert_eq!(front.value, dec("1.25"));
    assert_eq!(bill.per_month_fixed().unwrap().value, dec("0"), "nothing fixed is used");
    assert_eq!(bill.lines.iter().filter(|line| line.usd().is_err()).count(), 2);
}

#[test]
fn a_quantity_that_cannot_be_billed_is_a_gap() {
    for quantity in ["-1", "79228162514264337593543950335"] {
        let bill = bill(usage(&[], &[(Dimension::LogIngestGb, quantity)]), london());
        assert!(bill.per_million_calls().is_err(), "{quantity}");
        assert!(bill.monthly(5).is_err(), "{quantity}");
    }
    assert!(lambda(london(), "0.015").monthly(-1).is_err());
}

#[test]
fn duration_and_initialisation_share_one_tier() {
    let book = book(&[(
        "\"function-gb-second\"",
        "GB-second",
        "{ begin = 0, end = 100, usd = \"2\" }, { begin = 100, usd = \"1\" }",
    )]);
    let per_call = [(Dimension::FunctionGbSecond, "3"), (Dimension::FunctionInitGbSecond, "1")];
    let bill = bill(usage(&[], &per_call), &book);
    assert_eq!(bill.monthly(25).unwrap().value, dec("200"));
    assert_eq!(bill.monthly(26).unwrap().value, dec("204"), "beyond 100 in sum");
}

#[test]
fn units_follow_the_peak() {
    let bill = ec2(london());
    let at = |peak| bill.monthly_with_units(1, dec("10"), dec(peak)).unwrap();
    assert_eq!((at("0").units, at("10").units, at("10.001").units), (1, 1, 2));
    assert_eq!(at("35").usd.value, dec("14.214") * dec("4"));
    let function = lambda(london(), "0.015");
    let many = function.monthly_with_units(1_000_000, dec("10"), dec("35")).unwrap();
    assert_eq!(many.usd.value, function.monthly(1_000_000).unwrap().value, "nothing stands");
    assert!(bill.monthly_with_units(1, dec("0"), dec("1")).unwrap_err().what == "ceiling");
}

#[test]
fn every_amount_names_its_sources_and_money_is_text_in_json() {
    let bill = lambda(london(), "0.015");
    let leaves = bill.monthly(1).unwrap().origin;
    let quoted = leaves.leaves().into_iter().filter(|leaf| matches!(leaf, Origin::Quoted(_)));
    assert!(quoted.count() >= 3, "{leaves:?}");

    let json = serde_json::to_value(&bill).unwrap();
    assert!(floats(&json).is_empty(), "{:?}", floats(&json));
    let back: gearshift_price::Bill = serde_json::from_value(json).unwrap();
    assert_eq!(back, bill);
}

fn floats(json: &serde_json::Value) -> Vec<&serde_json::Value> {
    match json {
        serde_json::Value::Array(items) => items.iter().flat_map(floats).collect(),
        serde_json::Value::Object(fields) => fields.values().flat_map(floats).collect(),
        number if number.is_f64() => vec![number],
        _ => vec![],
    }
}

#[test]
fn no_source_file_names_a_float_type() {
    let sources = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    let mut seen = 0;
    for entry in std::fs::read_dir(sources).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains("f64") && !text.contains("f32"), "{}", path.display());
        seen += 1;
    }
    assert!(seen > 5);
}
