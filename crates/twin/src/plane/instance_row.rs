//! An instance reached directly.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gearshift_deploy::{Condition, Event, Happening, MemberState, State};
use gearshift_functions::{Answered, Path, Server, answer};
use gearshift_gear::{
    Caller, Dimension, EnvironmentId, HOURS_PER_MONTH, InstanceType, PartKind, ROOT_VOLUME_GB,
    ServerTiming, UsageLine, instance_type,
};
use gearshift_laws::Laws;
use gearshift_sandbox::{Host, Limits};
use hyper::body::Incoming;
use hyper::http::HeaderValue;
use hyper::{Request, StatusCode};
use jiff::Timestamp;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;
use tokio::task::AbortHandle;

use crate::control::Told;
use crate::place::PlaneConfig;
use crate::plane::credits::Credits;
use crate::plane::diary::Diary;
use crate::plane::function_row::{gigabytes, usage_lines, words};
use crate::plane::row::{front_path, laws, port_refused};
use crate::plane::running::Running;
use crate::plane::wire::{Crossed, Wire};
use crate::shares::instance_quota;

/// How often credits are booked.
const TICK: Duration = Duration::from_millis(500);
/// Between SIGTERM and SIGKILL; systemd's own default is longer, a twin's user waits for it.
const GRACE: Duration = Duration::from_secs(5);
pub(super) struct InstanceRow {
    desk: Arc<Desk>,
    server: Server,
    bookkeeper: AbortHandle,
}

struct Desk {
    config: PlaneConfig,
    kind: InstanceType,
    host: Host,
    cores: Vec<usize>,
    laws: Laws,
    path: Path,
    wire: Wire,
    since: Timestamp,
    draws: Mutex<StdRng>,
    crossed: Mutex<Crossed>,
    credits: Mutex<Credits>,
    diary: Diary,
    /// Taken while one starts, so that requests of a cold moment wait for the same instance.
    instance: tokio::sync::Mutex<Slot>,
}

#[derive(Default)]
struct Slot {
    running: Option<Arc<Running>>,
    started: u64,
    /// Set by the request that found none running and none gone: it may start one.
    cold: bool,
}

impl InstanceRow {
    pub(super) async fn start(config: &PlaneConfig, kind: &str) -> Result<Self, String> {
        let laws = laws(config)?;
        let path = front_path(config, &laws)?;
        let kind = instance_type(kind).ok_or_else(|| format!("{kind} is not known here"))?;
        let desk = Arc::new(Desk {
            config: config.clone(),
            kind,
            host: Host::detect(),
            cores: config.service_cores.clone(),
            laws,
            path,
            wire: Wire::new(),
            since: Timestamp::now(),
            draws: Mutex::new(StdRng::seed_from_u64(config.wanted.settings.seed)),
            crossed: Mutex::default(),
            credits: Mutex::new(Credits::at_launch(kind)),
            diary: Diary::of(&config.wanted.row.name),
            instance: tokio::sync::Mutex::new(Slot { cold: true, ..Slot::default() }),
        });
        desk.instance().await?;
        let serving = desk.clone();
        let server = Server::start(config.wanted.settings.port, move |request, _| {
            let desk = serving.clone();
            async move { desk.answer(request).await }
        })
        .await
        .map_err(|error| port_refused(config, &error))?;
        let booking = desk.clone();
        let bookkeeper = tokio::spawn(async move { booking.book().await }).abort_handle();
        Ok(Self { desk, server, bookkeeper })
    }

    pub(super) async fn state(&self) -> Told {
        let slot = self.desk.instance.lock().await;
        let alive = match &slot.running {
            Some(instance) => instance.alive(),
            None => slot.cold,
        };
        let state = match alive {
            true => State::Ready,
            false => State::Broken { why: "the instance's service has ended".to_owned() },
        };
        let members = slot.running.iter().filter(|_| alive);
        Told::State {
            state,
            url: Some(format!("http://{}", self.server.address())),
            endpoints: BTreeMap::new(),
            credentials: None,
            members: members.map(|instance| instance.member(MemberState::Idle)).collect(),
        }
    }

