//! What acts, as it acts, on standard error: off unless `GEARSHIFT_LOG` asks for it.

use std::io::{self, Write};

use tracing_subscriber::EnvFilter;

use crate::{note, terminal};

/// A level (`debug`) or directives by crate (`gearshift_twin=debug,warn`), as `tracing` writes them.
const FILTER: &str = "GEARSHIFT_LOG";
/// `json`: one object a line.
const FORMAT: &str = "GEARSHIFT_LOG_FORMAT";

/// Starts the log where the environment asks for one. Data planes inherit what it asks for; theirs is
/// `plane.log` in the row's directory.
pub fn start() {
    let Some(wanted) = std::env::var(FILTER).ok().filter(|wanted| !wanted.is_empty()) else {
        return;
    };
    let filter = match EnvFilter::try_new(&wanted) {
        Ok(filter) => filter,
        Err(error) => {
            note!("{FILTER}={wanted}: {error} → {FILTER}=debug, or nothing for no log");
            return;
        }
    };
    let log =
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(|| Shown);
    match std::env::var(FORMAT).as_deref() {
        Ok("json") => log.json().init(),
        _ => log.init(),
    }
}

/// Standard error, by the one exit that shows what a terminal would act upon.
struct Shown;

impl Write for Shown {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        terminal::note(format_args!("{}", String::from_utf8_lossy(bytes)));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
