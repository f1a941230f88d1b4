//! The three processes of a container, and how each ends.
//!
//! - The *waiter* is the process that Gearshift started and waits for. It stays in Gearshift's pid
//!   namespace, hands every signal on to the service, and ends as the service ended.
//! - The *reaper* is process 1 of the new pid namespace. It takes the exit status of processes whose
//!   parent has ended. When it ends, the kernel kills everything in the namespace (pid_namespaces(7)).
//! - The *service* is the image's program. It is not process 1, since the kernel keeps signals without a
//!   handler from process 1: SIGTERM would not end most services.

use nix::errno::Errno;
use nix::libc;
use nix::sys::prctl::{set_dumpable, set_pdeathsig};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{
    SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal, kill, raise, sigaction, sigprocmask,
};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

/// Which of the three processes this is.
pub(super) enum Part {
    Waiter { service: Pid, reaper: Pid },
    Reaper,
    Service,
}

/// Makes the namespaces by `unshare` and forks into the three processes. Each returns on its own.
///
/// # Errors
/// What the kernel says where it refuses the namespaces or a process.
pub(super) fn part(unshare: impl FnOnce() -> nix::Result<()>) -> nix::Result<Part> {
    // Signals that arrive from here on wait until the waiter can hand them on.
    let mut before = SigSet::empty();
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), Some(&mut before))?;
    unshare()?;
    // SAFETY: this process has one thread, since it was forked to become the command.
    let reaper = match unsafe { fork() }? {
        ForkResult::Child => return Ok(Part::Reaper),
        ForkResult::Parent { child } => child,
    };
    // SAFETY: as above.
    match unsafe { fork() } {
        Ok(ForkResult::Parent { child: service }) => Ok(Part::Waiter { service, reaper }),
        Ok(ForkResult::Child) => {
            sigprocmask(SigmaskHow::SIG_SETMASK, Some(&before), None)?;
            killed_first();
            // These processes are copies of Gearshift: nobody in the container may look into their
            // memory. What the service executes is open to its own user again (prctl(2)).
            set_dumpable(false)?;
            Ok(Part::Service)
        }
        Err(error) => {
            let _ = kill(reaper, Signal::SIGKILL);
            Err(error)
        }
    }
}

/// Has the kernel kill the service before the waiter and the reaper when the container's memory is
/// used up: these two look bigger than they are, as copies of Gearshift. Where the kernel refuses, one of
/// them may be killed, which ends the container, too.
fn killed_first() {
    use nix::fcntl::{OFlag, open};
    let path = c"/proc/self/oom_score_adj";
    if let Ok(file) = open(path, OFlag::O_WRONLY | OFlag::O_CLOEXEC, nix::sys::stat::Mode::empty())
    {
        let _ = nix::unistd::write(&file, b"1000");
    }
}

/// Is process 1: the kernel reaps for whoever ignores SIGCHLD, so nothing is left to do.
pub(super) fn reap() -> ! {
    // Where the waiter is killed, the whole namespace goes with it.
    let _ = set_pdeathsig(Signal::SIGKILL);
    let _ = set_dumpable(false);
    close_all();
    let ignore = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
    // SAFETY: a disposition without a handler.
    let _ = unsafe { sigaction(Signal::SIGCHLD, &ignore) };
    loop {
        nix::unistd::pause();
    }
}

/// Hands signals on until the service has ended, then ends everything else of the container, and ends
/// as the service did.
pub(super) fn wait(service: Pid, reaper: Pid) -> ! {
    close_all();
    let status = loop {
        match waitpid(service, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) => {}
            Ok(status) => break status,
            Err(Errno::EINTR) => continue,
            Err(_) => break WaitStatus::Exited(service, 1),
        }
        match SigSet::all().wait() {
            Ok(Signal::SIGCHLD) | Err(_) => {}
            Ok(signal) => {
                let _ = kill(service, signal);
            }
        }
    };
    let _ = kill(reaper, Signal::SIGKILL);
    let _ = waitpid(reaper, None);
    match status {
        WaitStatus::Signaled(_, signal, _) => end_by(signal),
        WaitStatus::Exited(_, code) => exit(code),
        _ => exit(1),
    }
}

/// Ends by this signal, so that whoever waits sees what ended the service. It leaves no core file: that
/// would be one of Gearshift.
fn end_by(signal: Signal) -> ! {
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // SAFETY: a disposition without a handler; SIGKILL has no other, which is an error of no consequence.
    let _ = unsafe { sigaction(signal, &default) };
    let _ = raise(signal);
    let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None);
    exit(128 + signal as i32)
}

fn exit(code: i32) -> ! {
    // SAFETY: ends the process at once, without the exit handlers of the program it is a copy of.
    unsafe { libc::_exit(code) }
}

/// Leaves the command its standard input and outputs and no other descriptor: whoever started Gearshift may
/// have handed some on. They are closed when the command is executed.
pub(super) fn keep_standard_ones() {
    let on_exec = libc::CLOSE_RANGE_CLOEXEC;
    // SAFETY: plain numbers.
    if unsafe { libc::syscall(libc::SYS_close_range, 3, u32::MAX, on_exec) } == 0 {
        return;
    }
    // Kernels before 5.11 cannot say so of a range.
    for descriptor in 3..1 << 12 {
        // SAFETY: as above; a number without a descriptor is an error of no consequence.
        unsafe { libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
}

/// Closes every descriptor, among them the pipe by which the starting process learns that the command
/// was executed: it waits until no copy is open.
fn close_all() {
    // SAFETY: nothing in this process uses a descriptor any more.
    if unsafe { libc::syscall(libc::SYS_close_range, 0, u32::MAX, 0) } == 0 {
        return;
    }
    // Kernels before 5.9 have no close_range(2).
    for descriptor in 0..1 << 16 {
        // SAFETY: as above.
        unsafe { libc::close(descriptor) };
    }
}
