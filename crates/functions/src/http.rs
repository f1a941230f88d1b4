//! HTTP/1.1 servers on loopback that end when dropped.

use std::convert::Infallible;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinSet};

/// A complete answer.
pub type Answered = Response<Full<Bytes>>;

/// A server on loopback; dropping it closes its port and every connection.
pub struct Server {
    address: SocketAddr,
    task: AbortHandle,
}

impl Server {
    /// Serves `handler` on this port of 127.0.0.1; 0 lets the kernel choose.
    ///
    /// # Errors
    /// Where the port is taken.
    pub async fn start<H, F>(port: u16, handler: H) -> std::io::Result<Self>
    where
        H: Fn(Request<Incoming>, SocketAddr) -> F + Send + Sync + 'static,
        F: Future<Output = Answered> + Send + 'static,
    {
        Self::start_for(port, |_, _| true, handler).await
    }

    /// Likewise, for those only whom `admit` lets in: it is told the other end of each new
    /// connection and its own, and everybody else gets 403.
    pub(crate) async fn start_for<A, H, F>(port: u16, admit: A, handler: H) -> std::io::Result<Self>
    where
        A: Fn(SocketAddr, SocketAddr) -> bool + Send + Sync + 'static,
        H: Fn(Request<Incoming>, SocketAddr) -> F + Send + Sync + 'static,
        F: Future<Output = Answered> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        let admit = move |peer| admit(peer, address);
        let task = tokio::spawn(accept(listener, Arc::new((admit, handler)))).abort_handle();
        Ok(Self { address, task })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// How long to wait before accepting again.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(5);

async fn accept<A, H, F>(listener: TcpListener, serving: Arc<(A, H)>)
where
    A: Fn(SocketAddr) -> bool + Send + Sync + 'static,
    H: Fn(Request<Incoming>, SocketAddr) -> F + Send + Sync + 'static,
    F: Future<Output = Answered> + Send + 'static,
{
    // Dropped with this task, and every connection with it.
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            // Out of descriptors: connections that end give some back.
            tokio::time::sleep(OUT_OF_DESCRIPTORS).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let serving = serving.clone();
        connections.spawn(async move {
            let (admit, handler) = &*serving;
            let admitted = admit(peer);
            let service = service_fn(|request| {
                let answered = admitted.then(|| handler(request, peer));
                async move {
                    Ok::<_, Infallible>(match answered {
                        Some(answered) => answered.await,
                        None => forbidden(),
                    })
                }
            });
            // A client that goes away mid-request is its own business.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

fn forbidden() -> Answered {
    let message = "only this environment's own processes are served here";
    let body = serde_json::json!({ "errorType": "AccessDenied", "errorMessage": message });
    json(StatusCode::FORBIDDEN, &body)
}

/// How much of a body that is too large is still read, in limits. A client sees the refusal only
/// if it has sent everything before the connection closes.
const READ_LIMITS: usize = 8;

/// A body of more bytes than allowed, or one that broke off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It had at least this many bytes.
    #[error("a body of {bytes} bytes or more is too large")]
    TooLarge { bytes: usize },
    /// The client went away.
    #[error("the body broke off")]
    BrokeOff,
}

/// Reads a whole body of at most `limit` bytes.
///
/// # Errors
/// Where it is larger, after reading the rest of it, or breaks off.
pub async fn read_body(body: Incoming, limit: usize) -> Result<Bytes, BodyError> {
    Ok(read_body_and_trailers(body, limit).await?.0)
}

/// Likewise, with the headers behind a chunked body; mostly there are none.
pub(crate) async fn read_body_and_trailers(
    mut body: Incoming,
    limit: usize,
) -> Result<(Bytes, HeaderMap), BodyError> {
    let mut frames = Vec::<Bytes>::new();
    let mut trailers = HeaderMap::new();
    let mut bytes = 0;
    while let Some(frame) = body.frame().await {
        let data = match frame.map_err(|_| BodyError::BrokeOff)?.into_data() {
            Ok(data) => data,
            Err(frame) => {
                trailers.extend(frame.into_trailers().unwrap_or_default());
                continue;
            }
        };
        bytes += data.len();
        if bytes <= limit {
            frames.push(data);
        } else if bytes > limit.saturating_mul(READ_LIMITS) {
            break;
        }
    }
    if bytes > limit {
        return Err(BodyError::TooLarge { bytes });
    }
    // Nearly every body is one frame, which need not be copied.
    let body = if frames.len() == 1 { frames.remove(0) } else { frames.concat().into() };
    Ok((body, trailers))
}

/// An answer with this status, content type and body.
pub fn answer(status: StatusCode, content_type: &str, body: impl Into<Bytes>) -> Answered {
    Response::builder()
        .status(status)
        .header("content-type", content_type)
        .body(Full::new(body.into()))
        .expect("status and content type are valid")
}

/// Bytes of a message's head: a header line holds `name: value` and a line end, the first line is
/// about twenty bytes.
pub fn header_bytes(headers: &HeaderMap) -> u64 {
    let lines = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
    20 + lines.sum::<usize>() as u64
}

pub(crate) fn json(status: StatusCode, body: &serde_json::Value) -> Answered {
    answer(status, "application/json", body.to_string())
}
