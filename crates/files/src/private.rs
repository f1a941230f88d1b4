//! Directories and files that belong to this user alone.
//!
//! Whoever may write in a directory decides what a name in it means: a program that was put there
//! is started, a link that was put there is followed. So a [`PrivateDir`] is only opened where
//! every directory on the way to it belongs to this user or to root, and nobody else may write in
//! it; in a directory that all may write to and only take their own from (`/tmp`, with its sticky
//! bit) the next one has to belong to this user or to root, too, and links are refused. The
//! directory itself belongs to this user and has mode 0700. With that no other user can change,
//! read or even name what is in it, for as long as it is there; only root and this user can.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, Flock, FlockArg, OFlag, open, openat, renameat};
use nix::sys::stat::{FileStat, Mode, SFlag, fchmod, fstat, fstatat, mkdirat};
use nix::unistd::{Group, UnlinkatFlags, User, geteuid, unlinkat};

const ONLY_US: Mode = Mode::S_IRWXU;
/// Write permission of the group and of all others.
const OF_OTHERS: u32 = 0o022;
/// Links on one path; Linux follows 40 (path_resolution(7)).
const MOST_LINKS: usize = 40;

/// Why a directory or a file in it is not ours alone.
#[derive(Debug, thiserror::Error)]
pub enum PrivateError {
    #[error("{}: it is not an absolute path → give one that begins with /", path.display())]
    Relative { path: PathBuf },
    #[error(
        "{}: it belongs to uid {owner}, not to uid {us} → have it removed, or choose a place of your own",
        path.display()
    )]
    NotOurs { path: PathBuf, owner: u32, us: u32 },
    /// `mode` is its permissions, such as 0777.
    #[error(
        "{}: other users may write in it (mode {mode:04o}) → chmod go-w it, or choose a place of your own",
        path.display()
    )]
    Open { path: PathBuf, mode: u32 },
    #[error("{}: it is a symbolic link → remove it, or choose another place", path.display())]
    Link { path: PathBuf },
    #[error("{}: it is not a {wanted} → remove it, or choose another place", path.display())]
    Other { path: PathBuf, wanted: &'static str },
    /// `limit` is in bytes.
    #[error("{}: it is larger than {limit} bytes → remove it", path.display())]
    TooLarge { path: PathBuf, limit: u64 },
    #[error("{}: {error} → {}", path.display(), advice(error))]
    Io { path: PathBuf, error: io::Error },
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "choose a place that this user may write to"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free space there",
        _ => "check the path and the disk",
    }
}

/// An open directory of mode 0700 that belongs to this user. Names below it are single: without `/`.
#[derive(Debug)]
pub struct PrivateDir {
    handle: OwnedFd,
    path: PathBuf,
}

impl PrivateDir {
    /// Opens the directory at this absolute path; makes it, and those above it, where they are
    /// missing. One of ours that others could read, and never write, is closed to mode 0700.
    ///
    /// # Errors
    /// Every [`PrivateError`] but [`PrivateError::TooLarge`].
    pub fn open_or_create(path: &Path) -> Result<Self, PrivateError> {
        let found = walk(path, true)?;
        Ok(found.expect("what is missing was made"))
    }

    /// As [`PrivateDir::open_or_create`]; none where it is missing.
    pub fn open(path: &Path) -> Result<Option<Self>, PrivateError> {
        walk(path, false)
    }

