//! What is wanted and what is there.

use std::collections::BTreeMap;

use gearshift_gear::{Caller, EnvironmentId, LawId, Row};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How a row is to run, beside what the catalogue says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    pub caller: Caller,
    /// False: no laws, the bare machine. CPU and memory shares stay.
    pub physics: bool,
    /// False: CPU shares are not enforced either, to measure the target itself.
    pub shaped: bool,
    /// Where every draw starts.
    pub seed: u64,
    /// This machine's core as a multiple of the provider's vCPU; 1 when unknown.
    pub core_factor: f64,
    /// AWS region the row stands in; named in functions' environments.
    pub region: String,
    /// Functions make their clients anew on every call, to show what that costs.
    #[serde(default)]
    pub init_per_call: bool,
    /// Port of the row's address; 0: any that is free.
    #[serde(default)]
    pub port: u16,
    /// Seconds that pass on the provider's clock in one second here, for what a control plane does
    /// by itself (starting a task's replacement, a Spot notice): above 0.
    #[serde(default = "default_clock_factor")]
    pub clock_factor: f64,
    /// Laws that are multiplied, by what: 1 where a law is not named.
    #[serde(default)]
    pub law_factors: BTreeMap<LawId, f64>,
}

fn default_clock_factor() -> f64 {
    30.0
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            caller: Caller::default(),
            physics: true,
            shaped: true,
            seed: 42,
            core_factor: 1.0,
            region: "eu-west-2".to_owned(),
            init_per_call: false,
            port: 0,
            clock_factor: default_clock_factor(),
            law_factors: BTreeMap::new(),
        }
    }
}

/// One row as wanted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wanted {
    pub row: Row,
    pub settings: Settings,
}

/// Everything wanted of one run, by row name. Empty: take all down.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Want {
    pub rows: BTreeMap<String, Wanted>,
}

impl Want {
    /// Nothing: what `down` wants.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// Just this row.
    pub fn one(row: Row, settings: Settings) -> Self {
        Self { rows: BTreeMap::from([(row.name.clone(), Wanted { row, settings })]) }
    }
}

/// What is there of one run, by row name, as read back from where it runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct World {
    pub rows: BTreeMap<String, Standing>,
}

/// One row as it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// What it was started as; absent where its remains no longer tell.
    pub wanted: Option<Wanted>,
    pub state: State,
    /// Where clients reach it, once ready.
    pub url: Option<String>,
    /// Further addresses by what they speak: `table` (DynamoDB), `invoke` (Lambda).
    #[serde(default)]
    pub endpoints: BTreeMap<String, String>,
    /// What calls of these addresses are signed with, where they want that.
    #[serde(default)]
    pub credentials: Option<Credentials>,
    pub members: Vec<Member>,
}

/// A row's own credentials, in AWS's form.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    pub access_key_id: String,
    pub secret_access_key: String,
}

/// Never with the secret.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Credentials").field(&self.access_key_id).finish()
    }
}

/// The state of a row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    Starting,
    Ready,
    /// Something of it is gone or fails; it must be taken away and started again.
    Broken {
        why: String,
    },
}

/// One environment, instance, task or pod.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Member {
    pub environment: EnvironmentId,
    pub state: MemberState,
    /// CPU it has used since it was made, where the target can tell.
    #[serde(default)]
    pub cpu_used_ms: Option<f64>,
    /// Memory it has taken, where the target can tell.
    #[serde(default)]
    pub memory: Option<Memory>,
}

/// What a member takes of memory, as it counts against its limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    pub now_bytes: u64,
    /// The most since it was made.
    pub peak_bytes: u64,
}

/// What a member does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MemberState {
    Starting,
    /// Ready, and frozen where the gear freezes between requests.
    Idle,
    Busy,
    /// Finishes what it has and is sent nothing more.
    Draining,
}

/// Something that happened to a member.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub at: Timestamp,
    pub row: String,
    pub environment: EnvironmentId,
    pub what: Happening,
}

/// What happens in a member's life, in this order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Happening {
    Placed,
    Started,
    Listening,
    FirstByte,
    /// Told that it will be interrupted: a Spot notice.
    Notice,
    /// A line of the provider's log, such as Lambda's `REPORT`.
    Log(String),
    Stopped {
        why: String,
    },
}
