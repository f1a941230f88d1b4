//! `gearshift price refresh`: AWS's public price-list files into this user's price book.

use std::collections::BTreeMap;
use std::io::{BufReader, Read};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use gearshift_price::offers::{self, Offered, Wanted};
use gearshift_price::{Confidence, Price, PriceBook, PriceDate, Tier};
use serde::Deserialize;

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
        let mut ended = Ended::Well;
        for region in &self.region {
            let book = before(region)?;
            let source = Source {
                base: self.base_url.trim_end_matches('/').to_owned(),
                timeout: Duration::from_secs(self.timeout),
            };
            if self.refresh(&book, &source)? > 0 {
                ended = Ended::Failed;
            }
        }
        Ok(ended)
    }

    /// How many prices could not be had.
    fn refresh(&self, book: &PriceBook, source: &Source) -> Result<usize> {
        let region = book.name();
        let today: PriceDate = jiff::Zoned::now().date().to_string().parse()?;
        let wanted: Vec<Wanted> =
            Wanted::of(book).into_iter().filter(|one| !(self.no_ec2 && one.by_csv())).collect();
        let mut by_offer = BTreeMap::<&str, Vec<&Wanted>>::new();
        for one in &wanted {
            by_offer.entry(one.offer).or_default().push(one);
        }
        let (mut fresh, mut stale) = (Vec::new(), Vec::new());
        for (offer, wanted) in by_offer {
            let read = source.offer(offer, region, &wanted);
            for one in wanted {
                let old = book.price(&one.dimension).ok();
                let found = match &read {
                    Ok((address, offered)) => offers::find(one, offered, region)
                        .map(|found| renewed(one, region, found, address, &today))
                        .map_err(|error| error.to_string()),
                    Err(error) => Err(format!("{error:#}")),
                };
                match found {
                    Ok(price) => fresh.push(price),
                    Err(why) => stale.push((one, old, why)),
                }
            }
        }
        let changed = fresh.iter().filter(|price| {
            !book.price(&price.dimension).is_ok_and(|old| old.tiers == price.tiers)
        });
        let (many, changed) = (fresh.len(), changed.count());
        // A price that could not be had stays, and says so wherever it is shown.
        let kept = stale.iter().filter_map(|(_, old, _)| Some(marked_stale((*old)?, &today)));
        let path = here::prices()?.context(here::NO_PRICES)?.join(format!("{region}.toml"));
        let text = book.clone().with(fresh.into_iter().chain(kept)).to_toml();
        PriceBook::parse(&text)?;
        write(&path, &text)?;
        say!("{region}: {many} prices fetched, {changed} changed · {}", path.display());
        for (one, old, why) in &stale {
            let kept = if old.is_some() { "kept, stale" } else { "still missing" };
            say!("  {kept}: {}: {why}", one.dimension);
        }
        if !stale.is_empty() {
            say!(
                "{} of {} could not be fetched → try again, or name a mirror with --base-url",
                stale.len(),
                stale.len() + many
            );
        }
        Ok(stale.len())
    }
}

