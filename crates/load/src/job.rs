//! What is to be sent, how, and what answer is good.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{LoadError, Request};

/// One load job; JSON on a load worker's stdin. Only `url` and `mode` have no default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// `http://host[:port]/path?query`. The host is looked up once, before the first call.
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
    /// *How cold*: one call after another, each on a connection of its own.
    Probe { calls: u64 },
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
            keep_samples: twenty_thousand(),
        }
    }

    /// Refuses numbers that no run can be made of.
    pub(crate) fn check(&self) -> Result<(), LoadError> {
        at_least_one("timeout_ms", self.timeout_ms)?;
        for request in &self.mix {
            at_least_one("mix.weight", u64::from(request.weight))?;
        }
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
                Ok(())
            }
            Mode::Open { rate_per_s, connections_max, .. } => {
                at_least_one("mode.open.connections_max", connections_max as u64)?;
                // Beyond 10 million a second an interval is below the clock's useful grain.
                if !(rate_per_s > 0.0 && rate_per_s <= 1e7) {
                    return Err(LoadError::BadJob {
                        field: "mode.open.rate_per_s",
                        value: rate_per_s.to_string(),
                        why: "it must be above 0 and at most 10,000,000",
                    });
                }
                Ok(())
            }
            Mode::Probe { .. } => Ok(()),
        }
    }
}

fn at_least_one(field: &'static str, value: u64) -> Result<(), LoadError> {
    if value == 0 {
        return Err(LoadError::BadJob { field, value: "0".to_owned(), why: "at least 1" });
    }
    Ok(())
}

fn get() -> String {
    "GET".to_owned()
}

fn ten_seconds() -> u64 {
    10_000
}

fn twenty_thousand() -> usize {
    20_000
}
