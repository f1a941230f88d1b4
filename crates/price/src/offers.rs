//! AWS's public price-list files: what is looked for in which, and reading it.
//!
//! Layout and terms: docs.aws.amazon.com/awsaccountbilling/latest/aboutv2, `reading-the-offer-index`
//! and `using-the-aws-price-list-bulk-api-fetching-price-list-files-manually`.

use std::collections::BTreeMap;

use gearshift_gear::{Dimension, Offer, families};
use rust_decimal::Decimal;
use serde::Deserialize;

use crate::{PriceBook, PriceDate, Tier};

/// On demand; other terms are reservations and always-free rows.
const ON_DEMAND: &str = "JRTCKXETXF";

/// What is looked for: exactly one product of an offer.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    pub dimension: Dimension,
    /// Such as `AWSLambda`: the name in the file's address.
    pub offer: &'static str,
    /// The usage type behind the region's prefix.
    usage: String,
    /// Attributes it must have.
    having: &'static [(&'static str, &'static str)],
}

impl Wanted {
    /// Everything that AWS's files hold, in the book or missing there; of instances, the types
    /// the book has. Spot prices are in no file.
    pub fn of(book: &PriceBook) -> Vec<Self> {
        let surplus =
            families().into_iter().map(|family| Dimension::SurplusVcpuHour(family.into()));
        let instances = book.prices().map(|price| price.dimension.clone());
        let instances = instances.filter(|one| matches!(one, Dimension::InstanceHour(_)));
        Dimension::all_plain()
            .into_iter()
            .chain(surplus)
            .chain(instances)
            .filter_map(|dimension| wanted(&dimension))
            .collect()
    }

    /// EC2's file is too large for anything but CSV, row by row.
    pub fn by_csv(&self) -> bool {
        self.offer == "AmazonEC2"
    }

    /// Whether a row of this usage type may belong to it, in any region.
    pub fn may_be(&self, usage: &str) -> bool {
        usage.ends_with(&self.usage)
    }

    fn is(&self, offered: &Offered, prefixes: &[&str]) -> bool {
        let attribute = |name: &str| offered.attributes.get(name).map_or("", String::as_str);
        let usage = attribute("usagetype");
        prefixes.iter().any(|prefix| usage.strip_prefix(prefix) == Some(&self.usage))
            && self.having.iter().all(|(name, value)| attribute(name) == *value)
    }
}

/// What the dimension's entry says of AWS's files; none where no file has it.
fn wanted(dimension: &Dimension) -> Option<Wanted> {
    let Offer { file, usage, having } = dimension.entry().offer?;
    let usage = dimension.of().map_or_else(|| usage.to_owned(), |of| usage.replace("{}", of));
    Some(Wanted { dimension: dimension.clone(), offer: file, usage, having })
}

/// What usage types begin with in a region. Source: price-list files of 2023 and 2026; Ireland is
/// `EU-`, Virginia has none, or `USE1-` in newer services.
pub fn usage_prefixes(region: &str) -> &'static [&'static str] {
    match region {
        "us-east-1" => &["", "USE1-"],
        "us-east-2" => &["USE2-"],
        "us-west-2" => &["USW2-"],
        "eu-west-1" => &["EU-", "EUW1-"],
        "eu-west-2" => &["EUW2-"],
        "eu-central-1" => &["EUC1-"],
        "ap-southeast-1" => &["APS1-"],
        "ap-southeast-2" => &["APS2-"],
        "ap-northeast-1" => &["APN1-"],
        "ca-central-1" => &["CAN1-"],
        "sa-east-1" => &["SAE1-"],
        _ => &[],
    }
}

/// A product and its price on demand, as a file has it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Offered {
    pub sku: String,
    /// Under the names that [`name`] gives.
    pub attributes: BTreeMap<String, String>,
    pub effective: String,
    /// What the price is of, in AWS's words.
    pub unit: String,
    /// Where each tier begins and ends, and its US dollars, as written.
    pub rates: Vec<[String; 3]>,
}

/// What was found instead of one price.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    #[error("{offer} is not a price list: {why}")]
    NotOne { offer: String, why: String },
    #[error("{offer} has {many} products for {what} in {region} ({skus}), expected one")]
    NotExactlyOne { offer: &'static str, what: String, region: String, many: usize, skus: String },
    #[error("{sku}: {why}")]
    Bad { sku: String, why: String },
}

