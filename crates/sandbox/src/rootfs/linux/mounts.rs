//! What a service's process sees: the image with a layer of its own on top, and of the machine only what
//! a container has.

use std::ffi::{CStr, CString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use gearshift_gear::InImage;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::libc;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::Mode;
use nix::unistd::{Gid, Uid, chdir, chown, mkdir, pivot_root, write};

use super::devices::Devices;
use super::text;

/// Where the layer of one process is mounted, beside the image's root: it is empty for everybody else.
const SCRATCH: &str = "scratch";
/// Files that a container gets copies of.
const COPIED: [&str; 2] = ["etc/hosts", "etc/resolv.conf"];
/// The most of such a file that is copied, bytes: far beyond any list of names.
const LARGEST_COPIED: u64 = 1 << 20;
/// What of `/proc` only the machine's root may change, and what nobody needs to see. Docker's lists
/// (source: moby, oci/defaults.go, "ReadonlyPaths" and "MaskedPaths").
const READ_ONLY: [&CStr; 5] =
    [c"/proc/bus", c"/proc/fs", c"/proc/irq", c"/proc/sys", c"/proc/sysrq-trigger"];
const MASKED: [&CStr; 4] =
    [c"/proc/kcore", c"/proc/keys", c"/proc/timer_list", c"/proc/sched_debug"];

pub(super) const NONE: Option<&CStr> = None;
/// No rights by set-user-id, no devices.
pub(super) const TAME: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NODEV);

/// Every text the entry needs: nothing may be allocated between fork and exec.
pub(super) struct Mounts {
    scratch: CString,
    /// Options of a tmpfs that belongs to the image's root.
    owned: CString,
    upper: CString,
    work: CString,
    merged: CString,
    overlay: CString,
    proc: CString,
    sys: CString,
    devices: Devices,
    copies: Vec<Copy>,
    workdir: CString,
    /// The image's root on this machine; none where everything is this user's own.
    owner: Option<(Uid, Gid)>,
}

/// A file of this machine whose content a container gets as its own.
struct Copy {
    content: Vec<u8>,
    /// Outside the image's files, where it is written first.
    beside: CString,
    place: CString,
}

impl Mounts {
    pub(super) fn of(image: &InImage, first_id: Option<u32>) -> io::Result<Self> {
        let above = image.root.parent().unwrap_or(Path::new("/"));
        let scratch = above.join(SCRATCH);
        fs::create_dir_all(&scratch)?;
        let [upper, work, merged] = ["upper", "work", "merged"].map(|name| scratch.join(name));
        for name in ["proc", "dev", "sys"] {
            if !is_plain(&image.root, name, fs::Metadata::is_dir) {
                let why = format!("/{name} of the image is no directory");
                return Err(io::Error::new(io::ErrorKind::InvalidData, why));
            }
        }
        let escaped = |path: &Path| {
            path.to_string_lossy().replace('\\', "\\\\").replace(':', "\\:").replace(',', "\\,")
        };
        let (lower, up, down) = (escaped(&image.root), escaped(&upper), escaped(&work));
        let by_user = if first_id.is_none() { ",userxattr" } else { "" };
        let overlay = format!("lowerdir={lower},upperdir={up},workdir={down}{by_user}");
        let owned = first_id.map(|id| format!("uid={id},gid={id},"));
        let owned = format!("{}mode=755", owned.unwrap_or_default());
        Ok(Self {
            devices: Devices::of(&merged.join("dev"))?,
            copies: copies(&image.root, &scratch, &merged)?,
            proc: text(&merged.join("proc"))?,
            sys: text(&merged.join("sys"))?,
            scratch: text(&scratch)?,
            owned: CString::new(owned)?,
            upper: text(&upper)?,
            work: text(&work)?,
            merged: text(&merged)?,
            overlay: CString::new(overlay)?,
            workdir: text(Path::new(&image.workdir))?,
            owner: first_id.map(|id| (Uid::from_raw(id), Gid::from_raw(id))),
        })
    }

