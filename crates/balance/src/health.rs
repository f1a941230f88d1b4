//! A member's health as a pure function: health × check → health.

use std::time::Duration;

use crate::HealthCheck;

/// Why a check failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckFailure {
    /// No connection, or one that was closed or garbled before an answer's head was complete.
    #[error("no answer ({why}) → look whether the member's process still listens")]
    NoAnswer { why: String },
    #[error("no answer within {after:?} → raise the check's timeout, or ask for a cheaper path")]
    TimedOut { after: Duration },
    #[error("the answer was {status} → check the path, or allow this status")]
    Status { status: u16 },
}

/// What the checks so far say of a member that is in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    /// It has passed none yet, and failed this many in a row.
    Initial { failed: u32 },
    /// It failed this many since the last passed one.
    Healthy { failed: u32 },
    /// It passed this many since the last failed one.
    Unhealthy { passed: u32, why: CheckFailure },
}

impl Health {
    /// Of a member no check has asked yet.
    pub(crate) const NEW: Self = Self::Initial { failed: 0 };

    /// After one more check.
    ///
    /// Only an unhealthy member needs several passed checks, a new one needs a single one. A new one
    /// that fails becomes unhealthy as a healthy one does, and recovers as such.
    pub(crate) fn after(self, check: Result<(), CheckFailure>, limits: &HealthCheck) -> Self {
        match (self, check) {
            (Self::Initial { .. } | Self::Healthy { .. }, Ok(())) => Self::Healthy { failed: 0 },
            (Self::Unhealthy { passed, .. }, Ok(())) if passed + 1 >= limits.healthy_after => {
                Self::Healthy { failed: 0 }
            }
            (Self::Unhealthy { passed, why }, Ok(())) => {
                Self::Unhealthy { passed: passed + 1, why }
            }
            (Self::Unhealthy { .. }, Err(why)) => Self::Unhealthy { passed: 0, why },
            (Self::Initial { failed } | Self::Healthy { failed }, Err(why))
                if failed + 1 >= limits.unhealthy_after =>
            {
                Self::Unhealthy { passed: 0, why }
            }
            (Self::Initial { failed }, Err(_)) => Self::Initial { failed: failed + 1 },
            (Self::Healthy { failed }, Err(_)) => Self::Healthy { failed: failed + 1 },
        }
    }
}

#[cfg(test)]
#[path = "health_tests.rs"]
mod tests;
