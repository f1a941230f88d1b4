//! The connection to the service: one, kept as long as the service keeps it.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// A connection that was idle for longer is replaced: servers close theirs after 2 s (gunicorn),
/// 5 s (uvicorn, Node.js) or more, and one that is closed just as a request arrives loses it. In a
/// frozen environment such a close happens at the moment of waking, together with the request.
const KEPT_IDLE: Duration = Duration::from_secs(1);

/// A connection that is closed before anything was sent on it is replaced so many times.
const TRIES: u32 = 3;

pub(crate) struct Link {
    address: SocketAddr,
    sender: Option<SendRequest<Full<Bytes>>>,
    idle_since: Instant,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoAnswer {
    #[error("the service does not take connections on {address} any more: {error}")]
    Unreachable { address: SocketAddr, error: io::Error },
    #[error("the service closed {TRIES} connections before a request could be sent")]
    Unsent,
    #[error(
        "the service broke the connection off without a whole answer ({0}); the request may have \
         been carried out, so it is not sent again"
    )]
    BrokeOff(hyper::Error),
}

impl Link {
    pub(crate) fn to(address: SocketAddr) -> Self {
        Self { address, sender: None, idle_since: Instant::now() }
    }

    /// Over this connection at first.
    pub(crate) async fn over(stream: std::net::TcpStream, address: SocketAddr) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        let mut link = Self::to(address);
        link.sender = Some(begin(TcpStream::from_std(stream)?).await?);
        Ok(link)
    }

    /// Sends it, at most once, and returns the answer's head. Its body must be read to its end, or
    /// the connection is lost.
    pub(crate) async fn ask(
        &mut self,
        request: Request<Bytes>,
    ) -> Result<Response<Incoming>, NoAnswer> {
        let mut request = request.map(Full::new);
        for _ in 0..TRIES {
            let sender = self.sender().await?;
            match sender.try_send_request(request).await {
                Ok(response) => return Ok(response),
                Err(mut failed) => match failed.take_message() {
                    Some(unsent) => request = unsent,
                    None => {
                        self.sender = None;
                        return Err(NoAnswer::BrokeOff(failed.into_error()));
                    }
                },
            }
            self.sender = None;
        }
        Err(NoAnswer::Unsent)
    }

    /// The answer has been read to its end.
    pub(crate) fn rest(&mut self) {
        self.idle_since = Instant::now();
    }

    async fn sender(&mut self) -> Result<&mut SendRequest<Full<Bytes>>, NoAnswer> {
        let kept = self.sender.take().filter(|_| self.idle_since.elapsed() < KEPT_IDLE);
        let usable = match kept {
            // Not ready any more: closed.
            Some(mut sender) => sender.ready().await.is_ok().then_some(sender),
            None => None,
        };
        let sender = match usable {
            Some(sender) => sender,
            None => {
                let address = self.address;
                let unreachable = |error| NoAnswer::Unreachable { address, error };
                let stream = TcpStream::connect(address).await.map_err(unreachable)?;
                begin(stream).await.map_err(unreachable)?
            }
        };
        Ok(self.sender.insert(sender))
    }
}

async fn begin(stream: TcpStream) -> io::Result<SendRequest<Full<Bytes>>> {
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    // Ends with the sender; what goes wrong shows in the answer.
    tokio::spawn(connection);
    Ok(sender)
}
