//! AWS compute rebuilt on this machine: CPU share is real, the rest is declared.
//!
//! Each row that stands is one *data plane* process (gateway, stores, instance host) that starts
//! the row's services in sandboxes. The [`Twin`] itself only starts, asks and ends data planes; it
//! remembers nothing: rows are found again through their directory, their control socket and the
//! marks in their processes' environment.

mod control;
mod elsewhere;
mod ledger;
mod place;
pub mod plane;
mod runs;
mod shares;
mod twin;

pub use control::{Ask, Told};
pub use ledger::{NoRoom, fitting_share, promised_cores, room_for};
pub use place::{NoSuchSide, PlaneConfig, RunPlace, runs_on_disk};
pub use runs::{EndError, EndedRun};
pub use twin::{Twin, TwinConfig};
