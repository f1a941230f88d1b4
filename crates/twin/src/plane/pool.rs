//! Keeps as many members as a pool is told to have, as ECS's service scheduler and EC2's Auto Scaling
//! do: starts them, has the load balancer know them, replaces what ends, and drains a member before it
//! goes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use gearshift_balance as balance;
use gearshift_balance::{HealthCheck, MemberId, PoolConfig};
use gearshift_deploy::{Happening, MemberState, PoolStanding};
use gearshift_gear::{EnvironmentId, Program};
use gearshift_laws::Laws;
use gearshift_sandbox::Host;
use gearshift_stores::FileStore;
use rand::rngs::StdRng;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::place::PlaneConfig;
use crate::plane::credits::Credits;
use crate::plane::events::EventLog;
use crate::plane::member::{Making, Member, Shape, name_of};
use crate::plane::on_this_clock;
use crate::plane::starts;
use crate::plane::store_times::StoreTimes;
use crate::plane::stores::Stores;

/// Between a Spot interruption's notice and SIGKILL, on AWS's clock. Source:
/// repost.aws/knowledge-center/fargate-spot-termination-notice.
const NOTICE: Duration = Duration::from_secs(120);
/// How long requests in flight may go on when a member leaves. AWS's default of 300 s is longer than
/// a Spot notice; the page above asks for less than its 120 s.
const DEREGISTRATION: Duration = Duration::from_secs(90);
/// Between health checks, on AWS's clock; its other defaults are those of [`HealthCheck`].
const HEALTH_INTERVAL: Duration = Duration::from_secs(30);
/// Between SIGTERM and SIGKILL when a member is taken away; ECS's own 30 s a twin's user waits for.
const GRACE: Duration = Duration::from_secs(5);
/// Before a member that did not start is tried again, on AWS's clock. Assumed.
const TRY_AGAIN: Duration = Duration::from_secs(30);
/// How often credits are booked.
const TICK: Duration = Duration::from_millis(500);

/// What the members of a side are made with.
pub(super) struct Setting {
    pub(super) config: PlaneConfig,
    pub(super) host: Host,
    pub(super) program: Program,
    pub(super) files: Option<FileStore>,
    /// The stores that the row's sides share.
    pub(super) stores: Option<Arc<Stores>>,
    pub(super) laws: Arc<Laws>,
    /// Whether something before the members checks them and chooses among them.
    pub(super) balanced: bool,
    pub(super) events: Arc<EventLog>,
    pub(super) times: Arc<StoreTimes>,
    /// Numbers of members, so that no name returns in a row.
    pub(super) numbers: AtomicU64,
}

impl Setting {
    fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// One pool.
pub(super) struct Pool {
    pub(super) setting: Arc<Setting>,
    pub(super) name: String,
    pub(super) shape: Shape,
    /// The path prefix it serves; none: all.
    pub(super) route: Option<String>,
    /// None: requests reach the only member directly.
    pub(super) balance: Option<Arc<balance::Pool>>,
    /// The list that `balance` follows.
    registered: watch::Sender<Vec<balance::Member>>,
    phase: watch::Sender<Phase>,
    /// One for each member that there shall be; cancelled, its member drains and goes.
    keepers: Mutex<Vec<CancellationToken>>,
    seats: Mutex<BTreeMap<u64, Seat>>,
    draws: Mutex<StdRng>,
    lives: Mutex<Lives>,
    work: Mutex<JoinSet<()>>,
}

/// Whether members are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// No member is left, and none starts until somebody asks.
    Cold,
    /// The first members start; requests wait for them.
    Waking,
    Running,
    /// None could be started, or the only one has ended and nothing replaces it.
    Failed(String),
}

struct Seat {
    member: Arc<Member>,
    leaving: bool,
    notice: Arc<Notify>,
}

