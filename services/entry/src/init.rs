//! What the first process of a container is there for: to hand signals on, to reap processes that
//! nobody else waits for, and to end as the service ended.

use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus};

use nix::errno::Errno;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, tcsetpgrp};

use crate::EntryError;
use crate::error::code_of;

/// Runs the command as this process's child until it ends, and returns its exit code.
pub(crate) fn run(mut command: Command) -> Result<u8, EntryError> {
    adopt_orphans();
    // Before the child is there: none of its signals may be lost.
    let watched = watched();
    let before = watched.thread_swap_mask(SigmaskHow::SIG_BLOCK).map_err(io::Error::from)?;
    restore_in_child(&mut command, before);
    // In a group of its own, a Ctrl-C reaches it once, through here, and not twice.
    let started = command.process_group(0).spawn();
    let child = started.map_err(|error| EntryError::cannot_start(&command, error))?;
    let child = Pid::from_raw(i32::try_from(child.id()).expect("process ids fit"));
    // For a shell on a terminal; there is none behind a server.
    let _ = tcsetpgrp(io::stdin(), child);
    loop {
        match watched.wait().map_err(io::Error::from)? {
            Signal::SIGCHLD => {
                if let Some(status) = reap(child) {
                    return Ok(code_of(status));
                }
            }
            // It may have ended a moment ago.
            signal => _ = kill(child, signal),
        }
    }
}

/// A child inherits what is blocked here, and one that cannot be told to end is killed.
fn restore_in_child(command: &mut Command, mask: SigSet) {
    let restore = move || mask.thread_set_mask().map_err(io::Error::from);
    // SAFETY: between fork and exec this calls `pthread_sigmask` alone, which is async-signal-safe.
    unsafe { command.pre_exec(restore) };
}

/// Every signal that can be handed on: those a fault raises in a process are its own.
fn watched() -> SigSet {
    let own = [
        Signal::SIGKILL,
        Signal::SIGSTOP,
        Signal::SIGILL,
        Signal::SIGTRAP,
        Signal::SIGABRT,
        Signal::SIGBUS,
        Signal::SIGFPE,
        Signal::SIGSEGV,
        Signal::SIGSYS,
        Signal::SIGTTIN,
        Signal::SIGTTOU,
    ];
    Signal::iterator().filter(|signal| !own.contains(signal)).collect()
}

/// Waits for everybody who has ended; the child's status if it is among them.
fn reap(child: Pid) -> Option<ExitStatus> {
    let mut ended = None;
    loop {
        let status = match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return ended,
            Ok(WaitStatus::Exited(pid, code)) => (pid, ExitStatus::from_raw(code << 8)),
            Ok(WaitStatus::Signaled(pid, signal, _)) => (pid, ExitStatus::from_raw(signal as i32)),
            _ => continue,
        };
        if status.0 == child {
            ended = Some(status.1);
        }
    }
}

/// Process 1 has orphans given to it anyway.
#[cfg(target_os = "linux")]
fn adopt_orphans() {
    // Without it they go to the next init above, as they would have.
    let _ = nix::sys::prctl::set_child_subreaper(true);
}

#[cfg(not(target_os = "linux"))]
fn adopt_orphans() {}
