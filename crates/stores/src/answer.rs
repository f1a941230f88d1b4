//! Answers in DynamoDB's form.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::json;

use crate::Fault;

/// The checksum of the body that the SDKs for JavaScript and Java compare.
const CHECKSUM: HeaderName = HeaderName::from_static("x-amz-crc32");
const JSON: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.0");

/// Headers that belong to one connection, or are written anew for the next.
const OF_ONE_HOP: [HeaderName; 8] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
];

/// A whole answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    fn error(status: StatusCode, code: &str, message: &str) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, JSON);
        let mut answer = Self { status, headers, body: Bytes::new() };
        answer.replace_body(json!({"__type": code, "message": message}).to_string());
        answer
    }

    /// Another body under the same headers, its checksum put right.
    pub(crate) fn replace_body(&mut self, body: String) {
        self.body = Bytes::from(body);
        self.headers.insert(CHECKSUM, HeaderValue::from(crc32fast::hash(&self.body)));
    }

    pub(crate) fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

/// Takes out what must not be passed on to the next connection.
pub(crate) fn drop_hop_headers(headers: &mut HeaderMap) {
    for name in OF_ONE_HOP {
        headers.remove(name);
    }
}

/// What a fault answers that keeps the request from being applied.
pub(crate) fn not_applied(fault: Option<Fault>) -> Answer {
    match fault {
        Some(Fault::Throttle) => Answer::error(
            StatusCode::BAD_REQUEST,
            "com.amazon.coral.availability#ThrottlingException",
            "Rate of requests exceeds the allowed throughput.",
        ),
        _ => internal_error(),
    }
}

/// DynamoDB's own failure; the request may have been applied or not.
pub(crate) fn internal_error() -> Answer {
    Answer::error(
        StatusCode::INTERNAL_SERVER_ERROR,
        "com.amazonaws.dynamodb.v20120810#InternalServerError",
        "Internal server error",
    )
}

/// The engine did not answer: nothing put in on purpose, so it says what happened.
pub(crate) fn engine_gone(why: &str) -> Answer {
    Answer::error(
        StatusCode::INTERNAL_SERVER_ERROR,
        "com.amazonaws.dynamodb.v20120810#InternalServerError",
        &format!("the embedded table engine does not answer: {why}"),
    )
}

pub(crate) fn too_large() -> Answer {
    Answer::error(
        StatusCode::PAYLOAD_TOO_LARGE,
        "com.amazon.coral.service#SerializationException",
        "the request's body was cut off or exceeds 16 MB",
    )
}
