//! The service's answer → what the event's front expects.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use hyper::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, SET_COOKIE,
};
use hyper::http::response::Parts;
use hyper::{Response, StatusCode};
use serde::{Serialize, Serializer};
use serde_json::json;
use serde_json::value::RawValue;

use super::{Front, hop};

/// Largest payload of a synchronous answer, bytes of JSON: what Lambda says when it refuses one,
/// "exceeded maximum allowed payload size (6291556 bytes)", which is 100 more than the 6 MB of
/// docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html.
const FUNCTION_BYTES: usize = 6 * 1024 * 1024 + 100;

/// Largest answer behind a load balancer, bytes of JSON: 1 MB, source
/// docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html.
const LOAD_BALANCER_BYTES: usize = 1024 * 1024;

/// Most bytes of payload that an answer to this front may have.
pub(crate) fn limit_of(front: Option<Front>) -> usize {
    match front {
        Some(Front::LoadBalancer { .. }) => LOAD_BALANCER_BYTES,
        _ => FUNCTION_BYTES,
    }
}

/// An answer that its front would not take.
#[derive(Debug, thiserror::Error)]
#[error(
    "the service's answer is too large: {size} as Lambda counts it, and {limit} is the most \
     {whose} → answer in parts, store it elsewhere and redirect, or set GEARSHIFT_INVOKE_MODE=response_stream"
)]
pub(crate) struct TooLarge {
    /// `7340123 bytes`, or `more than …` where it was not read to its end.
    size: String,
    limit: usize,
    whose: &'static str,
}

impl TooLarge {
    pub(crate) fn new(front: Option<Front>, size: String) -> Self {
        let whose = match front {
            Some(Front::LoadBalancer { .. }) => "a load balancer takes from a function",
            _ => "a buffered answer of a function may have",
        };
        Self { size, limit: limit_of(front), whose }
    }
}

/// A whole answer.
pub(crate) struct Answer {
    pub(crate) head: Parts,
    pub(crate) body: Bytes,
    /// To a HEAD, whose `Content-Length` is not that of its body.
    pub(crate) to_head: bool,
}

/// What the front expects, in the order its documentation has it.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Reply<'a> {
    status_code: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_map")]
    headers: Option<Fields<'a, Cow<'a, str>>>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_map")]
    multi_value_headers: Option<Fields<'a, Vec<Cow<'a, str>>>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cookies: Vec<Cow<'a, str>>,
    body: Cow<'a, str>,
    is_base64_encoded: bool,
}

type Fields<'a, T> = Vec<(&'a str, T)>;

fn as_map<S: Serializer, T: Serialize>(
    fields: &Option<Fields<'_, T>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(fields.iter().flatten().map(|(name, value)| (name, value)))
}

impl Answer {
    /// The payload for this front; without a front, the body as JSON.
    pub(crate) fn payload(mut self, front: Option<Front>) -> Result<Vec<u8>, TooLarge> {
        let payload = match front {
            Some(front) => {
                hop::remove(&mut self.head.headers);
                // The front counts what it sends.
                if !self.to_head {
                    self.head.headers.remove(CONTENT_LENGTH);
                }
                serde_json::to_vec(&self.reply(front)).expect("text and numbers")
            }
            None => as_json(&self.body),
        };
        if payload.len() > limit_of(front) {
            return Err(TooLarge::new(front, format!("{} bytes", payload.len())));
        }
        Ok(payload)
    }

    fn reply(&self, front: Front) -> Reply<'_> {
        let headers = &self.head.headers;
        let (body, is_base64_encoded) = match text(headers, &self.body) {
            Some(text) => (Cow::Borrowed(text), false),
            None => (Cow::Owned(BASE64.encode(&self.body)), true),
        };
        let mut reply = Reply {
            status_code: self.head.status.as_u16(),
            body,
            is_base64_encoded,
            ..Reply::default()
        };
        match front {
            Front::V2 => {
                reply.headers = Some(joined(headers));
                reply.cookies = headers.get_all(SET_COOKIE).iter().map(readable).collect();
            }
            Front::V1 => reply.multi_value_headers = Some(multiple(headers)),
            Front::LoadBalancer { multi_value } => {
                reply.status_description = Some(described(self.head.status));
                match multi_value {
                    true => reply.multi_value_headers = Some(multiple(headers)),
                    false => reply.headers = Some(with_one_cookie(headers)),
                }
            }
        }
        reply
    }
}

