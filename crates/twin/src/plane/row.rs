//! The row a data plane serves: one front, its sides, and the stores they share.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use gearshift_deploy::{
    Condition, Credentials, Fence, PoolStanding, Scale, SideScale, SideStanding, SideState, State,
};
use gearshift_functions::{Answered, Path, Server};
use gearshift_gear::{Front, Gear, LawId, Side, Store, UsageLine};
use gearshift_laws::Laws;
use hyper::body::Incoming;
use hyper::{Request, StatusCode};
use jiff::Timestamp;

use crate::control::{Ask, Told};
use crate::place::PlaneConfig;
use crate::plane::events::EventLog;
use crate::plane::function_side::FunctionSide;
use crate::plane::metering::usage_lines;
use crate::plane::pool::Start;
use crate::plane::pool_side::PoolSide;
use crate::plane::side::{SideHost, refused};
use crate::plane::store_times::StoreTimes;
use crate::plane::stores::Stores;

/// Longest that requests may stay in flight on a side that is taken away; a gear's own timeouts are
/// shorter.
const DRAIN_LIMIT: Duration = Duration::from_secs(90);
/// Between two looks at requests in flight.
const LOOK: Duration = Duration::from_millis(5);

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
    /// A request chooses its side and is counted under the read lock, so that a side whose weight was
    /// set to 0 and that counts none gets none any more.
    sides: RwLock<BTreeMap<Side, Slot>>,
    /// Requests so far, from which weights take their turns.
    taken: AtomicU64,
    /// Usage of sides that are gone.
    past: std::sync::Mutex<gearshift_stores::Metered>,
    /// The newest fence that changed the scale; held while it is changed.
    fence: tokio::sync::Mutex<Option<Fence>>,
}

/// A side that is there.
struct Slot {
    weight: u16,
    in_flight: Arc<AtomicU64>,
    standing: Standing,
    /// What it was told to have, as long as it cannot be asked.
    scale: SideScale,
}

/// How far a side is.
#[derive(Clone)]
enum Standing {
    /// What its members need first is on its way, such as its load balancer.
    Opening {
        on: String,
    },
    Open(Arc<dyn SideHost>),
    Draining(Arc<dyn SideHost>),
}

impl StandingRow {
    pub(super) async fn start(config: &PlaneConfig) -> Result<Self, String> {
        let row = &config.wanted.spec.row;
        let laws = Arc::new(laws(config)?);
        let times = Arc::new(StoreTimes::default());
        let stores = stores(config, &laws, &times).await?;
        let shared = Arc::new(Shared {
            config: config.clone(),
            laws,
            stores,
            events: Arc::new(EventLog::of(&row.name)),
            times,
            since: Timestamp::now(),
            sides: RwLock::default(),
            taken: AtomicU64::new(0),
            past: Default::default(),
            fence: tokio::sync::Mutex::default(),
        });
        for (&side, scale) in &config.wanted.scale.sides {
            let host = shared.open(side, scale, Start::AtOnce).await?;
            shared.sides.write().expect("no panic while held").insert(
                side,
                Slot {
                    weight: scale.weight,
                    in_flight: Arc::default(),
                    standing: Standing::Open(host),
                    scale: scale.clone(),
                },
            );
        }
        let serving = shared.clone();
        let server = Server::start(config.wanted.spec.settings.port, move |request, peer| {
            let row = serving.clone();
            async move { row.answer(request, peer).await }
        });
        let server = server.await.map_err(|error| port_refused(config, &error))?;
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
        let (state, sides) = self.shared.standing();
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
        for host in self.shared.hosts() {
            host.stop().await;
        }
    }
}

