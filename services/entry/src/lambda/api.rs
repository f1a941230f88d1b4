//! The Lambda Runtime API (docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html): three calls on one
//! kept connection.

use std::pin::Pin;
use std::task::{Context as Polling, Poll};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, TRAILER};
use hyper::http::request::Builder;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpStream;

use crate::EntryError;
use crate::http::{Context, FunctionNames, INTEGRATION_RESPONSE};

const VERSION: &str = "/2018-06-01/runtime";
const ERROR_TYPE: HeaderName = HeaderName::from_static("lambda-runtime-function-error-type");
const ERROR_BODY: HeaderName = HeaderName::from_static("lambda-runtime-function-error-body");
const TRAILERS: &str = "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body";

pub(crate) struct Api {
    address: String,
    names: FunctionNames,
    sender: SendRequest<Outgoing>,
}

/// One event.
pub(crate) struct Invocation {
    pub(crate) context: Context,
    pub(crate) payload: Bytes,
}

/// An error as Lambda takes one.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    pub(crate) kind: &'static str,
    pub(crate) message: String,
}

impl Report {
    fn json(&self) -> Vec<u8> {
        let report = json!({
            "errorType": self.kind,
            "errorMessage": self.message,
            "stackTrace": [],
        });
        report.to_string().into_bytes()
    }
}

impl From<&EntryError> for Report {
    fn from(error: &EntryError) -> Self {
        Self { kind: error.kind(), message: error.to_string() }
    }
}

impl Api {
    pub(crate) async fn connect(address: &str, names: FunctionNames) -> Result<Self, EntryError> {
        let broken = |why: String| EntryError::RuntimeApi { address: address.to_owned(), why };
        let stream = TcpStream::connect(address).await.map_err(|why| broken(why.to_string()))?;
        stream.set_nodelay(true)?;
        let (sender, connection) =
            handshake(TokioIo::new(stream)).await.map_err(|why| broken(why.to_string()))?;
        tokio::spawn(connection);
        Ok(Self { address: address.to_owned(), names, sender })
    }

