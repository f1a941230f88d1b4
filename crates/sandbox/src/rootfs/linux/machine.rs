//! A stranger's function on this machine's own files: it reads what every user may read, and writes nowhere
//! but into a `/tmp` of its own.
//!
//! Its user owns nothing here. What it needs, its own code and its interpreter's packages, may lie where
//! only their owner looks; those paths alone are put where they were, over empty folders.

use std::collections::BTreeSet;
use std::ffi::{CString, OsStr};
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::errno::Errno;
use nix::libc;
use nix::mount::{MsFlags, mount};
use nix::sys::stat::Mode;
use nix::unistd::{chdir, mkdir};

use super::mounts::{NONE, TAME, close_processes, set_attributes};
use super::text;

/// Emptied: files of users, and sockets and state of what runs here.
const HIDDEN: [&str; 5] = ["/root", "/home", "/tmp", "/var/tmp", "/run"];
/// As Lambda's (source: AWS Lambda developer guide, "Configure ephemeral storage": 512 MB by default).
const OWN_TMP: &std::ffi::CStr = c"mode=1777,size=512m";

pub(super) struct Machine {
    hidden: Vec<CString>,
    needed: Vec<Needed>,
    workdir: CString,
    /// The user namespace in which the machine's root is the function's user.
    namespace: std::sync::Arc<fs::File>,
}

/// A path that the process needs, below one that is hidden.
struct Needed {
    place: CString,
    /// The folders that lead to it, highest first.
    above: Vec<CString>,
    directory: bool,
}

impl Machine {
    pub(super) fn of(
        command: &Command,
        workdir: &Path,
        namespace: std::sync::Arc<fs::File>,
    ) -> io::Result<Self> {
        let mut hidden: BTreeSet<PathBuf> =
            HIDDEN.iter().map(PathBuf::from).filter(|path| path.is_dir()).collect();
        let named = named(command, workdir);
        hidden.extend(named.iter().filter_map(|path| closed_above(path)));
        // One below another is hidden with it.
        let all = hidden.clone();
        hidden.retain(|path| !all.iter().any(|above| path != above && path.starts_with(above)));
        let below = |path: &&PathBuf| hidden.iter().any(|above| path.starts_with(above));
        let needed = named.iter().filter(below).map(|path| Needed::of(path));
        Ok(Self {
            needed: needed.collect::<io::Result<_>>()?,
            hidden: hidden.iter().map(|path| text(path)).collect::<io::Result<_>>()?,
            workdir: text(workdir)?,
            namespace,
        })
    }

    pub(super) fn enter(&self) -> nix::Result<()> {
        mount(NONE, c"/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE)?;
        // Taken before they are hidden; what is not to be had shows as what the command cannot find.
        let mut taken: [Option<OwnedFd>; MOST_NEEDED] = [const { None }; MOST_NEEDED];
        for (needed, taken) in self.needed.iter().zip(&mut taken) {
            *taken = needed.take(&self.namespace).ok();
        }
        let closed = (libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID, libc::AT_RECURSIVE);
        set_attributes(libc::AT_FDCWD, c"/", closed.0, closed.1, 0)?;
        let system = TAME | MsFlags::MS_NOEXEC;
        mount(Some(c"proc"), c"/proc", Some(c"proc"), system, NONE)?;
        close_processes()?;
        for place in &self.hidden {
            let own = if place.as_c_str() == c"/tmp" { OWN_TMP } else { c"mode=755,size=1m" };
            mount(Some(c"tmpfs"), place.as_c_str(), Some(c"tmpfs"), TAME, Some(own))?;
        }
        for (needed, taken) in self.needed.iter().zip(&taken) {
            if let Some(taken) = taken {
                needed.put(taken)?;
            }
        }
        chdir(self.workdir.as_c_str())
    }
}

/// As many paths as are put back: no command names more.
const MOST_NEEDED: usize = 32;

impl Needed {
    fn of(path: &Path) -> io::Result<Self> {
        let mut above: Vec<_> = path.ancestors().skip(1).map(text).collect::<io::Result<_>>()?;
        above.reverse();
        Ok(Self { place: text(path)?, above, directory: path.is_dir() })
    }

