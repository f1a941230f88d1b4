//! Where gears are built: the [`Target`] trait, the [`World`] it observes, and the contract suite
//! that every target passes.
//!
//! Invariants: `World` is plain data without pids, ports, cgroups or ARNs; a target observes and
//! never remembers; bringing up is "observe, step" until nothing differs, taking down is wanting
//! nothing.

mod artefact;
mod clock;
pub mod contract;
mod reach;
mod scale;
mod shift;
mod target;
mod world;

pub use artefact::{ArtefactError, check_artefacts, digest};
pub use clock::{Clock, SystemClock};
pub use reach::{Patience, reach, reach_on};
pub use scale::{FULL_WEIGHT, Scale, ScaleError, SideScale};
pub use shift::{Shift, ShiftStep};
pub use target::{
    CannotArrange, Condition, ConditionKind, Facts, Fence, Progress, Shaping, Target, TargetError,
};
pub use world::{
    Credentials, Event, Happening, Member, MemberState, Memory, PoolStanding, Settings,
    SideStanding, SideState, Spec, Standing, State, Want, Wanted, World,
};
