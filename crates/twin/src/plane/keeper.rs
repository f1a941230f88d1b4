//! What keeps one member of a pool: it starts it, watches over it, starts the next one, and drains a
//! member before it goes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gearshift_balance as balance;
use gearshift_balance::MemberId;
use gearshift_deploy::Happening;
use gearshift_gear::EnvironmentId;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::plane::error::StartError;
use crate::plane::member::{Making, Member, Shape, name_of};
use crate::plane::on_this_clock;
use crate::plane::pool::{GRACE, Phase, Pool, PoolMember, Start};
use crate::plane::setting::Setting;
use crate::plane::starts;

/// Between a Spot interruption's notice and SIGKILL, on AWS's clock. Source:
/// repost.aws/knowledge-center/fargate-spot-termination-notice.
const NOTICE: Duration = Duration::from_secs(120);
/// How long requests in flight may go on when a member leaves. AWS's default of 300 s is longer than
/// a Spot notice; the page above asks for less than its 120 s.
pub(super) const DEREGISTRATION: Duration = Duration::from_secs(90);
/// Before a member that did not start is tried again, on AWS's clock. Assumed.
const TRY_AGAIN: Duration = Duration::from_secs(30);

impl Pool {
    /// One member at a time, until told to leave.
    pub(super) async fn keep_one(self: Arc<Self>, leave: &CancellationToken, how: Start) {
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
                        let waking = matches!(phase, Phase::Waking);
                        if waking {
                            *phase = Phase::Failed(Arc::new(why));
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
                    let why = Arc::new(StartError::InstanceEnded);
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
            true = async { phase.wait_for(|phase| matches!(phase, Phase::Cold)).await.is_ok() } => {
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

    async fn begin(&self) -> Result<(u64, Arc<Member>), StartError> {
        let number = self.lives.next();
        let id = name_of(&self.setting.config, &self.shape, self.setting.next_number());
        let Setting { config, host, program, files, stores, .. } = &*self.setting;
        let making = Making {
            config,
            host,
            program,
            shape: &self.shape,
            files: files.as_ref(),
            variables: stores
                .as_ref()
                .map(|stores| stores.for_member(&id, program.told_in.as_deref()))
                .unwrap_or_default(),
        };
        let member = Member::start(making, id).await?;
        self.lives.begin(number);
        Ok((number, Arc::new(member)))
    }

    /// Takes the member in and registers it; whoever waits is told once it is healthy.
    fn seat(self: &Arc<Self>, number: u64, member: &Arc<Member>) -> Arc<Notify> {
        for what in [Happening::Placed, Happening::Started, Happening::Listening] {
            self.setting.events.happened(member.id(), what);
        }
        let notice = Arc::new(Notify::new());
        let seat = PoolMember { member: member.clone(), leaving: false, notice: notice.clone() };
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

    pub(super) fn note_end(&self, number: u64, member: &Member, why: &str) {
        self.setting.times.forget(&member.id().0);
        if let Some(stores) = &self.setting.stores {
            stores.forget(member.id());
        }
        self.setting.events.happened(member.id(), Happening::Stopped { why: why.to_owned() });
        self.lives.end(number);
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
}

/// What a keeper does after a member.
enum After {
    /// It starts the next one; in a cold moment without waiting for capacity.
    Next {
        cold: bool,
    },
    Leave,
}