/// When members were begun and ended: what AWS bills.
#[derive(Default)]
struct Lives {
    begun: u64,
    running: BTreeMap<u64, Instant>,
    ended: Vec<Duration>,
}

/// How a pool's members start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// At once: what AWS would need is told to the first request, not waited for.
    AtOnce,
    /// After what AWS needs, on the scaled clock.
    OnTheClock,
}

impl Pool {
    /// Starts `count` members; [`Pool::awake`] waits until one of them answers.
    ///
    /// # Errors
    /// Where nothing runs this kind of compute here.
    pub(super) fn start(
        setting: Arc<Setting>,
        of: &gearshift_gear::Pool,
        count: u32,
        how: Start,
        draws: StdRng,
    ) -> Result<Arc<Self>, String> {
        let registered = watch::Sender::new(Vec::new());
        let interval = on_this_clock(&setting.config, HEALTH_INTERVAL);
        let config = PoolConfig {
            health: HealthCheck {
                path: setting.program.health().to_owned(),
                interval,
                // As wide as a target group's matcher can be set.
                statuses: 200..=399,
                ..HealthCheck::default()
            },
            deregistration_delay: DEREGISTRATION,
            ..PoolConfig::default()
        };
        let pool = Arc::new(Self {
            balance: setting.balanced.then(|| balance::Pool::new(&registered, config)),
            setting,
            name: of.name().to_owned(),
            shape: Shape::of(&of.compute)?,
            route: of.route.clone(),
            registered,
            phase: watch::Sender::new(Phase::Waking),
            keepers: Mutex::default(),
            seats: Mutex::default(),
            draws: Mutex::new(draws),
            lives: Mutex::default(),
            work: Mutex::default(),
        });
        pool.keep(count, how);
        if matches!(pool.shape, Shape::Instance(_)) {
            let booking = pool.clone();
            pool.spawn(async move { booking.book().await });
        }
        Ok(pool)
    }

    /// Has so many members from now on. Those that stay are not touched; those that go, the newest
    /// first, drain before.
    pub(super) fn scale(self: &Arc<Self>, members: u32) {
        self.keep(members, Start::OnTheClock);
    }

    fn keep(self: &Arc<Self>, members: u32, how: Start) {
        let mut keepers = self.keepers.lock().expect("no panic while held");
        while keepers.len() > members as usize {
            keepers.pop().expect("it is not empty").cancel();
        }
        while keepers.len() < members as usize {
            let (keeper, leave) = (self.clone(), CancellationToken::new());
            keepers.push(leave.clone());
            self.spawn(async move { keeper.keep_one(&leave, how).await });
        }
    }

    /// How many members it was told to have.
    pub(super) fn wanted(&self) -> u32 {
        self.keepers.lock().expect("no panic while held").len() as u32
    }

    /// Whether requests may be sent on; in a cold moment after members have started for them. True
    /// for the request that made them start.
    pub(super) async fn wake(&self) -> Result<bool, String> {
        let began_it = self.phase.send_if_modified(|phase| {
            let cold = *phase == Phase::Cold;
            if cold {
                *phase = Phase::Waking;
            }
            cold
        });
        self.awake().await.map(|()| began_it)
    }

    /// Returns as soon as a member takes requests.
    ///
    /// # Errors
    /// Why none does.
    pub(super) async fn awake(&self) -> Result<(), String> {
        let mut phase = self.phase.subscribe();
        let awake = phase.wait_for(|phase| !matches!(phase, Phase::Waking)).await;
        match awake.as_deref() {
            Ok(Phase::Failed(why)) => Err(why.clone()),
            Ok(_) => Ok(()),
            Err(_) => Err("the row has ended".to_owned()),
        }
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase.borrow().clone()
    }

    /// It as it stands.
    pub(super) fn standing(&self) -> PoolStanding {
        let members = self.members().into_iter();
        let members = members.map(|(member, state)| member.running.member(state)).collect();
        let cold = self.phase() == Phase::Cold;
        PoolStanding { wanted: Some(self.wanted()), cold, members }
    }