    pub(super) fn usage(&self) -> Vec<UsageLine> {
        let desk = &self.desk;
        let seconds = Timestamp::now().duration_since(desk.since).as_secs_f64();
        let hours = Decimal::from_f64(seconds / 3600.0).unwrap_or_default();
        let months = hours / Decimal::from(HOURS_PER_MONTH);
        let kind = desk.config.wanted.row.instance_type().unwrap_or_default().to_owned();
        let crossed = *desk.crossed.lock().expect("no panic while held");
        let mut quantities = vec![
            (Dimension::InstanceHour(kind), hours),
            (Dimension::VolumeGbMonth, months * Decimal::from(ROOT_VOLUME_GB)),
            (Dimension::PublicIpv4Hour, hours),
        ];
        match desk.config.wanted.settings.caller {
            Caller::SameSubnet => {}
            Caller::Region => {
                let both_ways = crossed.bytes_in + crossed.bytes_out;
                quantities.push((Dimension::CrossAzGb, gigabytes(both_ways)));
            }
            Caller::Home => {
                quantities.push((Dimension::InternetEgressGb, gigabytes(crossed.bytes_out)));
            }
        }
        usage_lines(desk.since, quantities)
    }

    pub(super) fn events(&self, since: usize) -> Vec<Event> {
        self.desk.diary.since(since)
    }

    pub(super) async fn arrange(&self, condition: &Condition) -> Result<(), String> {
        let kind = self.desk.kind;
        match condition {
            Condition::Cold => self.desk.make_cold().await,
            Condition::CreditsSpent => self.desk.set_credits(Credits::spent(kind)).await,
            Condition::CreditsFull => self.desk.set_credits(Credits::at_launch(kind)).await,
            Condition::SpotNotice => {
                return Err("it is no Spot instance: nobody interrupts it".to_owned());
            }
            Condition::Faulty(_) => return Err("this row has no store that could fail".to_owned()),
        }
        Ok(())
    }

    pub(super) async fn stop(&self) {
        self.bookkeeper.abort();
        let running = self.desk.instance.lock().await.running.take();
        if let Some(instance) = running {
            instance.stop(GRACE).await;
            self.desk
                .diary
                .happened(&instance.id, Happening::Stopped { why: "taken down".to_owned() });
        }
    }
}

impl Desk {
    async fn answer(&self, request: Request<Incoming>) -> Answered {
        let asked = Instant::now();
        let mut waits = {
            let mut draws = self.draws.lock().expect("no panic while held");
            self.path.draw(&self.laws, asked, &mut *draws)
        };
        let limit = self.config.wanted.row.gear().limits.payload_bytes;
        let received = Wire::receive(request, usize::try_from(limit).unwrap_or(usize::MAX)).await;
        let Ok((request, bytes_in)) = received else {
            return gone(StatusCode::PAYLOAD_TOO_LARGE, "the request body could not be read");
        };
        waits.inbound().await;
        let (instance, mut timing) = match self.instance().await {
            Ok(found) => found,
            Err(why) => return gone(StatusCode::BAD_GATEWAY, &why),
        };
        let (mut answered, at, bytes_out) = match self.wire.forward(request, instance.address).await
        {
            Ok(forwarded) => forwarded,
            Err(why) => return gone(StatusCode::BAD_GATEWAY, &why),
        };
        if timing.cold {
            self.diary.happened(&instance.id, Happening::FirstByte);
        }
        waits.outbound(at).await;
        waits.describe(&mut timing);
        if let Ok(value) = HeaderValue::try_from(timing.format()) {
            answered.headers_mut().insert(ServerTiming::HEADER, value);
        }
        {
            let mut crossed = self.crossed.lock().expect("no panic while held");
            crossed.bytes_in += bytes_in;
            crossed.bytes_out += bytes_out;
        }
        answered
    }

