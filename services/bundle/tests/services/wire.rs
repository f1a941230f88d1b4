//! HTTP/1.1 by hand: enough to be a client of the services and a server to them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longer than any answer or end takes here; a test that waits this long has failed.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A request or an answer.
#[derive(Debug)]
pub struct Message {
    pub first_line: String,
    headers: Vec<(String, String)>,
    pub body: String,
}

impl Message {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Of an answer.
    pub fn status(&self) -> u16 {
        let status = self.first_line.split(' ').nth(1).and_then(|text| text.parse().ok());
        status.unwrap_or_else(|| panic!("no status in {:?}", self.first_line))
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|why| panic!("{why} in {:?}", self.body))
    }
}

/// One keep-alive connection.
pub struct Connection(BufReader<TcpStream>);

impl Connection {
    pub fn open(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).expect("the server listens"))
    }

    pub fn over(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).expect("a positive timeout");
        Self(BufReader::new(stream))
    }

    pub fn send(&mut self, method: &str, path: &str) {
        let request =
            format!("{method} {path} HTTP/1.1\r\nhost: test\r\ncontent-length: 0\r\n\r\n");
        self.0.get_mut().write_all(request.as_bytes()).expect("the connection is open");
    }

    /// Sends a request and reads its answer.
    pub fn ask(&mut self, method: &str, path: &str) -> Message {
        self.send(method, path);
        self.answer_to(method).expect("an answer")
    }

    /// Reads the answer to a request of this method; nothing when the connection was closed.
    pub fn answer_to(&mut self, method: &str) -> Option<Message> {
        self.read(method != "HEAD")
    }

    /// Whether something has arrived that was not read yet.
    pub fn has_answer(&self) -> bool {
        let stream = self.0.get_ref();
        stream.set_nonblocking(true).expect("a socket");
        let arrived = stream.peek(&mut [0]).is_ok();
        stream.set_nonblocking(false).expect("a socket");
        arrived
    }

    /// Reads a request; nothing when the connection was closed.
    pub fn request(&mut self) -> Option<Message> {
        self.read(true)
    }

    /// Answers a request.
    pub fn answer(&mut self, status: u16, headers: &str, body: &str) {
        let head = format!("HTTP/1.1 {status} Whatever\r\n{headers}content-length: {}", body.len());
        // The other side may have gone: that is its right.
        _ = self.0.get_mut().write_all(format!("{head}\r\n\r\n{body}").as_bytes());
    }

    fn read(&mut self, has_body: bool) -> Option<Message> {
        let first_line = self.line()?;
        let mut headers = Vec::new();
        while let Some(line) = self.line().filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(':').expect("a header has a colon");
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        let mut message = Message { first_line, headers, body: String::new() };
        if has_body {
            message.body = self.body(&message)?;
        }
        Some(message)
    }

    fn body(&mut self, head: &Message) -> Option<String> {
        let mut body = Vec::new();
        if head.header("transfer-encoding") == Some("chunked") {
            loop {
                let length = usize::from_str_radix(&self.line()?, 16).expect("a chunk's length");
                body.extend(self.bytes(length)?);
                self.line()?;
                if length == 0 {
                    break;
                }
            }
        } else if let Some(length) = head.header("content-length") {
            body = self.bytes(length.parse().expect("a length"))?;
        }
        Some(String::from_utf8(body).expect("the services speak UTF-8"))
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.0.read_line(&mut line).ok()?;
        (read > 0).then(|| line.trim_end().to_owned())
    }

    fn bytes(&mut self, length: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.0.read_exact(&mut bytes).ok().map(|()| bytes)
    }
}
