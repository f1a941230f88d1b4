//! The Lambda Runtime API, one server per environment, as
//! docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html describes it. Streamed responses
//! (docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html) are taken and collected.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use serde_json::json;
use tokio::sync::{mpsc, oneshot, watch};

use crate::http::{
    Answered, BodyError, Server, json as json_answer, read_body, read_body_and_trailers,
};
use crate::residents::Residents;
use crate::{FUNCTION_RESPONSE_BYTES, STREAMED_RESPONSE_BYTES};

/// Paths begin with the API's date.
const VERSION: &str = "/2018-06-01/runtime/";
const RESPONSE_MODE: &str = "lambda-runtime-function-response-mode";
const ERROR_TYPE: &str = "lambda-runtime-function-error-type";
const ERROR_BODY: &str = "lambda-runtime-function-error-body";

/// One request for the function.
pub(crate) struct Delivery {
    pub(crate) request_id: String,
    pub(crate) payload: Bytes,
    pub(crate) function_arn: String,
    pub(crate) timeout: Duration,
}

/// What the runtime said about it.
#[derive(Debug)]
pub(crate) enum Reply {
    Response {
        body: Bytes,
        /// Its content type, where it was streamed.
        streamed: Option<String>,
    },
    Error(Bytes),
    /// More than so many bytes.
    TooLarge {
        limit: usize,
    },
}

struct Current {
    request_id: String,
    reply: oneshot::Sender<Reply>,
}

/// Where host and runtime meet.
pub(crate) struct RuntimeApi {
    deliver: mpsc::Sender<Delivery>,
    deliveries: tokio::sync::Mutex<mpsc::Receiver<Delivery>>,
    /// How often the runtime has asked for work; its first time ends the init phase.
    polls: watch::Sender<u64>,
    current: Mutex<Option<Current>>,
    init_error: Mutex<Option<Bytes>>,
}

impl RuntimeApi {
    pub(crate) fn new() -> Arc<Self> {
        let (deliver, deliveries) = mpsc::channel(1);
        Arc::new(Self {
            deliver,
            deliveries: tokio::sync::Mutex::new(deliveries),
            polls: watch::channel(0).0,
            current: Mutex::new(None),
            init_error: Mutex::new(None),
        })
    }

    /// The API on a port of its own, for the processes that hold one of `residents`' sockets.
    pub(crate) async fn serve(
        self: &Arc<Self>,
        residents: Arc<Residents>,
    ) -> std::io::Result<Server> {
        let desk = self.clone();
        let admit = move |peer, own| residents.hold_socket_of(peer, own);
        Server::start_for(0, admit, move |request, _| {
            let desk = desk.clone();
            async move { desk.answer(request).await }
        })
        .await
    }

    pub(crate) fn polls(&self) -> watch::Receiver<u64> {
        self.polls.subscribe()
    }

    pub(crate) fn init_error(&self) -> Option<Bytes> {
        self.init_error.lock().expect("no panic while held").clone()
    }

    /// Hands a request to the runtime; the receiver gets its reply.
    pub(crate) async fn deliver(&self, delivery: Delivery) -> oneshot::Receiver<Reply> {
        let (reply, replied) = oneshot::channel();
        let request_id = delivery.request_id.clone();
        *self.current.lock().expect("no panic while held") = Some(Current { request_id, reply });
        // The receiver lives as long as the desk and one request is under way at most.
        let _ = self.deliver.send(delivery).await;
        replied
    }

    async fn answer(&self, request: Request<Incoming>) -> Answered {
        let Some(path) = request.uri().path().strip_prefix(VERSION).map(str::to_owned) else {
            return refusal(StatusCode::NOT_FOUND, "InvalidPath", "no such Runtime API path");
        };
        let segments: Vec<&str> = path.split('/').collect();
        match (request.method(), segments.as_slice()) {
            (&Method::GET, ["invocation", "next"]) => self.next().await,
            (&Method::POST, ["invocation", id, "response"]) => self.response(id, request).await,
            (&Method::POST, ["invocation", id, "error"]) => {
                let body = read_body(request.into_body(), FUNCTION_RESPONSE_BYTES)
                    .await
                    .unwrap_or_default();
                self.reply(id, Reply::Error(body))
            }
            (&Method::POST, ["init", "error"]) => {
                let body = read_body(request.into_body(), FUNCTION_RESPONSE_BYTES)
                    .await
                    .unwrap_or_default();
                *self.init_error.lock().expect("no panic while held") = Some(body);
                accepted()
            }
            _ => refusal(StatusCode::NOT_FOUND, "InvalidPath", "no such Runtime API path"),
        }
    }

