//! A side of a row, whatever its compute: what the row's front sends requests to.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use gearshift_deploy::{Condition, PoolStanding, SideScale, SideState};
use gearshift_functions::{Answered, answer};
use gearshift_gear::{Gear, Side};
use gearshift_laws::Laws;
use gearshift_stores::Metered;
use hyper::body::Incoming;
use hyper::{Request, StatusCode};

use crate::place::PlaneConfig;
use crate::plane::error::{ConditionError, StartError};
use crate::plane::events::EventLog;
use crate::plane::store_times::StoreTimes;
use crate::plane::stores::Stores;

/// What a side is started with.
pub(super) struct Opening<'a> {
    pub(super) config: &'a PlaneConfig,
    pub(super) side: Side,
    pub(super) gear: &'a Gear,
    pub(super) scale: &'a SideScale,
    pub(super) laws: Arc<Laws>,
    pub(super) stores: Option<Arc<Stores>>,
    pub(super) events: Arc<EventLog>,
    pub(super) times: Arc<StoreTimes>,
}

/// What every side can do.
#[async_trait]
pub(super) trait SideHost: Send + Sync {
    /// Answers a request as this side's gear would, its laws waited out.
    async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Answered;

    /// Warming or ready.
    ///
    /// # Errors
    /// Why it will not be ready by itself.
    fn state(&self) -> Result<SideState, Arc<StartError>>;

    /// Its pools by name.
    fn pools(&self) -> BTreeMap<String, PoolStanding>;

    /// A further address of it by what it speaks, for people.
    fn endpoint(&self) -> Option<(String, String)> {
        None
    }

    /// What AWS would meter of it so far; of stores that sides share nothing.
    fn usage(&self) -> Metered;

    /// Arranges a condition to measure under.
    ///
    /// # Errors
    /// Why it cannot.
    async fn arrange(&self, condition: &Condition) -> Result<(), ConditionError>;

    /// Has so many members in each pool from now on; returns at once.
    async fn scale(&self, members: &BTreeMap<String, u32>);

    /// Ends everything, whatever is in flight.
    async fn stop(&self);
}

/// What a client is told where its request could not be sent on.
pub(super) fn refused(status: StatusCode, why: &str) -> Answered {
    answer(status, "text/plain", format!("{why}\n"))
}
