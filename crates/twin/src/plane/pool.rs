//! Keeps as many members as a pool is told to have, as ECS's service scheduler and EC2's Auto Scaling
//! do: starts them, has the load balancer know them, replaces what ends, and drains a member before it
//! goes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use gearshift_balance as balance;
use gearshift_balance::{HealthCheck, PoolConfig};
use gearshift_deploy::{MemberState, PoolStanding};
use gearshift_gear::EnvironmentId;
use rand::rngs::StdRng;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::plane::credits::Credits;
use crate::plane::error::{ConditionError, StartError};
use crate::plane::keeper::DEREGISTRATION;
use crate::plane::lives::Lives;
use crate::plane::member::{Member, Shape};
use crate::plane::on_this_clock;
use crate::plane::setting::Setting;

/// Between health checks, on AWS's clock; its other defaults are those of [`HealthCheck`].
const HEALTH_INTERVAL: Duration = Duration::from_secs(30);
/// Between SIGTERM and SIGKILL when a member is taken away; ECS's own 30 s a twin's user waits for.
pub(super) const GRACE: Duration = Duration::from_secs(5);
/// How often credits are booked.
const TICK: Duration = Duration::from_millis(500);

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
    pub(super) registered: watch::Sender<Vec<balance::Member>>,
    pub(super) phase: watch::Sender<Phase>,
    /// One for each member that there shall be; cancelled, its member drains and goes.
    keepers: Mutex<Vec<CancellationToken>>,
    seats: Mutex<BTreeMap<u64, PoolMember>>,
    pub(super) draws: Mutex<StdRng>,
    pub(super) lives: Lives,
    work: Mutex<JoinSet<()>>,
}

/// Whether members are wanted.
#[derive(Clone, Debug)]
pub(super) enum Phase {
    /// No member is left, and none starts until somebody asks.
    Cold,
    /// The first members start; requests wait for them.
    Waking,
    Running,
    /// None could be started, or the only one has ended and nothing replaces it.
    Failed(Arc<StartError>),
}

/// A member and what is to become of it.
pub(super) struct PoolMember {
    pub(super) member: Arc<Member>,
    pub(super) leaving: bool,
    pub(super) notice: Arc<Notify>,
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
    ) -> Result<Arc<Self>, StartError> {
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
            lives: Lives::default(),
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
    pub(super) async fn wake(&self) -> Result<bool, StartError> {
        let began_it = self.phase.send_if_modified(|phase| {
            let cold = matches!(phase, Phase::Cold);
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
    pub(super) async fn awake(&self) -> Result<(), StartError> {
        let mut phase = self.phase.subscribe();
        let awake = phase.wait_for(|phase| !matches!(phase, Phase::Waking)).await;
        match awake.as_deref() {
            Ok(Phase::Failed(why)) => Err(StartError::OfMember(why.clone())),
            Ok(_) => Ok(()),
            Err(_) => Err(StartError::RowEnded),
        }
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase.borrow().clone()
    }

    /// It as it stands.
    pub(super) fn standing(&self) -> PoolStanding {
        let members = self.members().into_iter();
        let members = members.map(|(member, state)| member.running.member(state)).collect();
        let cold = matches!(self.phase(), Phase::Cold);
        PoolStanding { wanted: Some(self.wanted()), cold, members }
    }

    /// Every member that runs, oldest first.
    pub(super) fn members(&self) -> Vec<(Arc<Member>, MemberState)> {
        let checked = self.balance.as_ref().map(|balance| balance.states()).unwrap_or_default();
        let state = |seat: &PoolMember| match seat.leaving {
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
        self.lives.ran()
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
    pub(super) fn interrupt_one(&self) -> Result<(), ConditionError> {
        if !self.shape.spot() {
            return Err(ConditionError::NotSpot);
        }
        let mut seats = self.seats();
        let seat = seats.values_mut().find(|seat| !seat.leaving).ok_or(ConditionError::NoMember)?;
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

    pub(super) fn seats(&self) -> MutexGuard<'_, BTreeMap<u64, PoolMember>> {
        self.seats.lock().expect("no panic while held")
    }

    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut all = self.work.lock().expect("no panic while held");
        all.spawn(work);
        while all.try_join_next().is_some() {}
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
