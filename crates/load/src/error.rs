//! Why a job could not be run, and why a single call failed.

use std::io;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a job could not be run at all. Calls that fail are samples, not errors.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("`{url}` is not a URL ({why}) → use one such as http://127.0.0.1:8000/")]
    BadUrl { url: String, why: String },
    #[error("`{url}` is neither http:// nor https:// → use one of them")]
    NotHttp { url: String },
    #[error("`{host}` is no name that a certificate can have ({why}) → use the service's own name")]
    NoTlsName { host: String, why: String },
    #[error("the certificate authorities given cannot be read ({why}) → give them as PEM")]
    BadAuthorities { why: String },
    #[error(
        "this machine has no certificate authorities ({why}) → install ca-certificates, or give the server's own as PEM"
    )]
    NoAuthorities { why: String },
    #[error("host `{host}` has no address ({why}) → check the name, or use an address")]
    NoAddress { host: String, why: String },
    #[error("`{field}` of the job cannot be {value}: {why}")]
    BadJob { field: &'static str, value: String, why: &'static str },
    #[error("no thread to make calls on: {0} → fewer threads, or raise the limit (ulimit -u)")]
    NoThread(#[source] io::Error),
    /// Told to nobody: whoever waited for the outcome has gone.
    #[error("the run was given up")]
    GivenUp,
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
    /// The server's certificate is not trusted: unknown authority, another name, or out of date.
    Certificate,
    /// The TLS handshake failed for another reason, such as a server that speaks plain HTTP.
    Tls,
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
            Self::Certificate => "with a certificate that is not trusted",
            Self::Tls => "failed in the TLS handshake",
            Self::Reset => "reset",
            Self::Timeout => "timed out",
            Self::Protocol => "answered with something other than HTTP/1",
            Self::Status => "answered with another status",
            Self::Body => "answered with a bad body",
        }
    }
}

/// A server's certificate that was not trusted. A run tells of the first; the calls that met one are
/// counted as [`ErrorKind::Certificate`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
#[error("the certificate of `{host}` is not trusted: {why} → {}", .why.next_step())]
pub struct Untrusted {
    /// As the URL names it, without a port.
    pub host: String,
    pub why: Distrust,
}

/// Why a certificate is not trusted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Distrust {
    #[error("no authority known here vouches for it")]
    UnknownIssuer,
    #[error("it is for another name")]
    OtherName,
    #[error("it has expired")]
    Expired,
    #[error("it is not valid yet")]
    NotYetValid,
    /// What the TLS library says of it.
    #[error("{0}")]
    Other(String),
}

impl Distrust {
    fn next_step(&self) -> &'static str {
        match self {
            Self::UnknownIssuer => "give the authority's own certificate as PEM (--cacert FILE)",
            Self::OtherName => "use a name that the certificate has",
            Self::Expired => "renew it, or check this machine's clock",
            Self::NotYetValid => "check the clocks of this machine and of the one that signed it",
            Self::Other(_) => "have the server's owner look at it",
        }
    }
}

impl From<&rustls::CertificateError> for Distrust {
    fn from(error: &rustls::CertificateError) -> Self {
        use rustls::CertificateError as Of;
        match error {
            Of::UnknownIssuer => Self::UnknownIssuer,
            Of::NotValidForName | Of::NotValidForNameContext { .. } => Self::OtherName,
            Of::Expired | Of::ExpiredContext { .. } => Self::Expired,
            Of::NotValidYet | Of::NotValidYetContext { .. } => Self::NotYetValid,
            other => Self::Other(other.to_string()),
        }
    }
}
