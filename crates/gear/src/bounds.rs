//! What one request and its answer may be on a gear, as AWS documents it: what is beyond breaks when a
//! service is moved there.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Compute, Front, Gear};

/// Largest request to a function and largest answer of one, bytes.
/// Source: docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html (6 MB).
pub const FUNCTION_PAYLOAD_BYTES: usize = 6 * 1024 * 1024;
/// Longest an HTTP API waits, ms.
/// Source: docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html.
pub const HTTP_API_MS: u64 = 30_000;
/// Longest a REST API waits, ms.
/// Source: docs.aws.amazon.com/apigateway/latest/developerguide/limits.html.
pub const REST_API_MS: u64 = 29_000;
/// Longest a load balancer hears nothing from a task, ms. Source:
/// docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html.
const IDLE_MS: u64 = 60_000;

/// The bounds of a gear; none where AWS sets none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Bounds {
    /// Longest until the whole answer is there, ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_ms: Option<u64>,
    /// Longest silence before and in an answer, ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silence_ms: Option<u64>,
    /// Largest request; a binary one is a third larger on its way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_bytes: Option<u64>,
    /// Largest answer; a binary one is a third larger on its way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_bytes: Option<u64>,
    /// Whether what a service sends bit by bit arrives bit by bit.
    pub streams: bool,
}

impl Gear {
    /// What AWS lets through here.
    pub fn bounds(&self) -> Bounds {
        let is_function =
            self.pools.iter().any(|pool| matches!(pool.compute, Compute::Function { .. }));
        let waits = |front_ms: u64| Some(front_ms.min(self.limits.timeout_ms));
        let of_function = Bounds {
            request_bytes: Some(FUNCTION_PAYLOAD_BYTES as u64),
            answer_bytes: Some(FUNCTION_PAYLOAD_BYTES as u64),
            ..Bounds::default()
        };
        match self.front {
            Front::HttpApi if is_function => {
                Bounds { answer_ms: waits(HTTP_API_MS), ..of_function }
            }
            Front::RestApi if is_function => {
                Bounds { answer_ms: waits(REST_API_MS), ..of_function }
            }
            Front::LoadBalancer => {
                Bounds { silence_ms: Some(IDLE_MS), streams: true, ..Bounds::default() }
            }
            _ => Bounds { streams: true, ..Bounds::default() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CATALOGUE, Row};

    fn row(name: &str) -> Row {
        CATALOGUE.row(name).expect("a row").clone()
    }

    #[test]
    fn the_shorter_of_function_and_gateway_bounds_an_answer() {
        let of = |front, seconds: u64| {
            let row =
                row("lambda").with_own_function(front, 128, seconds * 1000).expect("a function");
            row.gear().bounds().answer_ms
        };
        assert_eq!(of(Front::HttpApi, 3), Some(3_000));
        assert_eq!(of(Front::HttpApi, 900), Some(30_000));
        assert_eq!(of(Front::RestApi, 900), Some(29_000));
    }

    #[test]
    fn an_instance_of_ones_own_has_no_bounds_of_awss() {
        let bounds = row("ec2").gear().bounds();
        assert_eq!(bounds, Bounds { streams: true, ..Bounds::default() });
        assert_eq!(row("fargate").gear().bounds().silence_ms, Some(60_000));
    }
}
