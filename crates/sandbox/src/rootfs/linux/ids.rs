//! Who the image's users are on this machine.
//!
//! As root, the image's ids are numbers of this machine that nobody has: its root is not this machine's.
//! Anybody else gets a user namespace with one id of the image in it, which is the user's own.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

use nix::fcntl::{OFlag, open};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Gid, Uid, fork, pipe2, write};

/// What the image's root is on this machine: the last 65,536 ids of the range that systemd leaves to
/// containers (source: systemd.io/UIDS-GIDS, "container UID range": 0x00080000 to 0x6FFFFFFF).
const FIRST: u32 = 0x6FFF_0000;
/// Ids 0 to 65,534 of an image follow it. The 65,536th stands for the image's user where that is larger.
const IDS: u32 = 65_535;

/// The id on this machine of an image's root, and so of which its other ids are counted; 0 where an
/// image's ids are those of this machine: as an ordinary user, whose files are all its own, and as a root
/// that cannot make user namespaces or has no such ids itself.
pub(in crate::rootfs) fn first_id() -> u32 {
    static FOUND: OnceLock<u32> = OnceLock::new();
    *FOUND.get_or_init(|| {
        let all_mapped = ["uid_map", "gid_map"].iter().all(|file| has(file, FIRST, IDS + 1));
        let able = Uid::effective().is_root() && all_mapped && namespace((0, 0)).is_ok();
        if able { FIRST } else { 0 }
    })
}

/// Whether this process's own user namespace has these ids (user_namespaces(7)).
fn has(file: &str, first: u32, count: u32) -> bool {
    let map = fs::read_to_string(Path::new("/proc/self").join(file)).unwrap_or_default();
    map.lines().any(|line| {
        let numbers: Vec<u64> = line.split_whitespace().filter_map(|n| n.parse().ok()).collect();
        let [inside, _, length] = numbers[..] else { return false };
        inside <= u64::from(first) && u64::from(first) + u64::from(count) <= inside + length
    })
}

/// How the service's process gets its ids.
pub(super) enum Ids {
    /// It joins a user namespace that root has made.
    Joined { namespace: Arc<File>, first: u32 },
    /// Its ids are this machine's: root, where there is no such namespace.
    OfMachine,
    /// An ordinary user's namespace with one id: files below `/proc/self` and what is written there.
    Own([(CString, CString); 3]),
}

impl Ids {
    pub(super) fn of(user: (u32, u32)) -> io::Result<Self> {
        if !Uid::effective().is_root() {
            let (uid, gid) = user;
            let map = |file: &str, line: String| {
                io::Result::Ok((CString::new(format!("/proc/self/{file}"))?, CString::new(line)?))
            };
            return Ok(Self::Own([
                map("setgroups", "deny".to_owned())?,
                map("uid_map", format!("{uid} {} 1", Uid::effective()))?,
                map("gid_map", format!("{gid} {} 1", Gid::effective()))?,
            ]));
        }
        match first_id() {
            0 => Ok(Self::OfMachine),
            first => Ok(Self::Joined { namespace: namespace(user)?, first }),
        }
    }

    /// Where the image's ids begin on this machine; none where nothing can belong to another id.
    pub(super) fn first(&self) -> Option<u32> {
        match self {
            Self::Joined { first, .. } => Some(*first),
            Self::OfMachine => Some(0),
            Self::Own(_) => None,
        }
    }

    /// Leaves the namespaces of this machine. The network stays: the service's address is on loopback.
    pub(super) fn unshare(&self) -> nix::Result<()> {
        let all = CloneFlags::CLONE_NEWNS
            | CloneFlags::CLONE_NEWPID
            | CloneFlags::CLONE_NEWIPC
            | CloneFlags::CLONE_NEWUTS;
        let Self::Own(maps) = self else { return unshare(all) };
        unshare(CloneFlags::CLONE_NEWUSER | all)?;
        for (file, line) in maps {
            let opened = open(file.as_c_str(), OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty())?;
            write(&opened, line.as_bytes())?;
        }
        Ok(())
    }

    /// Joins the user namespace that was made for it. After its mounts, so that they belong to the
    /// machine's root and nobody in the container can change them, whatever its rights are.
    pub(super) fn join(&self) -> nix::Result<()> {
        match self {
            Self::Joined { namespace, .. } => setns(namespace, CloneFlags::CLONE_NEWUSER),
            Self::OfMachine | Self::Own(_) => Ok(()),
        }
    }
}

/// The user namespace for this user of an image, made once in each process of Gearshift. It is gone with
/// the last process that has it open or lives in it.
pub(super) fn namespace(user: (u32, u32)) -> io::Result<Arc<File>> {
    /// By the user and group of the image that are beyond the range, or 0.
    type Made = BTreeMap<(u32, u32), Arc<File>>;
    static MADE: Mutex<Made> = Mutex::new(BTreeMap::new());
    let larger = |id: u32| if id < IDS { 0 } else { id };
    let key = (larger(user.0), larger(user.1));
    let mut made = MADE.lock().expect("no panic while held");
    if let Some(file) = made.get(&key) {
        return Ok(file.clone());
    }
    let file = Arc::new(make(&map(key.0), &map(key.1))?);
    made.insert(key, file.clone());
    Ok(file)
}

/// Lines of `uid_map` (user_namespaces(7)): inside, outside, how many.
fn map(larger: u32) -> String {
    let all = format!("0 {FIRST} {IDS}\n");
    match larger {
        0 => all,
        id => format!("{all}{id} {} 1\n", FIRST + IDS),
    }
}

/// A namespace is made by a process that lives in it, and mapped from outside.
fn make(uid_map: &str, gid_map: &str) -> io::Result<File> {
    let (ready, tell) = pipe2(OFlag::O_CLOEXEC)?;
    // SAFETY: the child makes system calls alone, until it is killed.
    let child = match unsafe { fork() }? {
        ForkResult::Child => {
            let _ = nix::sys::prctl::set_pdeathsig(Signal::SIGKILL);
            if unshare(CloneFlags::CLONE_NEWUSER).is_ok() {
                let _ = write(tell.as_fd(), b"1");
                loop {
                    nix::unistd::pause();
                }
            }
            // SAFETY: ends the process without the exit handlers of the program it is a copy of.
            unsafe { nix::libc::_exit(1) }
        }
        ForkResult::Parent { child } => child,
    };
    drop(tell);
    let mapped = || {
        if File::from(ready).read(&mut [0])? == 0 {
            return Err(io::Error::other("the kernel makes no user namespace"));
        }
        let of_child = Path::new("/proc").join(child.to_string());
        fs::write(of_child.join("uid_map"), uid_map)?;
        fs::write(of_child.join("gid_map"), gid_map)?;
        File::open(of_child.join("ns/user"))
    };
    let mapped = mapped();
    kill(child, Signal::SIGKILL)?;
    waitpid(child, None)?;
    mapped
}
