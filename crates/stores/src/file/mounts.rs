//! What is mounted on this machine, and whether a file store can be.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use gearshift_gear::Missing;
use nix::errno::Errno;
use nix::mount::{MntFlags, umount2};
use procfs::process::Process;

const DEVICE: &str = "/dev/fuse";
/// The bit of `CAP_SYS_ADMIN`, which mounting needs.
const MAY_MOUNT: u64 = 1 << 21;

/// Whether a file store can be mounted here, as far as that is seen without trying.
pub fn files_available() -> Result<(), Missing> {
    if let Err(error) = OpenOptions::new().read(true).write(true).open(DEVICE) {
        let how = match error.kind() {
            io::ErrorKind::PermissionDenied => "run as root, or `chmod 666 /dev/fuse`",
            _ => "load the kernel's module (`modprobe fuse`), or give the container `/dev/fuse`",
        };
        return Err(missing(&format!("{DEVICE} cannot be opened: {error}"), how));
    }
    if may_mount() || helper().is_some() {
        return Ok(());
    }
    let why = "this user may not mount, and `fusermount3`, which may, is not on the path";
    Err(missing(why, "`apt-get install fuse3`, or run as root"))
}

fn missing(why: &str, how_to_get_it: &str) -> Missing {
    let what = "a shared file store (FUSE)".into();
    Missing { what, why: why.to_owned(), how_to_get_it: how_to_get_it.to_owned() }
}

fn may_mount() -> bool {
    let status = Process::myself().and_then(|me| me.status());
    status.is_ok_and(|status| status.capeff & MAY_MOUNT != 0)
}

/// The program that mounts and unmounts for users.
fn helper() -> Option<PathBuf> {
    ["fusermount3", "fusermount"].iter().find_map(|name| which::which(name).ok())
}

/// Unmounts everything mounted below a directory, though not the directory itself, also where files
/// are open; says how many there were. For what a killed process left: a mount nobody serves
/// answers `ENOTCONN` for ever, and removing files must not run through one that is served.
pub fn unmount_below(directory: &Path) -> io::Result<usize> {
    let directory = std::fs::canonicalize(directory)?;
    let below = |at: &PathBuf| at.starts_with(&directory) && *at != directory;
    let found: Vec<PathBuf> = mount_points()?.into_iter().filter(below).collect();
    // What was mounted last may lie within what was mounted before.
    for at in found.iter().rev() {
        unmount(at, MntFlags::MNT_DETACH)?;
    }
    Ok(found.len())
}

/// Unmounts one place, with the helper's aid where this user may not.
pub(super) fn unmount(at: &Path, flags: MntFlags) -> io::Result<()> {
    match umount2(at, flags) {
        Ok(()) => Ok(()),
        Err(Errno::EPERM) => unmount_by_helper(at),
        // Somebody else was faster.
        Err(Errno::EINVAL) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn unmount_by_helper(at: &Path) -> io::Result<()> {
    let helper = helper().ok_or_else(|| {
        let why = format!("{} stays mounted: `fusermount3` is not on the path", at.display());
        io::Error::new(io::ErrorKind::PermissionDenied, why)
    })?;
    let status = Command::new(helper)
        .args(["-u", "-q", "-z", "--"])
        .arg(at)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    let failed = || io::Error::other(format!("{} stays mounted: {status}", at.display()));
    if status.success() { Ok(()) } else { Err(failed()) }
}

/// Every mount point this process sees, in the order of mounting.
fn mount_points() -> io::Result<Vec<PathBuf>> {
    let text = std::fs::read("/proc/self/mountinfo")?;
    let lines = text.split(|byte| *byte == b'\n');
    Ok(lines.filter_map(|line| line.split(|byte| *byte == b' ').nth(4)).map(unescape).collect())
}

/// Mount points are written with blanks and the like as `\` and three octal digits.
fn unescape(written: &[u8]) -> PathBuf {
    let mut path = Vec::with_capacity(written.len());
    let mut rest = written;
    while let [first, after @ ..] = rest {
        let digits = (*first == b'\\').then(|| after.get(..3)).flatten();
        let byte = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        path.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[3..] } else { after };
    }
    PathBuf::from(OsString::from_vec(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_mount_points_are_read() {
        assert_eq!(unescape(br"/run/a\040b\134c\011"), Path::new("/run/a b\\c\t"));
        assert_eq!(unescape(b"/plain"), Path::new("/plain"));
        assert_eq!(unescape(br"/odd\04"), Path::new(r"/odd\04"));
    }
}
