//! Keeps as many tasks as a row has, as ECS's service scheduler does: starts them, has the load
//! balancer know them, replaces what ends, and takes a task out before it is interrupted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gearshift_balance::{HealthCheck, Member, MemberId, Pool, PoolConfig};
use gearshift_deploy::{Happening, MemberState};
use gearshift_gear::EnvironmentId;
use gearshift_laws::Laws;
use gearshift_sandbox::Host;
use gearshift_stores::FileStore;
use rand::rngs::StdRng;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::place::PlaneConfig;
use crate::plane::diary::Diary;
use crate::plane::file_times::FileTimes;
use crate::plane::starts;
use crate::plane::task::{Shape, Task};

/// Between a Spot interruption's notice and SIGKILL, on AWS's clock. Source:
/// repost.aws/knowledge-center/fargate-spot-termination-notice.
const NOTICE: Duration = Duration::from_secs(120);
/// How long requests in flight may go on when a task leaves. AWS's default of 300 s is longer than
/// a Spot notice; the page above asks for less than its 120 s.
const DEREGISTRATION: Duration = Duration::from_secs(90);
/// Between health checks, on AWS's clock; its other defaults are those of [`HealthCheck`].
const HEALTH_INTERVAL: Duration = Duration::from_secs(30);
/// Between SIGTERM and SIGKILL when a row is taken down; ECS's own 30 s a twin's user waits for.
const GRACE: Duration = Duration::from_secs(5);
/// Before a task that did not start is tried again, on AWS's clock. Assumed.
const TRY_AGAIN: Duration = Duration::from_secs(30);

/// What tasks are made with.
pub(super) struct Setting {
    pub(super) config: PlaneConfig,
    pub(super) host: Host,
    pub(super) shape: Shape,
    pub(super) files: Option<FileStore>,
    pub(super) laws: Laws,
}

/// The tasks of a row.
pub(super) struct Scheduler {
    pub(super) setting: Setting,
    pub(super) diary: Diary,
    pub(super) times: Arc<FileTimes>,
    /// None: requests reach the only task directly.
    pub(super) pool: Option<Arc<Pool>>,
    /// The list the load balancer follows.
    registered: watch::Sender<Vec<Member>>,
    phase: watch::Sender<Phase>,
    seats: Mutex<BTreeMap<u64, Seat>>,
    draws: Mutex<StdRng>,
    lives: Mutex<Lives>,
    work: Mutex<JoinSet<()>>,
}

/// Whether tasks are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// No task is left, and none starts until somebody asks.
    Cold,
    /// The first tasks start; requests wait for them.
    Waking,
    Running,
    /// None could be started.
    Failed(String),
}

struct Seat {
    task: Arc<Task>,
    leaving: bool,
    notice: Arc<Notify>,
}

/// When tasks were begun and ended: what Fargate bills.
#[derive(Default)]
struct Lives {
    begun: u64,
    running: BTreeMap<u64, Instant>,
    ended: Vec<Duration>,
}

impl Scheduler {
    /// Starts `count` tasks, and waits until one of them answers.
    pub(super) async fn start(
        setting: Setting,
        count: u32,
        balanced: bool,
        times: Arc<FileTimes>,
        draws: StdRng,
    ) -> Result<Arc<Self>, String> {
        let registered = watch::Sender::new(Vec::new());
        let interval = on_this_clock(&setting.config, HEALTH_INTERVAL);
        let config = PoolConfig {
            health: HealthCheck {
                path: setting.config.program.health().to_owned(),
                interval,
                // As wide as a target group's matcher can be set.
                statuses: 200..=399,
                ..HealthCheck::default()
            },
            deregistration_delay: DEREGISTRATION,
            ..PoolConfig::default()
        };
        let scheduler = Arc::new(Self {
            diary: Diary::of(&setting.config.wanted.row.name),
            pool: balanced.then(|| Pool::new(&registered, config)),
            registered,
            phase: watch::Sender::new(Phase::Waking),
            seats: Mutex::default(),
            draws: Mutex::new(draws),
            lives: Mutex::default(),
            work: Mutex::default(),
            times,
            setting,
        });
        for _ in 0..count {
            let keeper = scheduler.clone();
            scheduler.spawn(async move { keeper.keep_one().await });
        }
        match scheduler.awake().await {
            Phase::Failed(why) => Err(why),
            _ => Ok(scheduler),
        }
    }

