//! What is taken from a price-list file and what is refused.

use gearshift_gear::Dimension;
use gearshift_price::PriceBook;
use gearshift_price::offers::{Wanted, find, of_json};
use rust_decimal::Decimal;

/// The price of a function's request in a file with one such product at these rates, and one more
/// that has no dollars.
fn request(unit: &str, rates: &[(&str, &str, &str)]) -> Result<Vec<Decimal>, String> {
    let rates: Vec<String> = rates
        .iter()
        .enumerate()
        .map(|(at, (begin, end, usd))| {
            format!(
                r#""{at}":{{"unit":"{unit}","beginRange":"{begin}","endRange":"{end}","pricePerUnit":{{"USD":"{usd}"}}}}"#
            )
        })
        .collect();
    let term = |rates: &str| {
        format!(r#"{{"T":{{"offerTermCode":"JRTCKXETXF","priceDimensions":{{{rates}}}}}}}"#)
    };
    let elsewhere =
        r#""0":{"unit":"x","beginRange":"0","endRange":"Inf","pricePerUnit":{"CNY":"1"}}"#;
    let text = format!(
        r#"{{"products":{{
            "OURS":{{"attributes":{{"usagetype":"EUW2-Request","group":"AWS-Lambda-Requests"}}}},
            "OTHER":{{"attributes":{{"usagetype":"EUW2-Else"}}}}}},
          "terms":{{"OnDemand":{{"OURS":{},"OTHER":{}}}}}}}"#,
        term(&rates.join(",")),
        term(elsewhere)
    );
    let (_, offered) = of_json("AWSLambda", text.as_bytes()).map_err(|error| error.to_string())?;
    let book = PriceBook::shipped("eu-west-2").unwrap();
    let wanted = Wanted::of(&book);
    let wanted = wanted.iter().find(|one| one.dimension == Dimension::FunctionRequest).unwrap();
    let (_, tiers) = find(wanted, &offered, "eu-west-2").map_err(|error| error.to_string())?;
    Ok(tiers.iter().map(|tier| tier.usd).collect())
}

#[test]
fn a_price_is_taken_whatever_else_the_file_holds() {
    let usd = request("Requests", &[("0", "Inf", "0.0000002000")]).unwrap();
    assert_eq!(usd, [Decimal::new(2, 7)]);
}

#[test]
fn what_is_free_up_to_a_quantity_is_a_price() {
    let usd = request("Requests", &[("0", "25", "0"), ("25", "Inf", "0.5")]).unwrap();
    assert_eq!(usd, [Decimal::ZERO, Decimal::new(5, 1)]);
}

#[test]
fn a_price_below_zero_of_nothing_or_in_another_unit_is_refused_by_name() {
    for (unit, rates, says) in [
        ("Requests", &[("0", "Inf", "-1")][..], "below zero"),
        ("Requests", &[("0", "Inf", "0.0000000000")], "no price above zero"),
        ("Requests", &[("10", "Inf", "1")], "does not join"),
        ("Requests", &[], "no price above zero"),
        ("fortnight", &[("0", "Inf", "0.2")], "by `fortnight`"),
        ("Requests", &[("0", "Inf", "dear")], "`dear`"),
    ] {
        let why = request(unit, rates).unwrap_err();
        assert!(why.starts_with("OURS: ") && why.contains(says), "{unit} {rates:?}: {why}");
    }
}