/// This user's book or the shipped one, which also takes the place of one that cannot be read.
fn before(region: &str) -> Result<PriceBook> {
    let shipped = || PriceBook::shipped(region).map_err(|error| Usage(error.to_string()).into());
    match here::own_book(region) {
        Ok(Some(own)) => Ok(own),
        Ok(None) => shipped(),
        Err(why) => {
            say!("{region}: {why:#}; begun anew from the shipped book");
            shipped()
        }
    }
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

fn marked_stale(old: &Price, today: &PriceDate) -> Price {
    let stale_since = old.stale_since.clone().or_else(|| Some(today.clone()));
    Price { stale_since, ..old.clone() }
}

/// Whole or not at all.
fn write(path: &Path, text: &str) -> Result<()> {
    let folder = path.parent().context("a book lies in a folder")?;
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let staged = path.with_extension(format!("{}.new", std::process::id()));
    std::fs::write(&staged, text).with_context(|| staged.display().to_string())?;
    std::fs::rename(&staged, path).with_context(|| path.display().to_string())
}

/// Of the offers that are read as a whole, S3's is the largest: 20 MB in us-east-1.
const WHOLE_BYTES: u64 = 256 * 1024 * 1024;
/// EC2's file as CSV has some hundred megabytes in the largest region, and is never held whole.
const STREAMED_BYTES: u64 = 8 * 1024 * 1024 * 1024;
/// Where price-list files are.
struct Source {
    base: String,
    /// Of one file, from asking for it to its last byte: a server that drips a byte a second ends here.
    timeout: Duration,
}

#[derive(Deserialize)]
struct RegionIndex {
    regions: BTreeMap<String, RegionFile>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RegionFile {
    current_version_url: String,
}

impl Source {
    /// The address of an offer's file with its version in it, and the products of the file.
    fn offer(
        &self,
        offer: &str,
        region: &str,
        wanted: &[&Wanted],
    ) -> Result<(String, Vec<Offered>)> {
        let index = format!("/offers/v1.0/aws/{offer}/current/region_index.json");
        let text = self.whole(&index)?;
        let index: RegionIndex = serde_json::from_slice(&text).with_context(|| index.clone())?;
        let Some(file) = index.regions.get(region) else {
            bail!("{offer} has no file for {region}");
        };
        let json = &file.current_version_url;
        if wanted.iter().any(|one| one.by_csv()) {
            let csv = json.replace("index.json", "index.csv");
            let offered = rows(BufReader::with_capacity(1 << 20, self.open(&csv)?), wanted)
                .with_context(|| csv.clone())?;
            return Ok((csv, offered));
        }
        let text = self.whole(json)?;
        let (_, offered) = offers::of_json(offer, &text)?;
        Ok((json.clone(), offered))
    }

    /// The content of a file that is read into memory.
    fn whole(&self, path: &str) -> Result<Vec<u8>> {
        let mut text = Vec::new();
        let mut bounded = self.open(path)?.take(WHOLE_BYTES + 1);
        bounded.read_to_end(&mut text).with_context(|| path.to_owned())?;
        if text.len() as u64 > WHOLE_BYTES {
            bail!("{path}: more than {WHOLE_BYTES} bytes, which no offer has → another --base-url");
        }
        Ok(text)
    }

    /// At most [`STREAMED_BYTES`] of it, within the time that a file may take.
    fn open(&self, path: &str) -> Result<Box<dyn Read>> {
        let url = format!("{}{path}", self.base);
        if let Some(file) = url.strip_prefix("file://") {
            return Ok(Box::new(gearshift_files::open(Path::new(file))?));
        }
        let agent = ureq::Agent::config_builder()
            .timeout_connect(Some(Duration::from_secs(10)))
            .timeout_recv_response(Some(Duration::from_secs(30)))
            .timeout_global(Some(self.timeout))
            .build();
        let answer = ureq::Agent::new_with_config(agent).get(&url).call();
        let body = answer.with_context(|| url)?.into_body();
        Ok(Box::new(body.into_with_config().limit(STREAMED_BYTES).reader()))
    }
}

/// On-demand rows of what is wanted, one at a time: the file does not fit into memory.
fn rows(csv: impl Read, wanted: &[&Wanted]) -> Result<Vec<Offered>> {
    // Lines about the file come before the header.
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(csv);
    let mut header: Option<Vec<String>> = None;
    let mut offered = BTreeMap::<String, Offered>::new();
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record)? {
        let Some(names) = &header else {
            if record.get(0) == Some("SKU") {
                header = Some(record.iter().map(offers::name).collect());
            }
            continue;
        };
        let cell = |name: &str| {
            names.iter().position(|known| known == name).and_then(|at| record.get(at)).unwrap_or("")
        };
        let usage = cell("usagetype");
        let ours = wanted.iter().any(|wanted| wanted.may_be(usage));
        if !ours || cell("termtype") != "OnDemand" || cell("offertermcode") != "JRTCKXETXF" {
            continue;
        }
        let one = offered.entry(cell("sku").to_owned()).or_insert_with(|| Offered {
            sku: cell("sku").to_owned(),
            attributes: names.iter().cloned().zip(record.iter().map(str::to_owned)).collect(),
            effective: cell("effectivedate").to_owned(),
            unit: cell("unit").to_owned(),
            rates: Vec::new(),
        });
        one.rates.push(
            ["startingrange", "endingrange", "priceperunit"].map(|name| cell(name).to_owned()),
        );
    }
    if header.is_none() {
        bail!("no header: a row that begins with SKU");
    }
    Ok(offered.into_values().collect())
}
