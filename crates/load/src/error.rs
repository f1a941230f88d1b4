//! Why a job could not be run, and why a single call failed.

use std::io;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a job could not be run at all. Calls that fail are samples, not errors.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("`{url}` is not a URL ({why}) → use one such as http://127.0.0.1:8000/")]
    BadUrl { url: String, why: String },
    /// TLS would be measured with the service, so only plain HTTP is spoken.
    #[error("`{url}` is not http:// → use the service's plain http:// address; TLS is not spoken")]
    NotHttp { url: String },
    #[error("host `{host}` has no address ({why}) → check the name, or use an address")]
    NoAddress { host: String, why: String },
    #[error("`{field}` of the job cannot be {value}: {why}")]
    BadJob { field: &'static str, value: String, why: &'static str },
    #[error("no timer for pacing: {0} → raise the limit of open files (ulimit -n)")]
    NoTimer(#[source] io::Error),
    #[error(
        "the generator's own CPU time cannot be read: {0} → report this with the kernel's name"
    )]
    NoUsage(#[source] io::Error),
}

/// Why a call failed.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorKind {
    /// Nothing listens at the address.
    Refused,
    /// No connection for another reason: no route, no local port or file left.
    Unreachable,
    /// The connection was closed or reset before the answer's head was complete.
    Reset,
    /// No complete answer within the job's timeout, counted from the start of the call.
    Timeout,
    /// The answer was not HTTP/1.
    Protocol,
    /// A complete answer with another status than expected.
    Status,
    /// The right status, but a body that was cut short or is not what was expected.
    Body,
}

impl ErrorKind {
    /// The kind in words, to follow a number of calls: "3 refused".
    pub fn words(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Unreachable => "without a connection",
            Self::Reset => "reset",
            Self::Timeout => "timed out",
            Self::Protocol => "answered with something other than HTTP/1",
            Self::Status => "answered with another status",
            Self::Body => "answered with a bad body",
        }
    }
}
