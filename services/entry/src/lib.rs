//! Runs a service unchanged wherever it is. A *service* is any HTTP server that listens on `$PORT`.
//!
//! On AWS Lambda the service runs as a child: events come from the Runtime API, become HTTP requests
//! on one kept connection, and their answers become what the event's front expects. Anywhere else
//! this process *becomes* the service, so it costs nothing there.
//!
//! Invariants: the service gets no request and, on a cold start, no connection that a caller did not
//! cause; a request that may have been sent is never sent again; whatever the service does, the
//! caller learns which of the two failed.

mod command;
mod error;
mod health;
mod http;
mod init;
mod lambda;
mod place;
mod port;
mod settings;

use std::ffi::OsString;
use std::os::unix::process::CommandExt;

pub use error::EntryError;
pub use health::Unwell;
pub use place::Place;
pub use settings::VARIABLES;

use settings::{Settings, variable};

/// Asks the service beside this process, on `$PORT`, for `path`; 2xx and 3xx are well.
///
/// # Errors
/// [`Unwell`], or what is wrong with `PORT`.
pub fn check_health(path: &str) -> Result<(), EntryError> {
    let settings = Settings::read(variable)?;
    Ok(health::ask(settings.port.expected(), path)?)
}

/// Runs the command in `words` (this program's own name first, then perhaps `--`) as suits the place.
/// Returns the exit code; where this process becomes the service, it does not return.
///
/// # Errors
/// [`EntryError`], which on Lambda has been reported to the Runtime API already.
pub fn run(words: &[OsString]) -> Result<u8, EntryError> {
    let place = Place::of(variable);
    if let Place::Lambda { runtime_api } = &place {
        return lambda::run(runtime_api, words);
    }
    let settings = Settings::read(variable)?;
    let port = settings.port.choose()?;
    let is_init = std::process::id() == 1 || settings.init;
    let host = settings.host_in(&place, is_init);
    let mut command = command::of(command::words_of(words), port, &host)?;
    if is_init {
        return init::run(command);
    }
    let error = command.exec();
    Err(EntryError::cannot_start(&command, error))
}
