//! A side of instances or tasks: reached directly, or behind a load balancer or our own balancer.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use gearshift_balance::{Arrival, Scheme, begins_with};
use gearshift_deploy::{Condition, Happening, MemberState, PoolStanding, SideState};
use gearshift_functions::{Answered, Path, header_bytes};
use gearshift_gear::metering::{MB_PER_GB, billed_seconds};
use gearshift_gear::{
    Dimension, DiskDefault, EnvironmentId, FaultPlan, Front, HOURS_PER_MONTH, LOAD_BALANCER_ZONES,
    PartKind, ServerTiming, Store, instance_defaults,
};
use gearshift_sandbox::Host;
use gearshift_stores::{FileConfig, FileStore, Metered};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::http::HeaderValue;
use hyper::{Request, StatusCode};
use jiff::Timestamp;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rust_decimal::Decimal;

use crate::plane::capacity::CapacityMeter;
use crate::plane::credits::Credits;
use crate::plane::error::{ConditionError, StartError};
use crate::plane::member::Shape;
use crate::plane::metering::{hours, traffic};
use crate::plane::on_this_clock;
use crate::plane::paths::front_path;
use crate::plane::pool::{Phase, Pool, Start};
use crate::plane::setting::Setting;
use crate::plane::side::{Opening, SideHost, refused};
use crate::plane::wire::{Crossed, Wire};

pub(super) struct PoolSide {
    setting: Arc<Setting>,
    front: Front,
    limit: usize,
    pools: Vec<Arc<Pool>>,
    path: Path,
    wire: Wire,
    since: Timestamp,
    draws: Mutex<StdRng>,
    crossed: Mutex<Crossed>,
    capacity: Mutex<CapacityMeter>,
}

impl PoolSide {
    /// Starts this gear's members. Those of a row's first side start at once; those of a side that is
    /// added to a standing row after what AWS needs for them and their load balancer.
    pub(super) async fn start(opening: Opening<'_>, how: Start) -> Result<Arc<Self>, StartError> {
        let Opening { config, side, gear, scale, laws, stores, events, times } = opening;
        let path = front_path(config, gear.front, &laws)?;
        let seed = config.wanted.spec.settings.seed;
        let files = match gear.store {
            Store::File => {
                let hooked = times.clone();
                let hook = Arc::new(move |call| hooked.record(call));
                let laws = laws.clone();
                let files = FileConfig { seed: seed.wrapping_add(3), laws, hook: Some(hook) };
                Some(FileStore::start(files)?)
            }
            _ => None,
        };
        let mut draws = StdRng::seed_from_u64(seed.wrapping_add(4));
        if how == Start::OnTheClock && gear.front == Front::LoadBalancer {
            let created = laws.named("alb.create")?.draw(&mut draws);
            tokio::time::sleep(on_this_clock(config, created)).await;
        }
        let setting = Arc::new(Setting {
            config: config.clone(),
            host: Host::detect(),
            program: config.program(side)?.clone(),
            files,
            stores: stores.filter(|_| matches!(gear.store, Store::Table | Store::Object)),
            laws,
            balanced: matches!(gear.front, Front::LoadBalancer | Front::Balancer),
            events,
            times,
            numbers: AtomicU64::new(u64::from(how == Start::OnTheClock) * 1_000_000),
        });
        let pools = gear.pools.iter().enumerate().map(|(index, pool)| {
            let count = scale.members.get(pool.name()).copied().unwrap_or(1);
            let draws = StdRng::seed_from_u64(seed.wrapping_add(4 + index as u64));
            Pool::start(setting.clone(), pool, count, how, draws)
        });
        let pools = pools.collect::<Result<_, StartError>>()?;
        Ok(Arc::new(Self {
            front: gear.front,
            limit: usize::try_from(gear.limits.payload_bytes).unwrap_or(usize::MAX),
            pools,
            path,
            wire: Wire::new(),
            since: Timestamp::now(),
            draws: Mutex::new(StdRng::seed_from_u64(seed)),
            crossed: Mutex::default(),
            capacity: Mutex::default(),
            setting,
        }))
    }

    /// Returns as soon as every pool takes requests.
    ///
    /// # Errors
    /// Why one does not.
    pub(super) async fn awake(&self) -> Result<(), StartError> {
        for pool in &self.pools {
            pool.awake().await?;
        }
        Ok(())
    }
}

/// What came back from a member.
struct Reached {
    answered: Answered,
    at: Instant,
    bytes_out: u64,
    member: EnvironmentId,
}

