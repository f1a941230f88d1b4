//! The price books: one dated TOML file per region, shipped inside the program.

use std::collections::BTreeMap;

use gearshift_gear::Dimension;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::free::free_units;
use crate::{Confidence, Price, PriceDate, PriceError, Tier};

macro_rules! shipped {
    ($($region:literal),* $(,)?) => {
        [$(($region, include_str!(concat!("../books/", $region, ".toml")))),*]
    };
}

/// Each region with its book as TOML.
const SHIPPED: [(&str, &str); 11] = shipped![
    "us-east-1",
    "us-east-2",
    "us-west-2",
    "eu-west-1",
    "eu-west-2",
    "eu-central-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-northeast-1",
    "ca-central-1",
    "sa-east-1",
];

/// The prices of one region.
#[derive(Clone, Debug, PartialEq)]
pub struct PriceBook {
    region: String,
    prices: BTreeMap<Dimension, Price>,
}

impl PriceBook {
    /// The shipped book of an AWS region such as `eu-west-2`.
    ///
    /// # Errors
    /// Where none is shipped; the error names the regions that there are.
    pub fn shipped(name: &str) -> Result<Self, PriceError> {
        match SHIPPED.iter().find(|(region, _)| *region == name) {
            Some((_, text)) => Self::parse(text),
            None => Err(PriceError::UnknownRegion {
                region: name.to_owned(),
                known: Self::regions().collect::<Vec<_>>().join(", "),
            }),
        }
    }

    /// This book with other prices in place of its own; what has none keeps it.
    pub fn with(mut self, prices: impl IntoIterator<Item = Price>) -> Self {
        self.prices.extend(prices.into_iter().map(|price| (price.dimension.clone(), price)));
        self
    }

    /// This book where every price of low confidence is off by `by` of it.
    pub fn doubted(&self, by: Decimal) -> Self {
        let mut doubted = self.clone();
        let low = doubted.prices.values_mut().filter(|price| price.confidence == Confidence::Low);
        for tier in low.flat_map(|price| &mut price.tiers) {
            tier.usd *= Decimal::ONE + by;
        }
        doubted
    }

    /// This book where what AWS gives every account each month for good is a tier of its own that
    /// costs nothing, before the others.
    pub fn with_free_tier(&self) -> Self {
        let mut book = self.clone();
        for price in book.prices.values_mut() {
            let free = free_units(&price.dimension);
            if free.is_zero() {
                continue;
            }
            price.tiers.retain(|tier| tier.end.is_none_or(|end| end > free));
            if let Some(first) = price.tiers.first_mut() {
                first.begin = free;
            }
            let nothing = Tier { begin: Decimal::ZERO, end: Some(free), usd: Decimal::ZERO };
            price.tiers.insert(0, nothing);
        }
        book
    }

    /// As [`PriceBook::parse`] reads it.
    pub fn to_toml(&self) -> String {
        let prices = self.prices.values().map(|price| Entry {
            dimension: price.dimension.clone(),
            unit: price.unit.clone(),
            tiers: price.tiers.iter().map(TierEntry::of).collect(),
            effective: price.effective.clone(),
            source: price.source.clone(),
            confidence: price.confidence,
            stale_since: price.stale_since.clone(),
        });
        let file = BookFile { region: self.region.clone(), prices: prices.collect() };
        toml::to_string(&file).expect("a book is plain data")
    }

