//! `gearshift price refresh`: AWS's public price-list files into this user's price book.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use gearshift_price::{PriceBook, PriceDate};
use gearshift_price_list::{Books, Kept, Refreshed, Source, refresh};

use crate::verbs::{Ended, Usage};
use crate::{here, say};

/// Needs no account. Source: docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/price-changes.
const AWS: &str = "https://pricing.us-east-1.amazonaws.com";

#[derive(Args)]
pub struct Refresh {
    /// AWS region; may be repeated
    #[arg(long, required = true)]
    region: Vec<String>,
    /// Where the files are: a mirror, or file:// and a folder laid out like it
    #[arg(long, default_value = AWS, value_name = "URL")]
    base_url: String,
    /// Leave out EC2, whose file is hundreds of megabytes
    #[arg(long)]
    no_ec2: bool,
    /// Seconds that one file may take; EC2's takes 15 minutes at half a megabyte a second
    #[arg(long, default_value_t = 900, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
}

impl Refresh {
    pub fn run(self) -> Result<Ended> {
        let source = Source {
            base: self.base_url.trim_end_matches('/').to_owned(),
            timeout: Duration::from_secs(self.timeout),
        };
        let today: PriceDate = jiff::Zoned::now().date().to_string().parse()?;
        let books = here::books()?;
        let mut ended = Ended::Well;
        for region in &self.region {
            let refreshed = refresh(&before(&books, region)?, &source, !self.no_ec2, &today);
            let path = books.keep(&refreshed.book)?;
            tell(region, &refreshed, &path);
            if !refreshed.kept.is_empty() {
                ended = Ended::Failed;
            }
        }
        Ok(ended)
    }
}

/// This user's book or the shipped one, which also takes the place of one that cannot be read.
fn before(books: &Books, region: &str) -> Result<PriceBook> {
    let shipped = || PriceBook::shipped(region).map_err(|error| Usage(error.to_string()).into());
    match books.own(region) {
        Ok(Some(own)) => Ok(own),
        Ok(None) => shipped(),
        Err(why) => {
            say!("{region}: {why}; begun anew from the shipped book");
            shipped()
        }
    }
}

fn tell(region: &str, refreshed: &Refreshed, path: &Path) {
    let Refreshed { fetched, changed, kept, .. } = refreshed;
    say!("{region}: {fetched} prices fetched, {changed} changed · {}", path.display());
    for Kept { what, had, why } in kept {
        let stays = if *had { "kept, stale" } else { "still missing" };
        say!("  {stays}: {what}: {why}");
    }
    if !kept.is_empty() {
        say!(
            "{} of {} could not be fetched → try again, or name a mirror with --base-url",
            kept.len(),
            kept.len() + fetched
        );
    }
}
