//! A scope of systemd's for this process: in it an ordinary user may shape processes.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::unistd::{Uid, geteuid};

use crate::delegated::{SLICE, manager, missing_controller, mount};
use crate::{Enforcement, Host};

/// Set for a process that was started in its scope: another start would change nothing.
const VARIABLE: &str = "GEARSHIFT_SCOPE";

/// systemd was asked for a scope and gave none.
#[derive(Debug, thiserror::Error)]
#[error("systemd gives no scope to shape processes in: {said} → sudo gearshift …")]
pub struct ScopeError {
    /// In systemd's words.
    pub said: String,
}

/// Where an ordinary user cannot shape processes but could in a scope of the user's systemd: starts
/// this program there once more, in this process's own place, so that number, terminal, signals
/// and exit code stay. Returns where that is not needed or not to be had; [`Host::detect`] tells
/// which.
///
/// # Errors
/// Where systemd should give a scope and does not; this process goes on as it is.
pub fn into_own_scope() -> Result<(), ScopeError> {
    let shaped = matches!(Host::detect().enforcement(), Enforcement::Shaped { .. });
    if shaped || std::env::var_os(VARIABLE).is_some() || !offered() {
        return Ok(());
    }
    // Tried with a program that does nothing: once this process is replaced there is no way back.
    match in_scope("true".as_ref()).stdin(Stdio::null()).output() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(refused(error)),
        Ok(tried) if !tried.status.success() => {
            return Err(refused(String::from_utf8_lossy(&tried.stderr).trim()));
        }
        Ok(_) => {}
    }
    let program = std::env::current_exe().map_err(refused)?;
    let arguments = std::env::args_os().skip(1);
    Err(refused(in_scope(&program).args(arguments).env(VARIABLE, "1").exec()))
}

fn refused(said: impl ToString) -> ScopeError {
    ScopeError { said: said.to_string() }
}

/// `--collect`: a scope in which the kernel killed at a memory limit goes as well.
fn in_scope(program: &Path) -> Command {
    let mut command = Command::new("systemd-run");
    command.args(["--user", "--scope", "--quiet", "--collect"]);
    command.arg(format!("--slice={SLICE}")).args(["--property=Delegate=yes", "--"]).arg(program);
    command
}

/// This user's systemd runs and may hand the controllers down.
fn offered() -> bool {
    !geteuid().is_root()
        && mount().is_ok_and(|mount| {
            let manager = manager(&mount, geteuid());
            manager.is_dir() && missing_controller(&manager).is_none()
        })
}

/// What gives shares to an unshaped process on Linux.
pub(crate) fn how_to_get_shares() -> String {
    if geteuid().is_root() {
        return "a machine or container whose control groups are writable: docker run --privileged …"
            .to_owned();
    }
    let withheld = mount().ok().and_then(|mount| withheld(&mount, geteuid()));
    let drop_in = withheld.map(|controller| {
        format!(
            "; or give `{controller}` to every user: `[Service] Delegate=cpu cpuset io memory \
             pids` (two lines) in /etc/systemd/system/user@.service.d/delegate.conf, then log in anew"
        )
    });
    format!("run it as root: sudo gearshift …{}", drop_in.unwrap_or_default())
}

/// The controller a user's systemd was not given.
fn withheld(mount: &Path, user: Uid) -> Option<&'static str> {
    let manager = manager(mount, user);
    if manager.is_dir() { missing_controller(&manager) } else { None }
}
