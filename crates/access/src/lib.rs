//! Who may ask a server that listens on loopback.
//!
//! Loopback is open to every user of a machine and to every page in a browser on it, so listening
//! there protects nothing. Three things do: [`Door`] refuses what a browser sends on behalf of a
//! page from elsewhere, [`Keys`] verifies that a request was signed with a row's own secret, and
//! [`process_of_peer`] tells which process is at the other end of a connection.
//!
//! Invariants: what is refused is refused before anything of it takes effect; secrets are compared
//! in constant time and never printed.

mod door;
mod keys;
mod peer;
mod signature;

pub use door::{Door, Stranger};
pub use keys::{Denied, Keys};
pub use peer::{held_by, socket_of_peer};
