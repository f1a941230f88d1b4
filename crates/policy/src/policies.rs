//! The policies, one file each.

mod alarms;
mod flex;
mod hysteresis;
mod lcp;
mod tasks;
mod tracking;

pub use alarms::Alarms;
pub use flex::Flex;
pub use hysteresis::Hysteresis;
pub use lcp::Lcp;
pub use tracking::Tracking;
