//! Words the tests share.
#![allow(dead_code)]

use std::sync::LazyLock;

use gearshift_gear::{Dimension, Origin};
use gearshift_price::{Bill, FixedLine, PriceBook, Usage, UsagePerCall, bill};
use rust_decimal::Decimal;

pub fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

pub fn instance(kind: &str) -> Dimension {
    Dimension::InstanceHour(kind.to_owned())
}

/// A usage from (dimension, quantity) pairs.
pub fn usage(fixed: &[(Dimension, &str)], per_call: &[(Dimension, &str)]) -> Usage {
    let origin = || Origin::Assumed("by the test".to_owned());
    Usage {
        fixed: fixed
            .iter()
            .map(|(dimension, quantity)| FixedLine {
                dimension: dimension.clone(),
                quantity: dec(quantity),
                shared: false,
                origin: origin(),
            })
            .collect(),
        per_call: per_call
            .iter()
            .map(|(dimension, quantity)| UsagePerCall {
                dimension: dimension.clone(),
                quantity: dec(quantity),
                origin: origin(),
            })
            .collect(),
    }
}

/// A book of one region, each price with its tiers as TOML.
pub fn book(prices: &[(&str, &str, &str)]) -> PriceBook {
    let mut text = "region = \"test-1\"\n".to_owned();
    for (dimension, unit, tiers) in prices {
        text += &format!(
            "[[price]]\ndimension = {dimension}\nunit = \"{unit}\"\ntiers = [{tiers}]\n\
             effective = \"2021-12\"\nsource = \"the test\"\nconfidence = \"high\"\n"
        );
    }
    PriceBook::parse(&text).unwrap()
}

pub fn london() -> &'static PriceBook {
    static LONDON: LazyLock<PriceBook> = LazyLock::new(|| PriceBook::shipped("eu-west-2").unwrap());
    &LONDON
}

/// An instance with its disk and address.
pub fn ec2(book: &PriceBook) -> Bill {
    let fixed = [
        (instance("t2.micro"), "730"),
        (Dimension::VolumeGbMonth, "8"),
        (Dimension::PublicIpv4Hour, "730"),
    ];
    bill(usage(&fixed, &[]), book)
}

/// A function behind an HTTP API over a table, with these GB-seconds a call.
pub fn lambda(book: &PriceBook, gb_seconds: &str) -> Bill {
    let per_call = [
        (Dimension::HttpApiRequest, "1"),
        (Dimension::FunctionRequest, "1"),
        (Dimension::FunctionGbSecond, gb_seconds),
        (Dimension::TableWriteUnit, "1"),
        (Dimension::TableReadUnit, "0.5"),
    ];
    bill(usage(&[], &per_call), book)
}