    /// Every member that runs, oldest first.
    pub(super) fn members(&self) -> Vec<(Arc<Member>, MemberState)> {
        let checked = self.balance.as_ref().map(|balance| balance.states()).unwrap_or_default();
        let state = |seat: &Seat| match seat.leaving {
            true => MemberState::Draining,
            false => self.state_of(seat.member.id(), &checked),
        };
        let seats = self.seats();
        seats.values().map(|seat| (seat.member.clone(), state(seat))).collect()
    }

    fn state_of(&self, id: &EnvironmentId, checked: &[balance::MemberStatus]) -> MemberState {
        if self.balance.is_none() {
            return MemberState::Idle;
        }
        let found = checked.iter().rev().find(|status| status.member.id.as_str() == id.0);
        match found.map(|status| (&status.state, status.in_flight)) {
            Some((balance::State::Healthy, 0)) => MemberState::Idle,
            Some((balance::State::Healthy, _)) => MemberState::Busy,
            Some((balance::State::Draining, _)) => MemberState::Draining,
            _ => MemberState::Starting,
        }
    }

    pub(super) fn member(&self, id: &str) -> Option<Arc<Member>> {
        let seats = self.seats();
        seats.values().map(|seat| &seat.member).find(|member| member.id().0 == id).cloned()
    }

    /// How long each member has run, those that ended included.
    pub(super) fn ran(&self) -> Vec<Duration> {
        let lives = self.lives.lock().expect("no panic while held");
        let running = lives.running.values().map(Instant::elapsed);
        lives.ended.iter().copied().chain(running).collect()
    }

    /// Stops every member; the next request starts new ones.
    pub(super) async fn make_cold(&self) {
        self.phase.send_replace(Phase::Cold);
        while !self.seats().is_empty() {
            let mut registered = self.registered.subscribe();
            // Each keeper stops its own and takes it off the list last.
            let _ = tokio::time::timeout(Duration::from_millis(5), registered.changed()).await;
        }
    }

    /// Every instance has this credit account from now on.
    pub(super) fn set_credits(&self, credits: &Credits) {
        for seat in self.seats().values() {
            seat.member.set_credits(credits.clone(), &self.setting.config);
        }
    }

    /// The oldest member is told that it will be interrupted.
    pub(super) fn interrupt_one(&self) -> Result<(), String> {
        if !self.shape.spot() {
            return Err("it has no Spot members: nobody interrupts them".to_owned());
        }
        let mut seats = self.seats();
        let seat = seats.values_mut().find(|seat| !seat.leaving).ok_or("no member is running")?;
        seat.leaving = true;
        seat.notice.notify_one();
        Ok(())
    }

    /// Ends everything.
    pub(super) async fn stop(&self) {
        let mut work = std::mem::take(&mut *self.work.lock().expect("no panic while held"));
        work.shutdown().await;
        self.registered.send_replace(Vec::new());
        let seats = std::mem::take(&mut *self.seats());
        let mut ending = JoinSet::new();
        for (number, seat) in seats {
            let member = seat.member;
            self.note_end(number, &member, "taken down");
            ending.spawn(async move { member.stop(GRACE).await });
        }
        ending.join_all().await;
    }

