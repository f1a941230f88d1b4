//! Routes as a proxy of its own.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::http::uri::Scheme;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::PoolConfig;
use crate::answer::Answer;
use crate::headers::Arrival;
use crate::refusal::Refusal;
use crate::routes::Routes;

/// How long to wait before accepting again.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(5);

/// Forwards every request that comes in over plain HTTP/1.1, until it is dropped; that closes every
/// connection. A refusal is told as a problem (RFC 9457).
pub async fn serve(listener: TcpListener, routes: impl Into<Routes>) -> Infallible {
    let routes = routes.into();
    // Dropped with this, and every connection with it.
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, client)) = listener.accept().await else {
            // Out of descriptors: connections that end give some back.
            tokio::time::sleep(OUT_OF_DESCRIPTORS).await;
            continue;
        };
        connections.spawn(converse(stream, client, routes.clone()));
        while connections.try_join_next().is_some() {}
    }
}

/// Answers one connection's requests.
async fn converse(stream: TcpStream, client: SocketAddr, routes: Routes) {
    let Ok(local) = stream.local_addr() else { return };
    let _ = stream.set_nodelay(true);
    let arrival = Arrival { client: client.ip(), port: local.port(), scheme: Scheme::HTTP };
    let pools = routes.pools();
    let idle_timeout = pools.iter().map(|pool| pool.config().idle_timeout).max();
    let idle_timeout = idle_timeout.unwrap_or(PoolConfig::default().idle_timeout);
    let service = service_fn(|request| {
        let (routes, arrival) = (&routes, &arrival);
        async move { Ok::<_, Infallible>(answer(routes, request, arrival).await) }
    });
    // A client that goes away mid-request is its own business.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(idle_timeout)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

type Answered = Response<Either<Answer, Full<Bytes>>>;

async fn answer(routes: &Routes, request: Request<Incoming>, arrival: &Arrival) -> Answered {
    match routes.forward(request, arrival).await {
        Ok(forwarded) => forwarded.response.map(Either::Left),
        Err(refusal) => problem(&refusal).map(Either::Right),
    }
}

fn problem(refusal: &Refusal) -> Response<Full<Bytes>> {
    let status = refusal.status();
    let problem = serde_json::json!({
        "title": status.canonical_reason().unwrap_or("Client Closed Request"),
        "status": status.as_u16(),
        "detail": refusal.to_string(),
    });
    let mut response = Response::new(Full::from(problem.to_string()));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
