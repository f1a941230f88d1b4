//! Lambda's Invoke API, for SDKs and the AWS CLI:
//! docs.aws.amazon.com/lambda/latest/api/API_Invoke.html.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use gearshift_access::Door;
use hyper::body::Incoming;
use hyper::http::HeaderValue;
use hyper::{HeaderMap, Method, Request, StatusCode};
use serde_json::json;

use crate::http::{Answered, BodyError, Server, answer, json as json_answer, read_body};
use crate::{Answer, FUNCTION_PAYLOAD_BYTES, Function, Refused};

/// The Invoke API of one function, for those who sign with its keys; dropping it closes it.
pub struct InvokeApi(Server);

impl InvokeApi {
    /// Opens the API on this port of loopback; 0 lets the kernel choose.
    ///
    /// # Errors
    /// Where the port is taken.
    pub async fn open(function: Arc<Function>, port: u16) -> std::io::Result<Self> {
        // A port that the kernel chooses is known when the server listens, before any request.
        let door = Arc::new(OnceLock::new());
        let behind = door.clone();
        let server = Server::start(port, move |request, _| {
            let (function, door) = (function.clone(), *behind.wait());
            async move { invoke(&function, door, request).await }
        })
        .await?;
        let _ = door.set(Door::at(server.address().port()));
        Ok(Self(server))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.0.address()
    }
}

async fn invoke(function: &Arc<Function>, door: Door, request: Request<Incoming>) -> Answered {
    if let Err(stranger) = door.admit(request.headers()) {
        return refusal(StatusCode::FORBIDDEN, "AccessDeniedException", &stranger.to_string());
    }
    let path = request.uri().path().to_owned();
    let name = path
        .strip_prefix("/2015-03-31/functions/")
        .and_then(|rest| rest.strip_suffix("/invocations"))
        .filter(|_| request.method() == Method::POST);
    let Some(name) = name else {
        return refusal(
            StatusCode::NOT_FOUND,
            "UnknownOperationException",
            "only Invoke is served here",
        );
    };
    if !names(function, name) {
        let message = format!("Function not found: {name}");
        return refusal(StatusCode::NOT_FOUND, "ResourceNotFoundException", &message);
    }
    let (head, body) = request.into_parts();
    let headers = &head.headers;
    let payload = match read_body(body, FUNCTION_PAYLOAD_BYTES).await {
        Ok(payload) => payload,
        Err(BodyError::TooLarge { bytes }) => return refused(&Refused::RequestTooLarge { bytes }),
        Err(BodyError::BrokeOff) => {
            let message = "the request body broke off";
            return refusal(StatusCode::BAD_REQUEST, "InvalidRequestContentException", message);
        }
    };
    if let Err(denied) = function.config().keys.verify(&head, &payload) {
        return refusal(StatusCode::FORBIDDEN, denied.code(), &denied.to_string());
    }
    let payload = if payload.is_empty() { Bytes::from_static(b"{}") } else { payload };
    if serde_json::from_slice::<serde::de::IgnoredAny>(&payload).is_err() {
        let message = "Could not parse request body into json";
        return refusal(StatusCode::BAD_REQUEST, "InvalidRequestContentException", message);
    }
    match header(headers, "x-amz-invocation-type") {
        "DryRun" => empty(StatusCode::NO_CONTENT),
        "Event" => {
            let function = function.clone();
            tokio::spawn(async move { function.invoke(payload).await });
            empty(StatusCode::ACCEPTED)
        }
        _ => match function.invoke(payload).await {
            Ok(invoked) => invocation(&invoked, header(headers, "x-amz-log-type") == "Tail"),
            Err(why) => refused(&why),
        },
    }
}

/// A function goes by its name, with a version, and by its ARN (percent-encoded in the path).
fn names(function: &Function, asked: &str) -> bool {
    let asked = percent_encoding::percent_decode_str(asked).decode_utf8_lossy();
    let name = match asked.strip_prefix("arn:aws:lambda:") {
        Some(arn) => arn.split(':').nth(3).unwrap_or_default().to_owned(),
        None => asked.split(':').next().unwrap_or_default().to_owned(),
    };
    name == function.config().name
}

fn invocation(invoked: &Answer, with_log: bool) -> Answered {
    let body = match &invoked.result {
        Ok(body) => body.clone(),
        Err(error) => error.body.clone(),
    };
    let mut answered = answer(StatusCode::OK, "application/json", body);
    let headers = answered.headers_mut();
    headers.insert("x-amz-executed-version", HeaderValue::from_static("$LATEST"));
    if let Ok(value) = HeaderValue::try_from(&invoked.request_id) {
        headers.insert("x-amzn-requestid", value);
    }
    if invoked.result.is_err() {
        headers.insert("x-amz-function-error", HeaderValue::from_static("Unhandled"));
    }
    if with_log && let Ok(value) = HeaderValue::try_from(BASE64.encode(&invoked.log_tail)) {
        headers.insert("x-amz-log-result", value);
    }
    answered
}

fn refused(why: &Refused) -> Answered {
    let (status, kind) = match why {
        Refused::TooManyRequests => (StatusCode::TOO_MANY_REQUESTS, "TooManyRequestsException"),
        Refused::RequestTooLarge { .. } => {
            (StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLargeException")
        }
        Refused::Host(_) => (StatusCode::INTERNAL_SERVER_ERROR, "ServiceException"),
    };
    let mut answered = refusal(status, kind, &why.to_string());
    if *why == Refused::TooManyRequests {
        let body = json!({ "Reason": "ReservedFunctionConcurrentInvocationLimitExceeded", "Type": "User", "message": why.to_string() });
        answered = json_answer(status, &body);
        answered
            .headers_mut()
            .insert("x-amzn-errortype", HeaderValue::from_static("TooManyRequestsException"));
    }
    answered
}

fn refusal(status: StatusCode, kind: &'static str, message: &str) -> Answered {
    let mut answered = json_answer(status, &json!({ "Type": "User", "Message": message }));
    answered.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(kind));
    answered
}

fn empty(status: StatusCode) -> Answered {
    answer(status, "application/json", Bytes::new())
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
