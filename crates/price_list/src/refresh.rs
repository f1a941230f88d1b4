//! A book fetched anew.

use std::collections::BTreeMap;

use gearshift_price::offers::{self, Offered, Wanted};
use gearshift_price::{Confidence, Price, PriceBook, PriceDate, Tier};

use crate::Source;

/// What came of fetching a book anew.
#[derive(Clone, Debug)]
pub struct Refreshed {
    pub book: PriceBook,
    /// Prices that were fetched, and how many of them are others than before.
    pub fetched: usize,
    pub changed: usize,
    /// Prices that could not be had.
    pub kept: Vec<Kept>,
}

/// A price that could not be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// In words, such as `function request`.
    pub what: String,
    /// Whether the book had one, which stays and is marked as stale.
    pub had: bool,
    pub why: String,
}

/// Fetches every price of the book's region that the files have; EC2's, whose file is hundreds of
/// megabytes, only where wanted.
pub fn refresh(book: &PriceBook, source: &Source, ec2: bool, today: &PriceDate) -> Refreshed {
    let region = book.name();
    let wanted: Vec<Wanted> =
        Wanted::of(book).into_iter().filter(|one| ec2 || !one.by_csv()).collect();
    let mut by_offer = BTreeMap::<&str, Vec<&Wanted>>::new();
    for one in &wanted {
        by_offer.entry(one.offer).or_default().push(one);
    }
    let (mut fresh, mut stale, mut kept) = (Vec::new(), Vec::new(), Vec::new());
    for (offer, wanted) in by_offer {
        let read = source.offer(offer, region, &wanted);
        for one in wanted {
            let old = book.price(&one.dimension).ok();
            let found = match &read {
                Ok((address, offered)) => offers::find(one, offered, region)
                    .map(|found| renewed(one, region, found, address, today))
                    .map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            match found {
                Ok(price) => fresh.push(price),
                Err(why) => {
                    stale.extend(old.map(|old| marked_stale(old, today)));
                    kept.push(Kept { what: one.dimension.to_string(), had: old.is_some(), why });
                }
            }
        }
    }
    let changed = fresh
        .iter()
        .filter(|price| !book.price(&price.dimension).is_ok_and(|old| old.tiers == price.tiers));
    let (fetched, changed) = (fresh.len(), changed.count());
    let book = book.clone().with(fresh.into_iter().chain(stale));
    Refreshed { book, fetched, changed, kept }
}

fn renewed(
    wanted: &Wanted,
    region: &str,
    (found, tiers): (&Offered, Vec<Tier>),
    address: &str,
    today: &PriceDate,
) -> Price {
    Price {
        dimension: wanted.dimension.clone(),
        region: region.to_owned(),
        unit: wanted.dimension.unit().to_owned(),
        tiers,
        effective: offers::effective(found, today),
        source: format!("{address}, SKU {}, fetched {today}", found.sku),
        confidence: Confidence::High,
        stale_since: None,
    }
}

/// A price that could not be had says so wherever it is shown.
fn marked_stale(old: &Price, today: &PriceDate) -> Price {
    let stale_since = old.stale_since.clone().or_else(|| Some(today.clone()));
    Price { stale_since, ..old.clone() }
}
