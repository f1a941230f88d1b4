//! Everything a run found, as it stands in `results.json`.

use gearshift_gear::{Bounds, Caller, Code, Known, Origin, RunId, RuntimeClient, UsageLine};
use gearshift_laws::SourceLine;
use gearshift_load::{CurvePoint, Percentile, SplitAt, Verdict};
use gearshift_price::{Bill, BreakEven, Winners};
use jiff::Timestamp;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
    pub overhead: Option<Overheads>,
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

pub use crate::memory::{MemoryPoint, MemorySweep};
pub use crate::overhead::Overhead as Overheads;
pub use crate::parity::{Answer, Difference};
pub use crate::shifting::Shifting;
pub use crate::slo::Slo;

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

/// A row's state; the four words of the design.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RowState {
    #[serde(rename = "ok")]
    Ok,
    #[serde(rename = "INVALID")]
    Invalid,
    #[serde(rename = "unshaped")]
    Unshaped,
    #[serde(rename = "skipped")]
    Skipped,
}

impl RowState {
    /// The word as tables show it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Invalid => "INVALID",
            Self::Unshaped => "unshaped",
            Self::Skipped => "skipped",
        }
    }
}

/// One line of the comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RowResult {
    pub row: String,
    pub code: Code,
    /// What runs a function's code; none where nothing of the kind does, or the row was skipped.
    #[serde(default)]
    pub runtime: Option<RuntimeClient>,
    /// Front, compute and store in words.
    pub gear: String,
    pub state: RowState,
    /// Why it is not ok.
    pub reason: Option<String>,
    /// The command that changes that.
    pub command: Option<String>,
    /// What could not be measured on this target, each with its reason; its cell is empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<String>,
    pub counter: Option<Counter>,
    /// Of a user's service that counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keeps: Option<Keeps>,
    /// How it answered, of a user's service.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<Answer>,
    /// What AWS lets through on this row, of a user's service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bounds: Option<Bounds>,
    /// Which of the service's bounds it misses, and by how much.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slo_missed: Vec<String>,
    pub cold: Option<Cold>,
    pub latency: Option<Latency>,
    pub ceiling: Option<Ceiling>,
    /// Memory one of its members took; none where nothing counted it.
    #[serde(default)]
    pub footprint: Option<MemoryUse>,
    /// What the provider would meter for the latency measurement's calls.
    pub usage: Vec<UsageLine>,
    pub money: Option<Money>,
    /// This machine before and after the row: the same loop's time, after ÷ before − 1.
    pub host_drift: Option<f64>,
}

/// The counter invariant, held against concurrent callers and injected faults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counter {
    pub holds: bool,
    pub callers: u64,
    pub acknowledged: u64,
    /// The counter's rise as read before and after.
    pub counted: u64,
    /// Acknowledged and unacknowledged calls together.
    pub possible: u64,
    pub faults_injected: bool,
    /// Why it does not hold.
    pub reasons: Vec<String>,
}

/// What a row does with the state of a user's service: found out by its counter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Keeps {
    /// Members that answered the callers.
    pub members: u64,
    /// Callers at the same time saw one counter.
    pub together: bool,
    /// The counter stood after its members were replaced.
    pub replaced: bool,
    /// Why state is lost; empty where it is kept.
    pub reasons: Vec<String>,
}

/// One part of a time, mean over the calls near the median, ms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PartMs {
    /// A law's id, or a step such as `init`.
    pub name: String,
    /// `declared`, `accounted`, `late` or `measured`.
    pub kind: String,
    pub ms: f64,
}

/// A cold start as the caller sees it: request sent → first good byte, from nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cold {
    pub n: u64,
    /// Laws that were not waited out included.
    pub p50_ms: Known<f64>,
    pub min_ms: f64,
    pub max_ms: f64,
    /// Of the median, the share that laws make, 0 to 1.
    pub declared_share: f64,
    /// The median cold start; parts add up to its total.
    pub parts: Vec<PartMs>,
    pub verdict: Verdict,
}

