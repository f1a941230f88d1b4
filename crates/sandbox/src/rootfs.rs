//! A process that sees an image's files as its whole file system, and writes into a layer of its own
//! that goes with it.

#[cfg(target_os = "linux")]
mod linux;

use std::io;
use std::process::Command;

use gearshift_gear::InImage;

/// Makes the command's process see this image. As root it becomes the image's user; anybody else has a
/// user namespace of its own, in which it has that user's number and its own rights.
///
/// # Errors
/// Where a path has a byte 0 in it, or the directory for the process's own layer cannot be made. What
/// the kernel refuses comes as the error of starting the command.
pub fn into_image(command: &mut Command, image: &InImage) -> io::Result<()> {
    into(command, image)
}

#[cfg(target_os = "linux")]
use linux::into;

/// Images hold programs for Linux.
#[cfg(not(target_os = "linux"))]
fn into(_: &mut Command, _: &InImage) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "services from images run on Linux only"))
}