    /// Mounts all of it and makes it the root; the machine's own files are gone from this process's view.
    pub(super) fn enter(&self) -> nix::Result<()> {
        mount(NONE, c"/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE)?;
        let owned = Some(self.owned.as_c_str());
        mount(Some(c"tmpfs"), self.scratch.as_c_str(), Some(c"tmpfs"), TAME, owned)?;
        for directory in [&self.upper, &self.work, &self.merged] {
            mkdir(directory.as_c_str(), Mode::from_bits_truncate(0o755))?;
        }
        if let Some((uid, gid)) = self.owner {
            chown(self.upper.as_c_str(), Some(uid), Some(gid))?;
        }
        let merged = self.merged.as_c_str();
        let options = Some(self.overlay.as_c_str());
        mount(Some(c"overlay"), merged, Some(c"overlay"), TAME, options)?;
        let closed = TAME | MsFlags::MS_NOEXEC;
        mount(Some(c"proc"), self.proc.as_c_str(), Some(c"proc"), closed, NONE)?;
        self.devices.make(self.owner)?;
        show_system(&self.sys)?;
        self.copies.iter().try_for_each(|copy| copy.make(self.owner))?;
        // The old root comes to lie on the new one and is taken off it (pivot_root(2), NOTES).
        chdir(merged)?;
        pivot_root(c".", c".")?;
        umount2(c".", MntFlags::MNT_DETACH)?;
        close_processes()?;
        chdir(self.workdir.as_c_str())
    }
}

impl Copy {
    fn make(&self, owner: Option<(Uid, Gid)>) -> nix::Result<()> {
        let create = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_CLOEXEC;
        let file = open(self.beside.as_c_str(), create, Mode::from_bits_truncate(0o644))?;
        let mut rest = self.content.as_slice();
        while !rest.is_empty() {
            rest = &rest[write(&file, rest)?..];
        }
        if let Some((uid, gid)) = owner {
            nix::unistd::fchown(&file, Some(uid), Some(gid))?;
        }
        let beside = Some(self.beside.as_c_str());
        mount(beside, self.place.as_c_str(), NONE, MsFlags::MS_BIND, NONE)
    }
}

/// Those that this machine has and for which the image has a place without a link in its path: a mount
/// would follow it.
fn copies(root: &Path, scratch: &Path, merged: &Path) -> io::Result<Vec<Copy>> {
    let wanted = COPIED.iter().filter(|name| is_plain(root, name, fs::Metadata::is_file));
    let copy = |name: &&str| {
        let mut content = Vec::new();
        let file = fs::File::open(Path::new("/").join(name)).ok()?;
        io::Read::read_to_end(&mut io::Read::take(file, LARGEST_COPIED), &mut content).ok()?;
        let beside = scratch.join(name.rsplit('/').next().unwrap_or(name));
        Some((content, beside, merged.join(name)))
    };
    let found = wanted.filter_map(copy);
    let texts = found.map(|(content, beside, place): (_, PathBuf, PathBuf)| {
        Ok(Copy { content, beside: text(&beside)?, place: text(&place)? })
    });
    texts.collect()
}

/// Whether this path of the image is of this kind, with no symbolic link on the way to it.
fn is_plain(root: &Path, path: &str, kind: fn(&fs::Metadata) -> bool) -> bool {
    let mut place = root.to_owned();
    let mut found = None;
    for part in path.split('/') {
        place.push(part);
        match fs::symlink_metadata(&place) {
            Ok(metadata) if !metadata.is_symlink() => found = Some(metadata),
            _ => return false,
        }
    }
    found.is_some_and(|metadata| kind(&metadata))
}

/// The machine's `/sys`, with all that is mounted in it, to be read only: runtimes look there for their
/// limits. Kernels before 5.12 cannot close a whole tree; there it stays empty.
fn show_system(at: &CString) -> nix::Result<()> {
    let at = at.as_c_str();
    if mount(Some(c"/sys"), at, NONE, MsFlags::MS_BIND | MsFlags::MS_REC, NONE).is_err() {
        return Ok(());
    }
    if close(at, libc::AT_RECURSIVE).is_err() {
        umount2(at, MntFlags::MNT_DETACH)?;
    }
    Ok(())
}

/// Makes a mount read-only, without devices, programs and set-user-id.
fn close(at: &CStr, more: libc::c_int) -> nix::Result<()> {
    let set = libc::MOUNT_ATTR_RDONLY
        | libc::MOUNT_ATTR_NOSUID
        | libc::MOUNT_ATTR_NODEV
        | libc::MOUNT_ATTR_NOEXEC;
    set_attributes(libc::AT_FDCWD, at, set, more, 0)
}

/// Sets attributes of the mount at a path below a directory (mount_setattr(2)); `namespace` is the
/// descriptor of the user namespace of an id-mapped mount, else 0.
pub(super) fn set_attributes(
    directory: libc::c_int,
    at: &CStr,
    set: u64,
    flags: libc::c_int,
    namespace: u64,
) -> nix::Result<()> {
    let wanted =
        libc::mount_attr { attr_set: set, attr_clr: 0, propagation: 0, userns_fd: namespace };
    // SAFETY: a path and a structure of the size that is told.
    Errno::result(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            directory,
            at.as_ptr(),
            flags,
            &raw const wanted,
            size_of::<libc::mount_attr>(),
        )
    })
    .map(drop)
}

/// Closes what of `/proc` belongs to the machine and not to the container's processes.
pub(super) fn close_processes() -> nix::Result<()> {
    for place in READ_ONLY {
        match mount(Some(place), place, NONE, MsFlags::MS_BIND | MsFlags::MS_REC, NONE) {
            // Not every kernel has every one of them.
            Err(Errno::ENOENT) => continue,
            bound => bound?,
        }
        let again = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
        mount(NONE, place, NONE, again | TAME | MsFlags::MS_NOEXEC, NONE)?;
    }
    for place in MASKED {
        match mount(Some(c"/dev/null"), place, NONE, MsFlags::MS_BIND, NONE) {
            Err(Errno::ENOENT) => {}
            bound => bound?,
        }
    }
    Ok(())
}
