//! Errors as RFC 9457 problem documents.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// A problem document. Its type is `about:blank`: the status says what kind of problem it is
/// (RFC 9457, section 4.2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub status: StatusCode,
    /// What went wrong this time and what to do, for people.
    pub detail: String,
    /// The path that was asked for.
    pub instance: String,
}

#[derive(Serialize)]
struct Document<'a> {
    r#type: &'a str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    instance: &'a str,
}

impl Problem {
    /// A problem with the request for `uri`.
    pub fn new(status: StatusCode, uri: &Uri, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), instance: uri.path().to_owned() }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let document = Document {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
            instance: &self.instance,
        };
        let mut response = (self.status, Json(document)).into_response();
        let problem = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, problem);
        response
    }
}
