//! The words every other crate speaks: gears, rows, usage, origins, run ids.
//!
//! Invariants: data only. No I/O, no clock, no randomness, no knowledge of targets or prices.

mod artefact;
mod bounds;
mod caller;
mod catalogue;
mod dimension;
mod fault;
mod gear;
mod id;
mod instance;
mod known;
pub mod metering;
mod missing;
mod program;
mod side;
mod timing;
mod usage;

pub use artefact::{Artefact, ArtefactKind, Artefacts};
pub use bounds::{Bounds, FUNCTION_PAYLOAD_BYTES, HTTP_API_MS, REST_API_MS};
pub use caller::{BadCaller, Caller};
pub use catalogue::{CATALOGUE, Catalogue, CatalogueError};
pub use dimension::{Counted, Dimension, Entry, Group, Offer};
pub use fault::FaultPlan;
pub use gear::{
    Build, Code, Compute, Count, Front, Gear, Limits, OWN, OWN_ADAPTED, OWN_FUNCTION, Pool, Row,
    RuntimeClient, Setup, Store, UnitCompute,
};
pub use id::{BadOwner, BadRunId, EnvironmentId, LawId, Owner, RunId, SourceId};
pub use instance::{
    DiskDefault, InstanceDefaults, InstanceType, NodeDefault, TypeDefault, UnknownInstanceType,
    families, instance_defaults, instance_type,
};
pub use known::{Known, Origin};
pub use missing::Missing;
pub use program::{InImage, KeyKind, Program, RowVariables, StoresWanted, TableKey, TableWanted};
pub use side::Side;
pub use timing::{Part, PartKind, ServerTiming};
pub use usage::{HOURS_PER_MONTH, LOAD_BALANCER_ZONES, UsageLine};