    /// Waits for the next event, however long that takes.
    pub(crate) async fn next(&mut self) -> Result<Invocation, EntryError> {
        let request = self.request("GET", "invocation/next");
        let (status, headers, payload) =
            self.exchange(request.body(Outgoing::whole(Bytes::new()))).await?;
        if status != StatusCode::OK {
            return Err(self.broken(format!("no event but status {status}")));
        }
        let text = |name: &str| {
            let value = headers.get(name).and_then(|value| value.to_str().ok());
            value.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let json = |name: &str| serde_json::from_str(&text(name)?).ok();
        let Some(request_id) = text("lambda-runtime-aws-request-id") else {
            return Err(self.broken("an event without a request id".to_owned()));
        };
        let deadline = text("lambda-runtime-deadline-ms").and_then(|ms| ms.parse().ok());
        let context = Context {
            request_id,
            deadline: deadline.unwrap_or_default(),
            invoked_function_arn: text("lambda-runtime-invoked-function-arn").unwrap_or_default(),
            xray_trace_id: text("lambda-runtime-trace-id"),
            client_context: json("lambda-runtime-client-context"),
            identity: json("lambda-runtime-cognito-identity"),
            tenant_id: text("lambda-runtime-aws-tenant-id"),
            env_config: self.names.clone(),
        };
        Ok(Invocation { context, payload })
    }

    /// Answers an event with this JSON.
    pub(crate) async fn respond(&mut self, id: &str, payload: Vec<u8>) -> Result<(), EntryError> {
        let request = self.request("POST", &format!("invocation/{id}/response"));
        let request = request.header(CONTENT_TYPE, "application/json");
        self.deliver(request.body(Outgoing::whole(payload.into()))).await
    }

    /// Answers an event with a prelude and a body as it comes.
    pub(crate) async fn stream(
        &mut self,
        id: &str,
        prelude: Bytes,
        body: Incoming,
    ) -> Result<(), EntryError> {
        let request = self
            .request("POST", &format!("invocation/{id}/response"))
            .header("lambda-runtime-function-response-mode", "streaming")
            .header(CONTENT_TYPE, INTEGRATION_RESPONSE)
            .header(TRAILER, TRAILERS);
        self.deliver(request.body(Outgoing::streamed(prelude, body))).await
    }

    /// Says that an event has failed.
    pub(crate) async fn fail(&mut self, id: &str, report: &Report) -> Result<(), EntryError> {
        self.report(&format!("invocation/{id}/error"), report).await
    }

    /// Says that there will be no next event.
    pub(crate) async fn fail_init(&mut self, report: &Report) -> Result<(), EntryError> {
        self.report("init/error", report).await
    }

    async fn report(&mut self, path: &str, report: &Report) -> Result<(), EntryError> {
        let request = self
            .request("POST", path)
            .header(CONTENT_TYPE, "application/json")
            .header(ERROR_TYPE, report.kind);
        self.deliver(request.body(Outgoing::whole(report.json().into()))).await
    }

    fn request(&self, method: &str, path: &str) -> Builder {
        Request::builder()
            .method(method)
            .uri(format!("{VERSION}/{path}"))
            .header(HOST, &self.address)
    }

    /// An answer that Lambda does not take is Lambda's to deal with; it is said, and work goes on.
    async fn deliver(
        &mut self,
        request: hyper::http::Result<Request<Outgoing>>,
    ) -> Result<(), EntryError> {
        let (status, _, said) = self.exchange(request).await?;
        if !status.is_success() {
            let said = String::from_utf8_lossy(&said);
            eprintln!("gearshift-entry: Lambda did not take an answer: {status} {said}");
        }
        Ok(())
    }

    async fn exchange(
        &mut self,
        request: hyper::http::Result<Request<Outgoing>>,
    ) -> Result<(StatusCode, HeaderMap, Bytes), EntryError> {
        let request = request.map_err(|why| self.broken(why.to_string()))?;
        let exchanged = async {
            self.sender.ready().await?;
            let (parts, body) = self.sender.send_request(request).await?.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok((parts.status, parts.headers, body))
        };
        let exchanged: hyper::Result<_> = exchanged.await;
        exchanged.map_err(|why| self.broken(why.to_string()))
    }

    fn broken(&self, why: String) -> EntryError {
        EntryError::RuntimeApi { address: self.address.clone(), why }
    }
}

/// The body of a request to the Runtime API.
enum Outgoing {
    Whole(Full<Bytes>),
    Streamed { prelude: Option<Bytes>, body: Option<Incoming> },
}

impl Outgoing {
    fn whole(bytes: Bytes) -> Self {
        Self::Whole(Full::new(bytes))
    }

    fn streamed(prelude: Bytes, body: Incoming) -> Self {
        Self::Streamed { prelude: Some(prelude), body: Some(body) }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        polling: &mut Polling<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let (prelude, body) = match self.get_mut() {
            Self::Whole(whole) => return Pin::new(whole).poll_frame(polling),
            Self::Streamed { prelude, body } => (prelude, body),
        };
        if let Some(prelude) = prelude.take() {
            return Poll::Ready(Some(Ok(Frame::data(prelude))));
        }
        let Some(streamed) = body else { return Poll::Ready(None) };
        let frame = std::task::ready!(Pin::new(streamed).poll_frame(polling));
        Poll::Ready(match frame {
            Some(Ok(frame)) if frame.is_data() => Some(Ok(frame)),
            // Trailers of the service have no place in Lambda's protocol.
            Some(Ok(_)) | None => {
                *body = None;
                None
            }
            Some(Err(why)) => {
                *body = None;
                Some(Ok(Frame::trailers(trailers(&why))))
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(whole) => whole.is_end_stream(),
            Self::Streamed { prelude, body } => prelude.is_none() && body.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(whole) => whole.size_hint(),
            Self::Streamed { .. } => SizeHint::default(),
        }
    }
}

/// What is left to say when an answer ends too early.
fn trailers(why: &hyper::Error) -> HeaderMap {
    let message = format!("the service broke off amid its answer: {why}");
    let report = Report { kind: "Service.BrokeOff", message };
    let body = HeaderValue::try_from(BASE64.encode(report.json())).expect("base64 is ASCII");
    HeaderMap::from_iter([(ERROR_TYPE, HeaderValue::from_static(report.kind)), (ERROR_BODY, body)])
}
