//! The row a data plane serves: one front, its sides, and the stores they share.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use gearshift_deploy::{Condition, Credentials, Fence, Scale, SideScale, SideState};
use gearshift_functions::{Answered, Server};
use gearshift_gear::{Gear, Side, Store, UsageLine};
use gearshift_laws::Laws;
use hyper::body::Incoming;
use hyper::{Request, StatusCode};
use jiff::Timestamp;

use crate::control::{Ask, Told};
use crate::place::{NoSuchSide, PlaneConfig};
use crate::plane::error::StartError;
use crate::plane::events::EventLog;
use crate::plane::function_side::FunctionSide;
use crate::plane::metering::usage_lines;
use crate::plane::pool::Start;
use crate::plane::pool_side::PoolSide;
use crate::plane::side::{Opening, SideHost, refused};
use crate::plane::slots::{self, Leaving, Slots};
use crate::plane::store_times::StoreTimes;
use crate::plane::stores::Stores;
use crate::plane::{on_this_clock, paths};

/// Longest that requests may stay in flight on a side that is taken away; a gear's own timeouts are
/// shorter.
const DRAIN_LIMIT: Duration = Duration::from_secs(90);
/// Before a side that could not be opened is tried again, on AWS's clock. Assumed.
const OPEN_AGAIN: Duration = Duration::from_secs(30);
/// Between two looks at requests in flight.
const LOOK: Duration = Duration::from_millis(5);

pub(super) struct StandingRow {
    shared: Arc<Shared>,
    server: Server,
}

struct Shared {
    config: PlaneConfig,
    laws: Arc<Laws>,
    stores: Option<Arc<Stores>>,
    events: Arc<EventLog>,
    times: Arc<StoreTimes>,
    since: Timestamp,
    slots: Slots,
    /// The newest fence that changed the scale; held while it is changed.
    fence: tokio::sync::Mutex<Option<Fence>>,
}

impl StandingRow {
    pub(super) async fn start(config: &PlaneConfig) -> Result<Self, StartError> {
        let row = &config.wanted.spec.row;
        let laws = Arc::new(paths::laws(config)?);
        let times = Arc::new(StoreTimes::default());
        let stores = stores(config, &laws, &times).await?;
        let shared = Arc::new(Shared {
            config: config.clone(),
            laws,
            stores,
            events: Arc::new(EventLog::of(&row.name)),
            times,
            since: Timestamp::now(),
            slots: Slots::default(),
            fence: tokio::sync::Mutex::default(),
        });
        for (&side, scale) in &config.wanted.scale.sides {
            let host = shared.open(side, scale, Start::AtOnce).await?;
            shared.slots.add(side, scale, host);
        }
        let serving = shared.clone();
        let server = Server::start(config.wanted.spec.settings.port, move |request, peer| {
            let row = serving.clone();
            async move { row.answer(request, peer).await }
        });
        let server = server.await.map_err(|error| port_refused(config, error))?;
        Ok(Self { shared, server })
    }

    pub(super) async fn answer(&self, ask: Ask) -> Told {
        match ask {
            Ask::State => self.state(),
            Ask::Usage => Told::Usage(self.shared.usage()),
            Ask::Events { since } => Told::Events(self.shared.events.since(since)),
            Ask::Arrange(condition) => self.shared.arrange(&condition).await,
            Ask::Scale { scale, fence } => self.shared.scale(scale, fence).await,
            Ask::Stop => Told::Done,
        }
    }

    fn state(&self) -> Told {
        let (state, sides) = self.shared.slots.standing();
        let mut endpoints: BTreeMap<_, _> =
            self.shared.stores.iter().flat_map(|stores| stores.endpoints()).collect();
        endpoints.extend(self.shared.endpoints());
        let credentials = self.shared.stores.as_ref().map(|stores| Credentials {
            access_key_id: stores.keys().access_key_id().to_owned(),
            secret_access_key: stores.keys().secret_access_key().to_owned(),
        });
        Told::State {
            state,
            since: self.shared.since,
            url: format!("http://{}", self.server.address()),
            endpoints,
            credentials,
            sides,
        }
    }

    pub(super) async fn stop(&self) {
        for host in self.shared.slots.hosts() {
            host.stop().await;
        }
    }
}

impl Shared {
    async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Answered {
        let Some((side, host, _in_flight)) = self.slots.choose() else {
            return refused(StatusCode::SERVICE_UNAVAILABLE, "no side of this row takes requests");
        };
        let asked = tracing::enabled!(tracing::Level::DEBUG)
            .then(|| format!("{} {}", request.method(), request.uri().path()));
        let answered = host.answer(request, peer).await;
        if let Some(asked) = asked {
            let (row, status) = (&self.config.wanted.spec.row.name, answered.status().as_u16());
            tracing::debug!(%row, %side, asked, status, "request");
        }
        answered
    }

    fn endpoints(&self) -> Vec<(String, String)> {
        self.slots.hosts().iter().flat_map(|host| host.endpoint()).collect()
    }

    /// On every side that can have this condition; where none can, the first one says why.
    async fn arrange(&self, condition: &Condition) -> Told {
        let (mut arranged, mut refused) = (false, None);
        for host in self.slots.hosts() {
            match host.arrange(condition).await {
                Ok(()) => arranged = true,
                Err(error) => refused = refused.or(Some(error.to_string())),
            }
        }
        match refused.filter(|_| !arranged) {
            Some(why) => Told::Refused { why },
            None => Told::Done,
        }
    }

