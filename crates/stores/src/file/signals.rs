//! Whether somebody who waits for a reply should not wait any longer.
//!
//! The kernel tells a file system by `FUSE_INTERRUPT`, which `fuser` 0.18 does not pass on. Without
//! it a killed process that waits for a lock could not die before the lock is free.

use procfs::process::{Process, Status};

/// Whether the thread `tid` ended or has a signal to handle. When in doubt it has none: a system
/// call that ends as interrupted without a signal would show its caller an error that does not
/// exist.
pub(super) fn is_interrupted(tid: u32) -> bool {
    let status = i32::try_from(tid).ok().map(|tid| Process::new(tid).and_then(|it| it.status()));
    match status {
        Some(Ok(status)) => has_signal(&status),
        Some(Err(procfs::ProcError::NotFound(_))) => tid != 0,
        _ => false,
    }
}

/// A signal to the whole process is certainly this thread's only where there is no other thread.
/// A deadly one is given to each of them.
fn has_signal(status: &Status) -> bool {
    let of_process = if status.threads == 1 { status.shdpnd } else { 0 };
    (status.sigpnd | of_process) & !status.sigblk != 0
}
