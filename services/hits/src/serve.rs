//! Listening, and stopping without breaking a promise.

use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

/// How long requests in flight may take to finish after SIGTERM or SIGINT. Kubernetes and ECS wait
/// 30 s before SIGKILL, `docker stop` 10 s.
pub const GRACE: Duration = Duration::from_secs(9);

/// Why serving ended other than by request.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("cannot watch for SIGTERM and SIGINT: {0}")]
    Signals(std::io::Error),
    #[error("cannot accept connections any more: {0}")]
    Accept(std::io::Error),
    #[error("requests in flight did not finish within {} s and were cut off", GRACE.as_secs())]
    Cut,
}

/// Serves until SIGTERM or SIGINT, then accepts nothing more and finishes what is in flight.
/// Idle connections are closed at once. Calls `ready` when a signal would be heeded.
///
/// # Errors
/// [`ServeError::Cut`] when a request took longer than [`GRACE`] to finish.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    ready: impl FnOnce(),
) -> Result<(), ServeError> {
    let watch = |kind| signal(kind).map_err(ServeError::Signals);
    let stop = first(watch(SignalKind::terminate())?, watch(SignalKind::interrupt())?);
    let (stopping, stopped) = oneshot::channel();
    // An answer is one small segment; waiting for more to send with it only adds latency.
    let listener = listener.tap_io(|connection| _ = connection.set_nodelay(true));
    let server = axum::serve(listener, router).with_graceful_shutdown(async {
        stop.await;
        _ = stopping.send(());
    });
    let grace_over = async {
        // An error means that the server ended and dropped the sender: its branch decides.
        if stopped.await.is_err() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(GRACE).await;
    };
    ready();
    tokio::select! {
        ended = async { server.await } => ended.map_err(ServeError::Accept),
        () = grace_over => Err(ServeError::Cut),
    }
}

async fn first(mut one: Signal, mut other: Signal) {
    tokio::select! {
        _ = one.recv() => {}
        _ = other.recv() => {}
    }
}