    fn seats(&self) -> MutexGuard<'_, BTreeMap<u64, Seat>> {
        self.seats.lock().expect("no panic while held")
    }

    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut all = self.work.lock().expect("no panic while held");
        all.spawn(work);
        while all.try_join_next().is_some() {}
    }

    /// One member at a time, until told to leave.
    async fn keep_one(self: Arc<Self>, leave: &CancellationToken, how: Start) {
        let mut phase = self.phase.subscribe();
        let mut at_once = how == Start::AtOnce;
        loop {
            let Some((number, member)) = leave.run_until_cancelled(self.next(at_once)).await else {
                return;
            };
            let notice = self.seat(number, &member);
            match self.watch_over(number, &member, &notice, &mut phase, leave).await {
                After::Next { cold } => at_once = cold,
                After::Leave => return,
            }
        }
    }

    /// The next member, as soon as one is wanted and has started.
    async fn next(&self, at_once: bool) -> (u64, Arc<Member>) {
        let mut phase = self.phase.subscribe();
        loop {
            let wanted = |phase: &Phase| matches!(phase, Phase::Waking | Phase::Running);
            if phase.wait_for(wanted).await.is_err() {
                // The row has ended, and this with it.
                std::future::pending::<()>().await;
            }
            if !at_once {
                self.wait_for_capacity().await;
            }
            match self.begin().await {
                Ok(begun) => return begun,
                Err(why) => {
                    self.phase.send_if_modified(|phase| {
                        let waking = *phase == Phase::Waking;
                        if waking {
                            *phase = Phase::Failed(why);
                        }
                        waking
                    });
                    tokio::time::sleep(on_this_clock(&self.setting.config, TRY_AGAIN)).await;
                    if !at_once {
                        self.try_again();
                    }
                }
            }
        }
    }

    /// A row's first members, and those after a cold moment, are not tried again: whoever waits for
    /// them is told why they do not start.
    fn try_again(&self) {
        self.phase.send_if_modified(|phase| {
            let failed = matches!(phase, Phase::Failed(_));
            if failed {
                *phase = Phase::Waking;
            }
            failed
        });
    }

    /// Until this member ends or is to go.
    async fn watch_over(
        self: &Arc<Self>,
        number: u64,
        member: &Arc<Member>,
        notice: &Notify,
        phase: &mut watch::Receiver<Phase>,
        leave: &CancellationToken,
    ) -> After {
        tokio::select! {
            how = member.running.ended() => {
                self.deregister(member.id());
                self.unseat(number, member, &how);
                if self.is_irreplaceable() {
                    let why = "the instance's service has ended".to_owned();
                    self.phase.send_replace(Phase::Failed(why));
                }
                After::Next { cold: self.is_irreplaceable() }
            }
            () = notice.notified() => {
                let (leaving, member) = (self.clone(), member.clone());
                self.spawn(async move { leaving.interrupt(number, &member).await });
                After::Next { cold: false }
            }
            () = leave.cancelled() => {
                self.drain(number, member, "scaled down", DEREGISTRATION).await;
                After::Leave
            }
            true = async { phase.wait_for(|phase| *phase == Phase::Cold).await.is_ok() } => {
                member.stop(GRACE).await;
                self.unseat(number, member, "replaced");
                self.deregister(member.id());
                After::Next { cold: true }
            }
        }
    }

    /// An instance that is reached directly: whoever ends its service has to start it again.
    fn is_irreplaceable(&self) -> bool {
        !self.setting.balanced && matches!(self.shape, Shape::Instance(_))
    }

    async fn begin(&self) -> Result<(u64, Arc<Member>), String> {
        let number = {
            let mut lives = self.lives.lock().expect("no panic while held");
            lives.begun += 1;
            lives.begun
        };
        let id = name_of(&self.setting.config, &self.shape, self.setting.next_number());
        let Setting { config, host, program, files, stores, .. } = &*self.setting;
        let making = Making {
            config,
            host,
            program,
            shape: &self.shape,
            files: files.as_ref(),
            variables: stores.as_ref().map(|stores| stores.for_member(&id)).unwrap_or_default(),
        };
        let member = Member::start(making, id).await?;
        self.lives.lock().expect("no panic while held").running.insert(number, Instant::now());
        Ok((number, Arc::new(member)))
    }

    /// Takes the member in and registers it; whoever waits is told once it is healthy.
    fn seat(self: &Arc<Self>, number: u64, member: &Arc<Member>) -> Arc<Notify> {
        for what in [Happening::Placed, Happening::Started, Happening::Listening] {
            self.setting.events.happened(member.id(), what);
        }
        let notice = Arc::new(Notify::new());
        let seat = Seat { member: member.clone(), leaving: false, notice: notice.clone() };
        self.seats().insert(number, seat);
        let id = MemberId::from(member.id().0.as_str());
        let registered = balance::Member { id, address: member.running.address };
        self.registered.send_modify(|members| members.push(registered));
        let ready = self.clone();
        self.spawn(async move {
            if let Some(balance) = &ready.balance {
                balance.healthy().await;
            }
            ready.phase.send_if_modified(|phase| {
                let woken = matches!(phase, Phase::Waking | Phase::Failed(_));
                if woken {
                    *phase = Phase::Running;
                }
                woken
            });
        });
        notice
    }

    /// At the end of the notice it is killed, whatever it still has. On AWS it takes a rule of one's
    /// own to deregister it at the notice.
    async fn interrupt(&self, number: u64, member: &Member) {
        self.setting.events.happened(member.id(), Happening::Notice);
        let notice = on_this_clock(&self.setting.config, NOTICE);
        self.drain(number, member, "Spot interruption", notice).await;
    }

    /// Takes it off the list first, so that nobody asks it when SIGTERM reaches it, waits for its
    /// requests in flight and ends it; all within this time.
    async fn drain(&self, number: u64, member: &Member, why: &str, within: Duration) {
        let kill_at = Instant::now() + within;
        if let Some(seat) = self.seats().get_mut(&number) {
            seat.leaving = true;
        }
        self.deregister(member.id());
        if let Some(balance) = &self.balance {
            let id = MemberId::from(member.id().0.as_str());
            let _ = tokio::time::timeout_at(kill_at.into(), balance.gone(&id)).await;
        }
        member.stop(kill_at.saturating_duration_since(Instant::now())).await;
        self.unseat(number, member, why);
    }

    fn deregister(&self, id: &EnvironmentId) {
        self.registered.send_modify(|members| members.retain(|member| member.id.as_str() != id.0));
    }

    fn unseat(&self, number: u64, member: &Member, why: &str) {
        if self.seats().remove(&number).is_some() {
            self.note_end(number, member, why);
        }
    }

    fn note_end(&self, number: u64, member: &Member, why: &str) {
        self.setting.times.forget(&member.id().0);
        if let Some(stores) = &self.setting.stores {
            stores.forget(member.id());
        }
        self.setting.events.happened(member.id(), Happening::Stopped { why: why.to_owned() });
        let mut lives = self.lives.lock().expect("no panic while held");
        if let Some(since) = lives.running.remove(&number) {
            lives.ended.push(since.elapsed());
        }
    }

    /// What AWS needs until a member takes requests, drawn once.
    pub(super) fn draw_start(&self) -> Vec<(&'static str, Duration)> {
        let Setting { config, program, laws, balanced, .. } = &*self.setting;
        let mut draws = self.draws.lock().expect("no panic while held");
        starts::draw(laws, &self.shape, *balanced, config, program, &mut *draws)
    }

    /// That, on the scaled clock.
    async fn wait_for_capacity(&self) {
        let total: Duration = self.draw_start().iter().map(|(_, time)| *time).sum();
        tokio::time::sleep(on_this_clock(&self.setting.config, total)).await;
    }

    /// Books the instances' credits for as long as the row stands.
    async fn book(&self) {
        let mut last = Instant::now();
        loop {
            tokio::time::sleep(TICK).await;
            let passed = last.elapsed();
            last = Instant::now();
            for seat in self.seats().values() {
                seat.member.book(passed, &self.setting.config);
            }
        }
    }
}

/// What a keeper does after a member.
enum After {
    /// It starts the next one; in a cold moment without waiting for capacity.
    Next {
        cold: bool,
    },
    Leave,
}
