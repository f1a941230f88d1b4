//! One health check over the wire.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST, HeaderValue, USER_AGENT};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::HealthCheck;
use crate::health::CheckFailure;
use crate::refusal::root_cause;

const AGENT: HeaderValue =
    HeaderValue::from_static(concat!("gearshift-balance/", env!("CARGO_PKG_VERSION")));

/// Asks once, on a connection of its own that is closed afterwards, as ALB does.
pub(crate) async fn ask(member: SocketAddr, check: &HealthCheck) -> Result<(), CheckFailure> {
    let status = tokio::time::timeout(check.timeout, status(member, &check.path))
        .await
        .map_err(|_| CheckFailure::TimedOut { after: check.timeout })?
        .map_err(|error| CheckFailure::NoAnswer { why: error.to_string() })?;
    if check.statuses.contains(&status.as_u16()) {
        Ok(())
    } else {
        Err(CheckFailure::Status { status: status.as_u16() })
    }
}

/// Why a member could not be asked.
#[derive(Debug, thiserror::Error)]
enum AskError {
    #[error(transparent)]
    Connect(std::io::Error),
    #[error("{}", root_cause(.0))]
    Http(hyper::Error),
    #[error("`{path}` is no path: {error}")]
    Path { path: String, error: hyper::http::uri::InvalidUri },
    #[error(transparent)]
    Host(hyper::header::InvalidHeaderValue),
}

async fn status(member: SocketAddr, path: &str) -> Result<StatusCode, AskError> {
    let request = request(member, path)?;
    let stream = TcpStream::connect(member).await.map_err(AskError::Connect)?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(AskError::Http)?;
    // Its end is no answer: what it read before that is.
    let connection = async {
        let _ = connection.await;
        std::future::pending::<Infallible>().await
    };
    tokio::select! {
        answer = sender.send_request(request) => {
            answer.map(|answer| answer.status()).map_err(AskError::Http)
        }
        never = connection => match never {},
    }
}

fn request(member: SocketAddr, path: &str) -> Result<Request<Empty<Bytes>>, AskError> {
    let path: Uri =
        path.parse().map_err(|error| AskError::Path { path: path.to_owned(), error })?;
    let host = HeaderValue::from_str(&member.to_string()).map_err(AskError::Host)?;
    let mut request = Request::new(Empty::new());
    *request.method_mut() = Method::GET;
    *request.uri_mut() = path;
    request.headers_mut().insert(HOST, host);
    request.headers_mut().insert(USER_AGENT, AGENT);
    request.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    Ok(request)
}
