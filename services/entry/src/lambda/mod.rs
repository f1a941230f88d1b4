//! On Lambda.

mod api;
mod extension;
mod link;
mod ready;
mod service;
mod tee;
mod worker;

use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use crate::http::FunctionNames;
use crate::settings::{Settings, variable};
use crate::{EntryError, command};
use api::{Api, Report};
use extension::Registration;
use ready::Readiness;
use service::Service;
use worker::Worker;

/// What Lambda gives a runtime with an internal extension before SIGKILL; with external ones it is
/// 300 ms (docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html, "Shutdown phase").
const GRACE: Duration = Duration::from_millis(500);

/// Runs the service and hands it events, until Lambda ends the environment.
pub(crate) fn run(runtime_api: &str, words: &[OsString]) -> Result<u8, EntryError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ended = runtime.block_on(serve(runtime_api, words));
    // What still waits for something is ended by leaving.
    runtime.shutdown_background();
    ended
}

async fn serve(runtime_api: &str, words: &[OsString]) -> Result<u8, EntryError> {
    let began = Instant::now();
    // The service starts while the rest is made ready.
    let started = start(words);
    let api = Api::connect(runtime_api, FunctionNames::of(variable)).await;
    let (settings, service, readiness) = match started {
        Ok(started) => started,
        Err(error) => return fail_init(&mut api?, error).await,
    };
    let living = live(runtime_api, api, began, settings, &service, readiness);
    tokio::pin!(living);
    let ended = tokio::select! {
        biased;
        () = asked_to_end() => None,
        ended = &mut living => Some(ended),
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            service.signal(Signal::SIGTERM);
            // A request under way goes on meanwhile.
            let _ = timeout(GRACE, living).await;
            service.catch_up();
            Ok(0)
        }
    };
    service.signal(Signal::SIGKILL);
    ended
}

type Started = (Arc<Settings>, Arc<Service>, Readiness);

fn start(words: &[OsString]) -> Result<Started, EntryError> {
    let settings = Settings::read(variable)?;
    let port = settings.port.choose()?;
    let words = command::words_on_lambda(words, variable);
    let host = settings.host_on_lambda();
    let service = Service::start(command::of(&words, port, &host)?)?;
    let readiness = Readiness::watch(port, settings.ready_path.clone(), settings.on_demand);
    Ok((Arc::new(settings), Arc::new(service), readiness))
}

/// Until something fails: there is no other end from within.
async fn live(
    runtime_api: &str,
    api: Result<Api, EntryError>,
    began: Instant,
    settings: Arc<Settings>,
    service: &Arc<Service>,
    readiness: Readiness,
) -> Result<u8, EntryError> {
    let mut api = api?;
    let registration = settings.extension.then(|| Registration::begin(runtime_api));
    let ready = tokio::select! {
        biased;
        _ = readiness.wait() => Ok(()),
        status = service.ended() => Err(service.exited(status, "before it listened on its port")),
        () = patience(began, &settings) => Ok(()),
    };
    if let Err(error) = ready {
        return fail_init(&mut api, error).await;
    }
    if let Some(registration) = registration {
        registration.done().await;
    }
    let mut workers = JoinSet::new();
    let mut apis = vec![api];
    while apis.len() < settings.concurrency {
        apis.push(Api::connect(runtime_api, FunctionNames::of(variable)).await?);
    }
    for api in apis {
        let worker = Worker {
            settings: settings.clone(),
            service: service.clone(),
            readiness: readiness.clone(),
            api,
        };
        workers.spawn(worker.run());
    }
    // When the service has ended, each says so of its own request.
    let mut first = None;
    while let Some(error) = workers.join_next().await {
        let error = error.map_err(std::io::Error::other)?;
        match error {
            EntryError::ServiceExited { .. } => first = first.or(Some(error)),
            _ => return Err(error),
        }
    }
    Err(first.expect("there is at least one worker"))
}

async fn patience(began: Instant, settings: &Settings) {
    match settings.init_patience {
        Some(patience) => {
            sleep_until(began + patience).await;
            eprintln!(
                "gearshift-entry: the service does not listen after {} s; the first request waits for it",
                patience.as_secs_f32()
            );
        }
        None => std::future::pending().await,
    }
}

async fn fail_init(api: &mut Api, error: EntryError) -> Result<u8, EntryError> {
    // Where Lambda does not even take that, the exit code and the log are left.
    let _ = api.fail_init(&Report::from(&error)).await;
    Err(error)
}

/// SIGTERM from Lambda, SIGINT from a terminal.
async fn asked_to_end() {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