    async fn response(&self, id: &str, request: Request<Incoming>) -> Answered {
        let (head, body) = request.into_parts();
        let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
        let is_streamed = header(RESPONSE_MODE).is_some_and(|mode| mode == "streaming");
        let limit = if is_streamed { STREAMED_RESPONSE_BYTES } else { FUNCTION_RESPONSE_BYTES };
        match read_body_and_trailers(body, limit).await {
            Ok((body, trailers)) => match error_in(&trailers) {
                // What came before it was collected, not sent: nothing speaks against an error.
                Some(error) => self.reply(id, Reply::Error(error)),
                None => {
                    let kind = header("content-type").unwrap_or("application/octet-stream");
                    let streamed = is_streamed.then(|| kind.to_owned());
                    self.reply(id, Reply::Response { body, streamed })
                }
            },
            // What became of its process is seen elsewhere.
            Err(BodyError::BrokeOff) => {
                refusal(StatusCode::BAD_REQUEST, "TruncatedResponse", "the body broke off")
            }
            Err(BodyError::TooLarge { .. }) => {
                self.reply(id, Reply::TooLarge { limit });
                let message = format!("Exceeded maximum allowed payload size ({limit} bytes).");
                refusal(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", &message)
            }
        }
    }

    async fn next(&self) -> Answered {
        self.polls.send_modify(|polls| *polls += 1);
        let Some(delivery) = self.deliveries.lock().await.recv().await else {
            return refusal(StatusCode::GONE, "Gone", "the environment is shutting down");
        };
        let deadline = SystemTime::now() + delivery.timeout;
        let deadline_ms = deadline.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        Response::builder()
            .header("content-type", "application/json")
            .header("lambda-runtime-aws-request-id", &delivery.request_id)
            .header("lambda-runtime-deadline-ms", deadline_ms.to_string())
            .header("lambda-runtime-invoked-function-arn", &delivery.function_arn)
            .header("lambda-runtime-trace-id", trace_id(&delivery.request_id))
            .body(Full::new(delivery.payload))
            .expect("ids and arns are valid header values")
    }

    fn reply(&self, request_id: &str, reply: Reply) -> Answered {
        let mut current = self.current.lock().expect("no panic while held");
        match current.take_if(|current| current.request_id == request_id) {
            Some(current) => {
                // The caller may have given up on a timeout meanwhile.
                let _ = current.reply.send(reply);
                accepted()
            }
            None => refusal(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID"),
        }
    }
}

/// The error that a runtime reports behind a response it has begun: its body, decoded.
fn error_in(trailers: &HeaderMap) -> Option<Bytes> {
    let kind = trailers.get(ERROR_TYPE)?.to_str().unwrap_or_default();
    let body = trailers.get(ERROR_BODY).and_then(|body| BASE64.decode(body).ok());
    Some(match body {
        Some(body) => body.into(),
        None => json!({ "errorType": kind, "errorMessage": "" }).to_string().into(),
    })
}

/// An X-Ray root that is not sampled: the request id's digits in the form clients parse.
fn trace_id(request_id: &str) -> String {
    let hex: String = request_id.chars().filter(char::is_ascii_hexdigit).collect();
    let (time, rest) = hex.split_at(hex.len().min(8));
    let parent = &rest[..rest.len().min(16)];
    format!("Root=1-{time}-{rest};Parent={parent};Sampled=0")
}

fn accepted() -> Answered {
    json_answer(StatusCode::ACCEPTED, &json!({ "status": "OK" }))
}

fn refusal(status: StatusCode, kind: &str, message: &str) -> Answered {
    json_answer(status, &json!({ "errorType": kind, "errorMessage": message }))
}
