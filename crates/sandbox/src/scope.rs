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

/// What gives shares to an unshaped process.
pub(crate) fn how_to_get_shares() -> String {
    if !cfg!(target_os = "linux") {
        return "run it on Linux, or in a Linux virtual machine".to_owned();
    }
    if geteuid().is_root() {
        return "run it where control groups are writable: docker run --privileged …".to_owned();
    }
    let withheld = mount().ok().and_then(|mount| withheld(&mount, geteuid()));
    ordinary_user_gets_shares(withheld)
}

fn ordinary_user_gets_shares(withheld: Option<&str>) -> String {
    const AS_ROOT: &str = "run it as root: sudo gearshift …";
    match withheld {
        None => AS_ROOT.to_owned(),
        Some(controller) => format!(
            "{AS_ROOT}, or have systemd delegate `{controller}` to users: `[Service]` and `Delegate=cpu \
             cpuset io memory pids` in /etc/systemd/system/user@.service.d/delegate.conf, then restart"
        ),
    }
}

/// The controller a user's systemd runs without.
fn withheld(mount: &Path, user: Uid) -> Option<&'static str> {
    let manager = manager(mount, user);
    if manager.is_dir() { missing_controller(&manager) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_withheld_controller_is_told_with_what_delegates_it() {
        let mount = tempfile::tempdir().expect("a directory");
        let user = Uid::from_raw(1000);
        assert_eq!(withheld(mount.path(), user), None, "no systemd of this user's");
        let manager = manager(mount.path(), user);
        fs::create_dir_all(&manager).expect("made");
        for (offered, lacks) in [
            ("memory pids", Some("cpu")),
            ("cpuset cpu io pids", Some("memory")),
            ("cpuset cpu io memory pids", None),
        ] {
            fs::write(manager.join("cgroup.controllers"), offered).expect("written");
            assert_eq!(withheld(mount.path(), user), lacks, "{offered}");
            let told = ordinary_user_gets_shares(lacks);
            assert!(told.starts_with("run it as root: sudo gearshift …"), "{told}");
            assert_eq!(told.contains("user@.service.d/delegate.conf"), lacks.is_some(), "{told}");
            assert!(!told.contains('\n') && !told.contains("  "), "one line: {told}");
        }
    }
}
