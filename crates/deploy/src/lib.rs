//! Where gears are built: the [`Target`] trait, the [`World`] it observes, and the contract suite
//! that every target passes.
//!
//! Invariants: `World` is plain data without pids, ports, cgroups or ARNs; a target observes and
//! never remembers; bringing up is "observe, step" until nothing differs, taking down is wanting
//! nothing.

mod clock;
pub mod contract;
mod reach;
mod target;
mod world;

pub use clock::{Clock, SystemClock};
pub use reach::{Patience, reach, reach_on};
pub use target::{Condition, Fence, Progress, Shaping, Target, TargetError};
pub use world::{
    Credentials, Event, Happening, Member, MemberState, Memory, Settings, Standing, State, Want,
    Wanted, World,
};