    /// Whether requests may be sent on; in a cold moment after tasks have started for them. True
    /// for the request that made them start.
    pub(super) async fn wake(&self) -> Result<bool, String> {
        let began_it = self.phase.send_if_modified(|phase| {
            let cold = *phase == Phase::Cold;
            if cold {
                *phase = Phase::Waking;
            }
            cold
        });
        match self.awake().await {
            Phase::Failed(why) => Err(why),
            _ => Ok(began_it),
        }
    }

    async fn awake(&self) -> Phase {
        let mut phase = self.phase.subscribe();
        let awake = phase.wait_for(|phase| !matches!(phase, Phase::Waking)).await;
        awake.map_or_else(|_| Phase::Failed("the row has ended".into()), |phase| phase.clone())
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase.borrow().clone()
    }

    /// Every task that runs, oldest first.
    pub(super) fn tasks(&self) -> Vec<(Arc<Task>, MemberState)> {
        let seats = self.seats.lock().expect("no panic while held");
        let state = |seat: &Seat| match seat.leaving {
            true => MemberState::Draining,
            false => MemberState::Idle,
        };
        seats.values().map(|seat| (seat.task.clone(), state(seat))).collect()
    }

    pub(super) fn task(&self, id: &str) -> Option<Arc<Task>> {
        self.tasks().into_iter().map(|(task, _)| task).find(|task| task.id().0 == id)
    }

    /// Seconds Fargate bills for all tasks together.
    pub(super) fn billed_s(&self) -> u64 {
        let lives = self.lives.lock().expect("no panic while held");
        let running = lives.running.values().map(Instant::elapsed);
        let lives = lives.ended.iter().copied().chain(running);
        lives.map(gearshift_gear::metering::billed_seconds).sum()
    }

    /// Stops every task; the next request starts new ones.
    pub(super) async fn make_cold(&self) {
        self.phase.send_replace(Phase::Cold);
        while !self.tasks().is_empty() {
            let mut registered = self.registered.subscribe();
            // Each keeper stops its own and takes it off the list last.
            let _ = tokio::time::timeout(Duration::from_millis(5), registered.changed()).await;
        }
    }

    /// The oldest task is told that it will be interrupted.
    pub(super) fn interrupt_one(&self) -> Result<(), String> {
        if !self.setting.shape.spot {
            return Err("its tasks are not Spot tasks: nobody interrupts them".to_owned());
        }
        let mut seats = self.seats.lock().expect("no panic while held");
        let seat = seats.values_mut().find(|seat| !seat.leaving).ok_or("no task is running")?;
        seat.leaving = true;
        seat.notice.notify_one();
        Ok(())
    }