/// The one product that is wanted, and its tiers.
pub fn find<'a>(
    wanted: &Wanted,
    offered: &'a [Offered],
    region: &str,
) -> Result<(&'a Offered, Vec<Tier>), OfferError> {
    let prefixes = usage_prefixes(region);
    let found: Vec<&Offered> =
        offered.iter().filter(|offered| wanted.is(offered, prefixes)).collect();
    match found.as_slice() {
        [one] => {
            let tiers = tiers(one)?;
            let ours = wanted.dimension.unit();
            if !is_unit(ours, &one.unit) {
                let why = format!("it is by `{}`, expected one by {ours}", one.unit);
                return Err(OfferError::Bad { sku: one.sku.clone(), why });
            }
            Ok((one, tiers))
        }
        many => Err(OfferError::NotExactlyOne {
            offer: wanted.offer,
            what: wanted.dimension.to_string(),
            region: region.to_owned(),
            many: many.len(),
            skus: many.iter().map(|one| one.sku.as_str()).collect::<Vec<_>>().join(", "),
        }),
    }
}

/// Products with a price on demand of a bulk JSON file, and the file's version.
pub fn of_json(offer: &str, text: &[u8]) -> Result<(String, Vec<Offered>), OfferError> {
    let not_one = |why: String| OfferError::NotOne { offer: offer.to_owned(), why };
    let file: Bulk = serde_json::from_slice(text).map_err(|error| not_one(error.to_string()))?;
    let mut offered = Vec::new();
    for (sku, product) in file.products {
        let terms = file.terms.on_demand.get(&sku).into_iter().flat_map(BTreeMap::values);
        for term in terms.filter(|term| term.offer_term_code == ON_DEMAND) {
            let rates = term.price_dimensions.values();
            let rates: Vec<[String; 3]> = rates
                .map(|rate| {
                    let usd = rate.price_per_unit.get("USD").cloned().unwrap_or_default();
                    [rate.begin_range.clone(), rate.end_range.clone(), usd]
                })
                .collect();
            let unit = term.price_dimensions.values().next().map(|rate| rate.unit.clone());
            offered.push(Offered {
                sku: sku.clone(),
                attributes: product
                    .attributes
                    .iter()
                    .map(|(key, value)| (name(key), value.clone()))
                    .chain([("productfamily".to_owned(), product.product_family.clone())])
                    .collect(),
                effective: term.effective_date.chars().take(10).collect(),
                unit: unit.unwrap_or_default(),
                rates,
            });
        }
    }
    Ok((file.version, offered))
}

/// Whether AWS's word for a unit, such as `Lambda-GB-Second` or `Hrs`, is ours.
fn is_unit(ours: &str, theirs: &str) -> bool {
    let theirs = theirs.to_lowercase();
    match ours.rsplit(['-', ' ']).next().unwrap_or(ours) {
        "hour" => theirs.contains("hr") || theirs.contains("hour"),
        "month" => theirs.contains("mo"),
        "GB" => theirs == "gb",
        word => theirs.contains(word),
    }
}

/// Rates in any order as tiers; they must join from 0 on, and cost something.
fn tiers(offered: &Offered) -> Result<Vec<Tier>, OfferError> {
    let bad = |why: String| OfferError::Bad { sku: offered.sku.clone(), why };
    let number =
        |text: &str| text.parse::<Decimal>().map_err(|error| bad(format!("`{text}`: {error}")));
    let mut tiers = Vec::new();
    for [begin, end, usd] in &offered.rates {
        let end = match end.as_str() {
            "Inf" => None,
            end => Some(number(end)?.normalize()),
        };
        let usd = number(usd)?.normalize();
        if usd < Decimal::ZERO {
            return Err(bad(format!("{usd} US dollars are below zero")));
        }
        tiers.push(Tier { begin: number(begin)?.normalize(), end, usd });
    }
    tiers.sort_by_key(|tier| tier.begin);
    let mut next = Some(Decimal::ZERO);
    for tier in &tiers {
        if next != Some(tier.begin) {
            return Err(bad(format!("the tier from {} does not join the one before", tier.begin)));
        }
        next = tier.end;
    }
    if tiers.iter().all(|tier| tier.usd.is_zero()) {
        return Err(bad("no price above zero, at most an allowance".to_owned()));
    }
    Ok(tiers)
}

/// An attribute's name as both kinds of file share it: `Pre Installed S/W` and `preInstalledSw` are
/// one.
pub fn name(written: &str) -> String {
    written.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase()
}

/// A date of a file, or today's where it has none that can be read.
pub fn effective(offered: &Offered, today: &PriceDate) -> PriceDate {
    offered.effective.parse().unwrap_or_else(|_| today.clone())
}

#[derive(Deserialize)]
struct Bulk {
    #[serde(default)]
    version: String,
    products: BTreeMap<String, Product>,
    terms: Terms,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Product {
    #[serde(default)]
    product_family: String,
    attributes: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Terms {
    #[serde(rename = "OnDemand", default)]
    on_demand: BTreeMap<String, BTreeMap<String, Term>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Term {
    offer_term_code: String,
    #[serde(default)]
    effective_date: String,
    price_dimensions: BTreeMap<String, Rate>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rate {
    #[serde(default)]
    unit: String,
    begin_range: String,
    end_range: String,
    price_per_unit: BTreeMap<String, String>,
}
