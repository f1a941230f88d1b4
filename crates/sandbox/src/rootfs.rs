//! A process that sees an image's files as its whole file system, and writes into a layer of its own
//! that goes with it.

#[cfg(target_os = "linux")]
mod linux;

use std::io;
use std::process::Command;

use gearshift_gear::InImage;

/// Makes the command's process see this image and nothing else: own pid, mount, ipc and uts namespaces,
/// its own `/proc`, a small `/dev`, a read-only `/sys`, a container's capabilities at most, no set-user-id,
/// and a filter of system calls. The network is shared.
///
/// As root, the image's users are ids of this machine that nobody has (see [`first_id`]); anybody else
/// has a user namespace of its own, in which the image's user is itself.
///
/// The process that `command` starts stays outside: it hands signals on to the service and ends as that
/// ends. Call this last: what is to happen before exec is to happen before.
///
/// # Errors
/// Where a path has a byte 0 in it, the image's `/proc`, `/dev` or `/sys` is no directory, the directory
/// for the process's own layer cannot be made, or the kernel makes no user namespace for this user. What
/// it refuses later comes as the error of starting the command.
pub fn into_image(command: &mut Command, image: &InImage) -> io::Result<()> {
    into(command, image)
}

/// The id of this machine that an image's root has, from which the image's other ids are counted, up to
/// 65,534; larger ones are all the 65,535th. An image is to be unpacked with its owners shifted by this.
/// 0 where they are not shifted: for an ordinary user, and for a root that cannot make user namespaces or
/// has no such ids.
pub fn first_id() -> u32 {
    of_machine()
}

#[cfg(target_os = "linux")]
use linux::{first_id as of_machine, into};

#[cfg(not(target_os = "linux"))]
fn of_machine() -> u32 {
    0
}

/// Images hold programs for Linux.
#[cfg(not(target_os = "linux"))]
fn into(_: &mut Command, _: &InImage) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "services from images run on Linux only"))
}
