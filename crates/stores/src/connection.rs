//! Listening, and clients' connections.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::StoreError;
use crate::front::{Engine, NoAnswer, StoreServer};

/// Binds a port of loopback, and only of loopback.
pub(crate) async fn bind(at: SocketAddr) -> Result<(TcpListener, SocketAddr), StoreError> {
    if !at.ip().is_loopback() {
        return Err(StoreError::NotLoopback(at));
    }
    let refused = |source| StoreError::Listen { at, source };
    let listener = TcpListener::bind(at).await.map_err(refused)?;
    let address = listener.local_addr().map_err(refused)?;
    Ok((listener, address))
}

/// A free port of 127.0.0.1.
pub(crate) fn any_port() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

/// Accepts connections until `gone` says that the store was dropped.
pub(crate) async fn accept<E: Engine>(
    listener: TcpListener,
    front: Arc<StoreServer<E>>,
    mut gone: watch::Receiver<()>,
) {
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                // Out of descriptors, or the client has gone again: neither ends the store.
                Err(_) => {
                    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                    continue;
                }
            },
            _ = gone.changed() => return,
        };
        let (front, mut gone) = (Arc::clone(&front), gone.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = serve(stream, front) => {}
                _ = gone.changed() => {}
            }
        });
    }
}

async fn serve<E: Engine>(stream: TcpStream, front: Arc<StoreServer<E>>) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let link = Arc::new(front.engine.link());
    let untouched = AtomicBool::new(true);
    let service = service_fn(|request| {
        let asked = Instant::now();
        let first = untouched.swap(false, Ordering::Relaxed);
        let (front, link) = (Arc::clone(&front), Arc::clone(&link));
        // A task of its own: a client that hangs up does not undo what it has asked for.
        let served = tokio::spawn(async move { front.serve(&link, first, asked, request).await });
        async move { served.await.unwrap_or(Err(NoAnswer)) }
    });
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let ended = (&mut connection).await;
    if ended.is_err_and(|error| error.is_user()) {
        reset(connection.into_parts().io.into_inner());
    }
}

/// Closes a connection so that the other side sees a reset, not an end.
fn reset(stream: TcpStream) {
    // Where the option is refused, dropping still ends the connection without an answer.
    let _ = stream.set_zero_linger();
}
