//! What is to be sent, how, and what answer is good.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{LoadError, Request};

/// One load job; JSON on a load worker's stdin. Only `url` and `mode` have no default. A field that came
/// later is written only where it is not its default, since a worker of an older version refuses what it
/// does not know rather than measuring something else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// `http://host[:port]/path?query`, or `https://…`.
    pub url: String,
    #[serde(default = "get")]
    pub method: String,
    /// Name and value, sent in this order. `host` replaces the one taken from the URL.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// Sent with every call, with its `content-length`.
    #[serde(default)]
    pub body: Option<String>,
    pub mode: Mode,
    /// How long one call may take, connecting included; at least 1.
    #[serde(default = "ten_seconds")]
    pub timeout_ms: u64,
    #[serde(default)]
    pub expect: Expect,
    /// Kinds of requests made in turn, by weight. With any, `url` is the address they are sent to,
    /// and `method`, `headers`, `body` and `expect` of the job are not looked at.
    #[serde(default)]
    pub mix: Vec<Request>,
    /// Authorities that an `https://` server's certificate is checked against, as PEM; none: those of
    /// the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_pem: Option<String>,
    /// How often the host's name is looked up again while calls are made; 0: never. New connections go to
    /// the addresses found last. Half of the 60 s for which AWS's load balancers let their names be
    /// kept. Source: Elastic Load Balancing user guide, "How Elastic Load Balancing works".
    #[serde(default = "thirty_seconds", skip_serializing_if = "is_thirty_seconds")]
    pub look_up_every_ms: u64,
    /// Threads that calls are made on, each with its share of connections and calls; 1: the one that
    /// `run` is called on.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub threads: usize,
    /// Up to this many full samples are kept; of more calls, a uniform random choice.
    #[serde(default = "twenty_thousand")]
    pub keep_samples: usize,
}

/// When calls are made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Mode {
    /// *How much*: every connection makes its next call when the last is answered, until `calls`
    /// are made or `duration_ms` is over, whichever is first; at least one must be given.
    Closed { connections: usize, calls: Option<u64>, duration_ms: Option<u64> },
    /// *How fast*: `calls` arrive at fixed intervals, whatever the answers do. A call takes the
    /// connection that fell idle last; if all are busy a new one is opened, up to
    /// `connections_max`; then it waits, up to the job's timeout.
    Open { rate_per_s: f64, calls: u64, connections_max: usize },
    /// As `open`, at a rate that changes: from `from_per_s` evenly to each stage's rate, within the
    /// stage's time.
    Staged { from_per_s: f64, stages: Vec<Stage>, connections_max: usize },
    /// *How cold*: one call after another, each on a connection of its own.
    Probe { calls: u64 },
}

/// A stretch of time over which the rate changes evenly to another one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Calls a second at its end, from 0 to 10,000,000.
    pub to_per_s: f64,
    /// At least 1.
    pub duration_ms: u64,
}

/// Which answers are good. Others are errors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Expect {
    pub status: u16,
    pub body: ExpectBody,
}

/// Which bodies are good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ExpectBody {
    #[default]
    Any,
    /// A bare decimal number up to 2⁶⁴ − 1, one line break after it allowed.
    Count,
    /// Exactly this many bytes.
    Bytes(u64),
}

impl Default for Expect {
    fn default() -> Self {
        Self { status: 200, body: ExpectBody::Any }
    }
}

impl Mode {
    /// Whether calls are due at times of their own, whatever the answers do.
    pub fn has_schedule(&self) -> bool {
        matches!(self, Self::Open { .. } | Self::Staged { .. })
    }
}

impl Job {
    /// GET without body, ten seconds of patience, any answer with status 200 is good.
    pub fn new(url: impl Into<String>, mode: Mode) -> Self {
        Self {
            url: url.into(),
            method: get(),
            headers: Vec::new(),
            body: None,
            mode,
            timeout_ms: ten_seconds(),
            expect: Expect::default(),
            mix: Vec::new(),
            ca_pem: None,
            look_up_every_ms: thirty_seconds(),
            threads: one(),
            keep_samples: twenty_thousand(),
        }
    }

    /// Refuses numbers that no run can be made of.
    pub(crate) fn check(&self) -> Result<(), LoadError> {
        at_least_one("timeout_ms", self.timeout_ms)?;
        for request in &self.mix {
            at_least_one("mix.weight", u64::from(request.weight))?;
        }
        at_least_one("threads", self.threads as u64)?;
        match self.mode {
            Mode::Closed { connections, calls, duration_ms } => {
                at_least_one("mode.closed.connections", connections as u64)?;
                if calls.is_none() && duration_ms.is_none() {
                    return Err(LoadError::BadJob {
                        field: "mode.closed",
                        value: "endless".to_owned(),
                        why: "give calls, duration_ms or both",
                    });
                }
                self.on_threads(connections)
            }
            Mode::Open { rate_per_s, connections_max, .. } => {
                at_least_one("mode.open.connections_max", connections_max as u64)?;
                if !(rate_per_s > 0.0 && rate_per_s <= MOST_PER_S) {
                    return Err(LoadError::BadJob {
                        field: "mode.open.rate_per_s",
                        value: rate_per_s.to_string(),
                        why: "it must be above 0 and at most 10,000,000",
                    });
                }
                self.on_threads(connections_max)
            }
            Mode::Staged { from_per_s, ref stages, connections_max } => {
                at_least_one("mode.staged.connections_max", connections_max as u64)?;
                at_least_one("mode.staged.stages", stages.len() as u64)?;
                for stage in stages {
                    at_least_one("mode.staged.stages.duration_ms", stage.duration_ms)?;
                }
                let rates = stages.iter().map(|stage| stage.to_per_s);
                let bad = rates.chain([from_per_s]).find(|rate| !(0.0..=MOST_PER_S).contains(rate));
                if let Some(rate) = bad {
                    return Err(LoadError::BadJob {
                        field: "a rate of mode.staged",
                        value: rate.to_string(),
                        why: "it must be from 0 to 10,000,000",
                    });
                }
                self.on_threads(connections_max)
            }
            Mode::Probe { .. } => self.on_threads(1),
        }
    }

    /// Refuses threads that would have no connection.
    fn on_threads(&self, connections: usize) -> Result<(), LoadError> {
        if self.threads > connections {
            return Err(LoadError::BadJob {
                field: "threads",
                value: self.threads.to_string(),
                why: "each needs a connection, and a probe has one at a time",
            });
        }
        Ok(())
    }

    /// The most connections that are open at once.
    pub(crate) fn connections(&self) -> usize {
        match self.mode {
            Mode::Closed { connections, .. } => connections,
            Mode::Open { connections_max, .. } | Mode::Staged { connections_max, .. } => {
                connections_max
            }
            Mode::Probe { .. } => 1,
        }
    }
}

/// Beyond it an interval is below the clock's useful grain.
const MOST_PER_S: f64 = 1e7;

fn at_least_one(field: &'static str, value: u64) -> Result<(), LoadError> {
    if value == 0 {
        return Err(LoadError::BadJob { field, value: "0".to_owned(), why: "at least 1" });
    }
    Ok(())
}

fn get() -> String {
    "GET".to_owned()
}

fn one() -> usize {
    1
}

fn thirty_seconds() -> u64 {
    30_000
}

fn is_one(threads: &usize) -> bool {
    *threads == one()
}

fn is_thirty_seconds(ms: &u64) -> bool {
    *ms == thirty_seconds()
}

fn ten_seconds() -> u64 {
    10_000
}

fn twenty_thousand() -> usize {
    20_000
}
