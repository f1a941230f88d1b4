//! HTTP load: generator, histograms, statistics, verdict.
//!
//! [`run`] carries out a [`Job`] and returns an [`Outcome`]; [`judge`] says whether the outcome can
//! be trusted. A load worker is a process that reads a job as JSON on stdin, runs it and writes the
//! outcome as JSON; outcomes of several workers on one machine merge ([`Outcome::merge`]).
//!
//! Invariants:
//! - A call is sent at most once; a failed call is an error sample and unacknowledged.
//! - Time is one monotonic clock in µs; nothing spins.
//! - Latency is kept from the intended send time and from the real one, of good answers only.
//! - A percentile that too few calls support is not a number ([`Percentile::TooFew`]).
//!
//! ```no_run
//! # async fn example() -> Result<(), gearshift_load::LoadError> {
//! use gearshift_load::{Criteria, Job, Mode, judge, run};
//!
//! let mode = Mode::Open { rate_per_s: 10.0, calls: 200, connections_max: 64 };
//! let outcome = run(&Job::new("http://127.0.0.1:8000/", mode), |_finished| {}).await?;
//! let verdict = judge(&outcome, &Criteria::percentiles(&[0.5, 0.99]));
//! # Ok(())
//! # }
//! ```

mod arrivals;
mod caller;
mod callers;
mod clock;
mod connect;
mod counts;
mod endpoint;
mod error;
mod host;
mod job;
mod latency;
mod mix;
mod names;
mod outcome;
mod recorder;
mod run;
mod sample;
mod split;
mod spread;
mod stats;
mod temperature;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod verdict;

pub use counts::{CountCheck, RangeCheck};
pub use error::{Distrust, ErrorKind, LoadError, Untrusted};
pub use job::{Expect, ExpectBody, Job, Mode, Stage};
pub use latency::{CurvePoint, Latency};
pub use mix::Request;
pub use outcome::{Generator, MISSED_AFTER_US, Outcome, Schedule};
pub use run::run;
pub use sample::{Sample, Since};
pub use split::{PartMean, Split, near_median};
pub use spread::{SplitAt, along_percentiles};
pub use stats::{Interval, Percentile, median_interval, needed, percentile, quantile_interval};
pub use temperature::{Temperature, TemperatureCheck};
pub use verdict::{
    CORE_SHARE_MAX, Criteria, LATE_SHARE_MAX, MISSED_SHARE_MAX, STEAL_SHARE_MAX, Verdict, judge,
};
