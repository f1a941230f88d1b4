//! An HTTP client that can be rude.

use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use gearshift_access::Keys;
use gearshift_functions::InvokeApi;
use gearshift_gear::ServerTiming;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::http::request::Builder;
use hyper::{HeaderMap, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// One answer.
#[derive(Debug)]
pub struct Answered {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answered {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {:?}", self.body))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub fn timing(&self) -> ServerTiming {
        ServerTiming::parse(self.header(ServerTiming::HEADER))
    }

    /// The log an Invoke with `LogType: Tail` came with.
    pub fn log(&self) -> String {
        let log = BASE64.decode(self.header("x-amz-log-result")).expect("base64");
        String::from_utf8(log).expect("text")
    }
}

/// Sends it on a connection of its own.
pub async fn send(to: SocketAddr, request: Builder, body: impl Into<Bytes>) -> Answered {
    let request = request.header("host", "tested.example").body(Full::new(body.into()));
    answered(to, request.expect("valid")).await
}

async fn answered(to: SocketAddr, request: Request<Full<Bytes>>) -> Answered {
    let mut sender = connect(to).await;
    let response = sender.send_request(request).await.expect("an answer");
    let (parts, body) = response.into_parts();
    let body = body.collect().await.expect("a whole body").to_bytes();
    Answered { status: parts.status, headers: parts.headers, body }
}

/// Calls this function's Invoke API with its keys, on a connection of its own.
pub async fn invoke(api: &InvokeApi, keys: &Keys, request: Builder, body: String) -> Answered {
    let to = api.address();
    let (mut head, ()) =
        request.header("host", to.to_string()).body(()).expect("valid").into_parts();
    keys.sign(&mut head, body.as_bytes(), "eu-west-2", "lambda");
    answered(to, Request::from_parts(head, Full::new(body.into()))).await
}

/// Sends it and goes away without the answer once `after` is over.
pub async fn send_and_leave(to: SocketAddr, request: Builder, after: impl Future<Output = ()>) {
    let request = request.header("host", "tested.example").body(Full::default()).expect("valid");
    let mut sender = connect(to).await;
    tokio::select! {
        answer = sender.send_request(request) => panic!("it was to take longer: {answer:?}"),
        () = after => {}
    }
}

pub fn get(path: &str) -> Builder {
    Request::get(path)
}

pub fn post(path: &str) -> Builder {
    Request::post(path)
}

async fn connect(to: SocketAddr) -> SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(to).await.expect("it listens");
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("HTTP");
    // Ends with the sender.
    tokio::spawn(connection);
    sender
}
