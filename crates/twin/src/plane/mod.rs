//! One data plane: the process that fronts one row, hosts its stores and starts its services.

mod capacity;
mod credits;
mod error;
mod events;
mod function_side;
mod keeper;
mod lives;
mod member;
mod metering;
mod paths;
mod pool;
mod pool_side;
mod row;
mod running;
mod setting;
mod side;
mod slots;
mod starts;
mod store_times;
mod stores;
mod wire;

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use gearshift_deploy::Memory;
use gearshift_sandbox::{Enforcement, Host, MemoryUse, adopt_orphans, end_descendants};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

use crate::control::{Ask, SOCKET, Told};
use crate::place::PlaneConfig;

use row::StandingRow;

/// Why a data plane could not serve.
#[derive(Debug, thiserror::Error)]
pub enum PlaneError {
    #[error(
        "its settings on standard input: {0} → they are written by gearshift itself; gearshift up ROW"
    )]
    Config(#[from] serde_json::Error),
    #[error("its settings on standard input: {0} → gearshift up ROW")]
    Unreadable(std::io::Error),
    /// The reason ends with the next step where there is one.
    #[error("cannot start {row}: {error}")]
    Start { row: String, error: Box<dyn std::error::Error + Send + Sync> },
}

/// Serves the row that standard input describes, a [`PlaneConfig`], until told to stop, by its socket or
/// SIGTERM.
///
/// # Errors
/// [`PlaneError`], whose text is the last line that the row's log shows.
pub async fn serve() -> Result<(), PlaneError> {
    let mut text = Vec::new();
    std::io::stdin().read_to_end(&mut text).map_err(PlaneError::Unreadable)?;
    let config: PlaneConfig = serde_json::from_slice(&text)?;
    let not_started = |error: Box<dyn std::error::Error + Send + Sync>| PlaneError::Start {
        row: config.wanted.spec.row.name.clone(),
        error,
    };
    let mut terminate =
        signal(SignalKind::terminate()).map_err(|error| not_started(error.into()))?;
    let unshaped = matches!(Host::detect().enforcement(), Enforcement::Unshaped { .. });
    if unshaped {
        adopt_orphans();
    }
    let row = StandingRow::start(&config).await.map_err(|error| not_started(error.into()))?;
    let row = Arc::new(row);
    // Bound under another name and renamed, so that whoever can connect finds the row ready.
    let directory = config.private().map_err(|error| not_started(error.into()))?;
    let unnamed = directory.short("control.new");
    let listener = UnixListener::bind(&unnamed).and_then(|listener| {
        // Its directory lets nobody else in; its own mode says the same.
        std::fs::set_permissions(&unnamed, std::fs::Permissions::from_mode(0o600))?;
        std::fs::rename(&unnamed, directory.short(SOCKET))?;
        Ok(listener)
    });
    let listener = listener.map_err(|error| not_started(error.into()))?;
    let stop = Arc::new(Notify::new());
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            () = stop.notified() => break,
            Ok((stream, _)) = listener.accept() => {
                let (row, stop) = (row.clone(), stop.clone());
                tokio::spawn(async move { converse(stream, &row, &stop).await });
            }
        }
    }
    row.stop().await;
    if unshaped {
        // Without control groups one that has cleared its environment is found by nothing else.
        end_descendants(&config.run);
    }
    Ok(())
}

async fn converse(stream: UnixStream, row: &StandingRow, stop: &Notify) {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    if stream.read_line(&mut line).await.is_err() {
        return;
    }
    let told = match serde_json::from_str(&line) {
        Ok(Ask::Stop) => {
            // Told when it is over: whoever asked sweeps next.
            row.stop().await;
            stop.notify_one();
            Told::Done
        }
        Ok(ask) => row.answer(ask).await,
        Err(error) => Told::Refused { why: format!("not a question: {error}") },
    };
    if let Ok(mut answer) = serde_json::to_vec(&told) {
        answer.push(b'\n');
        // Whoever asked may be gone.
        let _ = stream.get_mut().write_all(&answer).await;
    }
}

/// This long on AWS's clock, as long as it takes here.
fn on_this_clock(config: &PlaneConfig, time: Duration) -> Duration {
    time.div_f64(config.wanted.spec.settings.clock_factor)
}

/// What the kernel counts, as the world says it.
fn counted(memory: MemoryUse) -> Memory {
    Memory { now_bytes: memory.now_bytes, peak_bytes: memory.peak_bytes }
}
