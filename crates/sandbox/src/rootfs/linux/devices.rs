//! The `/dev` of a container: the devices that any user of a machine may have, and nothing of its hardware.

use std::ffi::{CStr, CString};
use std::io;
use std::path::Path;

use nix::fcntl::{AT_FDCWD, OFlag, open};
use nix::mount::{MsFlags, mount};
use nix::sys::stat::Mode;
use nix::unistd::{Gid, Uid, chown, mkdir, symlinkat};

use super::mounts::{NONE, TAME};
use super::text;

/// What every container has (source: OCI runtime-spec, config-linux.md, "Default Devices").
const NODES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];
/// Name and target (same source).
const LINKS: [(&str, &CStr); 5] = [
    ("fd", c"/proc/self/fd"),
    ("stdin", c"/proc/self/fd/0"),
    ("stdout", c"/proc/self/fd/1"),
    ("stderr", c"/proc/self/fd/2"),
    ("ptmx", c"pts/ptmx"),
];

pub(super) struct Devices {
    at: CString,
    /// On this machine, and in the container.
    nodes: Vec<(CString, CString)>,
    links: Vec<(&'static CStr, CString)>,
    pts: CString,
    shm: CString,
}

impl Devices {
    pub(super) fn of(at: &Path) -> io::Result<Self> {
        let here = |name: &&str| Path::new("/dev").join(name).exists();
        let node = |name: &str| Ok((text(&Path::new("/dev").join(name))?, text(&at.join(name))?));
        let link = |(name, target): (&str, _)| Ok((target, text(&at.join(name))?));
        Ok(Self {
            at: text(at)?,
            nodes: NODES.into_iter().filter(here).map(node).collect::<io::Result<_>>()?,
            links: LINKS.into_iter().map(link).collect::<io::Result<_>>()?,
            pts: text(&at.join("pts"))?,
            shm: text(&at.join("shm"))?,
        })
    }

    pub(super) fn make(&self, owner: Option<(Uid, Gid)>) -> nix::Result<()> {
        let closed = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
        let at = self.at.as_c_str();
        mount(Some(c"tmpfs"), at, Some(c"tmpfs"), closed, Some(c"mode=755,size=64k"))?;
        for (machine, place) in &self.nodes {
            let create = OFlag::O_CREAT | OFlag::O_CLOEXEC;
            drop(open(place.as_c_str(), create, Mode::from_bits_truncate(0o666))?);
            mount(Some(machine.as_c_str()), place.as_c_str(), NONE, MsFlags::MS_BIND, NONE)?;
        }
        for (target, place) in &self.links {
            symlinkat(*target, AT_FDCWD, place.as_c_str())?;
        }
        mkdir(self.pts.as_c_str(), Mode::from_bits_truncate(0o755))?;
        let own = Some(c"newinstance,ptmxmode=0666,mode=0620");
        mount(Some(c"devpts"), self.pts.as_c_str(), Some(c"devpts"), closed, own)?;
        mkdir(self.shm.as_c_str(), Mode::from_bits_truncate(0o755))?;
        // As large as Docker's (source: docs.docker.com, "docker container run", --shm-size).
        let shared = Some(c"mode=1777,size=64m");
        mount(
            Some(c"tmpfs"),
            self.shm.as_c_str(),
            Some(c"tmpfs"),
            TAME | MsFlags::MS_NOEXEC,
            shared,
        )?;
        // A file system of the machine's root would be nobody's in the container.
        if let Some((uid, gid)) = owner {
            chown(at, Some(uid), Some(gid))?;
        }
        Ok(())
    }
}
