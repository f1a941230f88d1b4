//! Who measures goes first: a measurement that is begun late measures its own machine.

use nix::libc;

/// Half-way to the highest, so that the kernel's own work stays ahead.
const NICENESS: i32 = -10;

/// `OPEN_MAX` in macOS' sys/syslimits.h.
const MACOS_OPEN_MAX: libc::rlim_t = 10_240;

/// Puts this process before ordinary ones. False where that is not allowed; a verdict then tells
/// whether it mattered.
pub fn before_others() -> bool {
    // SAFETY: a system call on this process without pointers.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICENESS) == 0 }
}

/// Lets this process open as many descriptors as it is allowed: each environment takes several,
/// each connection one, and 1,024 is what most systems give to begin with.
pub fn many_descriptors() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    if let Ok((_, most)) = getrlimit(Resource::RLIMIT_NOFILE) {
        // Raising one's own soft limit to the hard one is always allowed, save on macOS: there the
        // hard one is none and the soft one at most its OPEN_MAX.
        if setrlimit(Resource::RLIMIT_NOFILE, most, most).is_err() {
            let _ = setrlimit(Resource::RLIMIT_NOFILE, most.min(MACOS_OPEN_MAX), most);
        }
    }
}

/// Keeps what this process was given (a lock a script holds, a socket of the shell that started it)
/// from everything it starts: descriptors above standard error are closed when another program is
/// executed. What outlives this process would otherwise hold them for as long as it runs.
pub fn keep_descriptors_to_ourselves() {
    use std::os::fd::BorrowedFd;

    use nix::fcntl::{FcntlArg, FdFlag, fcntl};
    // On Linux a link to /proc/self/fd.
    let open = std::fs::read_dir("/dev/fd").into_iter().flatten().flatten();
    let numbers = open.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    for number in numbers.filter(|number| *number > libc::STDERR_FILENO) {
        // SAFETY: it is only asked for and set a flag; where it is closed meanwhile (the listing's
        // own), the call fails and nothing happens.
        let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
        let _ = fcntl(descriptor, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC));
    }
}

/// Runs this process as soon as it has something to do, whatever else runs. Only for one that
/// sleeps most of the time: it would starve the rest of its core otherwise.
#[cfg(target_os = "linux")]
pub fn before_everything() -> bool {
    let lowest = libc::sched_param { sched_priority: 1 };
    // SAFETY: a system call on this process; the parameter lives until it returns.
    unsafe { libc::sched_setscheduler(0, libc::SCHED_RR, &lowest) == 0 }
}

/// Other systems keep their real-time classes to themselves.
#[cfg(not(target_os = "linux"))]
pub fn before_everything() -> bool {
    false
}