#[async_trait]
impl SideHost for PoolSide {
    async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Answered {
        let asked = Instant::now();
        self.capacity().connected(peer);
        let mut waits = {
            let mut draws = self.draws.lock().expect("no panic while held");
            self.path.draw(&self.setting.laws, asked, &mut *draws)
        };
        let Some(pool) = self.pool_for(request.uri().path()) else {
            return refused(StatusCode::NOT_FOUND, &self.no_route());
        };
        let Ok((request, bytes_in)) = Wire::receive(request, self.limit).await else {
            return refused(StatusCode::PAYLOAD_TOO_LARGE, "the request body could not be read");
        };
        waits.inbound().await;
        let mut timing = ServerTiming::default();
        let cold = match pool.wake().await {
            Ok(cold) => cold,
            Err(error) => return refused(self.unavailable(), &error.to_string()),
        };
        let sent = Instant::now();
        let mut reached = match self.reach(pool, request, peer).await {
            Ok(reached) => reached,
            Err((status, why)) => return refused(status, &why),
        };
        if cold {
            self.describe_start(pool, &reached.member, &mut timing);
        }
        waits.outbound(reached.at).await;
        waits.describe(&mut timing);
        timing.parts.extend(self.setting.times.between(&reached.member.0, sent, reached.at));
        timing.environment = Some(reached.member);
        if let Ok(value) = HeaderValue::try_from(timing.format()) {
            reached.answered.headers_mut().insert(ServerTiming::HEADER, value);
        }
        {
            let mut crossed = self.crossed.lock().expect("no panic while held");
            crossed.bytes_in += bytes_in;
            crossed.bytes_out += reached.bytes_out;
        }
        self.capacity().carried(bytes_in + reached.bytes_out);
        reached.answered
    }

    /// Without a member that takes requests it warms up, unless it shall have none: then requests
    /// wait for the first one in a cold moment.
    fn state(&self) -> Result<SideState, Arc<StartError>> {
        for pool in &self.pools {
            match pool.phase() {
                Phase::Failed(why) => return Err(why),
                Phase::Cold => continue,
                Phase::Waking | Phase::Running => {}
            }
            let serving =
                |state: &MemberState| matches!(state, MemberState::Idle | MemberState::Busy);
            let serve = pool.members().iter().any(|(_, state)| serving(state));
            if !serve && pool.wanted() > 0 {
                return Ok(SideState::Warming { on: format!("{} {}", pool.wanted(), pool.name) });
            }
        }
        Ok(SideState::Ready)
    }

    fn pools(&self) -> BTreeMap<String, PoolStanding> {
        self.pools.iter().map(|pool| (pool.name.clone(), pool.standing())).collect()
    }

    fn usage(&self) -> Metered {
        let mut used: Metered = self.pools.iter().flat_map(|pool| of_members(pool)).collect();
        let stood = hours(Timestamp::now().duration_since(self.since).as_secs_f64());
        match self.front {
            Front::LoadBalancer => {
                let addresses = Decimal::from(LOAD_BALANCER_ZONES);
                used.push((Dimension::LoadBalancerHour, stood));
                used.push((Dimension::LoadBalancerCapacityHour, self.capacity().read()));
                used.push((Dimension::PublicIpv4Hour, stood * addresses));
            }
            Front::Balancer => used.extend(of_instance(
                &instance_defaults().balancer.kind,
                &instance_defaults().instance_disk,
                stood,
            )),
            _ => {}
        }
        used.extend(self.setting.files.iter().flat_map(FileStore::usage));
        let crossed = *self.crossed.lock().expect("no panic while held");
        used.extend(traffic(self.setting.config.wanted.spec.settings.caller, crossed));
        used
    }

    async fn arrange(&self, condition: &Condition) -> Result<(), ConditionError> {
        match condition {
            Condition::Cold => {
                for pool in &self.pools {
                    pool.make_cold().await;
                }
                Ok(())
            }
            Condition::Faulty(plan) => match (&self.setting.files, &self.setting.stores) {
                (Some(files), _) => Ok(files.set_faults(*plan)?),
                (None, Some(stores)) => stores.set_faults(*plan),
                (None, None) if *plan == FaultPlan::default() => Ok(()),
                (None, None) => Err(ConditionError::NoStore),
            },
            Condition::SpotNotice => self.pools.first().map_or(Ok(()), |pool| pool.interrupt_one()),
            Condition::CreditsSpent => self.set_credits(Credits::spent),
            Condition::CreditsFull => self.set_credits(Credits::at_launch),
        }
    }

    async fn scale(&self, members: &BTreeMap<String, u32>) {
        for pool in &self.pools {
            if let Some(&members) = members.get(&pool.name) {
                pool.scale(members);
            }
        }
    }

    async fn stop(&self) {
        for pool in &self.pools {
            pool.stop().await;
        }
    }
}

impl PoolSide {
    /// The pool that this path belongs to: the one with this first segment, or one without a route.
    fn pool_for(&self, path: &str) -> Option<&Arc<Pool>> {
        let fits = |route: &str| begins_with(path, route);
        self.pools.iter().find(|pool| pool.route.as_deref().is_none_or(fits))
    }

