//! Tasks, behind a load balancer or reached directly.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use gearshift_balance::{Arrival, Scheme};
use gearshift_deploy::{Condition, Event, Happening, State};
use gearshift_functions::{Answered, Path, Server, answer, header_bytes};
use gearshift_gear::metering::MB_PER_GB;
use gearshift_gear::{
    Caller, Count, Dimension, EnvironmentId, FaultPlan, Front, PartKind, Pool, ServerTiming,
    UsageLine,
};
use gearshift_sandbox::Host;
use gearshift_stores::{FileConfig, FileStore};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::http::HeaderValue;
use hyper::{Request, StatusCode};
use jiff::Timestamp;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;

use crate::control::Told;
use crate::place::PlaneConfig;
use crate::plane::capacity::CapacityMeter;
use crate::plane::file_times::FileTimes;
use crate::plane::function_row::{gigabytes, usage_lines, words};
use crate::plane::row::{front_path, laws, port_refused};
use crate::plane::scheduler::{Phase, Scheduler, Setting};
use crate::plane::starts;
use crate::plane::task::{Shape, counts_in_a_file};
use crate::plane::wire::{Crossed, Wire};

pub(super) struct TaskRow {
    desk: Arc<Desk>,
    server: Server,
}

struct Desk {
    scheduler: Arc<Scheduler>,
    path: Path,
    wire: Wire,
    since: Timestamp,
    draws: Mutex<StdRng>,
    crossed: Mutex<Crossed>,
    capacity: Mutex<CapacityMeter>,
}

impl TaskRow {
    pub(super) async fn start(config: &PlaneConfig, pool: &Pool) -> Result<Self, String> {
        let laws = laws(config)?;
        let path = front_path(config, &laws)?;
        let seed = config.wanted.settings.seed;
        let times = Arc::new(FileTimes::default());
        let files = match counts_in_a_file(config) {
            true => {
                let hooked = times.clone();
                let hook = Arc::new(move |call| hooked.record(call));
                let laws = Arc::new(laws.clone());
                let files = FileConfig { seed: seed.wrapping_add(3), laws, hook: Some(hook) };
                Some(FileStore::start(files).map_err(words)?)
            }
            false => None,
        };
        let setting = Setting {
            config: config.clone(),
            host: Host::detect(),
            shape: Shape::of(&pool.compute)?,
            files,
            laws,
        };
        let count = match pool.count {
            Count::PerRequest => 1,
            Count::Fixed(count) | Count::Range(count, _) => count,
        };
        let balanced = config.wanted.row.gear().front == Front::LoadBalancer;
        let draws = StdRng::seed_from_u64(seed.wrapping_add(4));
        let scheduler = Scheduler::start(setting, count, balanced, times, draws).await?;
        let desk = Arc::new(Desk {
            scheduler,
            path,
            wire: Wire::new(),
            since: Timestamp::now(),
            draws: Mutex::new(StdRng::seed_from_u64(seed)),
            crossed: Mutex::default(),
            capacity: Mutex::default(),
        });
        let serving = desk.clone();
        let server = Server::start(config.wanted.settings.port, move |request, peer| {
            let desk = serving.clone();
            async move { desk.answer(request, peer).await }
        });
        Ok(Self { desk, server: server.await.map_err(|error| port_refused(config, &error))? })
    }

    pub(super) fn state(&self) -> Told {
        let state = match self.desk.scheduler.phase() {
            Phase::Failed(why) => State::Broken { why },
            Phase::Cold | Phase::Waking | Phase::Running => State::Ready,
        };
        let tasks = self.desk.scheduler.tasks().into_iter();
        Told::State {
            state,
            url: Some(format!("http://{}", self.server.address())),
            endpoints: BTreeMap::new(),
            credentials: None,
            members: tasks.map(|(task, state)| task.running.member(state)).collect(),
        }
    }

    pub(super) fn usage(&self) -> Vec<UsageLine> {
        usage_lines(self.desk.since, self.desk.usage())
    }

    pub(super) fn events(&self, since: usize) -> Vec<Event> {
        self.desk.scheduler.diary.since(since)
    }

    pub(super) async fn arrange(&self, condition: &Condition) -> Result<(), String> {
        let scheduler = &self.desk.scheduler;
        match condition {
            Condition::Cold => {
                scheduler.make_cold().await;
                Ok(())
            }
            Condition::Faulty(plan) => match &scheduler.setting.files {
                Some(files) => files.set_faults(*plan).map_err(words),
                None if *plan == FaultPlan::default() => Ok(()),
                None => Err("this row has no store that could fail".to_owned()),
            },
            Condition::SpotNotice => scheduler.interrupt_one(),
            Condition::CreditsSpent | Condition::CreditsFull => {
                Err("a task has no burst credits".to_owned())
            }
        }
    }

    pub(super) async fn stop(&self) {
        self.desk.scheduler.stop().await;
    }
}

/// What came back from a task.
struct Reached {
    answered: Answered,
    at: Instant,
    bytes_out: u64,
    task: EnvironmentId,
}

