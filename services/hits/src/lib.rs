//! The built-in sample service: a counter of hits over HTTP, with a few routes to measure by.
//!
//! | route | answer |
//! |---|---|
//! | `GET /` | a page with one button |
//! | `GET` or `POST /hits` | adds one; the count as decimal text |
//! | `GET /hits/count` | the count, without adding |
//! | `GET /hello` | `{"hello":"world"}` |
//! | `GET /sleep/{ms}` | answers after that long, 0 to 60,000 ms |
//! | `GET /burn/{ms}` | answers after using that much CPU time, 0 to 60,000 ms |
//! | `GET /cluster1`, `/cluster2` | which instance answered |
//! | `GET /healthz` | `{"status":"pass"}` |
//! | `GET /openapi.json`, `/docs` | this list for machines and for people |
//!
//! Every error is an RFC 9457 problem document. The same [`router`] is served by the binary `hits`
//! (on a port) and by `function-rust` (behind the Lambda runtime API).
//!
//! The counter's promise, whatever the store: *acknowledged ≤ counter ≤ acknowledged +
//! unacknowledged*, and no value is given out twice.

mod burn;
mod place;
mod problem;
mod routes;
mod serve;
mod settings;
pub mod store;

pub use place::Place;
pub use problem::Problem;
pub use routes::{OPENAPI, router};
pub use serve::{GRACE, ServeError, serve};
pub use settings::{BadSetting, Settings, StoreChoice};

/// A tokio runtime fit for the processors this process may use: one thread where there is one
/// processor (a scheduler with nothing to schedule costs start-up time), a worker each otherwise.
///
/// # Errors
/// When the operating system refuses threads or an event queue.
pub fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    let mut builder = match std::thread::available_parallelism() {
        Ok(processors) if processors.get() > 1 => tokio::runtime::Builder::new_multi_thread(),
        _ => tokio::runtime::Builder::new_current_thread(),
    };
    builder.enable_all().build()
}
