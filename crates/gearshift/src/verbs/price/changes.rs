//! `gearshift price diff`: this user's price book beside the one that was shipped.

use anyhow::Result;
use clap::Args;
use gearshift_price::{Price, PriceBook};
use serde::Serialize;

use crate::verbs::{Ended, Usage};
use crate::{here, say, terminal};

#[derive(Args)]
pub struct Changes {
    /// AWS region
    #[arg(long)]
    region: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Change {
    what: String,
    before: Price,
    after: Price,
}

impl Changes {
    pub fn run(self) -> Result<Ended> {
        let shipped = PriceBook::shipped(&self.region).map_err(|error| Usage(error.to_string()))?;
        let Some(own) = here::own_book(&self.region)? else {
            return Err(Usage(format!(
                "{}: no price book of your own → gearshift price refresh --region {}",
                self.region, self.region
            ))
            .into());
        };
        let changes: Vec<Change> = own
            .prices()
            .filter_map(|after| {
                let before = shipped.price(&after.dimension).ok()?;
                (before.tiers != after.tiers).then(|| Change {
                    what: after.dimension.to_string(),
                    before: before.clone(),
                    after: after.clone(),
                })
            })
            .collect();
        if self.json {
            terminal::print_json(&changes)?;
            return Ok(Ended::Well);
        }
        for change in &changes {
            let (before, after) = (change.before.first_usd(), change.after.first_usd());
            let by = match before.is_zero() {
                true => String::new(),
                false => {
                    let percent = (after / before - rust_decimal::Decimal::ONE)
                        * rust_decimal::Decimal::ONE_HUNDRED;
                    format!(" ({:+.1} %)", percent.round_dp(1))
                }
            };
            say!(
                "{}: {} of {} → {} of {} a {}{by}",
                change.what,
                before.normalize(),
                change.before.effective,
                after.normalize(),
                change.after.effective,
                change.after.unit
            );
        }
        let many = own.prices().count();
        say!("{}: {} of {many} prices differ from the shipped book", self.region, changes.len());
        Ok(Ended::Well)
    }
}
