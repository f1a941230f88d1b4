//! The `gearshift` command: one file per verb, no logic.

// What is printed passes `terminal`, which shows what a terminal would otherwise act upon.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod builds;
mod here;
mod in_image;
mod interrupt;
mod log;
mod on;
mod progress;
mod provision;
mod standing;
mod terminal;
mod verbs;

use std::process::ExitCode;

use clap::Parser;

#[derive(Parser)]
#[command(name = "gearshift", version, about, long_about = LONG_ABOUT, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    verb: verbs::Verb,
}

const LONG_ABOUT: &str = "One service, every gear: runs an HTTP service on every way of running it \
(instance, functions, containers …), measures and prices each. Needs no cloud account: the default \
target is the twin, AWS compute rebuilt on this machine.\n\n\
GEARSHIFT_LOG=debug shows on standard error what acts; GEARSHIFT_LOG_FORMAT=json as one object a line.\n\n\
Exit codes: 0 did it, 1 failed, 2 usage, 3 measured but INVALID or SLO missed.";

fn main() -> ExitCode {
    log::start();
    let cli = Cli::parse();
    match verbs::run(cli.verb) {
        Ok(code) => code.into(),
        Err(error) => {
            note!("gearshift: {error:#}");
            ExitCode::from(verbs::code_of(&error))
        }
    }
}
