//! What was measured of a row, figure by figure.

use gearshift_gear::Known;
use gearshift_load::{CurvePoint, Percentile, SplitAt, Verdict};
use gearshift_price::Bill;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
pub struct StateKept {
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
