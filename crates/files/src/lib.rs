//! Files and directories on a machine that other users share.
//!
//! [`read`], [`read_text`] and [`open`] read a file that a user named: only a regular file, never
//! more than a limit, and every error names the file, the reason and the next step.
//! [`PrivateDir`] is a directory that belongs to this user alone, and [`Places`] are where such
//! directories lie.
//!
//! Invariant: nothing here waits for another process, and nothing here grows with what another
//! process wrote beyond the limit that the caller gave.

mod places;
mod private;
mod read;

pub use places::{PlaceError, Places};
pub use private::{PrivateDir, PrivateError};
pub use read::{ReadError, open, read, read_text};
