//! A plain HTTP client that speaks DynamoDB's protocol.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use gearshift_access::Keys;
use gearshift_gear::Dimension;
use gearshift_laws::Laws;
use gearshift_stores::{StoreCall, TableConfig, TableStore};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::HeaderMap;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tokio::net::TcpStream;

/// What requests to the stores of these tests are signed with.
pub const SECRET_KEY: &str = "the secret of these tests";

pub fn keys() -> Keys {
    Keys::of("env-7", SECRET_KEY)
}

/// A signed request for the store at this address.
pub fn signed(address: &str, operation: &str, body: &str) -> Request<Full<Bytes>> {
    let request = Request::post("/")
        .header("host", address)
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", format!("DynamoDB_20120810.{operation}"));
    let (mut head, ()) = request.body(()).unwrap().into_parts();
    keys().sign(&mut head, body.as_bytes(), "eu-west-2", "dynamodb");
    Request::from_parts(head, Full::new(Bytes::from(body.to_owned())))
}

/// The same as it goes over the wire.
pub fn signed_text(address: &str, operation: &str, body: &str) -> String {
    let request = signed(address, operation, body);
    let mut text = "POST / HTTP/1.1\r\n".to_owned();
    for (name, value) in request.headers() {
        text.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    format!("{text}content-length: {}\r\n\r\n{body}", body.len())
}

/// A store with the table `hits`, and everything its hook was told.
pub async fn store(laws: Laws, seed: u64) -> (TableStore, Arc<Mutex<Vec<StoreCall>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let teller = Arc::clone(&told);
    let hook = Arc::new(move |call| teller.lock().unwrap().push(call));
    let config = TableConfig { hook: Some(hook), ..TableConfig::new(Arc::new(laws), seed, keys()) };
    let store = TableStore::start(config).await.unwrap();
    store.create_table("hits").unwrap();
    (store, told)
}

/// Write and read units so far.
pub fn units(store: &TableStore) -> (Decimal, Decimal) {
    let usage = store.usage();
    let of = |dimension| usage.iter().find(|(of, _)| *of == dimension).expect("metered").1;
    (of(Dimension::TableWriteUnit), of(Dimension::TableReadUnit))
}

pub fn address(store: &TableStore) -> &str {
    store.url().strip_prefix("http://").unwrap()
}

/// One answer, its checksum compared.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answer {
    pub fn code(&self) -> &str {
        self.body["__type"].as_str().unwrap().rsplit('#').next().unwrap()
    }
}

/// One keep-alive connection.
pub struct Client {
    address: String,
    sender: SendRequest<Full<Bytes>>,
}

impl Client {
    pub async fn connect(store: &TableStore) -> Self {
        Self::connect_to(address(store)).await
    }

    pub async fn connect_to(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self { address: address.to_owned(), sender }
    }

    pub async fn try_call(&mut self, operation: &str, body: Value) -> hyper::Result<Answer> {
        self.send(signed(&self.address, operation, &body.to_string())).await
    }

    /// Sends this request as it is.
    pub async fn send(&mut self, request: Request<Full<Bytes>>) -> hyper::Result<Answer> {
        self.sender.ready().await?;
        let (head, body) = self.sender.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        let checksum = head.headers["x-amz-crc32"].to_str().unwrap();
        assert_eq!(checksum, crc32fast::hash(&body).to_string(), "x-amz-crc32 is wrong");
        let body = serde_json::from_slice(&body).unwrap();
        Ok(Answer { status: head.status, headers: head.headers, body })
    }

    /// [`Client::try_call`] that must be answered with 200.
    pub async fn call(&mut self, operation: &str, body: Value) -> Value {
        let answer = self.try_call(operation, body).await.unwrap();
        assert_eq!(answer.status, StatusCode::OK, "{operation}: {answer:?}");
        answer.body
    }

    /// The counter as stored, read strongly; 0 when there is none.
    pub async fn counter(&mut self) -> u64 {
        let read = json!({"TableName": "hits", "Key": {"id": {"N": "0"}}, "ConsistentRead": true});
        match self.call("GetItem", read).await["Item"]["n"]["N"].as_str() {
            Some(count) => count.parse().unwrap(),
            None => 0,
        }
    }
}

/// Adds one to the counter and asks for its new value.
pub fn add_one() -> Value {
    json!({
        "TableName": "hits",
        "Key": {"id": {"N": "0"}},
        "UpdateExpression": "ADD n :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
        "ReturnValues": "ALL_NEW",
    })
}

/// Puts an item whose data has this many bytes.
pub fn put(id: u32, data_bytes: usize) -> Value {
    json!({
        "TableName": "hits",
        "Item": {"id": {"N": id.to_string()}, "data": {"S": "x".repeat(data_bytes)}},
    })
}

pub fn get(id: u32, strong: bool) -> Value {
    json!({"TableName": "hits", "Key": {"id": {"N": id.to_string()}}, "ConsistentRead": strong})
}

/// A GET without a signature: status, headers, body.
pub async fn get_plain(address: &str, path: &str) -> (StatusCode, HeaderMap, Bytes) {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get(path).header("host", address).body(Full::<Bytes>::default());
    let (head, body) = sender.send_request(request.unwrap()).await.unwrap().into_parts();
    (head.status, head.headers, body.collect().await.unwrap().to_bytes())
}
