//! The process at the other end of a connection over loopback. Unix sockets tell it themselves; of
//! TCP's, the kernel tells the socket (sock_diag(7)), and `/proc/PID/fd` tells who holds it.

use std::net::SocketAddrV4;

/// The inode of the socket that is connected from `peer` to `own`; none where the kernel knows no
/// such socket, or it has no process any more.
///
/// # Errors
/// Where the kernel does not say: it lacks `inet_diag`, or this is not Linux.
#[cfg(target_os = "linux")]
pub fn socket_of_peer(peer: SocketAddrV4, own: SocketAddrV4) -> std::io::Result<Option<u64>> {
    match linux::asked(peer, own) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(_) => linux::listed(peer, own),
        Ok(inode) => Ok(Some(inode).filter(|inode| *inode != 0)),
    }
}

/// Whether the process has this socket open; false too where we may not look.
#[cfg(target_os = "linux")]
pub fn held_by(pid: i32, inode: u64) -> bool {
    let socket = format!("socket:[{inode}]");
    let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    descriptors
        .filter_map(|descriptor| std::fs::read_link(descriptor.path()).ok())
        .any(|target| target.as_os_str() == socket.as_str())
}

#[cfg(not(target_os = "linux"))]
pub fn socket_of_peer(_: SocketAddrV4, _: SocketAddrV4) -> std::io::Result<Option<u64>> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(not(target_os = "linux"))]
pub fn held_by(_: i32, _: u64) -> bool {
    false
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io;
    use std::net::SocketAddrV4;
    use std::os::fd::AsRawFd;

    use nix::sys::socket::{
        AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto,
        socket,
    };

    /// Length of `struct nlmsghdr`, linux/netlink.h.
    const HEADER: usize = 16;
    /// `SOCK_DIAG_BY_FAMILY`, linux/sock_diag.h.
    const BY_FAMILY: u16 = 20;
    /// `NLM_F_REQUEST` and `NLMSG_ERROR`, linux/netlink.h.
    const REQUEST: u16 = 1;
    const ERROR: u16 = 2;
    /// Where `idiag_inode` stands in `struct inet_diag_msg`, linux/inet_diag.h.
    const INODE: usize = 68;

    /// Asks the kernel for this one connection, as `struct inet_diag_req_v2` names it.
    pub(super) fn asked(peer: SocketAddrV4, own: SocketAddrV4) -> io::Result<u64> {
        let kind = (SockType::Datagram, SockFlag::SOCK_CLOEXEC);
        let socket = socket(AddressFamily::Netlink, kind.0, kind.1, SockProtocol::NetlinkSockDiag)?;
        let kernel = NetlinkAddr::new(0, 0);
        sendto(socket.as_raw_fd(), &question(peer, own), &kernel, MsgFlags::empty())?;
        let mut answer = [0; 512];
        let length = recv(socket.as_raw_fd(), &mut answer, MsgFlags::empty())?;
        let answer = &answer[..length];
        let short = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let word = |at: usize| {
            let bytes = answer.get(at..at + 4).ok_or_else(short)?;
            Ok::<_, io::Error>(u32::from_ne_bytes(bytes.try_into().expect("four bytes")))
        };
        let what = answer.get(4..6).ok_or_else(short)?;
        match u16::from_ne_bytes([what[0], what[1]]) {
            // A negative errno; ENOENT: no such connection.
            ERROR => Err(io::Error::from_raw_os_error(-(word(HEADER)? as i32))),
            _ => Ok(u64::from(word(HEADER + INODE)?)),
        }
    }

    fn question(peer: SocketAddrV4, own: SocketAddrV4) -> Vec<u8> {
        let address = |of: SocketAddrV4| [of.ip().octets().as_slice(), &[0; 12]].concat();
        let family_and_protocol = [nix::libc::AF_INET as u8, nix::libc::IPPROTO_TCP as u8, 0, 0];
        let request = [
            &family_and_protocol[..],
            // Of all states.
            &u32::MAX.to_ne_bytes(),
            // Local to the socket that is looked for, then its other end.
            &peer.port().to_be_bytes(),
            &own.port().to_be_bytes(),
            &address(peer),
            &address(own),
            // On any interface, under any cookie (INET_DIAG_NOCOOKIE).
            &[0; 4],
            &[0xff; 8],
        ]
        .concat();
        let length = (HEADER + request.len()) as u32;
        let numbered = [0; 8];
        [
            &length.to_ne_bytes()[..],
            &BY_FAMILY.to_ne_bytes(),
            &REQUEST.to_ne_bytes(),
            &numbered,
            &request,
        ]
        .concat()
    }

    /// Looks through all connections, as proc_net_tcp.rst of the kernel's documentation has them.
    pub(super) fn listed(peer: SocketAddrV4, own: SocketAddrV4) -> io::Result<Option<u64>> {
        let written = |of: SocketAddrV4| {
            format!("{:08X}:{:04X}", u32::from_ne_bytes(of.ip().octets()), of.port())
        };
        let (peer, own) = (written(peer), written(own));
        // A socket that is not only for IPv4 stands in the other table, its address behind a
        // prefix; a system without IPv6 has no such table.
        let table = std::fs::read_to_string("/proc/net/tcp")?;
        let both = table + &std::fs::read_to_string("/proc/net/tcp6").unwrap_or_default();
        let inode = both.lines().find_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let (local, remote, inode) = (fields.get(1)?, fields.get(2)?, fields.get(9)?);
            (local.ends_with(&peer) && remote.ends_with(&own)).then(|| inode.parse().ok())?
        });
        Ok(inode.filter(|inode| *inode != 0))
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::{SocketAddr, TcpListener, TcpStream};
    use std::os::fd::AsRawFd;

    use super::*;

    fn v4(address: SocketAddr) -> SocketAddrV4 {
        match address {
            SocketAddr::V4(address) => address,
            SocketAddr::V6(_) => panic!("{address} is IPv6"),
        }
    }

    #[test]
    fn the_process_behind_a_connection_is_found_both_ways() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = v4(listener.local_addr().unwrap());
        let client = TcpStream::connect(own).unwrap();
        let (_stream, peer) = listener.accept().unwrap();
        let link = std::fs::read_link(format!("/proc/self/fd/{}", client.as_raw_fd())).unwrap();
        let inode = socket_of_peer(v4(peer), own).unwrap().expect("it is open");
        assert_eq!(link.to_str().unwrap(), format!("socket:[{inode}]"));
        assert_eq!(linux::asked(v4(peer), own).unwrap(), inode);
        assert_eq!(linux::listed(v4(peer), own).unwrap(), Some(inode));
        assert!(held_by(std::process::id() as i32, inode));
        assert!(!held_by(1, inode), "process 1 does not hold it");
        drop(client);
        assert_eq!(socket_of_peer(v4(peer), own).unwrap(), None, "nobody holds it any more");
    }
}