/// Latency at a fixed rate, from the intended send time, warm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Latency {
    pub rate_per_s: f64,
    pub n: u64,
    /// 2 where the first measurement could not be trusted and was made once more; the last counts.
    pub attempts: u32,
    pub p50_ms: Known<f64>,
    /// What this machine did under the gear's own share; calls near the median.
    pub here_ms: Known<f64>,
    /// What laws added; calls near the median.
    pub declared_ms: Known<f64>,
    pub p90_ms: Percentile,
    pub p99_ms: Percentile,
    pub max_ms: f64,
    pub parts: Vec<PartMs>,
    pub curve: Vec<CurvePoint>,
    /// The same curve taken apart into here and declared; empty where an older version measured.
    #[serde(default)]
    pub spread: Vec<SplitAt>,
    pub verdict: Verdict,
}

/// Memory that one of a row's members took, as the kernel counts it against a limit, in MB as
/// providers count them (2²⁰ bytes).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MemoryUse {
    /// Warm and waiting, without a call in flight.
    pub idle_mb: Known<f64>,
    /// The most that one took at any time.
    pub peak_mb: Known<f64>,
    /// What its gear allows; none where nothing limits it here.
    pub limit_mb: Option<f64>,
}

/// How much a row takes, and what sets it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ceiling {
    /// The figure the price, break-even and plots go by: for burstable instances the baseline's.
    pub sustained: HowFast,
    /// While burst credits last.
    pub burst: Option<HowFast>,
    /// How long they last at full speed, minutes.
    pub burst_minutes: Option<f64>,
    pub note: String,
}

/// A rate and what sets it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HowFast {
    pub per_s: Known<f64>,
    /// One word for the table: `cpu`, `credits`, `item`, `account`, `concurrency`.
    pub set_by: String,
    /// What was really seen, where `per_s` is computed from it and the CPU it took because the rest
    /// of this machine was the limit.
    #[serde(default)]
    pub measured_per_s: Option<f64>,
    /// Calls that failed while it was measured; 0 where it is computed.
    #[serde(default)]
    pub failed: u64,
    /// The load worker's share of its core meanwhile.
    #[serde(default)]
    pub generator_core_share: f64,
}

/// What a row costs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Money {
    pub bill: Bill,
    /// Without a call; none where a price is missing (the bill says which).
    pub month_usd: Option<Known<Decimal>>,
    /// Each million calls at the first tier.
    pub million_usd: Option<Known<Decimal>>,
    /// The missing price, and how to get it.
    pub gap: Option<String>,
}

/// Two priced rows and where their costs meet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Pair {
    pub a: String,
    pub b: String,
    pub break_even: BreakEven,
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

/// A step of the published table beside ours: both over `ec2`, since where the sources' client
/// stood is not stated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Published {
    pub row: String,
    /// Mean of sequential calls, ms.
    pub mean_ms: Known<f64>,
    /// The published mean less the published mean of `ec2` (their build: FastAPI).
    pub step_ms: Known<f64>,
    /// Our median less our median of `ec2`; none where either is missing.
    pub step_here_ms: Option<Known<f64>>,
}

/// The published table's means in ms; `ec2` ran FastAPI there.
/// Source: github.com/teticio/latency, README of December 2021.
const PUBLISHED_MS: [(&str, f64); 8] = [
    ("ec2", 13.0),
    ("ec2-fastapi", 13.0),
    ("lambda-python-s3", 120.0),
    ("lambda-python-dynamodb", 60.0),
    ("lambda-js-dynamodb", 105.0),
    ("lambda-cpp-dynamodb", 23.0),
    ("lambda-rust-dynamodb", 26.0),
    ("fargate-fastapi", 16.0),
];

/// The published steps for the rows that were measured, `ec2` itself left out.
pub fn published_2021(rows: &[RowResult]) -> Vec<Published> {
    let quoted = || Origin::Quoted("teticio/latency README, December 2021".into());
    let p50 = |name: &str| {
        let row = rows.iter().find(|row| row.row == name)?;
        row.latency.as_ref().map(|latency| latency.p50_ms.clone())
    };
    let base = PUBLISHED_MS[0].1;
    let published = |(row, mean): &(&str, f64)| {
        let here = p50(row).zip(p50("ec2")).map(|(row, ec2)| {
            Known::new(row.value - ec2.value, Origin::computed([row.origin, ec2.origin]))
        });
        Published {
            row: (*row).to_owned(),
            mean_ms: Known::new(*mean, quoted()),
            step_ms: Known::new(mean - base, Origin::computed([quoted()])),
            step_here_ms: here,
        }
    };
    let measured = |name: &str| rows.iter().any(|row| row.row == name && row.latency.is_some());
    PUBLISHED_MS[1..].iter().filter(|(name, _)| measured(name)).map(published).collect()
}
