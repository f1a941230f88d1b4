//! Event → HTTP request for the service.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use hyper::header::{
    CONTENT_LENGTH, CONTENT_TYPE, COOKIE, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue,
};
use hyper::{Method, Request, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::event::Line;
use super::{Event, Front, hop};

/// In a name or value of a query all else is encoded: RFC 3986, 2.3.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

const REQUEST_CONTEXT: HeaderName = HeaderName::from_static("x-amzn-request-context");
const LAMBDA_CONTEXT: HeaderName = HeaderName::from_static("x-amzn-lambda-context");
const TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");

/// What Lambda says of an invocation beside its event; the service sees it in `x-amzn-lambda-context`
/// under the names that AWS Lambda Web Adapter gives it.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Context {
    pub(crate) request_id: String,
    /// When the function times out, ms since 1970.
    pub(crate) deadline: u64,
    pub(crate) invoked_function_arn: String,
    pub(crate) xray_trace_id: Option<String>,
    pub(crate) client_context: Option<Value>,
    pub(crate) identity: Option<Value>,
    pub(crate) tenant_id: Option<String>,
    pub(crate) env_config: FunctionNames,
}

/// What a function is called, from its environment.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct FunctionNames {
    function_name: String,
    memory: u64,
    version: String,
    log_stream: String,
    log_group: String,
}

impl FunctionNames {
    pub(crate) fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let text = |name: &str| variable(name).unwrap_or_default();
        Self {
            function_name: text("AWS_LAMBDA_FUNCTION_NAME"),
            memory: text("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").parse().unwrap_or_default(),
            version: text("AWS_LAMBDA_FUNCTION_VERSION"),
            log_stream: text("AWS_LAMBDA_LOG_STREAM_NAME"),
            log_group: text("AWS_LAMBDA_LOG_GROUP_NAME"),
        }
    }
}

/// A request, and who waits for its answer; without a front the answer is what the event's sender
/// gets as JSON.
pub(crate) struct Asked {
    pub(crate) front: Option<Front>,
    pub(crate) request: Request<Bytes>,
}

/// The request that an event is, or that carries it to `pass_through_path`.
///
/// # Errors
/// Where the event says that it is an HTTP request and is none; the text says why.
pub(crate) fn read(
    payload: &Bytes,
    context: &Context,
    base_path: Option<&str>,
    pass_through_path: &str,
) -> Result<Asked, (Front, String)> {
    let (front, mut request) = match Event::parse(payload) {
        Some((event, line)) => {
            let front = line.front;
            let request = of_event(event, line, base_path).map_err(|why| (front, why))?;
            (Some(front), request)
        }
        None => (None, passed_through(payload, pass_through_path)),
    };
    describe(request.headers_mut(), context);
    Ok(Asked { front, request })
}

fn passed_through(payload: &Bytes, path: &str) -> Request<Bytes> {
    let request = Request::post(path)
        .header(HOST, "localhost")
        .header(CONTENT_TYPE, "application/json")
        .body(payload.clone());
    request.expect("a path that was checked when it was set")
}

fn of_event(event: Event, line: Line, base_path: Option<&str>) -> Result<Request<Bytes>, String> {
    let method = line.method.parse::<Method>().map_err(|_| "its method is none".to_owned())?;
    let uri = uri(&event, &line, base_path)?;
    let mut headers = headers(&event, line.domain.as_deref());
    headers.remove(REQUEST_CONTEXT);
    if let Some(context) = event.request_context.and_then(one_line) {
        headers.insert(REQUEST_CONTEXT, context);
    }
    let body = match (event.body, event.is_base64_encoded) {
        (None, _) => Bytes::new(),
        (Some(text), Some(true)) => {
            BASE64.decode(text).map_err(|why| format!("its body is not base64: {why}"))?.into()
        }
        (Some(text), _) => text.into(),
    };
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    Ok(request)
}

fn uri(event: &Event, line: &Line, base_path: Option<&str>) -> Result<Uri, String> {
    let path = base_path.map_or(line.path.as_str(), |base| without_base(&line.path, base));
    let slash = if path.starts_with('/') { "" } else { "/" };
    let mut text = format!("{slash}{}", sound(path, b"?#"));
    let query = match line.front {
        Front::V2 => event.raw_query_string.as_deref().map(|query| sound(query, b"#")),
        // Decoded by the gateway.
        Front::V1 => query(event, |text| utf8_percent_encode(text, UNRESERVED).to_string()),
        // As the caller wrote it.
        Front::LoadBalancer { .. } => query(event, |text| sound(text, b"#&")),
    };
    if let Some(query) = query.filter(|query| !query.is_empty()) {
        text.push('?');
        text.push_str(&query);
    }
    text.parse().map_err(|why| format!("its path makes no URI: {why}"))
}