    /// The regions with a shipped book.
    pub fn regions() -> impl Iterator<Item = &'static str> {
        SHIPPED.iter().map(|(region, _)| *region)
    }

    /// Reads a book from TOML: `region`, then one `[[price]]` per dimension with `dimension`,
    /// `unit`, `tiers` (`begin` and `end` in whole units a month, `usd` as decimal text),
    /// `effective`, `source` and `confidence`.
    ///
    /// Refuses what does not parse, a dimension listed twice or in another unit than its own, a
    /// price below zero, and tiers that do not join from 0 on.
    pub fn parse(text: &str) -> Result<Self, PriceError> {
        let bad =
            |region: &str, why: String| PriceError::BadBook { region: region.to_owned(), why };
        let file: BookFile =
            toml::from_str(text).map_err(|error| bad("<region>", error.to_string()))?;
        let region = file.region;
        let mut prices = BTreeMap::new();
        for entry in file.prices {
            let what = entry.dimension.to_string();
            let price =
                entry.price(&region).map_err(|why| bad(&region, format!("{what}: {why}")))?;
            if prices.insert(price.dimension.clone(), price).is_some() {
                return Err(bad(&region, format!("{what} is listed twice")));
            }
        }
        if prices.is_empty() {
            return Err(bad(&region, "it has no price".to_owned()));
        }
        Ok(Self { region, prices })
    }

    /// The AWS region these prices hold in.
    pub fn name(&self) -> &str {
        &self.region
    }

    /// The price of a dimension. Function initialisation has the price of function duration.
    pub fn price(&self, dimension: &Dimension) -> Result<&Price, PriceError> {
        let key = match dimension {
            Dimension::FunctionInitGbSecond => &Dimension::FunctionGbSecond,
            other => other,
        };
        self.prices.get(key).ok_or_else(|| PriceError::NoPrice {
            what: dimension.to_string(),
            region: self.region.clone(),
        })
    }

    /// Every price, in the order of dimensions.
    pub fn prices(&self) -> impl Iterator<Item = &Price> {
        self.prices.values()
    }

    /// The newest date in the book, for the line "prices of <date>".
    pub fn published(&self) -> &PriceDate {
        let newest = self.prices.values().map(|price| &price.effective).max();
        newest.expect("parse refuses a book without prices")
    }
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct BookFile {
    region: String,
    #[serde(rename = "price", default)]
    prices: Vec<Entry>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    dimension: Dimension,
    unit: String,
    tiers: Vec<TierEntry>,
    effective: PriceDate,
    source: String,
    confidence: Confidence,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stale_since: Option<PriceDate>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct TierEntry {
    begin: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<u64>,
    // Text, so that a TOML float can never become a price.
    usd: String,
}

impl TierEntry {
    fn of(tier: &Tier) -> Self {
        // Tiers of a book begin and end at whole units, as they were read.
        let whole = |at: &Decimal| u64::try_from(*at).unwrap_or(u64::MAX);
        Self {
            begin: whole(&tier.begin),
            end: tier.end.as_ref().map(whole),
            usd: tier.usd.to_string(),
        }
    }
}

impl Entry {
    fn price(self, region: &str) -> Result<Price, BadEntry> {
        if self.unit != self.dimension.unit() {
            let expected = self.dimension.unit();
            return Err(BadEntry::Unit { unit: self.unit, expected });
        }
        if self.dimension == Dimension::FunctionInitGbSecond {
            return Err(BadEntry::OfDuration);
        }
        let tiers = joined(self.tiers)?;
        Ok(Price {
            dimension: self.dimension,
            region: region.to_owned(),
            unit: self.unit,
            tiers,
            effective: self.effective,
            source: self.source,
            confidence: self.confidence,
            stale_since: self.stale_since,
        })
    }
}

/// What is wrong with an entry of a book.
#[derive(Debug, thiserror::Error)]
enum BadEntry {
    #[error("unit `{unit}`, expected `{expected}`")]
    Unit { unit: String, expected: &'static str },
    #[error("has the price of function duration; leave it out")]
    OfDuration,
    #[error("the tier from {0} does not join the one before")]
    NotJoined(u64),
    #[error("usd `{usd}`: {error}")]
    NotDecimal { usd: String, error: rust_decimal::Error },
    #[error("usd {0} is below zero")]
    BelowZero(Decimal),
    #[error("it has no tier")]
    NoTier,
}

fn joined(entries: Vec<TierEntry>) -> Result<Vec<Tier>, BadEntry> {
    let mut tiers = Vec::with_capacity(entries.len());
    let mut next = Some(0);
    for entry in entries {
        if next != Some(entry.begin) || entry.end.is_some_and(|end| end <= entry.begin) {
            return Err(BadEntry::NotJoined(entry.begin));
        }
        let usd = entry.usd.parse::<Decimal>();
        let usd = usd.map_err(|error| BadEntry::NotDecimal { usd: entry.usd.clone(), error })?;
        if usd < Decimal::ZERO {
            return Err(BadEntry::BelowZero(usd));
        }
        next = entry.end;
        tiers.push(Tier { begin: entry.begin.into(), end: entry.end.map(Decimal::from), usd });
    }
    if tiers.is_empty() { Err(BadEntry::NoTier) } else { Ok(tiers) }
}