/// A request on its side: counted until dropped.
struct InFlight(Arc<AtomicU64>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Shared {
    async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Answered {
        let Some((side, host, _in_flight)) = self.choose() else {
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

    /// The side of the next request. Weights take turns, so that any thousand requests in a row are
    /// spread exactly by weight.
    fn choose(&self) -> Option<(Side, Arc<dyn SideHost>, InFlight)> {
        let sides = self.sides.read().expect("no panic while held");
        let open = |slot: &&Slot| slot.weight > 0 && matches!(slot.standing, Standing::Open(_));
        let weights: u64 = sides.values().filter(open).map(|slot| u64::from(slot.weight)).sum();
        if weights == 0 {
            return None;
        }
        // A step through all turns that has no common divisor with 1000 mixes the sides.
        const STEP: u64 = 619;
        let turn = self.taken.fetch_add(1, Ordering::Relaxed).wrapping_mul(STEP) % weights;
        let mut before = 0;
        let (side, slot) = sides.iter().filter(|(_, slot)| open(slot)).find(|(_, slot)| {
            before += u64::from(slot.weight);
            turn < before
        })?;
        slot.in_flight.fetch_add(1, Ordering::SeqCst);
        let in_flight = InFlight(slot.in_flight.clone());
        match &slot.standing {
            Standing::Open(host) => Some((*side, host.clone(), in_flight)),
            Standing::Opening { .. } | Standing::Draining(_) => None,
        }
    }

    /// Every side that runs something.
    fn hosts(&self) -> Vec<Arc<dyn SideHost>> {
        let sides = self.sides.read().expect("no panic while held");
        let host = |slot: &Slot| match &slot.standing {
            Standing::Open(host) | Standing::Draining(host) => Some(host.clone()),
            Standing::Opening { .. } => None,
        };
        sides.values().filter_map(host).collect()
    }

    fn endpoints(&self) -> Vec<(String, String)> {
        self.hosts().iter().flat_map(|host| host.endpoint()).collect()
    }

    /// On every side that can have this condition; where none can, the first one says why.
    async fn arrange(&self, condition: &Condition) -> Told {
        let (mut arranged, mut refused) = (false, None);
        for host in self.hosts() {
            match host.arrange(condition).await {
                Ok(()) => arranged = true,
                Err(why) => refused = refused.or(Some(why)),
            }
        }
        match refused.filter(|_| !arranged) {
            Some(why) => Told::Refused { why },
            None => Told::Done,
        }
    }

    fn usage(&self) -> Vec<UsageLine> {
        let mut used = self.past.lock().expect("no panic while held").clone();
        used.extend(self.hosts().iter().flat_map(|host| host.usage()));
        used.extend(self.stores.iter().flat_map(|stores| stores.usage()));
        usage_lines(self.since, used)
    }

    /// How the row stands, and each of its sides.
    fn standing(&self) -> (State, BTreeMap<Side, SideStanding>) {
        let sides = self.sides.read().expect("no panic while held");
        let mut state = State::Ready;
        let mut standing = BTreeMap::new();
        for (&side, slot) in &*sides {
            let (of_side, pools) = match &slot.standing {
                Standing::Opening { on } => {
                    (SideState::Warming { on: on.clone() }, expected(&slot.scale))
                }
                Standing::Draining(host) => (SideState::Draining, host.pools()),
                Standing::Open(host) => match host.state() {
                    Ok(of_side) => (of_side, host.pools()),
                    // A side that gets no requests breaks nothing: it is tried again.
                    Err(why) if slot.weight == 0 => {
                        (SideState::Warming { on: format!("{side}: {why}") }, host.pools())
                    }
                    Err(why) => {
                        state = State::Broken { why };
                        (SideState::Ready, host.pools())
                    }
                },
            };
            let in_flight = slot.in_flight.load(Ordering::SeqCst);
            let of = SideStanding { state: of_side, weight: slot.weight, in_flight, pools };
            standing.insert(side, of);
        }
        (state, standing)
    }

    async fn open(
        &self,
        side: Side,
        scale: &SideScale,
        how: Start,
    ) -> Result<Arc<dyn SideHost>, String> {
        let row = &self.config.wanted.spec.row;
        let gear = row.side(side).ok_or_else(|| format!("{} has no side {side}", row.name))?;
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
        if let Err(why) = self.can_have(&scale) {
            return Told::Refused { why };
        }
        tracing::info!(row = self.config.wanted.spec.row.name, ?scale, "scale");
        for (&side, wanted) in &scale.sides {
            self.scale_side(side, wanted).await;
        }
        self.weigh(&scale);
        Told::Done
    }

    /// Requests are sent nowhere where nobody could take them.
    fn can_have(&self, scale: &Scale) -> Result<(), String> {
        let (_, standing) = self.standing();
        for (side, wanted) in scale.sides.iter().filter(|(_, wanted)| wanted.weight > 0) {
            let seen = standing.get(side);
            let grows = seen.is_none_or(|seen| wanted.weight > seen.weight);
            let ready = seen.is_some_and(|seen| seen.state == SideState::Ready);
            if grows && !ready {
                return Err(format!("the {side} side is not ready to take requests"));
            }
        }
        Ok(())
    }

    async fn scale_side(self: &Arc<Self>, side: Side, wanted: &SideScale) {
        let open = {
            let mut sides = self.sides.write().expect("no panic while held");
            match sides.get_mut(&side) {
                None => {
                    sides.insert(side, Slot::opening(side, wanted));
                    None
                }
                Some(slot) => {
                    slot.scale = wanted.clone();
                    match &slot.standing {
                        Standing::Open(host) => Some(host.clone()),
                        // It starts with what it is told last; one that drains is wanted again only
                        // once it is gone.
                        Standing::Opening { .. } | Standing::Draining(_) => return,
                    }
                }
            }
        };
        match open {
            Some(host) => host.scale(&wanted.members).await,
            None => {
                let row = self.clone();
                tokio::spawn(async move { row.warm(side).await });
            }
        }
    }

    /// Opens a side of a standing row.
    async fn warm(self: Arc<Self>, side: Side) {
        let wanted = self.slot(side, |slot| slot.scale.clone());
        let Some(wanted) = wanted else { return };
        let opened = self.open(side, &wanted, Start::OnTheClock).await;
        let told = {
            let mut sides = self.sides.write().expect("no panic while held");
            sides.get_mut(&side).map(|slot| {
                slot.standing = match &opened {
                    Ok(host) => Standing::Open(host.clone()),
                    Err(why) => Standing::Opening { on: why.clone() },
                };
                slot.scale.clone()
            })
        };
        match (opened, told) {
            // It may have been told otherwise while it started.
            (Ok(host), Some(told)) if told != wanted => host.scale(&told.members).await,
            // Taken away while it started.
            (Ok(host), None) => host.stop().await,
            _ => {}
        }
    }

    fn slot<T>(&self, side: Side, look: impl FnOnce(&Slot) -> T) -> Option<T> {
        self.sides.read().expect("no panic while held").get(&side).map(look)
    }

    /// Sets every weight at once, and has the sides drain that are not wanted any more.
    fn weigh(self: &Arc<Self>, scale: &Scale) {
        let mut sides = self.sides.write().expect("no panic while held");
        let unopened = |slot: &Slot| matches!(slot.standing, Standing::Opening { .. });
        sides.retain(|side, slot| scale.sides.contains_key(side) || !unopened(slot));
        for (&side, slot) in sides.iter_mut() {
            slot.weight = scale.weight(side);
            let leaving = !scale.sides.contains_key(&side);
            if let (Standing::Open(host), true) = (&slot.standing, leaving) {
                let (row, host) = (self.clone(), host.clone());
                slot.standing = Standing::Draining(host.clone());
                tokio::spawn(async move { row.drain(side, &*host).await });
            }
        }
    }

    /// Waits for the requests of a side that is to go, and takes it away.
    async fn drain(&self, side: Side, host: &dyn SideHost) {
        let idle = async {
            while self.slot(side, |slot| slot.in_flight.load(Ordering::SeqCst)) != Some(0) {
                tokio::time::sleep(LOOK).await;
            }
        };
        let _ = tokio::time::timeout(DRAIN_LIMIT, idle).await;
        host.stop().await;
        self.past.lock().expect("no panic while held").extend(host.usage());
        self.sides.write().expect("no panic while held").remove(&side);
    }
}

impl Slot {
    fn opening(side: Side, wanted: &SideScale) -> Self {
        Self {
            weight: 0,
            in_flight: Arc::default(),
            standing: Standing::Opening { on: format!("what the {side} side runs on") },
            scale: wanted.clone(),
        }
    }
}

/// The pools of a side that is not open yet: nobody is there.
fn expected(scale: &SideScale) -> BTreeMap<String, PoolStanding> {
    let pool = |(name, &members): (&String, &u32)| {
        (name.clone(), PoolStanding { wanted: Some(members), ..PoolStanding::default() })
    };
    scale.members.iter().map(pool).collect()
}

/// The stores that a row's sides share, where one of them needs any.
async fn stores(
    config: &PlaneConfig,
    laws: &Arc<Laws>,
    times: &Arc<StoreTimes>,
) -> Result<Option<Arc<Stores>>, String> {
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
fn port_refused(config: &PlaneConfig, error: &std::io::Error) -> String {
    match config.wanted.spec.settings.port {
        0 => format!("no free port on loopback: {error}"),
        port if error.kind() == std::io::ErrorKind::AddrInUse => {
            format!("port {port} is taken by another program → --port with another number, or none")
        }
        port => format!("port {port} cannot be opened: {error} → --port with another number"),
    }
}

/// The laws as these settings want them.
fn laws(config: &PlaneConfig) -> Result<Laws, String> {
    let settings = &config.wanted.spec.settings;
    let laws = Laws::shipped().scaled_by(&settings.law_factors).map_err(|e| e.to_string())?;
    Ok(if settings.physics { laws } else { laws.off() })
}

/// The laws a request passes between caller and gateway, when it goes no further.
pub(super) fn page_path(config: &PlaneConfig, front: Front, laws: &Laws) -> Result<Path, String> {
    let ids = [config.wanted.spec.settings.caller.round_trip(), gateway(front)];
    Path::new(laws, &ids).map_err(|error| error.to_string())
}

/// The laws a request passes between caller and code.
pub(super) fn front_path(config: &PlaneConfig, front: Front, laws: &Laws) -> Result<Path, String> {
    let mut ids = vec![config.wanted.spec.settings.caller.round_trip()];
    match front {
        Front::Direct => {}
        Front::HttpApi | Front::RestApi => {
            let hops = ["apigw.to_lambda_transit", "lambda.warm_overhead"];
            ids.extend([gateway(front)].into_iter().chain(hops.map(LawId::from)));
        }
        Front::LoadBalancer => ids.extend(["alb.added", "alb.to_target"].map(LawId::from)),
        // What it adds itself is measured: it is the real one.
        Front::Balancer => ids.push(LawId::from("alb.to_target")),
        Front::ClusterService => return Err(format!("front {front} is not built yet")),
    }
    Path::new(laws, &ids).map_err(|error| error.to_string())
}

/// What an API before a function takes itself.
fn gateway(front: Front) -> LawId {
    LawId::from(if front == Front::RestApi { "apigw.rest_own" } else { "apigw.http_own" })
}
