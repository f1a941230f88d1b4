//! A container without an engine: namespaces, an overlay, a new root and few rights, between fork and exec.
//!
//! The command's process becomes three. The first stays where Gearshift is: it hands signals on and ends
//! as the service ends. The second is process 1 of the service's own pid namespace. The third becomes the
//! service. See `processes` for who waits for whom.

mod devices;
mod ids;
mod machine;
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
use machine::Machine;
use mounts::Mounts;
use processes::{Part, part};
use rights::Rights;

pub(super) use ids::first_id;

pub(super) fn into(command: &mut Command, image: &InImage) -> io::Result<()> {
    if image.root == Path::new("/") {
        return onto_machine(command, Path::new(&image.workdir));
    }
    let ids = Ids::of(image.user)?;
    let mounts = Mounts::of(image, ids.first())?;
    let rights = Rights::of(image.user, ids.first())?;
    start(command, ids, rights, move || mounts.enter());
    Ok(())
}

/// Root's alone: anybody else's functions run with the rights of who starts them.
fn onto_machine(command: &mut Command, workdir: &Path) -> io::Result<()> {
    if first_id() == 0 {
        return Ok(());
    }
    let machine = Machine::of(command, workdir, ids::namespace(NOBODY)?)?;
    start(command, Ids::of(NOBODY)?, Rights::none()?, move || machine.enter());
    Ok(())
}

/// Id 0 of a container's namespace is nobody on this machine.
const NOBODY: (u32, u32) = (0, 0);

fn start(
    command: &mut Command,
    ids: Ids,
    rights: Rights,
    mounts: impl Fn() -> nix::Result<()> + Send + Sync + 'static,
) {
    let enter = move || {
        match part(|| ids.unshare())? {
            Part::Waiter { service, reaper } => processes::wait(service, reaper),
            Part::Reaper => processes::reap(),
            Part::Service => {}
        }
        mounts()?;
        ids.join()?;
        processes::keep_standard_ones();
        rights.reduce()
    };
    // SAFETY: between fork and exec `enter` makes system calls alone, on values made before.
    unsafe { command.pre_exec(move || enter().map_err(io::Error::from)) };
}

fn text(path: &Path) -> io::Result<std::ffi::CString> {
    use std::os::unix::ffi::OsStrExt;
    Ok(std::ffi::CString::new(path.as_os_str().as_bytes())?)
}
