//! Who can take requests, and who says so.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::watch;

/// A member's name: unique in its pool, chosen by whoever names the members.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId(Arc<str>);

impl MemberId {
    /// The name as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for MemberId {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl From<String> for MemberId {
    fn from(name: String) -> Self {
        Self(name.into())
    }
}

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One place requests can go.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Member {
    pub id: MemberId,
    /// Where it speaks plain HTTP/1.1; health checks ask at the same place.
    pub address: SocketAddr,
}

/// Where members come from; the balancer never looks up.
///
/// Level-triggered: the receiver always holds the full list that is wanted now. A member that is not
/// in it drains. One whose address changes is another member. When the sender is dropped, the last
/// list stays.
pub trait Members: Send + Sync + 'static {
    fn watch(&self) -> watch::Receiver<Vec<Member>>;
}

impl Members for watch::Sender<Vec<Member>> {
    fn watch(&self) -> watch::Receiver<Vec<Member>> {
        self.subscribe()
    }
}

impl Members for watch::Receiver<Vec<Member>> {
    fn watch(&self) -> watch::Receiver<Vec<Member>> {
        self.clone()
    }
}
