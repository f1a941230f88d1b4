//! Whose connection to a Runtime API it is: the API's protocol has no secret (runtime clients take
//! `host:port` and send nothing else), so the process at the other end decides.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock, Weak};

use gearshift_access::{held_by, socket_of_peer};
use gearshift_sandbox::Sandbox;

/// The processes of one environment.
pub(crate) struct Residents {
    /// Its environment's: the environment's end is the sandbox's, whoever is just being admitted.
    sandbox: Weak<Sandbox>,
    /// The process that was started first, once it has been.
    first: OnceLock<i32>,
}

impl Residents {
    pub(crate) fn of(sandbox: &Arc<Sandbox>) -> Arc<Self> {
        Arc::new(Self { sandbox: Arc::downgrade(sandbox), first: OnceLock::new() })
    }

    /// The process that was started; it saves looking for it.
    pub(crate) fn started(&self, pid: i32) {
        let _ = self.first.set(pid);
    }

    /// Whether one of them is connected from `peer` to `own`. Who cannot be found is not one.
    #[cfg(target_os = "linux")]
    pub(crate) fn hold_socket_of(&self, peer: SocketAddr, own: SocketAddr) -> bool {
        let (SocketAddr::V4(peer), SocketAddr::V4(own)) = (peer, own) else { return false };
        let Ok(Some(socket)) = socket_of_peer(peer, own) else { return false };
        // The first alone in nearly every case; children of it, such as a runtime behind a script,
        // are looked for only where it is not the one.
        let others = || self.sandbox.upgrade().map(|sandbox| sandbox.residents());
        self.first.get().is_some_and(|pid| held_by(*pid, socket))
            || others().unwrap_or_default().into_iter().any(|pid| held_by(pid, socket))
    }

    /// Other systems do not say whose a socket is: there everybody on the machine is let in.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn hold_socket_of(&self, _: SocketAddr, _: SocketAddr) -> bool {
        true
    }
}
