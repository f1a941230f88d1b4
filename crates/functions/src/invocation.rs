//! What one invocation comes to.

use std::time::Duration;

use bytes::Bytes;
use gearshift_gear::ServerTiming;
use serde_json::json;

/// The content type of a streamed response that begins with its status and headers as JSON and eight
/// zero bytes (docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html).
pub const INTEGRATION_RESPONSE: &str = "application/vnd.awslambda.http-integration-response";

/// A finished invocation.
#[derive(Clone, Debug)]
pub struct Answer {
    pub request_id: String,
    /// What the function returned, or its error as AWS words it.
    pub result: Result<Bytes, FunctionError>,
    /// The content type of a response that was streamed, such as [`INTEGRATION_RESPONSE`]; it was
    /// collected all the same. None where it was sent as a whole.
    pub streamed: Option<String>,
    /// Handler time.
    pub duration: Duration,
    /// Time of the init phase, when this invocation began the environment's life.
    pub init: Option<Duration>,
    /// Init and handler together, rounded up to 1 ms.
    pub billed_ms: u64,
    pub max_memory_mb: u64,
    /// Environment, laws waited out or accounted, and measured steps.
    pub timing: ServerTiming,
    /// The last 4 KB of this invocation's log, the REPORT line included.
    pub log_tail: String,
}

/// A function that failed, in AWS's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionError {
    /// The JSON a caller of Invoke gets: `errorType`, `errorMessage`, perhaps `trace`.
    pub body: Bytes,
    /// What the platform put it down to, such as `Sandbox.Timedout`; none when the function
    /// itself reported the error.
    pub platform: Option<&'static str>,
}

impl FunctionError {
    pub(crate) fn reported(body: Bytes) -> Self {
        Self { body, platform: None }
    }

    pub(crate) fn platform(kind: &'static str, request_id: &str, message: &str) -> Self {
        Self::worded(kind, &format!("RequestId: {request_id} Error: {message}"))
    }

    /// The one platform error whose message does not begin with the request.
    pub(crate) fn response_too_large(limit: usize) -> Self {
        let message =
            format!("Response payload size exceeded maximum allowed payload size ({limit} bytes).");
        Self::worded("Function.ResponseSizeTooLarge", &message)
    }

    fn worded(kind: &'static str, message: &str) -> Self {
        let body = json!({ "errorType": kind, "errorMessage": message }).to_string();
        Self { body: body.into(), platform: Some(kind) }
    }
}

/// An invocation that never reached an environment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// 429.
    #[error("Rate Exceeded.")]
    TooManyRequests,
    /// 413.
    #[error(
        "{bytes} byte payload is too large for the RequestResponse invocation type (limit 6291456 bytes)"
    )]
    RequestTooLarge { bytes: usize },
    /// 500: this machine could not start an environment.
    #[error("an execution environment could not be started: {0}")]
    Host(String),
}

/// The line Lambda writes at the end of each invocation.
pub(crate) fn report_line(answer: &Answer, memory_mb: u32) -> String {
    let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
    let init = match answer.init {
        Some(init) => format!("Init Duration: {:.2} ms\t", ms(init)),
        None => String::new(),
    };
    let status = match answer.result.as_ref().err().and_then(|error| error.platform) {
        Some("Sandbox.Timedout") => "Status: timeout\t".to_owned(),
        Some(kind) => format!("Status: error\tError Type: {kind}\t"),
        None => String::new(),
    };
    format!(
        "REPORT RequestId: {}\tDuration: {:.2} ms\tBilled Duration: {} ms\tMemory Size: {memory_mb} MB\tMax Memory Used: {} MB\t{init}{status}\n",
        answer.request_id,
        ms(answer.duration),
        answer.billed_ms,
        answer.max_memory_mb,
    )
}
