//! The Lambda Runtime API, one server per environment, as
//! docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html describes it.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};
use serde_json::json;
use tokio::sync::{mpsc, oneshot, watch};

use crate::FUNCTION_RESPONSE_BYTES;
use crate::http::{Answered, BodyError, Server, json as json_answer, read_body};

/// Paths begin with the API's date.
const VERSION: &str = "/2018-06-01/runtime/";

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
    Response(Bytes),
    Error(Bytes),
    TooLarge,
}

struct Current {
    request_id: String,
    reply: oneshot::Sender<Reply>,
}

/// Where host and runtime meet.
pub(crate) struct Desk {
    deliver: mpsc::Sender<Delivery>,
    deliveries: tokio::sync::Mutex<mpsc::Receiver<Delivery>>,
    /// How often the runtime has asked for work; its first time ends the init phase.
    polls: watch::Sender<u64>,
    current: Mutex<Option<Current>>,
    init_error: Mutex<Option<Bytes>>,
}

impl Desk {
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

    /// The API on a port of its own.
    pub(crate) async fn serve(self: &Arc<Self>) -> std::io::Result<Server> {
        let desk = self.clone();
        Server::start(0, move |request, _| {
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
            (&Method::POST, ["invocation", id, "response"]) => {
                match read_body(request.into_body(), FUNCTION_RESPONSE_BYTES).await {
                    Ok(body) => self.reply(id, Reply::Response(body)),
                    // What became of its process is seen elsewhere.
                    Err(BodyError::BrokeOff) => {
                        refusal(StatusCode::BAD_REQUEST, "TruncatedResponse", "the body broke off")
                    }
                    Err(BodyError::TooLarge { .. }) => {
                        self.reply(id, Reply::TooLarge);
                        let message = format!(
                            "Exceeded maximum allowed payload size ({FUNCTION_RESPONSE_BYTES} bytes)."
                        );
                        refusal(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", &message)
                    }
                }
            }
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
