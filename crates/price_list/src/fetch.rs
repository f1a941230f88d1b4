//! AWS's public price-list files, or a mirror of them.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::time::Duration;

use gearshift_files::ReadError;
use gearshift_price::offers::{self, OfferError, Offered, Wanted};
use serde::Deserialize;

/// Of the offers that are read as a whole, S3's is the largest: 20 MB in us-east-1.
const WHOLE_BYTES: u64 = 256 * 1024 * 1024;
/// EC2's file as CSV has some hundred megabytes in the largest region, and is never held whole.
const STREAMED_BYTES: u64 = 8 * 1024 * 1024 * 1024;
/// Until a server takes a connection, and until its answer begins.
const CONNECT: Duration = Duration::from_secs(10);
const BEGIN: Duration = Duration::from_secs(30);
/// Terms on demand of a CSV file. Source: AWS price list, offer term codes.
const ON_DEMAND: &str = "JRTCKXETXF";

/// Where price-list files are.
#[derive(Clone, Debug)]
pub struct Source {
    /// An address, or `file://` and a folder that is laid out like it.
    pub base: String,
    /// Of one file, from asking for it to its last byte: a server that drips a byte a second ends here.
    pub timeout: Duration,
}

/// Why a file could not be had.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("{address}: {error}")]
    Http { address: String, error: Box<ureq::Error> },
    #[error(transparent)]
    File(#[from] ReadError),
    #[error("{path}: {error}")]
    Broken { path: String, error: io::Error },
    #[error("{path}: more than {WHOLE_BYTES} bytes, which no offer has → another --base-url")]
    TooLarge { path: String },
    #[error("{path}: {error}")]
    NotAnIndex { path: String, error: serde_json::Error },
    #[error("{offer} has no file for {region}")]
    NoRegion { offer: String, region: String },
    #[error("{path}: {error}")]
    NotCsv { path: String, error: csv::Error },
    #[error("{path}: no header: a row that begins with SKU")]
    NoHeader { path: String },
    #[error(transparent)]
    Offer(#[from] OfferError),
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
    pub(crate) fn offer(
        &self,
        offer: &str,
        region: &str,
        wanted: &[&Wanted],
    ) -> Result<(String, Vec<Offered>), FetchError> {
        tracing::debug!(offer, region, "fetching a price list");
        let path = format!("/offers/v1.0/aws/{offer}/current/region_index.json");
        let text = self.whole(&path)?;
        let index: RegionIndex = serde_json::from_slice(&text)
            .map_err(|error| FetchError::NotAnIndex { path, error })?;
        let file = index.regions.get(region).ok_or_else(|| FetchError::NoRegion {
            offer: offer.to_owned(),
            region: region.to_owned(),
        })?;
        let json = &file.current_version_url;
        if wanted.iter().any(|one| one.by_csv()) {
            let csv = json.replace("index.json", "index.csv");
            let offered = rows(&csv, BufReader::with_capacity(1 << 20, self.open(&csv)?), wanted)?;
            return Ok((csv, offered));
        }
        let text = self.whole(json)?;
        let (_, offered) = offers::of_json(offer, &text)?;
        Ok((json.clone(), offered))
    }

    /// The content of a file that is read into memory.
    fn whole(&self, path: &str) -> Result<Vec<u8>, FetchError> {
        let mut text = Vec::new();
        let mut bounded = self.open(path)?.take(WHOLE_BYTES + 1);
        bounded
            .read_to_end(&mut text)
            .map_err(|error| FetchError::Broken { path: path.to_owned(), error })?;
        if text.len() as u64 > WHOLE_BYTES {
            return Err(FetchError::TooLarge { path: path.to_owned() });
        }
        Ok(text)
    }

    /// At most [`STREAMED_BYTES`] of it, within the time that a file may take.
    fn open(&self, path: &str) -> Result<Box<dyn Read>, FetchError> {
        let address = format!("{}{path}", self.base);
        if let Some(file) = address.strip_prefix("file://") {
            return Ok(Box::new(gearshift_files::open(Path::new(file))?));
        }
        let agent = ureq::Agent::config_builder()
            .timeout_connect(Some(CONNECT))
            .timeout_recv_response(Some(BEGIN))
            .timeout_global(Some(self.timeout))
            .build();
        let answer = ureq::Agent::new_with_config(agent).get(&address).call();
        let answer =
            answer.map_err(|error| FetchError::Http { address, error: Box::new(error) })?;
        let body = answer.into_body().into_with_config().limit(STREAMED_BYTES);
        Ok(Box::new(body.reader()))
    }
}

/// On-demand rows of what is wanted, one at a time: the file does not fit into memory.
fn rows(path: &str, csv: impl Read, wanted: &[&Wanted]) -> Result<Vec<Offered>, FetchError> {
    // Lines about the file come before the header.
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(csv);
    let mut header: Option<Vec<String>> = None;
    let mut offered = BTreeMap::<String, Offered>::new();
    let mut record = csv::StringRecord::new();
    let not_csv = |error| FetchError::NotCsv { path: path.to_owned(), error };
    while reader.read_record(&mut record).map_err(not_csv)? {
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
        if !ours || cell("termtype") != "OnDemand" || cell("offertermcode") != ON_DEMAND {
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
    match header {
        Some(_) => Ok(offered.into_values().collect()),
        None => Err(FetchError::NoHeader { path: path.to_owned() }),
    }
}
