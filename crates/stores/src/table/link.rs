//! The way from one client's connection to the table engine.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{self, HeaderMap, HeaderName};
use hyper_util::rt::TokioIo;
use tokio::sync::Mutex;

use super::entrance::Entrance;
use crate::answer::Answer;

/// Headers that belong to one connection, or are written anew for the next.
const OF_ONE_HOP: [HeaderName; 8] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
];

/// One connection to the engine, opened with the first request. A client's connection has one
/// request at a time, so each has an engine connection of its own and none is shared.
pub(crate) struct Link {
    entrance: Arc<Entrance>,
    open: Mutex<Option<SendRequest<Full<Bytes>>>>,
}

/// Why the engine gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    #[error(transparent)]
    Connect(#[from] std::io::Error),
    #[error(transparent)]
    Http(#[from] hyper::Error),
}

impl Link {
    pub(crate) fn new(entrance: Arc<Entrance>) -> Self {
        Self { entrance, open: Mutex::new(None) }
    }

    /// Sends a request and takes in the whole answer. It is sent once: a broken answer may belong
    /// to a write that was applied.
    pub(crate) async fn send(&self, request: Request<Bytes>) -> Result<Answer, LinkError> {
        let mut request = request.map(Full::new);
        drop_hop_headers(request.headers_mut());
        let mut open = self.open.lock().await;
        let mut sender = match open.take() {
            Some(sender) if sender.is_ready() => sender,
            _ => self.connect().await?,
        };
        let response = sender.send_request(request).await?;
        let (mut head, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        // The connection is free again a moment after the body's end; wait for it here, or the
        // next request would find it busy and open another.
        if sender.ready().await.is_ok() {
            *open = Some(sender);
        }
        drop_hop_headers(&mut head.headers);
        Ok(Answer { status: head.status, headers: head.headers, body })
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, LinkError> {
        let open = async {
            let stream = self.entrance.connect().await?;
            stream.set_nodelay(true)?;
            Ok::<_, std::io::Error>(stream)
        };
        let stream = open.await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        sender.ready().await?;
        Ok(sender)
    }
}

/// Takes out what must not be passed on to the next connection.
fn drop_hop_headers(headers: &mut HeaderMap) {
    for name in OF_ONE_HOP {
        headers.remove(name);
    }
}
