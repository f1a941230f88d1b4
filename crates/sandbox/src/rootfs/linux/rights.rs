//! What a service's process may do: be the image's user, and have what a container's root has at most.

use std::io;

use nix::errno::Errno;
use nix::libc;
use nix::sys::prctl::set_no_new_privs;
use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};

use super::syscalls::{Filter, filter};

/// Capabilities of a container's root, by number (linux/capability.h): Docker's usual ones (source: moby,
/// oci/caps/defaults.go) without those that mean the machine's network, which is shared here, and its
/// devices and audit log: NET_RAW, MKNOD, AUDIT_WRITE.
const KEPT: [u32; 11] = [
    0,  // CAP_CHOWN
    1,  // CAP_DAC_OVERRIDE
    3,  // CAP_FOWNER
    4,  // CAP_FSETID
    5,  // CAP_KILL
    6,  // CAP_SETGID
    7,  // CAP_SETUID
    8,  // CAP_SETPCAP
    10, // CAP_NET_BIND_SERVICE
    18, // CAP_SYS_CHROOT
    31, // CAP_SETFCAP
];
/// Version 3 of the structures of capset(2): two of 32 bits each.
const VERSION: u32 = 0x2008_0522;

#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Data {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

pub(super) struct Rights {
    /// Whom to become; none where there is one id only.
    user: Option<(Uid, Gid)>,
    /// Whom the process's output belongs to on this machine.
    output: Option<Uid>,
    /// Bit by bit, of numbers below 32.
    capabilities: u32,
    /// What it and all it starts could ever have, by number.
    bounding: &'static [u32],
    filter: Option<Filter>,
}

impl Rights {
    pub(super) fn of(user: (u32, u32), first_id: Option<u32>) -> io::Result<Self> {
        let kept = KEPT.iter().fold(0, |kept, number| kept | 1 << number);
        Ok(Self {
            user: first_id.map(|_| (Uid::from_raw(user.0), Gid::from_raw(user.1))),
            output: first_id.map(|_| Uid::from_raw(user.0)),
            capabilities: if user.0 == 0 { kept } else { 0 },
            bounding: &KEPT,
            filter: filter()?,
        })
    }

    /// Those of nobody: the user of this id, which may do nothing more than any user.
    pub(super) fn none() -> io::Result<Self> {
        let rights = Self::of((0, 0), Some(0))?;
        Ok(Self { capabilities: 0, bounding: &[], ..rights })
    }

    pub(super) fn reduce(&self) -> nix::Result<()> {
        self.output.iter().for_each(|owner| give_output(*owner));
        for number in (0..64).filter(|number| !self.bounding.contains(number)) {
            // SAFETY: plain numbers.
            let dropped = unsafe { libc::prctl(libc::PR_CAPBSET_DROP, number, 0, 0, 0) };
            match Errno::result(dropped) {
                // A number beyond the kernel's last.
                Err(Errno::EINVAL) => break,
                dropped => dropped?,
            };
        }
        if let Some((uid, gid)) = self.user {
            setgroups(&[])?;
            setresgid(gid, gid, gid)?;
            setresuid(uid, uid, uid)?;
        }
        keep(self.capabilities)?;
        set_no_new_privs()?;
        self.filter.as_ref().map_or(Ok(()), Filter::apply)
    }
}

/// Lets the service open its output by name, `/dev/stderr`, as logs of many images do. Devices stay whose
/// they are.
fn give_output(owner: Uid) {
    for descriptor in 0..3 {
        // SAFETY: zeros are a valid `stat`, which the kernel fills in.
        let mut found: libc::stat = unsafe { std::mem::zeroed() };
        // SAFETY: a descriptor and a place for what is known of it.
        let known = unsafe { libc::fstat(descriptor, &raw mut found) } == 0;
        let kind = found.st_mode & libc::S_IFMT;
        if known && (kind == libc::S_IFREG || kind == libc::S_IFIFO) {
            // SAFETY: plain numbers. Where it is refused, its owner stays.
            unsafe { libc::fchown(descriptor, owner.as_raw(), u32::MAX) };
        }
    }
}

/// Has these capabilities and no others, none of them to hand on.
fn keep(capabilities: u32) -> nix::Result<()> {
    let header = Header { version: VERSION, pid: 0 };
    let low = Data { effective: capabilities, permitted: capabilities, inheritable: 0 };
    let data = [low, Data { effective: 0, permitted: 0, inheritable: 0 }];
    // SAFETY: structures as capset(2) wants them in version 3.
    let set = unsafe { libc::syscall(libc::SYS_capset, &raw const header, data.as_ptr()) };
    Errno::result(set).map(drop)
}
