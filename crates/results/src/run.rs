//! A run as a whole.

use gearshift_gear::{Caller, RunId};
use gearshift_laws::SourceLine;
use gearshift_price::{BreakEven, Winners};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Difference, MemorySweep, Overhead, Published, RowResult, Shifting, Slo};

/// The schema's name and version; the number rises when a field changes its meaning or goes.
pub const SCHEMA: &str = "gearshift.results/1";

/// Why a text is not a run's results.
#[derive(Debug, thiserror::Error)]
pub enum ResultsError {
    #[error("not a results file: {0}")]
    NotResults(#[from] serde_json::Error),
    #[error("schema {found}, this version reads {SCHEMA}")]
    Schema { found: String },
}

impl Results {
    /// Reads the text of a `results.json`.
    ///
    /// # Errors
    /// Where it is none, or of another version of the schema.
    pub fn parse(text: &str) -> Result<Self, ResultsError> {
        #[derive(Deserialize)]
        struct Head {
            schema: String,
        }
        // First, since another version's fields may differ.
        let Head { schema } = serde_json::from_str(text)?;
        match schema == SCHEMA {
            true => Ok(serde_json::from_str(text)?),
            false => Err(ResultsError::Schema { found: schema }),
        }
    }
}

/// One run of `compare`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Results {
    /// [`SCHEMA`].
    pub schema: String,
    pub run: RunId,
    /// Version of Gearshift.
    pub version: String,
    pub started: Timestamp,
    pub seconds: f64,
    /// The target's name, such as `twin`.
    pub on: String,
    /// The service that ran, such as `hits`.
    pub service: String,
    /// What the service must hold, where that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slo: Option<Slo>,
    pub machine: Machine,
    /// How fast a core here is beside the provider's, for each kind of compute that ran.
    pub cores: Vec<Core>,
    pub seed: u64,
    pub caller: Caller,
    pub region: String,
    /// Newest date in the region's price book.
    pub prices_of: String,
    pub physics: bool,
    /// Calls of the latency measurement, per row.
    pub calls: u64,
    pub rows: Vec<RowResult>,
    /// Function rows at several sizes, where that was asked for.
    #[serde(default)]
    pub memory: Vec<MemorySweep>,
    /// Functions made their clients anew on every call.
    #[serde(default)]
    pub init_per_call: bool,
    /// The laws that were in force.
    pub laws: Vec<SourceLine>,
    /// How many of them rest on a point nobody measured.
    pub laws_assumed: usize,
    /// What the twin itself adds to a call, ms at p50; measured in this run, never subtracted.
    pub overhead: Option<Overhead>,
    pub checks: Checks,
    /// The cheapest row by calls a month; none where nothing could be priced.
    pub winners: Option<Winners>,
    /// What rows do otherwise than the first, of a user's service.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Difference>,
    /// What a year of shifting would have saved; none where the run has no two gears to shift
    /// between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shifting: Option<Shifting>,
    /// Break-even of each pair of priced rows.
    pub break_evens: Vec<Pair>,
    /// What the sources published for rows that were measured.
    pub published: Vec<Published>,
}

/// The machine a run ran on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Machine {
    /// Such as `Linux 6.18.44`.
    pub system: String,
    pub cpu_model: String,
    pub cores: usize,
    /// Such as `cgroup v1`; none where nothing enforces shares.
    pub shaped_by: Option<String>,
}

/// How fast a core here is beside the provider's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Core {
    /// Such as `Lambda x86 vCPU`.
    pub provider: String,
    /// 1 where unknown or `--match-vcpu off`.
    pub factor: f64,
    pub low: f64,
    pub high: f64,
    pub known: bool,
    /// One line for people.
    pub sentence: String,
}

/// Whether the run as a whole can be trusted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Checks {
    pub valid: usize,
    pub measured: usize,
    /// The busiest load worker's share of its core.
    pub generator_core_share: f64,
    /// The largest drift of any row, and of the first row measured again at the end.
    pub drift: f64,
    pub steal: f64,
}

/// Two priced rows and where their costs meet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Pair {
    pub a: String,
    pub b: String,
    pub break_even: BreakEven,
}
