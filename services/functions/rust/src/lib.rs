//! `hits` as an AWS Lambda function: the same router and stores behind the Lambda runtime API.
//!
//! Takes events in payload format 2.0 (HTTP API and function URL). The store is opened before the
//! first event, outside the handler, so that every event of an environment shares its connection.

mod stage;

use std::future::Future;
use std::process::ExitCode;
use std::sync::Arc;

use hits::store::HitStore;
use hits::{Place, Settings, StoreChoice};
use lambda_http::tower::ServiceExt;

pub use stage::without_stage;

const USAGE: u8 = 2;

/// Runs the function until Lambda ends it, over the store that `open` makes. Returns only when it
/// cannot run; the reason is on standard error then.
pub fn run<O, F>(open: O) -> ExitCode
where
    O: FnOnce(StoreChoice) -> F,
    F: Future<Output = Arc<dyn HitStore>>,
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
    let runtime = match hits::runtime() {
        Ok(runtime) => runtime,
        Err(why) => return failed(&why, ExitCode::FAILURE),
    };
    let ended = runtime.block_on(async {
        let router = hits::router(open(settings.store).await, settings.instance);
        lambda_http::run(router.map_request(without_stage)).await
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => failed(&why, ExitCode::FAILURE),
    }
}

fn failed(why: &dyn std::fmt::Display, code: ExitCode) -> ExitCode {
    eprintln!("function-rust: {why}");
    code
}
