//! `hits` as an AWS Lambda function: the same router and stores behind the Lambda runtime API.
//!
//! Takes events in payload format 2.0 (HTTP API and function URL). The store is opened before the
//! first event, outside the handler, so that every event of an environment shares its connection;
//! with `HITS_INIT=per-call` at every event, to show what that costs.

mod stage;

use std::future::Future;
use std::process::ExitCode;
use std::sync::Arc;

use hits::store::HitStore;
use hits::{BadSetting, Place, Settings, StoreChoice};
use lambda_http::service_fn;
use lambda_http::tower::ServiceExt;

pub use stage::without_stage;

const USAGE: u8 = 2;

/// Runs the function until Lambda ends it, over the store that `open` makes. Returns only when it
/// cannot run; the reason is on standard error then.
pub fn run<O, F>(open: O) -> ExitCode
where
    O: Fn(StoreChoice) -> F + Send + Sync,
    F: Future<Output = Arc<dyn HitStore>> + Send,
{
    let settings = match Settings::from_environment() {
        Ok(settings) => settings,
        Err(why) => return failed(&why, ExitCode::from(USAGE)),
    };
    if settings.place != Place::Lambda {
        let why = "AWS_LAMBDA_RUNTIME_API is not set: this is a Lambda function → deploy it as \
                   `bootstrap`, or run `hits` for plain HTTP";
        return failed(&why, ExitCode::from(USAGE));
    }
    let per_call = match per_call() {
        // A memory store that is opened anew forgets.
        Ok(per_call) => per_call && settings.store != StoreChoice::Memory,
        Err(why) => return failed(&why, ExitCode::from(USAGE)),
    };
    let runtime = match hits::runtime() {
        Ok(runtime) => runtime,
        Err(why) => return failed(&why, ExitCode::FAILURE),
    };
    let ended = runtime.block_on(async {
        let Settings { store, instance, .. } = settings;
        if per_call {
            let answer = async |request| {
                let router = hits::router(open(store.clone()).await, instance.as_str());
                router.oneshot(without_stage(request)).await
            };
            return lambda_http::run(service_fn(answer)).await;
        }
        let router = hits::router(open(store).await, instance);
        lambda_http::run(router.map_request(without_stage)).await
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => failed(&why, ExitCode::FAILURE),
    }
}

fn per_call() -> Result<bool, BadSetting> {
    match std::env::var_os("HITS_INIT") {
        None => Ok(false),
        Some(value) if value.is_empty() => Ok(false),
        Some(value) if value == "per-call" => Ok(true),
        Some(value) => Err(BadSetting {
            name: "HITS_INIT",
            value: value.to_string_lossy().into_owned(),
            why: "not a way to make the client",
            next: "set per-call to make it at every call, or unset it to make it once",
        }),
    }
}

fn failed(why: &dyn std::fmt::Display, code: ExitCode) -> ExitCode {
    eprintln!("function-rust: {why}");
    code
}
