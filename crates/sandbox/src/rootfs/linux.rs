//! A container without an engine: namespaces, an overlay, a new root and few rights, between fork and exec.
//!
//! The command's process becomes three. The first stays where Gearshift is: it hands signals on and ends
//! as the service ends. The second is process 1 of the service's own pid namespace. The third becomes the
//! service. See `processes` for who waits for whom.

mod devices;
mod ids;
mod mounts;
mod processes;
mod rights;
mod syscalls;

use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use gearshift_gear::InImage;

use ids::Ids;
use mounts::Mounts;
use processes::{Part, part};
use rights::Rights;

pub(super) use ids::first_id;

pub(super) fn into(command: &mut Command, image: &InImage) -> io::Result<()> {
    let ids = Ids::of(image.user)?;
    let mounts = Mounts::of(image, ids.first())?;
    let rights = Rights::of(image.user, ids.first())?;
    let enter = move || {
        match part(|| ids.unshare())? {
            Part::Waiter { service, reaper } => processes::wait(service, reaper),
            Part::Reaper => processes::reap(),
            Part::Service => {}
        }
        mounts.enter()?;
        ids.join()?;
        rights.reduce()
    };
    // SAFETY: between fork and exec `enter` makes system calls alone, on values made before.
    unsafe { command.pre_exec(move || enter().map_err(io::Error::from)) };
    Ok(())
}

fn text(path: &Path) -> io::Result<std::ffi::CString> {
    use std::os::unix::ffi::OsStrExt;
    Ok(std::ffi::CString::new(path.as_os_str().as_bytes())?)
}