    fn usage(&self) -> Vec<UsageLine> {
        let mut used = self.slots.usage();
        used.extend(self.stores.iter().flat_map(|stores| stores.usage()));
        usage_lines(self.since, used)
    }

    async fn open(
        &self,
        side: Side,
        scale: &SideScale,
        how: Start,
    ) -> Result<Arc<dyn SideHost>, StartError> {
        let row = &self.config.wanted.spec.row;
        let gear = row.side(side).ok_or_else(|| NoSuchSide { row: row.name.clone(), side })?;
        let opening = Opening {
            config: &self.config,
            side,
            gear,
            scale,
            laws: self.laws.clone(),
            stores: self.stores.clone(),
            events: self.events.clone(),
            times: self.times.clone(),
        };
        if gear.is_function() {
            let function = FunctionSide::start(opening).await?;
            return Ok(function);
        }
        let pools = PoolSide::start(opening, how).await?;
        if how == Start::AtOnce {
            pools.awake().await?;
        }
        Ok(pools)
    }

    /// Makes the row's scale this one, as far as it is not. Returns at once: what takes time shows in
    /// how the sides stand.
    async fn scale(self: &Arc<Self>, scale: Scale, fence: Fence) -> Told {
        let mut newest = self.fence.lock().await;
        if let Some(newest) = newest.filter(|newest| fence < *newest) {
            return Told::Fenced { newest };
        }
        *newest = Some(fence);
        if let Err(error) = scale.check(&self.config.wanted.spec.row) {
            return Told::Refused { why: error.to_string() };
        }
        if let Some(side) = self.not_ready(&scale) {
            let why = format!("the {side} side is not ready to take requests");
            return Told::Refused { why };
        }
        tracing::info!(row = self.config.wanted.spec.row.name, ?scale, "scale");
        for (&side, wanted) in &scale.sides {
            self.scale_side(side, wanted).await;
        }
        for leaving in self.slots.weigh(&scale) {
            let row = self.clone();
            tokio::spawn(async move { row.drain(leaving).await });
        }
        Told::Done
    }

    /// A side that would get more requests than now and is not ready: nobody there could take them.
    fn not_ready(&self, scale: &Scale) -> Option<Side> {
        let (_, standing) = self.slots.standing();
        let mut weighed = scale.sides.iter().filter(|(_, wanted)| wanted.weight > 0);
        weighed.find_map(|(side, wanted)| {
            let seen = standing.get(side);
            let grows = seen.is_none_or(|seen| wanted.weight > seen.weight);
            let ready = seen.is_some_and(|seen| seen.state == SideState::Ready);
            (grows && !ready).then_some(*side)
        })
    }

    async fn scale_side(self: &Arc<Self>, side: Side, wanted: &SideScale) {
        match self.slots.tell(side, wanted) {
            slots::Told::Open(host) => host.scale(&wanted.members).await,
            slots::Told::New(number) => {
                let row = self.clone();
                tokio::spawn(async move { row.warm(side, number).await });
            }
            slots::Told::Later => {}
        }
    }

    /// Opens a side of a standing row, again and again where it cannot be opened, until it is taken
    /// away.
    async fn warm(self: Arc<Self>, side: Side, number: u64) {
        while let Some(wanted) = self.slots.told(side, number) {
            let opened = self.open(side, &wanted, Start::OnTheClock).await;
            let told = self.slots.opened(side, number, &opened);
            match (opened, told) {
                // Taken away while it started.
                (Ok(host), None) => return host.stop().await,
                // It may have been told otherwise while it started.
                (Ok(host), Some(told)) => return host.scale(&told.members).await,
                (Err(_), _) => {
                    tokio::time::sleep(on_this_clock(&self.config, OPEN_AGAIN)).await;
                }
            }
        }
    }

    /// Waits for the requests of a side that is to go, and takes it away.
    async fn drain(&self, leaving: Leaving) {
        let idle = async {
            while self.slots.in_flight(&leaving) > 0 {
                tokio::time::sleep(LOOK).await;
            }
        };
        let _ = tokio::time::timeout(DRAIN_LIMIT, idle).await;
        leaving.host.stop().await;
        self.slots.forget(&leaving);
    }
}

/// The stores that a row's sides share, where one of them needs any.
async fn stores(
    config: &PlaneConfig,
    laws: &Arc<Laws>,
    times: &Arc<StoreTimes>,
) -> Result<Option<Arc<Stores>>, StartError> {
    let row = &config.wanted.spec.row;
    let sides = row.sides();
    let needs = |(_, gear): &&(Side, &Gear)| {
        gear.is_function() || matches!(gear.store, Store::Table | Store::Object)
    };
    let Some((side, gear)) = sides.iter().find(needs) else { return Ok(None) };
    let program = config.program(*side)?;
    let seed = config.wanted.spec.settings.seed.wrapping_add(2);
    let page = program.page.as_deref();
    let wanted = program.stores.as_deref();
    let stores = Stores::start(gear.store, wanted, page, laws, seed, times).await?;
    Ok(Some(Arc::new(stores)))
}

/// Why the row's address could not be opened.
fn port_refused(config: &PlaneConfig, error: std::io::Error) -> StartError {
    match config.wanted.spec.settings.port {
        0 => StartError::NoPort(error),
        port if error.kind() == std::io::ErrorKind::AddrInUse => StartError::PortTaken(port),
        port => StartError::Port { port, error },
    }
}
