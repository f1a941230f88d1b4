//! Ctrl-C, a closed terminal or `kill` at any moment leaves nothing behind.

use anyhow::Result;
use gearshift_gear::RunId;
use tokio::signal::unix::{Signal as Signals, SignalKind, signal};

use crate::on::On;

/// Does the work; SIGINT, SIGTERM, SIGHUP (the terminal was closed) or SIGQUIT end it, take the run
/// down and give none. A further signal does not cut the taking down short. Work that fails leaves
/// nothing either.
pub async fn or_take_down<T>(
    on: &On,
    run: &RunId,
    work: impl Future<Output = Result<T>>,
) -> Result<Option<T>> {
    let [mut interrupt, mut terminate, mut hangup, mut quit] = ends()?;
    tokio::pin!(work);
    let failed = tokio::select! {
        done = &mut work => match done {
            Ok(done) => return Ok(Some(done)),
            Err(error) => Some(error),
        },
        _ = interrupt.recv() => None,
        _ = terminate.recv() => None,
        _ = hangup.recv() => None,
        _ = quit.recv() => None,
    };
    on.end(run).await?;
    failed.map_or(Ok(None), Err)
}

/// Does work that may stop anywhere, since what stands tells how to go on; none where one of these
/// signals ended it.
pub async fn or_stop<T>(work: impl Future<Output = Result<T>>) -> Result<Option<T>> {
    let [mut interrupt, mut terminate, mut hangup, mut quit] = ends()?;
    tokio::select! {
        done = work => done.map(Some),
        _ = interrupt.recv() => Ok(None),
        _ = terminate.recv() => Ok(None),
        _ = hangup.recv() => Ok(None),
        _ = quit.recv() => Ok(None),
    }
}

/// The signals by which a user, a shell or a terminal ends a program that is in the foreground.
fn ends() -> std::io::Result<[Signals; 4]> {
    Ok([
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
        signal(SignalKind::hangup())?,
        signal(SignalKind::quit())?,
    ])
}