impl Desk {
    async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Answered {
        let asked = Instant::now();
        self.capacity().connected(peer);
        let mut waits = {
            let mut draws = self.draws.lock().expect("no panic while held");
            self.path.draw(&self.scheduler.setting.laws, asked, &mut *draws)
        };
        let limit = self.scheduler.setting.config.wanted.row.gear().limits.payload_bytes;
        let received = Wire::receive(request, usize::try_from(limit).unwrap_or(usize::MAX)).await;
        let Ok((request, bytes_in)) = received else {
            return refused(StatusCode::PAYLOAD_TOO_LARGE, "the request body could not be read");
        };
        waits.inbound().await;
        let mut timing = ServerTiming::default();
        let cold = match self.scheduler.wake().await {
            Ok(cold) => cold,
            Err(why) => return refused(StatusCode::SERVICE_UNAVAILABLE, &why),
        };
        let sent = Instant::now();
        let mut reached = match self.reach(request, peer).await {
            Ok(reached) => reached,
            Err((status, why)) => return refused(status, &why),
        };
        if cold {
            self.describe_start(&reached.task, &mut timing);
        }
        waits.outbound(reached.at).await;
        waits.describe(&mut timing);
        timing.parts.extend(self.scheduler.times.between(&reached.task.0, sent, reached.at));
        timing.environment = Some(reached.task);
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

    async fn reach(
        &self,
        request: Request<Full<bytes::Bytes>>,
        peer: SocketAddr,
    ) -> Result<Reached, (StatusCode, String)> {
        let bad = |why: String| (StatusCode::BAD_GATEWAY, why);
        let Some(pool) = &self.scheduler.pool else {
            let tasks = self.scheduler.tasks();
            let (task, _) = tasks.first().ok_or_else(|| bad("no task is running".to_owned()))?;
            let forwarded = self.wire.forward(request, task.running.address).await;
            let (answered, at, bytes_out) = forwarded.map_err(bad)?;
            return Ok(Reached { answered, at, bytes_out, task: task.id().clone() });
        };
        // What a client of a load balancer in a region would have connected to.
        let arrival = Arrival { client: peer.ip(), port: 80, scheme: Scheme::HTTP };
        let forwarded = pool.forward(request, &arrival).await;
        let forwarded = forwarded.map_err(|refusal| (refusal.status(), refusal.to_string()))?;
        let task = EnvironmentId::from(forwarded.member.as_str());
        let (parts, body) = forwarded.response.into_parts();
        let body = body.collect().await.map_err(|error| bad(error.to_string()))?.to_bytes();
        let bytes_out = header_bytes(&parts.headers) + body.len() as u64;
        let answered = Answered::from_parts(parts, Full::new(body));
        Ok(Reached { answered, at: Instant::now(), bytes_out, task })
    }

    /// The parts of a start from nothing, for the request that caused it.
    fn describe_start(&self, id: &EnvironmentId, timing: &mut ServerTiming) {
        let Some(task) = self.scheduler.task(&id.0) else { return };
        self.scheduler.diary.happened(id, Happening::FirstByte);
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        let Setting { config, shape, laws, .. } = &self.scheduler.setting;
        let drawn = {
            let mut draws = self.draws.lock().expect("no panic while held");
            starts::draw(laws, shape, self.scheduler.pool.is_some(), config, &mut *draws)
        };
        timing.cold = true;
        for (law, time) in drawn {
            timing.push(law, ms(time), PartKind::Accounted);
        }
        timing.push("start", ms(task.running.start), PartKind::Measured);
        timing.push("init", ms(task.running.init), PartKind::Measured);
    }

    fn capacity(&self) -> MutexGuard<'_, CapacityMeter> {
        self.capacity.lock().expect("no panic while held")
    }

    fn usage(&self) -> Vec<(Dimension, Decimal)> {
        let Setting { config, shape, files, .. } = &self.scheduler.setting;
        let hours = |seconds: f64| Decimal::from_f64(seconds / 3600.0).unwrap_or_default();
        let stood = hours(Timestamp::now().duration_since(self.since).as_secs_f64());
        let months = stood / Decimal::from(gearshift_gear::HOURS_PER_MONTH);
        let crossed = *self.crossed.lock().expect("no panic while held");
        let mut addresses = Decimal::ONE;
        let mut used = Vec::new();
        match &shape.host {
            Some(kind) => {
                used.push((Dimension::InstanceHour(kind.name.to_owned()), stood));
                let disk = Decimal::from(gearshift_gear::ECS_ROOT_VOLUME_GB);
                used.push((Dimension::VolumeGbMonth, months * disk));
            }
            None => {
                let billed = hours(self.scheduler.billed_s() as f64);
                let vcpu = Decimal::new(shape.milli_vcpu.into(), 3);
                let gb = Decimal::from(shape.memory_mb) / Decimal::from(MB_PER_GB);
                let (vcpu_hour, gb_hour) = Dimension::of_task(shape.spot);
                used.extend([(vcpu_hour, billed * vcpu), (gb_hour, billed * gb)]);
            }
        }
        if self.scheduler.pool.is_some() {
            used.push((Dimension::LoadBalancerHour, stood));
            used.push((Dimension::LoadBalancerCapacityHour, self.capacity().read()));
            addresses += Decimal::from(gearshift_gear::LOAD_BALANCER_ZONES);
        }
        used.push((Dimension::PublicIpv4Hour, stood * addresses));
        used.extend(files.iter().flat_map(FileStore::usage));
        match config.wanted.settings.caller {
            Caller::SameSubnet => {}
            Caller::Region => {
                let both_ways = gigabytes(crossed.bytes_in + crossed.bytes_out);
                used.push((Dimension::CrossAzGb, both_ways));
            }
            Caller::Home => {
                used.push((Dimension::InternetEgressGb, gigabytes(crossed.bytes_out)));
            }
        }
        used
    }
}

fn refused(status: StatusCode, why: &str) -> Answered {
    answer(status, "text/plain", format!("{why}\n"))
}