    /// Ends everything.
    pub(super) async fn stop(&self) {
        let mut work = std::mem::take(&mut *self.work.lock().expect("no panic while held"));
        work.shutdown().await;
        self.registered.send_replace(Vec::new());
        let seats = std::mem::take(&mut *self.seats.lock().expect("no panic while held"));
        let mut ending = JoinSet::new();
        for (number, seat) in seats {
            let task = seat.task;
            self.note_end(number, &task, "taken down");
            ending.spawn(async move { task.stop(GRACE).await });
        }
        ending.join_all().await;
    }

    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut all = self.work.lock().expect("no panic while held");
        all.spawn(work);
        while all.try_join_next().is_some() {}
    }

    /// One task at a time, for as long as the row stands.
    async fn keep_one(self: Arc<Self>) {
        let mut phase = self.phase.subscribe();
        let mut first = true;
        loop {
            // Fails only when the row has ended.
            let wanted = |phase: &Phase| matches!(phase, Phase::Waking | Phase::Running);
            if phase.wait_for(wanted).await.is_err() {
                return;
            }
            if !first {
                self.wait_for_capacity().await;
            }
            let (number, task) = match self.begin().await {
                Ok(begun) => begun,
                Err(why) => {
                    self.phase.send_if_modified(|phase| {
                        let waking = *phase == Phase::Waking;
                        if waking {
                            *phase = Phase::Failed(why);
                        }
                        waking
                    });
                    tokio::time::sleep(on_this_clock(&self.setting.config, TRY_AGAIN)).await;
                    continue;
                }
            };
            let notice = self.seat(number, &task);
            first = self.watch_over(number, &task, &notice, &mut phase).await;
        }
    }

    /// Until this task ends or is to leave. True where the next one starts in a cold moment.
    async fn watch_over(
        self: &Arc<Self>,
        number: u64,
        task: &Arc<Task>,
        notice: &Notify,
        phase: &mut watch::Receiver<Phase>,
    ) -> bool {
        tokio::select! {
            how = task.running.ended() => {
                self.deregister(task.id());
                self.unseat(number, task, &how);
                false
            }
            () = notice.notified() => {
                let (leaving, task) = (self.clone(), task.clone());
                self.spawn(async move { leaving.interrupt(number, &task).await });
                false
            }
            true = async { phase.wait_for(|phase| *phase == Phase::Cold).await.is_ok() } => {
                task.stop(GRACE).await;
                self.unseat(number, task, "replaced");
                self.deregister(task.id());
                true
            }
        }
    }

    async fn begin(&self) -> Result<(u64, Arc<Task>), String> {
        let number = {
            let mut lives = self.lives.lock().expect("no panic while held");
            lives.begun += 1;
            lives.begun
        };
        let Setting { config, host, shape, files, .. } = &self.setting;
        let task = Task::start(config, host, shape, files.as_ref(), number).await?;
        self.lives.lock().expect("no panic while held").running.insert(number, Instant::now());
        Ok((number, Arc::new(task)))
    }

    /// Takes the task in and registers it; whoever waits is told once it is healthy.
    fn seat(self: &Arc<Self>, number: u64, task: &Arc<Task>) -> Arc<Notify> {
        for what in [Happening::Placed, Happening::Started, Happening::Listening] {
            self.diary.happened(task.id(), what);
        }
        let notice = Arc::new(Notify::new());
        let seat = Seat { task: task.clone(), leaving: false, notice: notice.clone() };
        self.seats.lock().expect("no panic while held").insert(number, seat);
        let id = MemberId::from(task.id().0.as_str());
        let member = Member { id: id.clone(), address: task.running.address };
        self.registered.send_modify(|members| members.push(member));
        let ready = self.clone();
        self.spawn(async move {
            if let Some(pool) = &ready.pool {
                pool.healthy().await;
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

    /// Drains the task first, so that nobody asks it when SIGTERM reaches it, and kills it when the
    /// notice is over. On AWS it takes a rule of one's own to deregister it at the notice.
    async fn interrupt(&self, number: u64, task: &Task) {
        let kill_at = Instant::now() + on_this_clock(&self.setting.config, NOTICE);
        self.diary.happened(task.id(), Happening::Notice);
        self.deregister(task.id());
        if let Some(pool) = &self.pool {
            let id = MemberId::from(task.id().0.as_str());
            let _ = tokio::time::timeout_at(kill_at.into(), pool.gone(&id)).await;
        }
        task.stop(kill_at.saturating_duration_since(Instant::now())).await;
        self.unseat(number, task, "Spot interruption");
    }

    fn deregister(&self, id: &EnvironmentId) {
        self.registered.send_modify(|members| members.retain(|member| member.id.as_str() != id.0));
    }

    fn unseat(&self, number: u64, task: &Task, why: &str) {
        if self.seats.lock().expect("no panic while held").remove(&number).is_some() {
            self.note_end(number, task, why);
        }
    }

    fn note_end(&self, number: u64, task: &Task, why: &str) {
        self.times.forget(&task.id().0);
        self.diary.happened(task.id(), Happening::Stopped { why: why.to_owned() });
        let mut lives = self.lives.lock().expect("no panic while held");
        if let Some(since) = lives.running.remove(&number) {
            lives.ended.push(since.elapsed());
        }
    }

    /// What AWS needs until a task runs, on the scaled clock.
    async fn wait_for_capacity(&self) {
        let Setting { config, shape, laws, .. } = &self.setting;
        let balanced = self.pool.is_some();
        let starting = {
            let mut draws = self.draws.lock().expect("no panic while held");
            starts::draw(laws, shape, balanced, config, &mut *draws)
        };
        let total: Duration = starting.iter().map(|(_, time)| *time).sum();
        tokio::time::sleep(on_this_clock(config, total)).await;
    }
}

/// This long on AWS's clock, as long as it takes here.
fn on_this_clock(config: &PlaneConfig, time: Duration) -> Duration {
    time.div_f64(config.wanted.settings.clock_factor)
}
