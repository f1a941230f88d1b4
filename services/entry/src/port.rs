//! The port that the service is to listen on.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::EntryError;

/// Without a `PORT`, as AWS Lambda Web Adapter and Cloud Run have it.
const USUAL: u16 = 8080;

/// Free ports are looked for here: below the range that systems take the ports of outgoing
/// connections from (Linux: from 32,768 on), so that nobody takes one before the service has it.
const FREE: std::ops::Range<u16> = 10_000..32_768;

/// How many of them are tried.
const TRIES: u16 = 200;

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WantedPort {
    /// This one or none.
    Given(u16),
    /// The usual one if it is free.
    Usual,
    /// `PORT=0`.
    Any,
}

impl WantedPort {
    /// Where a service that runs already is looked for.
    pub(crate) fn expected(self) -> u16 {
        match self {
            Self::Given(port) => port,
            Self::Usual | Self::Any => USUAL,
        }
    }

    pub(crate) fn choose(self) -> Result<u16, EntryError> {
        match self {
            Self::Given(port) if is_taken(port) => Err(EntryError::PortTaken { port }),
            Self::Given(port) => Ok(port),
            Self::Usual if is_taken(USUAL) => free(),
            Self::Usual => Ok(USUAL),
            Self::Any => free(),
        }
    }
}

fn free() -> Result<u16, EntryError> {
    // Neighbours that start at once begin at different places.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let seed = since.subsec_nanos().wrapping_mul(31).wrapping_add(std::process::id());
    let candidates = (0..u32::from(TRIES)).map(|step| {
        let offset = seed.wrapping_add(step.wrapping_mul(7919)) % FREE.len() as u32;
        FREE.start + offset as u16
    });
    candidates.into_iter().find(|port| !is_taken(*port)).ok_or(EntryError::NoFreePort)
}

/// Whether somebody listens there, on any address.
fn is_taken(port: u16) -> bool {
    let addresses = [
        SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)),
        SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)),
    ];
    addresses.into_iter().any(|address| {
        // A system without IPv6 fails otherwise, and a port below 1024 does too.
        TcpListener::bind(address).is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse)
    })
}