    /// The directory that these names lead to in somebody's folder, made where it is missing, whatever
    /// the way to the folder is: who may write in a project's folder decides what runs there anyway.
    ///
    /// # Errors
    /// Where one of the names is a link, another user's, or others may write in it.
    pub fn below(folder: &Path, names: &[&str]) -> Result<Self, PrivateError> {
        let mut here = folder.to_owned();
        let how = on_the_way();
        let mut handle = open(folder, how, Mode::empty()).map_err(|e| io_error(&here, e))?;
        for (number, name) in names.iter().enumerate() {
            here.push(name);
            match mkdirat(&handle, *name, ONLY_US) {
                Ok(()) | Err(Errno::EEXIST) => {}
                Err(error) => return Err(io_error(&here, error)),
            }
            let last = number + 1 == names.len();
            let how = if last { OFlag::O_RDONLY } else { on_the_way() };
            handle = enter(&handle, OsStr::new(name), how, &here)?;
            if !last {
                passable(&handle, &here)?;
            }
        }
        Self::settle(handle, here)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The directory of this name, made where it is missing.
    pub fn dir(&self, name: &str) -> Result<Self, PrivateError> {
        self.create_dir(name)?.map_or_else(|| self.enter(OsStr::new(name)), Ok)
    }

    /// The directory of this name; none where it is missing.
    pub fn existing(&self, name: &str) -> Result<Option<Self>, PrivateError> {
        match self.enter(OsStr::new(name)) {
            Err(PrivateError::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => {
                Ok(None)
            }
            entered => entered.map(Some),
        }
    }

    /// Makes the directory of this name; none where something has that name already.
    pub fn create_dir(&self, name: &str) -> Result<Option<Self>, PrivateError> {
        match mkdirat(&self.handle, name, ONLY_US) {
            Ok(()) => self.enter(OsStr::new(name)).map(Some),
            Err(Errno::EEXIST) => Ok(None),
            Err(error) => Err(self.failed(name, error)),
        }
    }

    fn enter(&self, name: &OsStr) -> Result<Self, PrivateError> {
        let path = self.path.join(name);
        let handle = enter(&self.handle, name, OFlag::O_RDONLY, &path)?;
        Self::settle(handle, path)
    }

    /// The directory behind this handle, once it is seen to be ours alone.
    fn settle(handle: OwnedFd, path: PathBuf) -> Result<Self, PrivateError> {
        let found = fstat(&handle).map_err(|error| io_error(&path, error))?;
        let us = geteuid().as_raw();
        if found.st_uid != us {
            return Err(PrivateError::NotOurs { path, owner: found.st_uid, us });
        }
        if others_may_write(&found) {
            return Err(PrivateError::Open { path, mode: permissions(&found) });
        }
        if permissions(&found) & 0o077 != 0 {
            fchmod(&handle, ONLY_US).map_err(|error| io_error(&path, error))?;
        }
        Ok(Self { handle, path })
    }

    /// A new, empty file of mode 0600, in place of one that was there.
    pub fn create(&self, name: &str) -> Result<File, PrivateError> {
        self.file(name, OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_TRUNC)
    }

    /// The file of this name, made with mode 0600 where it is missing, and locked until dropped.
    /// Waits for whoever has it locked.
    pub fn lock(&self, name: &str) -> Result<Flock<File>, PrivateError> {
        let file = self.file(name, OFlag::O_RDWR | OFlag::O_CREAT)?;
        let locked = Flock::lock(file, FlockArg::LockExclusive);
        locked.map_err(|(_, error)| self.failed(name, error))
    }

    /// Writes a file of mode 0600: whoever reads it finds the whole old or the whole new content.
    pub fn write(&self, name: &str, content: &[u8]) -> Result<(), PrivateError> {
        let fresh = format!(".{name}.{}", std::process::id());
        let mut file = self.create(&fresh)?;
        let written = file.write_all(content).map_err(|error| self.io(&fresh, error));
        let renamed = written.and_then(|()| {
            renameat(&self.handle, fresh.as_str(), &self.handle, name)
                .map_err(|error| self.failed(name, error))
        });
        if renamed.is_err() {
            // The reason of the first failure is told.
            let _ = unlinkat(&self.handle, fresh.as_str(), UnlinkatFlags::NoRemoveDir);
        }
        renamed
    }

    /// The whole content of a file of at most `limit` bytes; none where it is missing.
    pub fn read(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, PrivateError> {
        let file = match self.file(name, OFlag::O_RDONLY) {
            Err(PrivateError::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(None);
            }
            opened => opened?,
        };
        let mut content = Vec::new();
        let read = file.take(limit.saturating_add(1)).read_to_end(&mut content);
        read.map_err(|error| self.io(name, error))?;
        if content.len() as u64 > limit {
            return Err(PrivateError::TooLarge { path: self.path.join(name), limit });
        }
        Ok(Some(content))
    }

    /// A regular file of ours, which is no link; nobody else may read it from now on.
    fn file(&self, name: &str, how: OFlag) -> Result<File, PrivateError> {
        let path = self.path.join(name);
        // A pipe must not be waited for, before it is seen to be one.
        let how = how | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let opened = openat(&self.handle, name, how, Mode::S_IRUSR | Mode::S_IWUSR);
        let file = match opened {
            Err(Errno::ELOOP) => return Err(PrivateError::Link { path }),
            Err(Errno::EISDIR | Errno::ENXIO) => {
                return Err(PrivateError::Other { path, wanted: "file" });
            }
            opened => opened.map_err(|error| io_error(&path, error))?,
        };
        let found = fstat(&file).map_err(|error| io_error(&path, error))?;
        let us = geteuid().as_raw();
        if kind(&found) != SFlag::S_IFREG {
            return Err(PrivateError::Other { path, wanted: "file" });
        }
        if found.st_uid != us {
            return Err(PrivateError::NotOurs { path, owner: found.st_uid, us });
        }
        if permissions(&found) & 0o077 != 0 {
            let mode = Mode::from_bits_truncate(found.st_mode & 0o700);
            fchmod(&file, mode).map_err(|error| io_error(&path, error))?;
        }
        Ok(File::from(file))
    }

    /// The names in it, sorted; those that are not UTF-8 are not ours and left out.
    pub fn names(&self) -> Result<Vec<String>, PrivateError> {
        let failed = |error| PrivateError::Io { path: self.path.clone(), error };
        let entries = std::fs::read_dir(&self.path).map_err(failed)?;
        let entries = entries.collect::<Result<Vec<_>, _>>().map_err(failed)?;
        let names = entries.into_iter().filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<String> = names.collect();
        names.sort();
        Ok(names)
    }

    /// Removes what has this name, with everything below it; links are removed, not followed.
    /// Nothing of that name is as good.
    pub fn remove(&self, name: &str) -> Result<(), PrivateError> {
        let path = self.path.join(name);
        let removed = match fstatat(&self.handle, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(found) if kind(&found) == SFlag::S_IFDIR => std::fs::remove_dir_all(&path),
            Ok(_) => std::fs::remove_file(&path),
            Err(error) => Err(error.into()),
        };
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(PrivateError::Io { path, error })
            }
            _ => Ok(()),
        }
    }

    /// A short path to this name, for as long as this directory is open: the address of a Unix
    /// socket has at most 108 bytes (unix(7)), and a directory's own path may be longer. Only Linux
    /// has such paths; elsewhere it is the whole one.
    pub fn short(&self, name: &str) -> PathBuf {
        match cfg!(target_os = "linux") {
            true => format!("/proc/self/fd/{}/{name}", self.handle.as_raw_fd()).into(),
            false => self.path.join(name),
        }
    }

    fn failed(&self, name: &str, error: Errno) -> PrivateError {
        io_error(&self.path.join(name), error)
    }

    fn io(&self, name: &str, error: io::Error) -> PrivateError {
        PrivateError::Io { path: self.path.join(name), error }
    }
}

/// Goes from the root to this directory; none where one is missing that shall not be made.
fn walk(path: &Path, make: bool) -> Result<Option<PrivateDir>, PrivateError> {
    if !path.is_absolute() {
        return Err(PrivateError::Relative { path: path.to_owned() });
    }
    let mut here = PathBuf::from("/");
    let mut handle = open("/", on_the_way(), Mode::empty()).map_err(|e| io_error(&here, e))?;
    let mut ahead = names(path);
    if ahead.is_empty() {
        // It is everybody's; closing it would lock all users out.
        return Err(PrivateError::Open { path: here, mode: 0o755 });
    }
    let mut links = 0;
    while let Some(name) = ahead.pop_front() {
        let above = fstat(&handle).map_err(|error| io_error(&here, error))?;
        let there = here.join(&name);
        let mut found = fstatat(&handle, name.as_os_str(), AtFlags::AT_SYMLINK_NOFOLLOW);
        if found == Err(Errno::ENOENT) {
            if !make {
                return Ok(None);
            }
            match mkdirat(&handle, name.as_os_str(), ONLY_US) {
                // Somebody made it at the same moment; it is looked at as any other.
                Ok(()) | Err(Errno::EEXIST) => {}
                Err(error) => return Err(io_error(&there, error)),
            }
            found = fstatat(&handle, name.as_os_str(), AtFlags::AT_SYMLINK_NOFOLLOW);
        }
        let found = found.map_err(|error| io_error(&there, error))?;
        if kind(&found) == SFlag::S_IFLNK {
            links += 1;
            if others_may_write(&above) || !of_us_or_root(&found) || links > MOST_LINKS {
                return Err(PrivateError::Link { path: there });
            }
            let target = nix::fcntl::readlinkat(&handle, name.as_os_str());
            let target = PathBuf::from(target.map_err(|error| io_error(&there, error))?);
            if target.is_absolute() {
                here = PathBuf::from("/");
                handle = open("/", on_the_way(), Mode::empty()).map_err(|e| io_error(&here, e))?;
            }
            names(&target).into_iter().rev().for_each(|name| ahead.push_front(name));
            continue;
        }
        let how = if ahead.is_empty() { OFlag::O_RDONLY } else { on_the_way() };
        handle = enter(&handle, &name, how, &there)?;
        here = there;
        if !ahead.is_empty() {
            passable(&handle, &here)?;
        }
    }
    PrivateDir::settle(handle, here).map(Some)
}

/// The names along a path, without its root.
fn names(path: &Path) -> VecDeque<OsString> {
    let names = path.components().filter_map(|component| match component {
        Component::Normal(_) | Component::ParentDir => Some(component.as_os_str().to_owned()),
        _ => None,
    });
    names.collect()
}

/// A directory on the way: nobody else may change which directory the next name means.
fn passable(handle: &OwnedFd, path: &Path) -> Result<(), PrivateError> {
    let found = fstat(handle).map_err(|error| io_error(path, error))?;
    if !of_us_or_root(&found) {
        let (owner, us) = (found.st_uid, geteuid().as_raw());
        return Err(PrivateError::NotOurs { path: path.to_owned(), owner, us });
    }
    let sticky = permissions(&found) & 0o1000 != 0;
    if others_may_write(&found) && !sticky {
        return Err(PrivateError::Open { path: path.to_owned(), mode: permissions(&found) });
    }
    Ok(())
}

/// Opening for looking only needs no right to read the directories above.
fn on_the_way() -> OFlag {
    #[cfg(target_os = "linux")]
    let how = OFlag::O_PATH;
    #[cfg(not(target_os = "linux"))]
    let how = OFlag::O_RDONLY;
    how | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC
}

fn enter(above: &OwnedFd, name: &OsStr, how: OFlag, path: &Path) -> Result<OwnedFd, PrivateError> {
    let how = how | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    match openat(above.as_fd(), name, how, Mode::empty()) {
        Err(Errno::ELOOP) => Err(PrivateError::Link { path: path.to_owned() }),
        // A link is no directory for some kernels.
        Err(Errno::ENOTDIR) => {
            let found = fstatat(above, name, AtFlags::AT_SYMLINK_NOFOLLOW);
            let path = path.to_owned();
            match found.is_ok_and(|found| kind(&found) == SFlag::S_IFLNK) {
                true => Err(PrivateError::Link { path }),
                false => Err(PrivateError::Other { path, wanted: "directory" }),
            }
        }
        opened => opened.map_err(|error| io_error(path, error)),
    }
}

fn of_us_or_root(found: &FileStat) -> bool {
    found.st_uid == 0 || found.st_uid == geteuid().as_raw()
}

/// Whether somebody besides root and this user may write there. Many systems give each user a group
/// of the same name with nobody else in it, and let that group write.
fn others_may_write(found: &FileStat) -> bool {
    match permissions(found) & OF_OTHERS {
        0 => false,
        0o020 => found.st_gid != 0 && !is_group_of_us_alone(found.st_gid),
        _ => true,
    }
}

fn is_group_of_us_alone(gid: u32) -> bool {
    let us = User::from_uid(geteuid()).ok().flatten();
    let group = Group::from_gid(gid.into()).ok().flatten();
    us.zip(group).is_some_and(|(us, group)| {
        group.name == us.name && group.mem.iter().all(|member| *member == us.name)
    })
}

fn permissions(found: &FileStat) -> u32 {
    #[allow(clippy::useless_conversion, reason = "macOS has 16 bits")]
    let mode = u32::from(found.st_mode);
    mode & 0o7777
}

fn kind(found: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(found.st_mode & SFlag::S_IFMT.bits())
}

fn io_error(path: &Path, error: Errno) -> PrivateError {
    PrivateError::Io { path: path.to_owned(), error: error.into() }
}
