//! API Gateway's REST API: HTTP request → event and function response → HTTP answer, proxy
//! integration, payload format 1.0, as
//! docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
//! describes it. Like a new REST API this one has no binary media types: bodies are text both ways,
//! and base64 that a function returns reaches the client as it is.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::Full;
use hyper::http::request::Parts;
use hyper::http::{HeaderName, HeaderValue};
use hyper::{HeaderMap, Response, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::http::Answered;
use crate::request::{common_log_time, decoded, forwarded, header, pairs};

const STAGE: &str = "prod";

/// The event a function behind a REST API gets.
pub(crate) fn event(parts: &Parts, body: &Bytes, peer: SocketAddr, request_id: &str) -> Value {
    let now = Timestamp::now();
    let host = header(&parts.headers, "host").unwrap_or("localhost");
    let (method, path) = (parts.method.as_str(), parts.uri.path());
    // The catch-all resource does not take the root, which has a resource of its own.
    let proxied = Some(path.trim_start_matches('/')).filter(|rest| !rest.is_empty());
    let resource = if proxied.is_some() { "/{proxy+}" } else { "/" };
    let headers = headers(&parts.headers, peer, host);
    let query = query(parts.uri.query().unwrap_or_default());
    json!({
        "resource": resource,
        "path": decoded(path),
        "httpMethod": method,
        "headers": last_of(&headers),
        "multiValueHeaders": headers,
        "queryStringParameters": last_of(&query),
        "multiValueQueryStringParameters": some(&query),
        "pathParameters": proxied.map(|rest| json!({ "proxy": decoded(rest) })),
        "stageVariables": null,
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "twin",
            "domainName": host,
            "domainPrefix": host.split('.').next().unwrap_or_default(),
            "extendedRequestId": request_id,
            "httpMethod": method,
            "identity": {
                "accessKey": null, "accountId": null, "caller": null,
                "cognitoAuthenticationProvider": null, "cognitoAuthenticationType": null,
                "cognitoIdentityId": null, "cognitoIdentityPoolId": null, "principalOrgId": null,
                "sourceIp": peer.ip().to_string(),
                "user": null,
                "userAgent": header(&parts.headers, "user-agent"),
                "userArn": null,
            },
            "path": format!("/{STAGE}{path}"),
            "protocol": "HTTP/1.1",
            "requestId": request_id,
            "requestTime": common_log_time(now),
            "requestTimeEpoch": now.as_millisecond(),
            "resourceId": "twin",
            "resourcePath": resource,
            "stage": STAGE,
        },
        "body": (!body.is_empty()).then(|| String::from_utf8_lossy(body)),
        "isBase64Encoded": false,
    })
}

/// Names and all their values, in order.
type Many = BTreeMap<String, Vec<String>>;

/// One value a name: the last one wins. Null where there is nothing.
fn last_of(many: &Many) -> Value {
    let last = many.iter().map(|(name, values)| (name.clone(), json!(values.last())));
    if many.is_empty() { Value::Null } else { Value::Object(last.collect::<Map<_, _>>()) }
}

fn some(many: &Many) -> Option<&Many> {
    (!many.is_empty()).then_some(many)
}

/// Headers as clients of HTTP/1.1 write them: this server sees their names in lower case.
fn headers(headers: &HeaderMap, peer: SocketAddr, host: &str) -> Many {
    let forwarded = forwarded(peer, host);
    let mut many: Many =
        forwarded.map(|(name, value)| (capitalised(name), vec![value])).into_iter().collect();
    for (name, value) in headers {
        let Ok(value) = value.to_str() else { continue };
        many.entry(capitalised(name.as_str())).or_default().push(value.to_owned());
    }
    many
}

fn capitalised(name: &str) -> String {
    let part = |part: &str| {
        let (first, rest) = part.split_at_checked(1).unwrap_or((part, ""));
        format!("{}{rest}", first.to_ascii_uppercase())
    };
    name.split('-').map(part).collect::<Vec<_>>().join("-")
}

fn query(query: &str) -> Many {
    let mut many = Many::new();
    for (name, value) in pairs(query) {
        many.entry(name).or_default().push(value);
    }
    many
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Returned {
    status_code: u16,
    headers: Option<BTreeMap<String, Value>>,
    multi_value_headers: Option<BTreeMap<String, Vec<Value>>>,
    body: Option<String>,
}

/// The HTTP answer for what the function returned; none where it is malformed. Unlike an HTTP API
/// this one guesses nothing: without a status code it is malformed.
pub(crate) fn http_answer(returned: &Bytes) -> Option<Answered> {
    let returned: Returned = serde_json::from_slice(returned).ok()?;
    let mut answered = Response::new(Full::new(returned.body.unwrap_or_default().into()));
    *answered.status_mut() = StatusCode::from_u16(returned.status_code).ok()?;
    let mut many = returned.multi_value_headers.unwrap_or_default();
    // Of a header in both, the many values count.
    for (name, value) in returned.headers.into_iter().flatten() {
        if !many.keys().any(|other| other.eq_ignore_ascii_case(&name)) {
            many.insert(name, vec![value]);
        }
    }
    for (name, values) in many {
        let name = HeaderName::try_from(name).ok()?;
        for value in values.iter().filter(|_| name != "content-length") {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            answered.headers_mut().append(&name, HeaderValue::try_from(text).ok()?);
        }
    }
    let headers = answered.headers_mut();
    headers.entry("content-type").or_insert(HeaderValue::from_static("application/json"));
    Some(answered)
}
