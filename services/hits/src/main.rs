//! The sample service on a port. Everything it needs to know is in its environment.

use std::process::ExitCode;

use hits::{Place, ServeError, Settings, StoreChoice};
use tokio::net::TcpListener;

const USAGE: u8 = 2;

fn main() -> ExitCode {
    let settings = match Settings::from_environment() {
        Ok(settings) => settings,
        Err(why) => return failed(&why, ExitCode::from(USAGE)),
    };
    let runtime = match hits::runtime() {
        Ok(runtime) => runtime,
        Err(why) => return failed(&why, ExitCode::FAILURE),
    };
    let ended = runtime.block_on(run(settings));
    // Not dropped: that would wait for threads that burn for callers who were cut off.
    runtime.shutdown_background();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => failed(&why, ExitCode::FAILURE),
    }
}

fn failed(why: &dyn std::error::Error, code: ExitCode) -> ExitCode {
    eprintln!("hits: {why}");
    code
}

#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error("cannot listen on {address}: {why} → set PORT or BIND to an address that is free here")]
    Listen { address: std::net::SocketAddr, why: std::io::Error },
    #[error(transparent)]
    Serve(#[from] ServeError),
}

async fn run(settings: Settings) -> Result<(), RunError> {
    let Settings { address, place, instance, store } = settings;
    let unable = |why| RunError::Listen { address, why };
    let listener = TcpListener::bind(address).await.map_err(unable)?;
    let bound = listener.local_addr().map_err(unable)?;
    let router = hits::router(hits::store::open(&store).await, instance.as_str());
    hits::serve(listener, router, || announce(bound, &store, place, &instance)).await?;
    Ok(())
}

fn announce(bound: std::net::SocketAddr, store: &StoreChoice, place: Place, instance: &str) {
    let store = match store {
        StoreChoice::Memory => "memory (lost when this process ends)".to_owned(),
        StoreChoice::File { path } => format!("file {}", path.display()),
        #[cfg(feature = "table")]
        StoreChoice::Table { name, region } => format!("table {name} in {region}"),
    };
    eprintln!("hits: listening on http://{bound} · store {store} · {place} {instance}");
}
