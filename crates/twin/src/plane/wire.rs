//! The way from a caller to an instance: the caller's network law, nothing else.

use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;
use gearshift_functions::{Answered, header_bytes};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::http::uri::{Authority, Scheme};
use hyper::{Request, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// Why a request did not come through.
#[derive(Debug, thiserror::Error)]
pub(super) enum WireError {
    #[error("a body broke off or is too large: {0}")]
    Body(Box<dyn std::error::Error + Send + Sync>),
    #[error(transparent)]
    Uri(#[from] hyper::http::uri::InvalidUriParts),
    #[error(transparent)]
    Client(#[from] hyper_util::client::legacy::Error),
}

/// Keeps connections to instances open.
pub(super) struct Wire {
    client: Client<HttpConnector, Full<Bytes>>,
}

/// Bytes that crossed the wire, bodies and headers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Crossed {
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
}

impl Wire {
    pub(super) fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        // The client's own retry would hide a failure from whoever measures it.
        let client =
            Client::builder(TokioExecutor::new()).retry_canceled_requests(false).build(connector);
        Self { client }
    }

    /// The request with its body read, and its size.
    pub(super) async fn receive(
        request: Request<Incoming>,
        limit: usize,
    ) -> Result<(Request<Full<Bytes>>, u64), WireError> {
        let (parts, body) = request.into_parts();
        let body = Limited::new(body, limit).collect().await.map_err(WireError::Body)?;
        let body = body.to_bytes();
        let size = header_bytes(&parts.headers) + body.len() as u64;
        Ok((Request::from_parts(parts, Full::new(body)), size))
    }

    /// Sends it on once and reads the whole answer, with the instant it was complete.
    pub(super) async fn forward(
        &self,
        mut request: Request<Full<Bytes>>,
        to: SocketAddr,
    ) -> Result<(Answered, Instant, u64), WireError> {
        let mut parts = std::mem::take(request.uri_mut()).into_parts();
        parts.scheme = Some(Scheme::HTTP);
        parts.authority = Authority::try_from(to.to_string()).ok();
        *request.uri_mut() = Uri::from_parts(parts)?;
        let answered = self.client.request(request).await?;
        let (parts, body) = answered.into_parts();
        let body = body.collect().await.map_err(|error| WireError::Body(error.into()))?.to_bytes();
        let size = header_bytes(&parts.headers) + body.len() as u64;
        Ok((Answered::from_parts(parts, Full::new(body)), Instant::now(), size))
    }
}