    /// The running instance; in a cold moment a new one.
    async fn instance(&self) -> Result<(Arc<Running>, ServerTiming), String> {
        let mut slot = self.instance.lock().await;
        let mut timing = ServerTiming::default();
        if let Some(instance) = &slot.running {
            timing.environment = Some(instance.id.clone());
            return Ok((instance.clone(), timing));
        }
        if !slot.cold {
            return Err("the instance is gone".to_owned());
        }
        slot.started += 1;
        let vcpus = self.credits.lock().expect("no panic while held").vcpus();
        let number = slot.started;
        let (row, incarnation) = (&self.config.wanted.row.name, &self.config.incarnation);
        let id = EnvironmentId(format!("{row}.i-{incarnation}-{number}"));
        let limits = Limits {
            cpu: instance_quota(vcpus, &self.config.wanted.settings),
            memory_bytes: Some(u64::from(self.kind.memory_mb) * 1024 * 1024),
            cores: self.cores.clone(),
        };
        let instance = Running::start(&self.config, &self.host, id, &limits, &[]).await?;
        let instance = Arc::new(instance);
        slot.cold = false;
        slot.running = Some(instance.clone());
        for what in [Happening::Placed, Happening::Started, Happening::Listening] {
            self.diary.happened(&instance.id, what);
        }
        let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
        let law = self.laws.named("ec2.request_to_ssh_al2023").map_err(words)?;
        let boot = law.draw(&mut *self.draws.lock().expect("no panic while held"));
        timing.environment = Some(instance.id.clone());
        timing.cold = true;
        timing.push("ec2.request_to_ssh_al2023", ms(boot), PartKind::Accounted);
        timing.push("start", ms(instance.start), PartKind::Measured);
        timing.push("init", ms(instance.init), PartKind::Measured);
        Ok((instance, timing))
    }

    async fn make_cold(&self) {
        let mut slot = self.instance.lock().await;
        slot.cold = true;
        if let Some(instance) = slot.running.take() {
            instance.stop(GRACE).await;
            self.diary.happened(&instance.id, Happening::Stopped { why: "replaced".to_owned() });
            *self.credits.lock().expect("no panic while held") = Credits::at_launch(self.kind);
        }
    }

    async fn set_credits(&self, credits: Credits) {
        *self.credits.lock().expect("no panic while held") = credits;
        self.apply_credits().await;
    }

    async fn apply_credits(&self) {
        let vcpus = self.credits.lock().expect("no panic while held").vcpus();
        let quota = instance_quota(vcpus, &self.config.wanted.settings);
        if let Some(instance) = &self.instance.lock().await.running {
            // A sandbox that is just ending refuses; its successor gets the share at its start.
            let _ = instance.sandbox.set_cpu(quota);
        }
    }

    /// Books credits for as long as the row stands.
    async fn book(&self) {
        let mut last = (Instant::now(), EnvironmentId::from(""), 0);
        let mut applied = self.kind.vcpus;
        loop {
            tokio::time::sleep(TICK).await;
            let running = self.instance.lock().await.running.clone();
            let Some(instance) = running else { continue };
            let used_us = instance.sandbox.cpu_time().unwrap_or_default().used_us;
            let before = if last.1 == instance.id { last.2 } else { 0 };
            let passed = last.0.elapsed();
            last = (Instant::now(), instance.id.clone(), used_us);
            let used_s = used_us.saturating_sub(before) as f64 / 1e6;
            let vcpus = {
                let mut credits = self.credits.lock().expect("no panic while held");
                credits.book(used_s * self.config.wanted.settings.core_factor, passed);
                credits.vcpus()
            };
            // Rewriting an unchanged quota would hand out a fresh period's worth of CPU.
            if (vcpus - applied).abs() > 0.005 {
                applied = vcpus;
                self.apply_credits().await;
            }
        }
    }
}

fn gone(status: StatusCode, why: &str) -> Answered {
    answer(status, "text/plain", format!("{why}\n"))
}
