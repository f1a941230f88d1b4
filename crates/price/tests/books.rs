//! The shipped books, and what makes a book.

mod common;

use common::{dec, instance, london};
use gearshift_gear::Dimension;
use gearshift_price::{Confidence, PriceBook, PriceError};

#[test]
fn every_region_has_a_valid_book_with_every_burstable_size() {
    assert_eq!(PriceBook::regions().count(), 11);
    for region in PriceBook::regions() {
        let book = PriceBook::shipped(region).unwrap();
        assert_eq!(book.name(), region);
        for family in ["t2", "t3", "t3a", "t4g"] {
            for size in ["nano", "micro", "small", "medium", "large", "xlarge", "2xlarge"] {
                let kind = format!("{family}.{size}");
                assert!(book.price(&instance(&kind)).is_ok(), "{kind} in {region}");
            }
        }
        for price in book.prices() {
            assert_eq!(price.region, region);
            assert!(!price.source.is_empty());
            assert!(price.effective <= *book.published());
            // A zero would be a free-tier row taken for a price; tables' first 25 GB have none.
            let free = usize::from(price.dimension == Dimension::TableGbMonth);
            assert!(price.tiers.iter().skip(free).all(|tier| tier.usd > dec("0")), "{price:?}");
        }
    }
}

#[test]
fn london_has_the_prices_of_its_sources() {
    let price = |dimension| london().price(&dimension).unwrap();
    assert_eq!(price(instance("t2.micro")).first_usd(), dec("0.0132"));
    assert_eq!(price(Dimension::FunctionGbSecond).tiers.len(), 3);
    assert_eq!(price(Dimension::InternetEgressGb).tiers.len(), 4);
    assert_eq!(price(Dimension::TableWriteUnit).confidence, Confidence::Low);
    assert_eq!(price(Dimension::HttpApiRequest).confidence, Confidence::High);
    assert_eq!(
        price(Dimension::FunctionInitGbSecond),
        price(Dimension::FunctionGbSecond),
        "initialisation has the price of duration"
    );
    assert_eq!(london().published().to_string(), "2026-10-06");
}

#[test]
fn an_unknown_region_is_refused_with_the_known_ones() {
    let refused = PriceBook::shipped("eu-west-9").unwrap_err().to_string();
    assert!(refused.contains("eu-west-9") && refused.contains("us-east-1, "), "{refused}");
}

#[test]
fn a_missing_price_says_which_and_what_to_do() {
    let singapore = PriceBook::shipped("ap-southeast-1").unwrap();
    let refused = singapore.price(&Dimension::TableWriteUnit).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "no price for table write in ap-southeast-1 → gearshift price refresh \
         --region ap-southeast-1, or choose another region with --region"
    );
    let init = common::book(&[("\"log-ingest-gb\"", "GB", "{ begin = 0, usd = \"1\" }")]);
    let refused = init.price(&Dimension::FunctionInitGbSecond).unwrap_err();
    assert!(matches!(refused, PriceError::NoPrice { what, .. } if what == "function init"));
}

#[test]
fn tiers_add_up_and_end_where_the_book_ends() {
    let book = common::book(&[(
        "\"internet-egress-gb\"",
        "GB",
        "{ begin = 0, end = 10, usd = \"3\" }, { begin = 10, end = 30, usd = \"2\" }",
    )]);
    let price = book.price(&Dimension::InternetEgressGb).unwrap();
    for (quantity, usd) in [("0", "0"), ("10", "30"), ("10.5", "31"), ("30", "70")] {
        assert_eq!(price.usd(dec(quantity)), Ok(dec(usd)), "{quantity} GB");
    }
    let refused = price.usd(dec("30.001")).unwrap_err();
    assert!(matches!(&refused, PriceError::NoTier { beyond, .. } if *beyond == dec("30")));
    assert!(refused.to_string().contains("beyond 30 a month (unit: GB) in test-1"), "{refused}");
    assert!(matches!(price.usd(dec("-1")), Err(PriceError::BadQuantity { .. })));
}

#[test]
fn a_bad_book_is_refused_with_the_reason() {
    let entry = |unit: &str, tiers: &str| {
        format!(
            "[[price]]\ndimension = \"log-ingest-gb\"\nunit = \"{unit}\"\ntiers = [{tiers}]\n\
             effective = \"2026\"\nsource = \"x\"\nconfidence = \"low\"\n"
        )
    };
    let good = entry("GB", "{ begin = 0, usd = \"0.5\" }");
    assert!(PriceBook::parse(&format!("region = \"r\"\n{good}")).is_ok());
    for (entries, why) in [
        (String::new(), "no price"),
        (good.repeat(2), "listed twice"),
        (entry("GiB", "{ begin = 0, usd = \"0.5\" }"), "unit `GiB`, expected `GB`"),
        (entry("GB", ""), "no tier"),
        (entry("GB", "{ begin = 1, usd = \"0.5\" }"), "does not join"),
        (entry("GB", "{ begin = 0, end = 0, usd = \"0.5\" }"), "does not join"),
        (entry("GB", "{ begin = 0, usd = \"1\" }, { begin = 5, usd = \"1\" }"), "does not join"),
        (entry("GB", "{ begin = 0, usd = \"-0.5\" }"), "below zero"),
        (entry("GB", "{ begin = 0, usd = \"half\" }"), "usd `half`"),
        (entry("GB", "{ begin = 0, usd = 0.5 }"), "floating point"),
    ] {
        let refused = PriceBook::parse(&format!("region = \"r\"\n{entries}")).unwrap_err();
        assert!(refused.to_string().contains(why), "expected `{why}` in: {refused}");
    }
}
