//! One file per verb.

mod bench;
mod compare;
mod completions;
mod diff;
mod doctor;
mod down;
mod entry;
mod gears;
pub mod image;
mod init;
mod internal;
mod invoke;
mod plan;
mod price;
mod scale;
mod shape;
mod shift;
mod status;
mod up;

use anyhow::Result;
use clap::Subcommand;

use crate::note;

#[derive(Subcommand)]
pub enum Verb {
    /// Run the service on every gear: check, measure, price; print the table, write the report
    Compare(compare::Compare),
    /// Draft a gearshift.toml by looking at a folder
    Init(init::Init),
    /// Keep one row running and print its URL
    Up(up::Up),
    /// Call a function row directly, print its answer and REPORT line
    Invoke(invoke::Invoke),
    /// Say what stands: every run, its rows, their sides and members
    Status(status::Status),
    /// Move a flex row's live traffic to its other side
    Shift(shift::ShiftVerb),
    /// Change how many members a standing row has, in place
    Scale(scale::ScaleVerb),
    /// Take a run away and prove that nothing is left
    Down(down::Down),
    /// Run an HTTP service unchanged wherever this is: here, in a container, on AWS Lambda
    Entry(entry::Entry),
    /// Build OCI images without Docker; show, save and push them
    Image(Box<image::Image>),
    /// Measure any HTTP endpoint
    Bench(bench::Bench),
    /// Cost of each gear at a traffic volume, and where they break even
    Price(price::PriceVerb),
    /// Replay a traffic trace through every shifting policy, beside the optimum
    Plan(Box<plan::PlanVerb>),
    /// List the catalogue of rows
    Gears(gears::Gears),
    /// Say what this machine can and cannot do, and how to get what is missing
    Doctor(doctor::Doctor),
    /// Compare two runs
    Diff(diff::Diff),
    /// Print completions for a shell
    Completions(completions::Completions),
    /// What Gearshift starts itself
    #[command(hide = true)]
    Internal(internal::Internal),
}

/// How a verb ended; see the exit codes in `--help`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    Well,
    Failed,
    Invalid,
}

impl From<Ended> for std::process::ExitCode {
    fn from(ended: Ended) -> Self {
        Self::from(match ended {
            Ended::Well => 0,
            Ended::Failed => 1,
            Ended::Invalid => 3,
        })
    }
}

/// Wrong input: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// The exit code of an error.
pub fn code_of(error: &anyhow::Error) -> u8 {
    if error.is::<Usage>() { 2 } else { 1 }
}

impl Verb {
    /// It makes gears here, or says what they would be.
    fn shapes(&self) -> bool {
        matches!(self, Self::Compare(_) | Self::Up(_) | Self::Invoke(_) | Self::Doctor(_))
    }
}

pub fn run(verb: Verb) -> Result<Ended> {
    if verb.shapes()
        && let Err(refused) = gearshift_sandbox::into_own_scope()
    {
        note!("unshaped: {refused}");
    }
    // What `entry` becomes keeps the limits and descriptors it was given.
    if !matches!(verb, Verb::Entry(_)) {
        gearshift_sandbox::many_descriptors();
        gearshift_sandbox::keep_descriptors_to_ourselves();
    }
    match verb {
        Verb::Compare(compare) => compare.run(),
        Verb::Init(init) => init.run(),
        Verb::Up(up) => up.run(),
        Verb::Invoke(invoke) => invoke.run(),
        Verb::Status(status) => status.run(),
        Verb::Shift(shift) => shift.run(),
        Verb::Scale(scale) => scale.run(),
        Verb::Down(down) => down.run(),
        Verb::Entry(entry) => entry.run(),
        Verb::Image(image) => image.run(),
        Verb::Bench(bench) => bench.run(),
        Verb::Price(price) => price.run(),
        Verb::Plan(plan) => plan.run(),
        Verb::Gears(gears) => gears.run(),
        Verb::Doctor(doctor) => doctor.run(),
        Verb::Diff(diff) => diff.run(),
        Verb::Completions(completions) => completions.run(),
        Verb::Internal(internal) => internal.run(),
    }
}

/// Runs asynchronous work on this thread.
pub fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}
