//! One caller: a connection, if one is open, and the calls made on it one after the other.

use std::error::Error as _;
use std::io;

use bytes::Bytes;
use gearshift_gear::ServerTiming;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{HeaderMap, Response};
use hyper_util::rt::TokioIo;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::clock::Clock;
use crate::connect::Opened;
use crate::endpoint::{Endpoint, Kind};
use crate::{ErrorKind, ExpectBody, Sample};

/// A caller that makes one call at a time.
#[derive(Default)]
pub(crate) struct Caller {
    connection: Option<Connection>,
}

impl Caller {
    /// Makes one call, at most once: whatever fails after the request was handed to a connection is
    /// an error of this call.
    pub(crate) async fn call(
        &mut self,
        endpoint: &Endpoint,
        turn: usize,
        clock: Clock,
        intended_us: u64,
    ) -> Sample {
        let mut sample = Sample::begun(turn, intended_us, clock.now_us());
        let attempt = self.attempt(endpoint, turn, clock, &mut sample);
        let attempt = timeout(endpoint.timeout, attempt).await;
        if let Err(kind) = attempt.unwrap_or(Err(ErrorKind::Timeout)) {
            sample.error = Some(kind);
        }
        // After a complete answer this is set, to the moment of its last byte.
        if sample.total_us == 0 {
            sample.total_us = clock.now_us().saturating_sub(sample.sent_us);
        }
        sample
    }

    /// Closes the connection, if one is open.
    pub(crate) fn hang_up(&mut self) {
        self.connection = None;
    }

    /// The connection is put back only after a whole answer; dropping it closes it.
    async fn attempt(
        &mut self,
        endpoint: &Endpoint,
        turn: usize,
        clock: Clock,
        sample: &mut Sample,
    ) -> Result<(), ErrorKind> {
        let kind = endpoint.kind(turn);
        let (connection, answer) = self.send(endpoint, kind, clock, sample).await?;
        sample.first_byte_us = Some(clock.now_us().saturating_sub(sample.sent_us));
        sample.status = Some(answer.status().as_u16());
        sample.timing = timing(answer.headers());
        let body = read(answer.into_body(), sample).await?;
        sample.total_us = clock.now_us().saturating_sub(sample.sent_us);
        self.connection = Some(connection);
        check(kind, sample, &body)
    }

    /// Sends the request on the open connection, or on a new one if there is none or the server has
    /// closed it. In the second case hyper hands the request back untouched, so that nothing was
    /// sent and this is no retry.
    async fn send(
        &mut self,
        endpoint: &Endpoint,
        kind: &Kind,
        clock: Clock,
        sample: &mut Sample,
    ) -> Result<(Connection, Response<Incoming>), ErrorKind> {
        let mut request = kind.request();
        if let Some(mut connection) = self.connection.take()
            && connection.sender.ready().await.is_ok()
        {
            sample.sent_us = clock.now_us();
            match connection.sender.try_send_request(request).await {
                Ok(answer) => return Ok((connection, answer)),
                Err(mut failed) => match failed.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(kind_of(failed.error())),
                },
            }
        }
        let began_us = clock.now_us();
        sample.sent_us = began_us;
        let (mut connection, tls_us) = Connection::open(endpoint, clock).await?;
        sample.tls_us = tls_us;
        sample.sent_us = clock.now_us();
        sample.connect_us = Some(sample.sent_us.saturating_sub(began_us));
        match connection.sender.send_request(request).await {
            Ok(answer) => Ok((connection, answer)),
            Err(failed) => Err(kind_of(&failed)),
        }
    }
}

/// An HTTP/1.1 connection and the task that drives it.
struct Connection {
    sender: SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
}

impl Connection {
    /// An open connection, and how long its TLS handshake took, µs.
    async fn open(endpoint: &Endpoint, clock: Clock) -> Result<(Self, Option<u64>), ErrorKind> {
        let Opened { stream, tls_us } = endpoint.open(clock).await?;
        let (sender, connection) =
            handshake(TokioIo::new(stream)).await.map_err(|e| kind_of(&e))?;
        // What fails on the connection is reported to the call that is on it.
        let driver = tokio::spawn(async { connection.await.unwrap_or_default() });
        Ok((Self { sender, driver }, tls_us))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Counts are short; of longer bodies only the length matters.
const COUNT_BYTES_MAX: usize = 32;

/// Reads the body to its end; returns its beginning.
async fn read(mut body: Incoming, sample: &mut Sample) -> Result<Vec<u8>, ErrorKind> {
    let mut beginning = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Some(data) = frame.map_err(|e| kind_of(&e))?.data_ref() {
            sample.bytes += data.len() as u64;
            let room = COUNT_BYTES_MAX - beginning.len();
            beginning.extend_from_slice(&data[..data.len().min(room)]);
        }
    }
    Ok(beginning)
}

/// Holds a whole answer against what was expected.
fn check(kind: &Kind, sample: &mut Sample, body: &[u8]) -> Result<(), ErrorKind> {
    if sample.status != Some(kind.expect.status) {
        return Err(ErrorKind::Status);
    }
    match kind.expect.body {
        ExpectBody::Any => Ok(()),
        ExpectBody::Bytes(n) if sample.bytes == n => Ok(()),
        ExpectBody::Bytes(_) => Err(ErrorKind::Body),
        ExpectBody::Count => {
            let whole = sample.bytes == body.len() as u64;
            sample.count = count(body).filter(|_| whole);
            sample.count.map(|_| ()).ok_or(ErrorKind::Body)
        }
    }
}

/// Digits and nothing else, but for one line break at the end.
fn count(body: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(body).ok()?;
    let digits = text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n')).unwrap_or(text);
    // `parse` alone would take a leading plus.
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

fn timing(headers: &HeaderMap) -> ServerTiming {
    let values = headers.get_all(ServerTiming::HEADER).iter();
    let texts: Vec<&str> = values.filter_map(|value| value.to_str().ok()).collect();
    ServerTiming::parse(&texts.join(", "))
}

fn kind_of(error: &hyper::Error) -> ErrorKind {
    let io_kind = error.source().and_then(|e| e.downcast_ref::<io::Error>()).map(io::Error::kind);
    if error.is_parse() {
        ErrorKind::Protocol
    } else if io_kind == Some(io::ErrorKind::UnexpectedEof) {
        // The head was whole, the body ended early.
        ErrorKind::Body
    } else {
        ErrorKind::Reset
    }
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn a_count_is_bare_digits() {
        assert_eq!(count(b"42"), Some(42));
        assert_eq!(count(b"42\n"), Some(42));
        assert_eq!(count(b"18446744073709551615"), Some(u64::MAX));
        for bad in ["", "\n", "+1", "-1", " 1", "1 ", "1\n\n", "1.0", "18446744073709551616", "x"] {
            assert_eq!(count(bad.as_bytes()), None, "{bad:?}");
        }
    }
}