/// The body as text where its type says that it is text; everything else goes as base64.
fn text<'a>(headers: &HeaderMap, body: &'a [u8]) -> Option<&'a str> {
    let is_encoded = headers.get(CONTENT_ENCODING).is_some_and(|how| how != "identity");
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    (!is_encoded && kind.is_none_or(is_text)).then(|| std::str::from_utf8(body).ok()).flatten()
}

fn is_text(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind.starts_with("text/")
        || kind.ends_with("+json")
        || kind.ends_with("+xml")
        || matches!(
            kind.as_str(),
            "application/json"
                | "application/javascript"
                | "application/x-javascript"
                | "application/xml"
                | "application/x-ndjson"
                | "application/x-www-form-urlencoded"
                | "application/yaml"
        )
}

/// Every header but cookies, repeated ones joined by commas (RFC 9110, 5.3).
pub(super) fn joined(headers: &HeaderMap) -> Fields<'_, Cow<'_, str>> {
    let names = headers.keys().filter(|name| **name != SET_COOKIE);
    names.map(|name| (name.as_str(), joined_value(headers, name))).collect()
}

fn joined_value<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Cow<'a, str> {
    let mut values = headers.get_all(name).iter().map(readable);
    let first = values.next().unwrap_or_default();
    values.fold(first, |joined, value| Cow::Owned(format!("{joined}, {value}")))
}

pub(super) fn multiple(headers: &HeaderMap) -> Fields<'_, Vec<Cow<'_, str>>> {
    let values = |name| headers.get_all(name).iter().map(readable).collect();
    headers.keys().map(|name| (name.as_str(), values(name))).collect()
}

/// Without multi-value headers a load balancer passes one cookie on. Which one is nobody's choice;
/// that one is lost is said.
fn with_one_cookie(headers: &HeaderMap) -> Fields<'_, Cow<'_, str>> {
    let mut fields = joined(headers);
    let cookies = headers.get_all(SET_COOKIE);
    let lost = cookies.iter().count().saturating_sub(1);
    if lost > 0 {
        eprintln!(
            "gearshift-entry: {lost} of the answer's cookies are lost: the load balancer takes one → \
             enable multi-value headers on its target group"
        );
    }
    fields.extend(cookies.iter().next_back().map(|cookie| (SET_COOKIE_NAME, readable(cookie))));
    fields
}

const SET_COOKIE_NAME: &str = "set-cookie";

/// Headers that are no UTF-8 are Latin-1 (RFC 9110, 5.5).
fn readable(value: &HeaderValue) -> Cow<'_, str> {
    match std::str::from_utf8(value.as_bytes()) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(value.as_bytes().iter().copied().map(char::from).collect()),
    }
}

fn described(status: StatusCode) -> String {
    let reason = status.canonical_reason().unwrap_or("Unknown");
    format!("{} {reason}", status.as_u16())
}

/// JSON as it is, other text as a string, other bytes as a string of base64, nothing as null.
fn as_json(body: &Bytes) -> Vec<u8> {
    if body.is_empty() {
        return b"null".to_vec();
    }
    if serde_json::from_slice::<&RawValue>(body).is_ok() {
        return body.to_vec();
    }
    let text = match std::str::from_utf8(body) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(BASE64.encode(body)),
    };
    serde_json::to_vec(&text).expect("text")
}

/// An answer of this adapter's own.
pub(crate) fn refusal(status: StatusCode, why: &str) -> Answer {
    let body = json!({ "error": why, "from": "gearshift-entry" }).to_string();
    let mut response = Response::new(());
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    Answer { head: response.into_parts().0, body: body.into(), to_head: false }
}