    fn no_route(&self) -> String {
        let routes: Vec<_> = self.pools.iter().filter_map(|pool| pool.route.as_deref()).collect();
        format!("no cluster has this path; those that have one: {}", routes.join(", "))
    }

    /// What a client is told where no member can be had.
    fn unavailable(&self) -> StatusCode {
        match self.setting.balanced {
            true => StatusCode::SERVICE_UNAVAILABLE,
            false => StatusCode::BAD_GATEWAY,
        }
    }

    async fn reach(
        &self,
        pool: &Pool,
        request: Request<Full<bytes::Bytes>>,
        peer: SocketAddr,
    ) -> Result<Reached, (StatusCode, String)> {
        let bad = |why: String| (StatusCode::BAD_GATEWAY, why);
        let Some(balance) = &pool.balance else {
            let members = pool.members();
            let (member, _) =
                members.first().ok_or_else(|| bad("no member is running".to_owned()))?;
            let forwarded = self.wire.forward(request, member.running.address).await;
            let (answered, at, bytes_out) = forwarded.map_err(|error| bad(error.to_string()))?;
            return Ok(Reached { answered, at, bytes_out, member: member.id().clone() });
        };
        // What a client of a load balancer in a region would have connected to.
        let arrival = Arrival { client: peer.ip(), port: 80, scheme: Scheme::HTTP };
        let forwarded = balance.forward(request, &arrival).await;
        let forwarded = forwarded.map_err(|refusal| (refusal.status(), refusal.to_string()))?;
        let member = EnvironmentId::from(forwarded.member.as_str());
        let (parts, body) = forwarded.response.into_parts();
        let body = body.collect().await.map_err(|error| bad(error.to_string()))?.to_bytes();
        let bytes_out = header_bytes(&parts.headers) + body.len() as u64;
        let answered = Answered::from_parts(parts, Full::new(body));
        Ok(Reached { answered, at: Instant::now(), bytes_out, member })
    }

    /// The parts of a start from nothing, for the request that caused it.
    fn describe_start(&self, pool: &Pool, id: &EnvironmentId, timing: &mut ServerTiming) {
        let Some(member) = pool.member(&id.0) else { return };
        self.setting.events.happened(id, Happening::FirstByte);
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        timing.cold = true;
        for (law, time) in pool.draw_start() {
            timing.push(law, ms(time), PartKind::Accounted);
        }
        timing.push("start", ms(member.running.start), PartKind::Measured);
        timing.push("init", ms(member.running.init), PartKind::Measured);
    }

    fn set_credits(
        &self,
        credits: fn(&'static gearshift_gear::InstanceType) -> Credits,
    ) -> Result<(), ConditionError> {
        let mut any = false;
        for pool in &self.pools {
            if let Shape::Instance(kind) = &pool.shape {
                pool.set_credits(&credits(kind));
                any = true;
            }
        }
        any.then_some(()).ok_or(ConditionError::NoCredits("task"))
    }

    fn capacity(&self) -> MutexGuard<'_, CapacityMeter> {
        self.capacity.lock().expect("no panic while held")
    }
}

/// What AWS would bill for a pool's members.
fn of_members(pool: &Pool) -> Metered {
    let ran = pool.ran();
    let stood = hours(ran.iter().map(Duration::as_secs_f64).sum());
    match &pool.shape {
        Shape::Instance(kind) => of_instance(&kind.name, &instance_defaults().instance_disk, stood),
        Shape::Task { host: Some(kind), .. } => {
            of_instance(&kind.name, &instance_defaults().ecs_disk, stood)
        }
        Shape::Task { milli_vcpu, memory_mb, spot, host: None } => {
            let billed_s: u64 = ran.into_iter().map(billed_seconds).sum();
            let billed = hours(billed_s as f64);
            let vcpu = Decimal::new((*milli_vcpu).into(), 3);
            let gb = Decimal::from(*memory_mb) / Decimal::from(MB_PER_GB);
            let (vcpu_hour, gb_hour) = Dimension::of_task(*spot);
            let address = (Dimension::PublicIpv4Hour, stood);
            vec![(vcpu_hour, billed * vcpu), (gb_hour, billed * gb), address]
        }
    }
}

/// An instance with its disk and its public address, for these hours.
fn of_instance(kind: &str, disk: &DiskDefault, stood: Decimal) -> Metered {
    let disk = Decimal::from(disk.gb);
    vec![
        (Dimension::InstanceHour(kind.to_owned()), stood),
        (Dimension::VolumeGbMonth, stood / Decimal::from(HOURS_PER_MONTH) * disk),
        (Dimension::PublicIpv4Hour, stood),
    ]
}
