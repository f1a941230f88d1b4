use std::io::{Read, Write};
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use gearshift_load::Job;
use gearshift_sandbox::{before_everything, before_others};

use super::{Ended, block_on};

#[derive(Args)]
pub struct Internal {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Serve the data plane of one row: JSON in
    Plane {
        /// The row's directory, so that every user sees whose run this is
        directory: PathBuf,
    },
    /// Carry out one load job: JSON in, JSON out
    Load,
}

impl Internal {
    pub fn run(self) -> Result<Ended> {
        before_others();
        match self.what {
            What::Plane { directory: _ } => plane(),
            What::Load => load(),
        }
    }
}

/// On one thread: a data plane has one core, and handing work between threads there costs more
/// than the work.
fn plane() -> Result<Ended> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(crate::on::serve_plane())?;
    // Not waited for: what still runs on it is ended by leaving.
    runtime.shutdown_background();
    Ok(Ended::Well)
}

fn load() -> Result<Ended> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("reading the job on standard input")?;
    let job: Job = serde_json::from_str(&text).context("the job on standard input")?;
    if job.mode.has_schedule() {
        before_everything();
    }
    let outcome = block_on(async { Ok(gearshift_load::run(&job, |_| {}).await?) })?;
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, &outcome)?;
    out.flush()?;
    Ok(Ended::Well)
}
