//! CPU share, memory limit and freezer for one group of processes, on cgroup v1 and v2 behind one
//! interface, found again by run id alone. As root, or on v2 as a user whom systemd gives a scope.
//!
//! Invariants: nothing is remembered outside the kernel (groups are named by run and member,
//! processes carry their run in their environment), and whatever a [`Sandbox`] sets can be read
//! back from it.

mod cores;
mod delegated;
mod error;
mod hierarchy;
mod marks;
mod mounted;
mod no_shares;
mod priority;
mod relatives;
mod rootfs;
mod sandbox;
mod scope;
mod sweep;
mod v1;
mod v2;

pub use cores::Cores;
pub use error::SandboxError;
pub use hierarchy::{CpuQuota, CpuTime, Enforcement, Host, MemoryUse};
pub use marks::{
    MEMBER_VARIABLE, Marked, ORCHESTRATOR_VARIABLE, RUN_VARIABLE, marked_processes, processes_of,
};
pub use priority::{
    before_everything, before_others, keep_descriptors_to_ourselves, many_descriptors,
};
pub use relatives::{adopt_orphans, end_descendants};
pub use rootfs::{first_id, into_image};
pub use sandbox::{Limits, Sandbox, apart};
pub use scope::{ScopeError, into_own_scope};
pub use sweep::{Remains, remains, sweep};
