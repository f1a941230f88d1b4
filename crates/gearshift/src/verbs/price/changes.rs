//! `gearshift price diff`: this user's price books beside those that were shipped.

use std::collections::BTreeSet;

use anyhow::Result;
use clap::Args;
use gearshift_price::{Price, PriceBook};
use gearshift_price_list::BookError;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::Serialize;

use crate::verbs::{Ended, Usage};
use crate::{here, say, terminal};

#[derive(Args)]
pub struct Changes {
    /// AWS region [default: every one that you have a price book of]
    #[arg(long)]
    region: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A price that is not what was shipped, or could not be fetched anew.
#[derive(Serialize)]
struct Change {
    region: String,
    what: String,
    /// None: the shipped book has no such price.
    before: Option<Price>,
    after: Price,
}

impl Changes {
    pub fn run(self) -> Result<Ended> {
        let books = self.books()?;
        let mut all = Vec::new();
        for own in &books {
            let shipped =
                PriceBook::shipped(own.name()).map_err(|error| Usage(error.to_string()))?;
            let changes = changes(own, &shipped);
            if !self.json {
                tell(own, &changes);
            }
            all.extend(changes);
        }
        if self.json {
            terminal::print_json(&all)?;
        }
        Ok(Ended::Well)
    }

    fn books(&self) -> Result<Vec<PriceBook>> {
        if let Some(region) = &self.region {
            PriceBook::shipped(region).map_err(|error| Usage(error.to_string()))?;
        }
        let asked = |region: &&str| self.region.as_ref().is_none_or(|asked| asked == region);
        let all = here::books()?;
        let books = PriceBook::regions()
            .filter(asked)
            .filter_map(|region| all.own(region).transpose())
            .collect::<Result<Vec<PriceBook>, BookError>>()?;
        if books.is_empty() {
            let region = self.region.as_deref().unwrap_or("us-east-1");
            return Err(Usage(format!(
                "no price book of your own{} in {} → gearshift price refresh --region {region}",
                self.region.as_ref().map_or(String::new(), |region| format!(" for {region}")),
                all.folder()?.display()
            ))
            .into());
        }
        Ok(books)
    }
}

fn changes(own: &PriceBook, shipped: &PriceBook) -> Vec<Change> {
    own.prices()
        .map(|after| Change {
            region: own.name().to_owned(),
            what: after.dimension.to_string(),
            before: shipped.price(&after.dimension).ok().cloned(),
            after: after.clone(),
        })
        .filter(|change| {
            change.is_new() || change.after.stale_since.is_some() || change.tiers().next().is_some()
        })
        .collect()
}

fn tell(own: &PriceBook, changes: &[Change]) {
    for change in changes {
        change.tell();
    }
    let many = |which: fn(&Change) -> bool| changes.iter().filter(|change| which(change)).count();
    let more = [
        (many(Change::is_new), "new"),
        (many(|change| change.after.stale_since.is_some()), "stale"),
    ];
    let more = more.iter().filter(|(many, _)| *many > 0);
    say!(
        "{}: {} of {} prices differ from the shipped book{}",
        own.name(),
        many(|change| change.is_new() || change.tiers().next().is_some()),
        own.prices().count(),
        more.map(|(many, what)| format!(", {many} {what}")).collect::<String>()
    );
}

impl Change {
    fn is_new(&self) -> bool {
        self.before.is_none()
    }

    /// Where tiers begin from which on the price is another: there, before and after.
    fn tiers(&self) -> impl Iterator<Item = (Decimal, Option<Decimal>, Option<Decimal>)> {
        let tiers = |price: &Price| price.tiers.clone();
        let both = self.before.iter().chain([&self.after]).flat_map(tiers);
        let ends: BTreeSet<Decimal> =
            both.flat_map(|tier| [Some(tier.begin), tier.end]).flatten().collect();
        let change =
            |at: Decimal| Some((at, usd_at(self.before.as_ref()?, at), usd_at(&self.after, at)));
        ends.into_iter().filter_map(change).filter(|(_, before, after)| before != after)
    }

    fn tell(&self) {
        let (what, unit, effective) = (&self.what, &self.after.unit, &self.after.effective);
        if self.is_new() {
            for tier in &self.after.tiers {
                let (beyond, usd) = (beyond(tier.begin), tier.usd.normalize());
                say!("{what}: new, {beyond}{usd} per {unit}, of {effective}");
            }
        }
        if let Some(shipped) = &self.before {
            for (begin, before, after) in self.tiers() {
                say!(
                    "{what}: {}{} of {} → {} of {effective} per {unit}{}",
                    beyond(begin),
                    known(before),
                    shipped.effective,
                    known(after),
                    percent(before, after)
                );
            }
        }
        if let Some(since) = &self.after.stale_since {
            let usd = self.after.first_usd().normalize();
            say!("{what}: stale since {since}, {usd} per {unit} of {effective} is kept");
        }
    }
}

fn usd_at(price: &Price, at: Decimal) -> Option<Decimal> {
    let holds = |end: Option<Decimal>| end.is_none_or(|end| at < end);
    price.tiers.iter().find(|tier| tier.begin <= at && holds(tier.end)).map(|tier| tier.usd)
}

fn known(usd: Option<Decimal>) -> String {
    usd.map_or_else(|| "no price".to_owned(), |usd| usd.normalize().to_string())
}

fn beyond(begin: Decimal) -> String {
    match begin.to_u64() {
        None | Some(0) => String::new(),
        Some(begin) => format!("beyond {}: ", gearshift_report::count(begin)),
    }
}

fn percent(before: Option<Decimal>, after: Option<Decimal>) -> String {
    let Some((before, after)) = before.filter(|usd| !usd.is_zero()).zip(after) else {
        return String::new();
    };
    let percent = (after / before - Decimal::ONE) * Decimal::ONE_HUNDRED;
    // A change that is too small for a digit is shown by its first one.
    let tenths = percent.round_dp(1);
    let shown = if tenths.is_zero() { percent.round_sf(1).unwrap_or(percent) } else { tenths };
    format!(" ({shown:+} %)")
}
