use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use clap::Args;
use gearshift_services::service;

use super::Ended;
use crate::{here, say};

/// Runs an HTTP service unchanged, wherever this is.
///
/// On AWS Lambda it starts COMMAND, waits until it listens, and turns events into HTTP requests to it.
/// Anywhere else it becomes COMMAND, with PORT and HOST set. $PORT, ${PORT}, $HOST and ${HOST} inside
/// an argument are replaced. The adapter is a static binary of its own: --to FILE writes it out, for
/// images and packages.
#[derive(Args)]
#[command(after_long_help = gearshift_entry::VARIABLES)]
pub struct Entry {
    /// Write the adapter to this file and run nothing
    #[arg(long, value_name = "FILE", conflicts_with = "command")]
    to: Option<PathBuf>,
    /// The service's command and its arguments
    #[arg(last = true, required_unless_present = "to", value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl Entry {
    pub fn run(self) -> Result<Ended> {
        let adapter = service("entry")?;
        if let Some(file) = self.to {
            write(&file, &adapter.bytes())
                .with_context(|| format!("writing the adapter to {}", file.display()))?;
            say!("{}: {:.1} MB for {}", file.display(), adapter.size as f64 / 1e6, adapter.triple);
            return Ok(Ended::Well);
        }
        let placed = adapter.place_in(&here::cache()?.join("services"))?;
        let error = Command::new(&placed).arg("--").args(self.command).exec();
        Err(error).with_context(|| format!("starting {}", placed.display()))
    }
}

/// Whole or not at all, and never into a file that is running.
fn write(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut beside = file.as_os_str().to_owned();
    beside.push(".new");
    fs::write(&beside, bytes)?;
    fs::set_permissions(&beside, Permissions::from_mode(0o755))?;
    fs::rename(&beside, file)
}
