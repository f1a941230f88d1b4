//! HTTP without a client library: one request, one connection, nothing repeated or hidden.
#![allow(dead_code)]

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use gearshift_access::Keys;
use gearshift_deploy::Credentials;
use serde_json::{Value, json};

/// Longer than any answer here takes.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }

    /// The error's name in a refusal of DynamoDB.
    pub fn error_code(&self) -> String {
        let said = self.json();
        let code = said["__type"].as_str().expect("a refusal names its error");
        code.rsplit('#').next().unwrap_or_default().to_owned()
    }
}

/// Sends one request to `http://host:port/path`.
pub fn send(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> io::Result<Answer> {
    let rest = url.strip_prefix("http://").expect("a plain address");
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut request = format!("{method} /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    parsed(&answer).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

fn parsed(answer: &[u8]) -> Option<Answer> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, body: answer[end + 4..].to_vec() })
}

/// A signature of this request, as two headers.
pub fn signature(
    credentials: &Credentials,
    service: &str,
    url: &str,
    body: &str,
) -> [(&'static str, String); 2] {
    let url: hyper::Uri = url.parse().expect("an address");
    let host = url.authority().expect("a host").to_string();
    let request = hyper::Request::post(url).header("host", host).body(());
    let (mut head, ()) = request.expect("valid").into_parts();
    let keys = Keys::of(&credentials.access_key_id, &credentials.secret_access_key);
    keys.sign(&mut head, body.as_bytes(), "eu-west-2", service);
    ["x-amz-date", "authorization"]
        .map(|name| (name, head.headers[name].to_str().expect("text").to_owned()))
}

/// Calls an Invoke API at this URL.
pub fn invoke(credentials: &Credentials, url: &str, body: &str) -> Answer {
    let signed = signature(credentials, "lambda", url, body);
    let signed: Vec<_> = signed.iter().map(|(name, value)| (*name, value.as_str())).collect();
    send("POST", url, &signed, body).expect("an answer")
}

/// The table store, asked directly.
pub struct Table<'a> {
    pub url: &'a str,
    pub credentials: &'a Credentials,
}

impl Table<'_> {
    pub fn ask(&self, operation: &str, body: &Value) -> io::Result<Answer> {
        let target = format!("DynamoDB_20120810.{operation}");
        let body = body.to_string();
        let [date, signed] = signature(self.credentials, "dynamodb", self.url, &body);
        let headers = [
            ("content-type", "application/x-amz-json-1.0"),
            ("x-amz-target", target.as_str()),
            (date.0, date.1.as_str()),
            (signed.0, signed.1.as_str()),
        ];
        send("POST", self.url, &headers, &body)
    }

    /// The number `hits` of the item with this id, read strongly; 0 where there is none.
    pub fn hits(&self, id: u32) -> u64 {
        let key = json!({ "id": { "N": id.to_string() } });
        let body = json!({ "TableName": "hits", "Key": key, "ConsistentRead": true });
        let answer = self.ask("GetItem", &body).expect("the table answers");
        assert_eq!(answer.status, 200, "{}", answer.text());
        match answer.json()["Item"]["hits"]["N"].as_str() {
            Some(hits) => hits.parse().expect("a count"),
            None => 0,
        }
    }

    /// Adds one to `hits` of the item with this id.
    pub fn add(&self, id: u32) -> io::Result<Answer> {
        let body = json!({
            "TableName": "hits",
            "Key": { "id": { "N": id.to_string() } },
            "UpdateExpression": "ADD hits :one",
            "ExpressionAttributeValues": { ":one": { "N": "1" } },
            "ReturnValues": "UPDATED_NEW",
        });
        self.ask("UpdateItem", &body)
    }
}
