//! Refusals in DynamoDB's form.

use bytes::Bytes;
use gearshift_access::{Denied, Stranger};
use hyper::StatusCode;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use serde_json::json;

use crate::answer::Answer;
use crate::front::Refusal;

/// The checksum of the body that the SDKs for JavaScript and Java compare.
const CHECKSUM: HeaderName = HeaderName::from_static("x-amz-crc32");
const JSON: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.0");
const FAILED: &str = "com.amazonaws.dynamodb.v20120810#InternalServerError";

/// Another body under the same headers, its checksum put right.
pub(super) fn replace_body(answer: &mut Answer, body: String) {
    answer.body = Bytes::from(body);
    answer.headers.insert(CHECKSUM, HeaderValue::from(crc32fast::hash(&answer.body)));
}

fn error(status: StatusCode, code: &str, message: &str) -> Answer {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, JSON);
    let mut answer = Answer { status, headers, body: Bytes::new() };
    replace_body(&mut answer, json!({"__type": code, "message": message}).to_string());
    answer
}

pub(super) fn refuse(why: Refusal) -> Answer {
    match why {
        Refusal::Throttled => error(
            StatusCode::BAD_REQUEST,
            "com.amazon.coral.availability#ThrottlingException",
            "Rate of requests exceeds the allowed throughput.",
        ),
        Refusal::Failed => {
            error(StatusCode::INTERNAL_SERVER_ERROR, FAILED, "Internal server error")
        }
        Refusal::TooLarge => error(
            StatusCode::PAYLOAD_TOO_LARGE,
            "com.amazon.coral.service#SerializationException",
            "the request's body was cut off or exceeds 16 MB",
        ),
    }
}

/// The signature is none of this row's.
pub(super) fn deny(why: &Denied) -> Answer {
    let code = format!("com.amazon.coral.service#{}", why.code());
    error(StatusCode::BAD_REQUEST, &code, &why.to_string())
}

/// TableCall under another name, or by a page of another origin.
pub(super) fn turn_away(why: Stranger) -> Answer {
    let code = "com.amazon.coral.service#AccessDeniedException";
    error(StatusCode::FORBIDDEN, code, &why.to_string())
}

/// The engine did not answer: nothing put in on purpose, so it says what happened.
pub(super) fn engine_gone(why: &str) -> Answer {
    let message = format!("the embedded table engine does not answer: {why}");
    error(StatusCode::INTERNAL_SERVER_ERROR, FAILED, &message)
}
