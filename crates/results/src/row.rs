//! One row of a run.

use gearshift_gear::{Bounds, Code, Row, RuntimeClient, UsageLine};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Answer, Ceiling, Cold, Counter, Latency, MemoryUse, Money, StateKept};

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
    pub keeps: Option<StateKept>,
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

impl RowResult {
    /// A row of which nothing is known yet: skipped, without a reason.
    pub fn empty(row: &Row) -> Self {
        Self {
            row: row.name.clone(),
            code: row.build.code,
            gear: words(row),
            state: RowState::Skipped,
            reason: None,
            command: None,
            gaps: Vec::new(),
            counter: None,
            keeps: None,
            answers: Vec::new(),
            bounds: bounds(row),
            slo_missed: Vec::new(),
            cold: None,
            latency: None,
            ceiling: None,
            footprint: None,
            usage: Vec::new(),
            money: None,
            host_drift: None,
            runtime: None,
        }
    }

    /// Marks the row INVALID for one more reason, and says how to measure it again.
    pub fn invalidate(&mut self, why: &str) {
        self.reason = match self.reason.take().filter(|_| self.state == RowState::Invalid) {
            Some(reason) => Some(format!("{reason}; {why}")),
            None => Some(why.to_owned()),
        };
        self.state = RowState::Invalid;
        self.command = Some(format!("gearshift compare --rows {}", self.row));
    }
}

/// Told of a user's service only: the sample stays below all of them.
fn bounds(row: &Row) -> Option<Bounds> {
    (row.build.code == Code::Own).then(|| row.gear().bounds())
}

fn words(row: &Row) -> String {
    let gear = row.gear();
    let pools: Vec<String> = gear.pools.iter().map(|pool| pool.compute.to_string()).collect();
    format!("{} → {} ({})", gear.front, pools.join(" + "), gear.store)
}
