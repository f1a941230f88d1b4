//! The way in to the table engine, for nobody but its front. The engine checks no signature and
//! takes nothing but a TCP listener, which any user of the machine could connect to. So the kernel
//! drops what reaches the listener, except from the one address that a connection of ours is being
//! made from.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use socket2::{Domain, Socket, Type};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Mutex;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;

pub(super) struct Entrance {
    at: SocketAddr,
    /// The listener's socket, to say whom it hears. Held while a connection is made.
    listener: Mutex<Socket>,
    /// Some kernels let only root filter what a socket hears
    /// (`kernel.unprivileged_bpf_disabled`, and hardened ones); there every user of the machine reaches
    /// the engine. docs/trust.md says so.
    filtered: bool,
}

impl Entrance {
    /// A listener on a free port of loopback that hears nobody.
    pub(super) fn open() -> io::Result<(Self, TcpListener)> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
        let filtered = match hear(&socket, None) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => false,
            heard => heard.map(|()| true)?,
        };
        socket.listen(BACKLOG)?;
        let at = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
        let listener = TcpListener::from_std(socket.try_clone()?.into())?;
        Ok((Self { at, listener: Mutex::new(socket), filtered }, listener))
    }

    /// A connection to it.
    pub(super) async fn connect(&self) -> io::Result<TcpStream> {
        if !self.filtered {
            return TcpStream::connect(self.at).await;
        }
        let client = TcpSocket::new_v4()?;
        client.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        // Nobody else can have this address while our socket has it.
        let SocketAddr::V4(own) = client.local_addr()? else {
            return Err(io::ErrorKind::AddrNotAvailable.into());
        };
        let listener = self.listener.lock().await;
        hear(&listener, Some(own))?;
        let stream = client.connect(self.at).await;
        // The connection keeps the filter that it was made under.
        hear(&listener, None)?;
        stream
    }
}

/// From now on the listener hears this address only; none: nobody. A filter on a socket sees the
/// TCP header first, and the IP header from `SKF_NET_OFF` on
/// (kernel.org/doc/html/latest/networking/filter.html); where it returns 0 the packet is dropped.
#[cfg(target_os = "linux")]
fn hear(listener: &Socket, from: Option<SocketAddrV4>) -> io::Result<()> {
    use nix::libc::{BPF_ABS, BPF_H, BPF_JEQ, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W, SKF_NET_OFF};
    use socket2::SockFilter;

    let step = |code: u32, no: u8, k: u32| SockFilter::new(code as u16, 0, no, k);
    let drop = step(BPF_RET | BPF_K, 0, 0);
    let Some(from) = from else { return listener.attach_filter(&[drop]) };
    // Where the IP header has the sender's address.
    let sender = (SKF_NET_OFF + 12) as u32;
    listener.attach_filter(&[
        step(BPF_LD | BPF_H | BPF_ABS, 0, 0),
        step(BPF_JMP | BPF_JEQ | BPF_K, 3, from.port().into()),
        step(BPF_LD | BPF_W | BPF_ABS, 0, sender),
        step(BPF_JMP | BPF_JEQ | BPF_K, 1, from.ip().to_bits()),
        step(BPF_RET | BPF_K, 0, u32::MAX),
        drop,
    ])
}

/// Other systems have no such filter: there every user of the machine reaches the engine.
#[cfg(not(target_os = "linux"))]
fn hear(_: &Socket, _: Option<SocketAddrV4>) -> io::Result<()> {
    Ok(())
}
