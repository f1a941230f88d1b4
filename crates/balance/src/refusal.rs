//! Why a request got no answer of a member.

use std::error::Error;
use std::io;
use std::time::Duration;

use hyper::{Method, StatusCode};

use crate::MemberId;

/// Why a request got no answer of a member, with the status ALB gives its client:
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html>.
///
/// Of these, only [`Refusal::NoRoute`], [`Refusal::NoMembers`], [`Refusal::Unreachable`] and [`Refusal::NotForwarded`]
/// promise that no member has seen the request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Status 404, as a load balancer that has no default action for others.
    #[error("no route takes `{path}` → add one, or one for /")]
    NoRoute { path: String },
    /// Status 503. AWS does not say what a group of new targets alone answers; they take no request
    /// either.
    #[error(
        "no member takes requests: {initial} wait for their first passed health check and there are \
         no others → add members, or wait until one is healthy"
    )]
    NoMembers { initial: usize },
    /// Status 502: the connection was refused, or there is no way to the address.
    #[error(
        "member `{member}` cannot be reached: {why} → look whether its process still listens at the \
         address in the list"
    )]
    Unreachable { member: MemberId, why: String },
    /// Status 502: it closed or reset the connection before the head of its answer was complete, or
    /// that was not HTTP. It may have carried the request out.
    #[error(
        "member `{member}` gave no proper answer: {why} → look into its log; the request may have \
         been carried out"
    )]
    BadAnswer { member: MemberId, why: String },
    /// Status 502: it left the list and the deregistration delay was over before it answered.
    #[error(
        "member `{member}` left and did not answer within the deregistration delay → raise the delay, \
         or let requests be shorter"
    )]
    Cut { member: MemberId },
    /// Status 504: no connection within the connect timeout.
    #[error(
        "member `{member}` took no connection within {after:?} → look whether it is overloaded"
    )]
    ConnectTimedOut { member: MemberId, after: Duration },
    /// Status 504: silent for the idle timeout.
    #[error(
        "member `{member}` was silent for {after:?} → raise the idle timeout, or let it answer sooner; \
         the request may have been carried out"
    )]
    TimedOut { member: MemberId, after: Duration },
    /// Status 408: the client owed the rest of its body for the idle timeout.
    #[error("the client sent nothing for {after:?} → send the body without such gaps")]
    ClientSilent { after: Duration },
    /// Status 460, which no client sees: its body broke off.
    #[error("the client's body broke off: {why} → send all of it")]
    ClientGone { why: String },
    /// Status 405: ALB forwards no TRACE, and a tunnel is no request.
    #[error("{method} is not forwarded → use another method")]
    NotForwarded { method: Method },
}

impl Refusal {
    /// The status for the client.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NoRoute { .. } => StatusCode::NOT_FOUND,
            Self::NoMembers { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unreachable { .. } | Self::BadAnswer { .. } | Self::Cut { .. } => {
                StatusCode::BAD_GATEWAY
            }
            Self::ConnectTimedOut { .. } | Self::TimedOut { .. } => StatusCode::GATEWAY_TIMEOUT,
            Self::ClientSilent { .. } => StatusCode::REQUEST_TIMEOUT,
            Self::ClientGone { .. } => StatusCode::from_u16(460).unwrap_or(StatusCode::BAD_REQUEST),
            Self::NotForwarded { .. } => StatusCode::METHOD_NOT_ALLOWED,
        }
    }

    /// The member the request was meant for, where one was chosen and is the reason.
    pub fn member(&self) -> Option<&MemberId> {
        match self {
            Self::Unreachable { member, .. }
            | Self::BadAnswer { member, .. }
            | Self::Cut { member }
            | Self::ConnectTimedOut { member, .. }
            | Self::TimedOut { member, .. } => Some(member),
            Self::NoRoute { .. }
            | Self::NoMembers { .. }
            | Self::ClientSilent { .. }
            | Self::ClientGone { .. }
            | Self::NotForwarded { .. } => None,
        }
    }

    /// From what the HTTP client says.
    pub(crate) fn of_member(
        member: MemberId,
        error: &hyper_util::client::legacy::Error,
        connect_timeout: Duration,
    ) -> Self {
        let why = root_cause(error);
        let timed_out = why.downcast_ref::<io::Error>().is_some_and(is_timeout);
        match error.is_connect() {
            true if timed_out => Self::ConnectTimedOut { member, after: connect_timeout },
            true => Self::Unreachable { member, why: why.to_string() },
            false => Self::BadAnswer { member, why: why.to_string() },
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::TimedOut
}

/// The innermost error: the outer ones say only which layer passed it on.
pub(crate) fn root_cause<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner
}
