//! One call.

use gearshift_gear::{PartKind, ServerTiming};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ErrorKind;

/// One call that was begun. Times are µs; those ending in `intended_us` and `sent_us` count from
/// the outcome's start.
///
/// ```text
/// intended ── waits ── begun ── connect_us ── sent ── first_byte_us ──┐
///                                              └──────── total_us ────┴── last byte
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sample {
    /// Which request of the job's mix it made; 0 without one.
    #[serde(default)]
    pub turn: usize,
    /// When the call should have been sent. In closed loop and probes: when it was begun.
    pub intended_us: u64,
    /// When the request was handed to its connection; of a call without one, when it was begun.
    pub sent_us: u64,
    /// How long its connection took to open; none where an open one was used.
    pub connect_us: Option<u64>,
    /// Of that, how long the TLS handshake took; none on a plain connection or an open one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_us: Option<u64>,
    /// From sent until the answer's head had arrived.
    pub first_byte_us: Option<u64>,
    /// From sent until the last byte of the answer, or until the call had failed.
    pub total_us: u64,
    pub status: Option<u16>,
    /// Bytes of body received.
    pub bytes: u64,
    /// The number in the body, where [`crate::ExpectBody::Count`] was expected.
    pub count: Option<u64>,
    /// What the target said about the answer; in JSON the header's own text.
    #[serde(with = "as_header")]
    #[schemars(with = "String")]
    pub timing: ServerTiming,
    /// Why the call failed: it is unacknowledged.
    pub error: Option<ErrorKind>,
}

/// Where a latency begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Since {
    /// The intended send time: what a caller who arrives on schedule waits.
    Intended,
    /// The real send time: what the target took.
    Sent,
}

impl Sample {
    pub(crate) fn begun(turn: usize, intended_us: u64, now_us: u64) -> Self {
        Self {
            turn,
            intended_us,
            sent_us: now_us,
            connect_us: None,
            tls_us: None,
            first_byte_us: None,
            total_us: 0,
            status: None,
            bytes: 0,
            count: None,
            timing: ServerTiming::default(),
            error: None,
        }
    }

    /// Whether the answer was good.
    pub fn is_acknowledged(&self) -> bool {
        self.error.is_none()
    }

    /// Latency in µs.
    pub fn latency_us(&self, since: Since) -> u64 {
        match since {
            Since::Intended => (self.sent_us + self.total_us).saturating_sub(self.intended_us),
            Since::Sent => self.total_us,
        }
    }

    /// How much later than intended the call was begun. Connecting is no lateness: it is part of
    /// what the caller waits for the target.
    pub fn lateness_us(&self) -> u64 {
        self.sent_us.saturating_sub(self.intended_us + self.connect_us.unwrap_or(0))
    }

    /// Latency in ms.
    pub fn total_ms(&self, since: Since) -> f64 {
        self.latency_us(since) as f64 / 1000.0
    }

    /// What laws added inside the answer, in ms.
    pub fn declared_ms(&self) -> f64 {
        self.timing.total_ms(PartKind::Declared)
    }

    /// What this machine did, in ms: latency less the declared parts.
    pub fn here_ms(&self, since: Since) -> f64 {
        self.total_ms(since) - self.declared_ms()
    }

    /// Laws that were not waited out, in ms.
    pub fn accounted_ms(&self) -> f64 {
        self.timing.total_ms(PartKind::Accounted)
    }

    /// Latency as the caller of a cold start would see it, in ms: accounted laws added.
    pub fn total_with_accounted_ms(&self, since: Since) -> f64 {
        self.total_ms(since) + self.accounted_ms()
    }

    /// Whether a law took longer here than it had drawn.
    pub fn has_late_part(&self) -> bool {
        self.timing.parts.iter().any(|part| part.kind == PartKind::Late)
    }
}

mod as_header {
    use super::{Deserialize, ServerTiming};

    pub fn serialize<S: serde::Serializer>(
        timing: &ServerTiming,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&timing.format())
    }

    pub fn deserialize<'de, D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> Result<ServerTiming, D::Error> {
        Ok(ServerTiming::parse(&String::deserialize(deserializer)?))
    }
}
