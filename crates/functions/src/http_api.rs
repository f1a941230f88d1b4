//! API Gateway's HTTP API: HTTP request → event and function response → HTTP answer, payload format
//! 2.0, as
//! docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
//! describes it.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http_body_util::Full;
use hyper::http::request::Parts;
use hyper::http::{HeaderName, HeaderValue};
use hyper::{HeaderMap, Response, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::INTEGRATION_RESPONSE;
use crate::http::Answered;
use crate::request::{common_log_time, decoded, forwarded, header, pairs};

/// The event a function behind an HTTP API gets.
pub(crate) fn event(parts: &Parts, body: &Bytes, peer: SocketAddr, request_id: &str) -> Value {
    let now = Timestamp::now();
    let host = header(&parts.headers, "host").unwrap_or("localhost");
    let method = parts.method.as_str();
    let path = decoded(parts.uri.path());
    let mut event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": parts.uri.query().unwrap_or_default(),
        "headers": headers(&parts.headers, peer, host),
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "twin",
            "domainName": host,
            "domainPrefix": host.split('.').next().unwrap_or_default(),
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": peer.ip().to_string(),
                "userAgent": header(&parts.headers, "user-agent").unwrap_or_default(),
            },
            "requestId": request_id,
            "routeKey": "$default",
            "stage": "$default",
            "time": common_log_time(now),
            "timeEpoch": now.as_millisecond(),
        },
        "isBase64Encoded": false,
    });
    let cookies: Vec<&str> = parts
        .headers
        .get_all("cookie")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split("; "))
        .collect();
    if !cookies.is_empty() {
        event["cookies"] = json!(cookies);
    }
    if let Some(query) = parts.uri.query().filter(|query| !query.is_empty()) {
        event["queryStringParameters"] = json!(query_parameters(query));
    }
    if !body.is_empty() {
        let text = is_text(&parts.headers).then(|| std::str::from_utf8(body).ok()).flatten();
        event["isBase64Encoded"] = json!(text.is_none());
        event["body"] = json!(text.map_or_else(|| BASE64.encode(body), str::to_owned));
    }
    event
}

/// Repeated headers are joined by commas; cookies have a field of their own.
fn headers<'a>(headers: &'a HeaderMap, peer: SocketAddr, host: &str) -> BTreeMap<&'a str, String> {
    let mut joined = BTreeMap::from(forwarded(peer, host));
    for (name, value) in headers.iter().filter(|(name, _)| *name != "cookie") {
        let Ok(value) = value.to_str() else { continue };
        let text = joined.entry(name.as_str()).or_default();
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(value);
    }
    joined
}

fn query_parameters(query: &str) -> BTreeMap<String, String> {
    let mut parameters = BTreeMap::<String, String>::new();
    for (name, value) in pairs(query) {
        parameters
            .entry(name)
            .and_modify(|joined| *joined = format!("{joined},{value}"))
            .or_insert(value);
    }
    parameters
}

/// Bodies of these types go to the function as text, all others in base64.
fn is_text(headers: &HeaderMap) -> bool {
    let kind = header(headers, "content-type").unwrap_or_default().to_ascii_lowercase();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.starts_with("text/")
        || kind.ends_with("+json")
        || kind.ends_with("+xml")
        || matches!(kind, "application/json" | "application/xml" | "application/javascript")
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FunctionResponse {
    #[serde(flatten)]
    head: Head,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    status_code: u16,
    headers: Option<BTreeMap<String, Value>>,
    cookies: Option<Vec<String>>,
}

/// The HTTP answer for what the function returned; none where it is malformed.
pub(crate) fn http_answer(returned: &Bytes) -> Option<Answered> {
    let value: Value = serde_json::from_slice(returned).ok()?;
    // Without a status code the whole value is the body of a 200.
    if value.get("statusCode").is_none() {
        return Some(crate::http::json(StatusCode::OK, &value));
    }
    let response: FunctionResponse = serde_json::from_value(value).ok()?;
    let text = response.body.unwrap_or_default();
    let body = match response.is_base64_encoded {
        true => BASE64.decode(text).ok()?,
        false => text.into_bytes(),
    };
    response.head.with(body.into())
}

/// The HTTP answer for what the function streamed; none where it is malformed.
pub(crate) fn streamed_answer(content_type: &str, streamed: &Bytes) -> Option<Answered> {
    if content_type != INTEGRATION_RESPONSE {
        return Some(crate::http::answer(StatusCode::OK, content_type, streamed.clone()));
    }
    let end = streamed.windows(SEPARATOR.len()).position(|bytes| bytes == SEPARATOR)?;
    let head: Head = serde_json::from_slice(&streamed[..end]).ok()?;
    head.with(streamed.slice(end + SEPARATOR.len()..))
}

/// Between the head of a streamed answer and its body.
const SEPARATOR: [u8; 8] = [0; 8];

impl Head {
    fn with(self, body: Bytes) -> Option<Answered> {
        let mut answered = Response::new(Full::new(body));
        *answered.status_mut() = StatusCode::from_u16(self.status_code).ok()?;
        for (name, value) in self.headers.iter().flatten() {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let name = HeaderName::try_from(name).ok()?;
            // The gateway writes the length of what it sends.
            if name != "content-length" {
                answered.headers_mut().append(name, HeaderValue::try_from(text).ok()?);
            }
        }
        for cookie in self.cookies.into_iter().flatten() {
            answered.headers_mut().append("set-cookie", HeaderValue::try_from(cookie).ok()?);
        }
        if !answered.headers().contains_key("content-type") {
            answered
                .headers_mut()
                .insert("content-type", HeaderValue::from_static("text/plain;charset=UTF-8"));
        }
        Some(answered)
    }
}
