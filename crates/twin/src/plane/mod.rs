//! One data plane: the process that fronts one row, hosts its stores and starts its services.

mod capacity;
mod credits;
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
        "its settings on standard input: {why} → they are written by gearshift itself; gearshift up ROW"
    )]
    Config { why: String },
    /// The reason ends with the next step where there is one.
    #[error("cannot start {row}: {why}")]
    Start { row: String, why: String },
}

/// Serves the row that standard input describes, a [`PlaneConfig`], until told to stop, by its socket or
/// SIGTERM.
///
/// # Errors
/// [`PlaneError`], whose text is the last line that the row's log shows.
pub async fn serve() -> Result<(), PlaneError> {
    let unreadable = |why: String| PlaneError::Config { why };
    let mut text = Vec::new();
    std::io::stdin().read_to_end(&mut text).map_err(|error| unreadable(error.to_string()))?;
    let config: PlaneConfig =
        serde_json::from_slice(&text).map_err(|error| unreadable(error.to_string()))?;
    let not_started =
        |why: String| PlaneError::Start { row: config.wanted.spec.row.name.clone(), why };
    let mut terminate =
        signal(SignalKind::terminate()).map_err(|error| not_started(error.to_string()))?;
    let unshaped = matches!(Host::detect().enforcement(), Enforcement::Unshaped { .. });
    if unshaped {
        adopt_orphans();
    }
    let row = StandingRow::start(&config).await.map_err(not_started)?;
    let row = Arc::new(row);
    // Bound under another name and renamed, so that whoever can connect finds the row ready.
    let directory = config.private().map_err(|error| not_started(error.to_string()))?;
    let unnamed = directory.short("control.new");
    let listener = UnixListener::bind(&unnamed).and_then(|listener| {
        // Its directory lets nobody else in; its own mode says the same.
        std::fs::set_permissions(&unnamed, std::fs::Permissions::from_mode(0o600))?;
        std::fs::rename(&unnamed, directory.short(SOCKET))?;
        Ok(listener)
    });
    let listener = listener.map_err(|error| not_started(error.to_string()))?;
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

fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}
