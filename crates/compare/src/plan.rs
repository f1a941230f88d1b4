//! What is to be compared, and how.

use std::collections::BTreeMap;
use std::path::PathBuf;

use gearshift_gear::{Caller, LawId, Owner, Row, RunId};

use gearshift_measure::{Asks, MatchVcpu};
use gearshift_plan::Shape;
use gearshift_price::PriceBook;
use gearshift_results::Slo;

/// One run of `compare`.
#[derive(Clone, Debug)]
pub struct Plan {
    pub run: RunId,
    /// Whose run it is.
    pub owner: Owner,
    pub service: String,
    pub asks: Asks,
    /// What it must hold; none: nothing is asked.
    pub slo: Option<Slo>,
    /// In the order in which they are shown.
    pub rows: Vec<Row>,
    /// Calls of the latency measurement, per row.
    pub calls: u64,
    /// Cold starts per row.
    pub cold_starts: u64,
    pub seed: u64,
    pub caller: Caller,
    /// The prices, and with them the region.
    pub book: PriceBook,
    pub physics: bool,
    pub match_vcpu: MatchVcpu,
    /// By what a row's CPU shares are multiplied, by name, where they do not fit this machine as they
    /// are: above 0 and below 1.
    pub share_factors: BTreeMap<String, f64>,
    /// Functions make their clients anew on every call.
    pub init_per_call: bool,
    /// Laws that are multiplied, by what.
    pub law_factors: BTreeMap<LawId, f64>,
    /// Sizes at which every function row is measured besides, MB.
    pub sweep_mb: Vec<u32>,
    /// Where the speed of a core is kept between runs.
    pub cache: PathBuf,
    /// Skip what only refines: the second look at the first row.
    pub quick: bool,
    /// Course of traffic a year of shifting is shown for.
    pub shape: Shape,
}

impl Plan {
    /// By what this row's CPU shares are multiplied; 1: they are the provider's.
    pub(crate) fn share_factor(&self, row: &Row) -> f64 {
        self.share_factors.get(&row.name).copied().unwrap_or(1.0)
    }
}

/// Where a run is, for live progress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    pub row: String,
    /// This row's number and how many there are.
    pub of: (usize, usize),
    pub phase: Phase,
}

/// The steps of a row, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Preparing,
    Starting,
    Checking,
    ColdStarts { done: u64, of: u64 },
    Latency { calls: u64, rate_milli_per_s: u64 },
    Ceiling,
    Metering,
    Memory { mb: u32 },
    TakingDown,
}

impl std::fmt::Display for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Preparing => f.write_str("preparing"),
            Self::Starting => f.write_str("starting"),
            Self::Checking => f.write_str("checking the counter"),
            Self::ColdStarts { done, of } => write!(f, "cold start {done} of {of}"),
            Self::Latency { calls, rate_milli_per_s } => {
                let rate = *rate_milli_per_s as f64 / 1000.0;
                write!(f, "latency, {calls} calls at {rate:.1}/s")
            }
            Self::Ceiling => f.write_str("ceiling"),
            Self::Metering => f.write_str("metering"),
            Self::Memory { mb } => write!(f, "with {mb} MB"),
            Self::TakingDown => f.write_str("taking down"),
        }
    }
}