    /// A copy of the mount it lies in, read-only, with the machine's root seen as the function's own user
    /// where the file system can do that.
    fn take(&self, namespace: &fs::File) -> nix::Result<OwnedFd> {
        let flags = libc::OPEN_TREE_CLONE | libc::OPEN_TREE_CLOEXEC;
        let path = self.place.as_ptr();
        // SAFETY: a path that ends in 0; the descriptor is nobody else's.
        let taken = unsafe {
            let opened = libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, path, flags);
            OwnedFd::from_raw_fd(Errno::result(opened)? as i32)
        };
        let closed = libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV;
        set_attributes(taken.as_raw_fd(), c"", closed, libc::AT_EMPTY_PATH, 0)?;
        let namespace = namespace.as_raw_fd() as u64;
        let _ = set_attributes(
            taken.as_raw_fd(),
            c"",
            libc::MOUNT_ATTR_IDMAP,
            libc::AT_EMPTY_PATH,
            namespace,
        );
        Ok(taken)
    }

    fn put(&self, taken: &OwnedFd) -> nix::Result<()> {
        for directory in &self.above {
            match mkdir(directory.as_c_str(), Mode::from_bits_truncate(0o755)) {
                Ok(()) | Err(Errno::EEXIST | Errno::EROFS) => {}
                Err(error) => return Err(error),
            }
        }
        if self.directory {
            let _ = mkdir(self.place.as_c_str(), Mode::from_bits_truncate(0o755));
        } else {
            use nix::fcntl::{OFlag, open};
            let create = OFlag::O_CREAT | OFlag::O_CLOEXEC;
            let _ = open(self.place.as_c_str(), create, Mode::from_bits_truncate(0o644));
        }
        let from = taken.as_raw_fd();
        let flags = libc::MOVE_MOUNT_F_EMPTY_PATH;
        // SAFETY: paths that end in 0.
        Errno::result(unsafe {
            libc::syscall(
                libc::SYS_move_mount,
                from,
                c"".as_ptr(),
                libc::AT_FDCWD,
                self.place.as_ptr(),
                flags,
            )
        })
        .map(drop)
    }
}

/// Where interpreters look for packages, beside what lies with themselves. Other variables name nothing that
/// is put back: they come from whoever wrote the function.
const SEARCHED: [&str; 3] = ["PYTHONPATH", "NODE_PATH", "LD_LIBRARY_PATH"];
/// What an interpreter has around its own folder, `bin`.
const AROUND: [&str; 3] = ["lib", "lib64", "pyvenv.cfg"];

/// The folders and files that the command names: its program, arguments, where it starts and where it looks
/// for packages; of links also what they lead to.
fn named(command: &Command, workdir: &Path) -> Vec<PathBuf> {
    let words = [command.get_program()].into_iter().chain(command.get_args());
    let searched = command.get_envs().filter(|(name, _)| SEARCHED.iter().any(|own| name == own));
    let values = searched.filter_map(|(_, value)| value?.to_str());
    let folders = values.flat_map(|value| value.split(':')).map(OsStr::new);
    let beside = workdir.parent().map(|above| above.join("node_modules"));
    let paths = words.chain(folders).map(PathBuf::from).chain([workdir.to_owned()]).chain(beside);
    let mut all = BTreeSet::new();
    for path in paths.filter(|path| path.is_absolute() && path.exists()) {
        for path in fs::canonicalize(&path).ok().into_iter().chain([path]) {
            match path.parent().filter(|above| above.ends_with("bin")) {
                Some(bin) => {
                    all.extend(
                        AROUND
                            .map(|name| bin.with_file_name(name))
                            .into_iter()
                            .filter(|p| p.exists()),
                    );
                    all.insert(bin.to_owned())
                }
                None => all.insert(path),
            };
        }
    }
    let tops: Vec<_> = all.iter().cloned().collect();
    all.retain(|path| !tops.iter().any(|above| path != above && path.starts_with(above)));
    all.into_iter().filter(|path| path.parent().is_some()).take(MOST_NEEDED).collect()
}

/// The highest folder above this path, or the path itself, that not everybody may enter.
fn closed_above(path: &Path) -> Option<PathBuf> {
    let mut ancestors: Vec<_> = path.ancestors().filter(|above| above.parent().is_some()).collect();
    ancestors.reverse();
    let closed = ancestors.into_iter().find(|above| {
        fs::metadata(above)
            .is_ok_and(|found| found.is_dir() && found.permissions().mode() & 0o001 == 0)
    })?;
    // A path that is closed itself is put over the folder that it lies in.
    if closed == path { closed.parent().map(Path::to_owned) } else { Some(closed.to_owned()) }
}
