use std::path::Path;

use anyhow::Result;
use clap::{Args, Subcommand};
use gearshift_price::SECONDS_PER_MONTH;
use gearshift_quote::{Scenario, quote};
use gearshift_results::Results;
use rust_decimal::Decimal;

use super::{Ended, Usage, diff, shape};
use crate::{here, terminal};

mod changes;
mod refresh;

#[derive(Subcommand)]
enum BookVerb {
    /// Fetch AWS's public price-list files into your own price book
    Refresh(refresh::Refresh),
    /// What your own price book has changed
    Diff(changes::Changes),
}

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct PriceVerb {
    #[command(subcommand)]
    book: Option<BookVerb>,
    /// Calls a month: 5M, 300k, 5M/month, 2/s
    #[arg(long, value_name = "CALLS", required = true, allow_hyphen_values = true)]
    calls: Option<String>,
    /// How they spread over the month: steady, office (working hours), or a trace (see plan)
    #[arg(long, default_value = "steady")]
    shape: String,
    /// A run's id or results.json: usage, durations and ceilings as measured
    /// [default: this folder's newest run]
    #[arg(long, value_name = "RESULTS")]
    service: Option<String>,
    /// Such as memory=512,duration=20ms, of functions
    #[arg(long, value_name = "CHANGES", value_delimiter = ',')]
    what_if: Vec<String>,
    /// Take off what AWS gives every account each month for good
    #[arg(long)]
    free_tier: bool,
    /// The load balancer is paid for by others
    #[arg(long)]
    shared_lb: bool,
    /// Tasks on Fargate Spot
    #[arg(long, conflicts_with = "on_demand")]
    spot: bool,
    /// Tasks on demand
    #[arg(long)]
    on_demand: bool,
    /// AWS region of prices [default: the run's]
    #[arg(long)]
    region: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl PriceVerb {
    pub fn run(self) -> Result<Ended> {
        match self.book {
            Some(BookVerb::Refresh(refresh)) => return refresh.run(),
            Some(BookVerb::Diff(changes)) => return changes.run(),
            None => {}
        }
        let volume = self.calls.as_deref().unwrap_or_default();
        let calls = calls_per_month(volume).map_err(Usage)?;
        let results = self.results()?;
        let shape = shape::shape(&self.shape)?;
        let region = self.region.as_deref().unwrap_or(&results.region);
        let book = here::book(region)?;
        let (memory_mb, duration_ms) = what_if(&self.what_if).map_err(Usage)?;
        let asked = Scenario {
            calls_per_month: calls,
            shape,
            memory_mb,
            duration_ms,
            spot: if self.spot { Some(true) } else { self.on_demand.then_some(false) },
            shared_lb: self.shared_lb,
            free_tier: self.free_tier,
        };
        let quote = quote(&results, &book, &asked);
        if self.json {
            terminal::print_json(&quote)?;
            return Ok(Ended::Well);
        }
        let about: Vec<String> = gearshift_report::not_quoted(&results).into_iter().collect();
        let table = gearshift_report::price_table(&quote, &about, terminal::width());
        terminal::print(format_args!("{table}"));
        Ok(Ended::Well)
    }

    fn results(&self) -> Result<Results> {
        if let Some(run) = &self.service {
            return diff::read(run);
        }
        let entries = std::fs::read_dir(here::RESULTS).into_iter().flatten().flatten();
        let files = entries.map(|entry| entry.path().join("results.json"));
        let newest = files
            .filter(|file| file.is_file())
            .max_by_key(|file| file.metadata().and_then(|file| file.modified()).ok());
        let newest = newest.as_deref().and_then(Path::to_str).ok_or_else(|| {
            Usage("what a call uses is not known: no run in this folder → gearshift compare, or name a results.json with --service".to_owned())
        })?;
        diff::read(newest)
    }
}

fn calls_per_month(text: &str) -> Result<Decimal, String> {
    let wrong = || format!("--calls {text}: not a volume → give one such as 5M, 300k or 2/s");
    let (number, per_s) = match text.trim().split_once('/') {
        None => (text.trim(), false),
        Some((number, "month" | "mo")) => (number, false),
        Some((number, "s")) => (number, true),
        Some(_) => return Err(wrong()),
    };
    let (digits, times) = match number.char_indices().last() {
        Some((at, 'k' | 'K')) => (&number[..at], 1_000u64),
        Some((at, 'm' | 'M')) => (&number[..at], 1_000_000),
        Some((at, 'g' | 'G' | 'b' | 'B')) => (&number[..at], 1_000_000_000),
        _ => (number, 1),
    };
    let value: Decimal = digits.trim().replace([',', '_'], "").parse().map_err(|_| wrong())?;
    let month = if per_s { Decimal::from(SECONDS_PER_MONTH) } else { Decimal::ONE };
    let calls = value.checked_mul(times.into()).and_then(|calls| calls.checked_mul(month));
    let most = Decimal::from(gearshift_price::MAX_CALLS_PER_MONTH);
    match calls {
        Some(calls) if calls < Decimal::ZERO => Err(wrong()),
        Some(calls) if calls <= most => Ok(calls),
        _ => Err(format!("--calls {text}: more than {most} a month are not priced → give fewer")),
    }
}

/// A function's timeout at most. Source: docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html.
const LONGEST_MS: Decimal = Decimal::from_parts(900_000, 0, 0, false, 0);

/// Memory in MB and duration in milliseconds.
fn what_if(changes: &[String]) -> Result<(Option<u32>, Option<Decimal>), String> {
    let (mut memory, mut duration) = (None, None);
    for change in changes {
        let wrong = || {
            format!(
                "--what-if {change}: not a change → memory=512 (MB, 128 to 10240) or duration=20ms (900000 at most)"
            )
        };
        match change.split_once('=') {
            Some(("memory", mb)) => {
                let mb: u32 = mb.trim_end_matches("MB").parse().map_err(|_| wrong())?;
                memory = Some(mb).filter(|mb| (128..=10_240).contains(mb));
                memory.ok_or_else(wrong)?;
            }
            Some(("duration", ms)) => {
                let ms: Decimal = ms.trim_end_matches("ms").parse().map_err(|_| wrong())?;
                duration = Some(ms).filter(|ms| *ms > Decimal::ZERO && *ms <= LONGEST_MS);
                duration.ok_or_else(wrong)?;
            }
            _ => return Err(wrong()),
        }
    }
    Ok((memory, duration))
}