/// The path without its base, where it begins with it as a whole segment; once.
fn without_base<'a>(path: &'a str, base: &str) -> &'a str {
    match path.strip_prefix(base) {
        Some("") => "/",
        Some(rest) if rest.starts_with('/') => rest,
        _ => path,
    }
}

/// Encodes what may not stand in a URI, and `also`. What is encoded already stays as it is: function
/// URLs and load balancers pass paths on as they came, HTTP APIs decode them.
fn sound(text: &str, also: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let bytes = text.as_bytes();
    let is_encoded = |at: usize| {
        bytes.get(at + 1..at + 3).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit))
    };
    let mut sound = String::with_capacity(text.len());
    for (at, byte) in bytes.iter().enumerate() {
        let stays = match byte {
            b'%' => is_encoded(at),
            b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' => false,
            _ => byte.is_ascii_graphic() && !also.contains(byte),
        };
        if stays {
            sound.push(char::from(*byte));
        } else {
            sound.push('%');
            sound.push(char::from(DIGITS[usize::from(byte >> 4)]));
            sound.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
    sound
}

fn query(event: &Event, encoded: impl Fn(&str) -> String) -> Option<String> {
    let mut pairs = Vec::new();
    let mut add = |name: &str, value: &str| {
        pairs.push(format!("{}={}", encoded(name), encoded(value)));
    };
    if let Some(parameters) = &event.multi_value_query_string_parameters {
        for (name, values) in parameters {
            values.iter().flatten().for_each(|value| add(name, value));
        }
    } else if let Some(parameters) = &event.query_string_parameters {
        for (name, value) in parameters {
            add(name, value.as_deref().unwrap_or_default());
        }
    }
    (!pairs.is_empty()).then(|| pairs.join("&"))
}

fn headers(event: &Event, domain: Option<&str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    // What is no valid header cannot have come from a front.
    let mut add = |name: &str, value: &str| {
        if let (Ok(name), Ok(value)) =
            (HeaderName::try_from(name), HeaderValue::from_bytes(value.as_bytes()))
        {
            headers.append(name, value);
        }
    };
    match (&event.multi_value_headers, &event.headers) {
        (Some(multiple), _) => {
            for (name, values) in multiple {
                values.iter().flatten().for_each(|value| add(name, value));
            }
        }
        (None, Some(single)) => {
            for (name, value) in single {
                add(name, value.as_deref().unwrap_or_default());
            }
        }
        (None, None) => {}
    }
    join_cookies(&mut headers, event.cookies.as_deref());
    hop::remove(&mut headers);
    // What is sent has a length of its own, and nobody waits for a 100.
    headers.remove(CONTENT_LENGTH);
    headers.remove(EXPECT);
    let host = domain.and_then(|domain| HeaderValue::try_from(domain).ok());
    if headers.get(HOST).is_none_or(HeaderValue::is_empty) {
        headers.insert(HOST, host.unwrap_or(HeaderValue::from_static("localhost")));
    }
    headers
}

/// One `Cookie` header (RFC 6265, 5.4), from the field of their own where there is one: function URLs
/// give them twice.
fn join_cookies(headers: &mut HeaderMap, cookies: Option<&[String]>) {
    let joined = match cookies {
        Some(cookies) => cookies.join("; ").into_bytes(),
        None => {
            let all: Vec<_> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
            all.join(b"; ".as_slice())
        }
    };
    headers.remove(COOKIE);
    if let Ok(value) = HeaderValue::from_bytes(&joined)
        && !joined.is_empty()
    {
        headers.insert(COOKIE, value);
    }
}

/// Tells the service what the event and Lambda say beside the request. Whatever a caller sent under
/// these names is gone.
fn describe(headers: &mut HeaderMap, context: &Context) {
    if let Some(trace) = context.xray_trace_id.as_ref().and_then(|id| id.try_into().ok()) {
        headers.insert(TRACE_ID, trace);
    }
    let context = serde_json::to_vec(context).ok();
    let context = context.and_then(|json| HeaderValue::from_bytes(&json).ok());
    headers.insert(LAMBDA_CONTEXT, context.unwrap_or(HeaderValue::from_static("{}")));
}

/// The request's context as one line, as a header must be.
fn one_line(context: &RawValue) -> Option<HeaderValue> {
    let text = context.get();
    if let Ok(value) = HeaderValue::from_bytes(text.as_bytes()) {
        return Some(value);
    }
    let parsed: Value = serde_json::from_str(text).ok()?;
    HeaderValue::try_from(parsed.to_string()).ok()
}
