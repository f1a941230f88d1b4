//! Ctrl-C, a closed terminal or `kill` at any moment leaves nothing behind.

use std::time::{Duration, Instant};

use anyhow::Result;
use gearshift_deploy::{Fence, Patience, TargetError, Want, reach};
use gearshift_gear::RunId;
use gearshift_sandbox::{processes_of, sweep};
use gearshift_twin::{RunPlace, Twin, TwinConfig};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::signal::unix::{Signal as Signals, SignalKind, signal};

/// Does the work; SIGINT, SIGTERM, SIGHUP (the terminal was closed) or SIGQUIT end it, take the run
/// down and give none. A further signal does not cut the taking down short. Work that fails leaves
/// nothing either.
pub async fn or_take_down<T>(
    config: &TwinConfig,
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
    take_down(config, run).await?;
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

/// Asks a comparison of this run to end, and waits until it has: it would bring up its next row.
async fn end_orchestrator(run: &RunId) {
    let orchestrators = || processes_of(run).into_iter().filter(|process| process.orchestrator);
    for process in orchestrators() {
        let _ = kill(Pid::from_raw(process.pid), Signal::SIGTERM);
    }
    let began = Instant::now();
    // What does not end by itself is swept with the rest.
    while orchestrators().next().is_some() && began.elapsed() < ORCHESTRATOR_PATIENCE {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// How long a comparison may take to take its own rows down.
const ORCHESTRATOR_PATIENCE: Duration = Duration::from_secs(15);

/// Takes a run down whatever it was doing: as the target does it, then whatever that left (a load
/// worker, a process of no row).
pub async fn take_down(config: &TwinConfig, run: &RunId) -> Result<()> {
    end_orchestrator(run).await;
    let twin = Twin::new(config.clone());
    let patience = Patience { total: Duration::from_secs(20), ..Patience::default() };
    let reached =
        reach(&twin, run, &Want::nothing(), Fence::at(jiff::Timestamp::now()), patience).await;
    sweep(&config.host, run, |_| true);
    RunPlace::new(&config.base, run).remove()?;
    match reached {
        // Somebody else takes it down at the same time; what was left is swept.
        Ok(_) | Err(TargetError::Fenced { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
