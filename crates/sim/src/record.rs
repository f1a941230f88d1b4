//! One row as the provider keeps it: everything with its instant, so that the row can be told as
//! of any time.

use std::collections::BTreeMap;
use std::time::Duration;

use gearshift_deploy::{Event, Happening, Member, MemberState, Standing, State, Wanted};
use gearshift_gear::{Count, EnvironmentId, Pool, RunId};
use jiff::Timestamp;
use rand::rngs::StdRng;

use crate::CloudConfig;

pub(crate) struct RowRecord {
    pub(crate) wanted: Wanted,
    pub(crate) made_at: Timestamp,
    front_ready_at: Timestamp,
    front_failed_at: Option<Timestamp>,
    taken_away_at: Option<Timestamp>,
    gone_at: Option<Timestamp>,
    pub(crate) members: Vec<MemberRecord>,
    /// In the order they were arranged; some lie in the future.
    events: Vec<Event>,
    pub(crate) requests: u64,
}

pub(crate) struct MemberRecord {
    environment: EnvironmentId,
    /// Which of the gear's pools it belongs to.
    pub(crate) pool: usize,
    placed_at: Timestamp,
    pub(crate) started_at: Timestamp,
    pub(crate) listening_at: Timestamp,
    served: bool,
    stopped: Option<Stop>,
}

struct Stop {
    at: Timestamp,
    /// Not on purpose: the row lacks it.
    killed: bool,
}

/// Where members come from: delays and fresh names.
pub(crate) struct Placing<'a> {
    pub(crate) config: &'a CloudConfig,
    pub(crate) rng: &'a mut StdRng,
    pub(crate) next_member: &'a mut u64,
}

impl Placing<'_> {
    /// When something asked for now starts, and when it listens.
    fn draw(&mut self, now: Timestamp) -> (Timestamp, Timestamp) {
        let started = now + self.config.place.draw(self.rng);
        (started, started + self.config.start.draw(self.rng))
    }

    fn fresh_name(&mut self, row: &str) -> EnvironmentId {
        *self.next_member += 1;
        EnvironmentId(format!("{row}-{}", self.next_member))
    }
}

impl RowRecord {
    pub(crate) fn make(wanted: &Wanted, now: Timestamp, placing: &mut Placing<'_>) -> Self {
        let mut record = Self {
            wanted: wanted.clone(),
            made_at: now,
            front_ready_at: placing.draw(now).1,
            front_failed_at: None,
            taken_away_at: None,
            gone_at: None,
            members: Vec::new(),
            events: Vec::new(),
            requests: 0,
        };
        record.place_steady_members(now, placing);
        record
    }

    fn place_steady_members(&mut self, now: Timestamp, placing: &mut Placing<'_>) {
        let counts: Vec<u32> = self.wanted.row.gear().pools.iter().map(least).collect();
        for (pool, count) in counts.into_iter().enumerate() {
            for _ in 0..count {
                self.place_member(pool, now, placing);
            }
        }
    }

    fn place_member(&mut self, pool: usize, now: Timestamp, placing: &mut Placing<'_>) {
        let environment = placing.fresh_name(&self.wanted.row.name);
        let (started_at, listening_at) = placing.draw(now);
        self.tell(now, &environment, Happening::Placed);
        self.tell(started_at, &environment, Happening::Started);
        self.tell(listening_at, &environment, Happening::Listening);
        self.members.push(MemberRecord {
            environment,
            pool,
            placed_at: now,
            started_at,
            listening_at,
            served: false,
            stopped: None,
        });
    }

    fn tell(&mut self, at: Timestamp, environment: &EnvironmentId, what: Happening) {
        let row = self.wanted.row.name.clone();
        self.events.push(Event { at, row, environment: environment.clone(), what });
    }

    /// Takes requests one after the other, starting members where there are none; the time the
    /// first one waits for that.
    pub(crate) fn serve(
        &mut self,
        requests: u64,
        now: Timestamp,
        placing: &mut Placing<'_>,
    ) -> Duration {
        if requests == 0 {
            return Duration::ZERO;
        }
        if self.alive(now).next().is_none() {
            self.place_steady_members(now, placing);
        }
        if self.alive(now).next().is_none() {
            self.place_member(0, now, placing);
        }
        self.requests += requests;
        let left = self.members.iter_mut().filter(|member| member.stopped.is_none());
        let first = left.min_by_key(|member| member.listening_at).expect("one was placed");
        let ready_at = first.listening_at.max(now);
        if !std::mem::replace(&mut first.served, true) {
            let environment = first.environment.clone();
            self.tell(ready_at, &environment, Happening::FirstByte);
        }
        Duration::try_from(ready_at.duration_since(now)).unwrap_or_default()
    }

    /// Ends every member on purpose; the row goes on.
    pub(crate) fn make_cold(&mut self, now: Timestamp) {
        self.stop_members(now, usize::MAX, "made cold", false);
    }

    /// Kills one member of those the gear always keeps, or the front where it keeps none.
    pub(crate) fn sabotage(&mut self, now: Timestamp) {
        let steady = self.wanted.row.gear().pools.iter().any(|pool| least(pool) > 0);
        if steady && self.alive(now).next().is_some() {
            self.stop_members(now, 1, "killed", true);
        } else {
            self.front_failed_at.get_or_insert(now);
        }
    }

    /// Begins to take the row away; it is gone after `takes`. A second time changes nothing.
    pub(crate) fn take_away(&mut self, now: Timestamp, takes: Duration) {
        if self.taken_away_at.is_none() {
            self.stop_members(now, usize::MAX, "taken down", false);
            self.taken_away_at = Some(now);
            self.gone_at = Some(now + takes);
        }
    }

    fn stop_members(&mut self, now: Timestamp, most: usize, why: &str, killed: bool) {
        let mut stopped = Vec::new();
        for member in self.members.iter_mut().filter(|member| member.stopped.is_none()).take(most) {
            member.stopped = Some(Stop { at: now, killed });
            stopped.push(member.environment.clone());
        }
        for environment in stopped {
            // What it would have done later does not happen.
            self.events.retain(|event| event.environment != environment || event.at <= now);
            self.tell(now, &environment, Happening::Stopped { why: why.to_owned() });
        }
    }

    /// Members that exist at this time.
    pub(crate) fn alive(&self, at: Timestamp) -> impl Iterator<Item = &MemberRecord> {
        let placed = self.members.iter().filter(move |member| member.placed_at <= at);
        placed.filter(move |member| member.ended_by(at).is_none())
    }

    /// Whether there is anything of the row at this time.
    pub(crate) fn exists(&self, at: Timestamp) -> bool {
        self.made_at <= at && self.gone_at.is_none_or(|gone| at < gone)
    }

    /// Whether it is gone at this time, for good.
    pub(crate) fn gone(&self, at: Timestamp) -> bool {
        self.gone_at.is_some_and(|gone| gone <= at)
    }

    /// What happened until now, oldest first.
    pub(crate) fn events(&self, now: Timestamp) -> Vec<Event> {
        let past = self.events.iter().filter(|event| event.at <= now);
        let mut events: Vec<_> = past.cloned().collect();
        // Stable: what was arranged later for the same instant stays behind, so numbers hold.
        events.sort_by_key(|event| event.at);
        events
    }

    /// When all that is under way is over, if anything is.
    pub(crate) fn due(&self, now: Timestamp) -> Option<Timestamp> {
        if self.gone_at.is_some() {
            return self.gone_at;
        }
        let listening = self.alive(now).map(|member| member.listening_at);
        listening.chain([self.front_ready_at]).filter(|at| *at > now).max()
    }

    /// The row as it stood at this time, if it did.
    pub(crate) fn standing(&self, run: &RunId, at: Timestamp) -> Option<Standing> {
        if !self.exists(at) {
            return None;
        }
        let state = self.state(at);
        // `.invalid` never resolves (RFC 2606): requests go through `Cloud::serve`.
        let url = (state == State::Ready)
            .then(|| format!("http://{}.{run}.sim.invalid", self.wanted.row.name));
        let member = |member: &MemberRecord| Member {
            environment: member.environment.clone(),
            state: match member.listening_at <= at {
                true => MemberState::Idle,
                false => MemberState::Starting,
            },
            cpu_used_ms: None,
            memory: None,
        };
        Some(Standing {
            wanted: Some(self.wanted.clone()),
            state,
            url,
            endpoints: BTreeMap::new(),
            credentials: None,
            members: self.alive(at).map(member).collect(),
        })
    }

    fn state(&self, at: Timestamp) -> State {
        let by_then = |instant: Option<Timestamp>| instant.is_some_and(|instant| instant <= at);
        let broken = |why: &str| State::Broken { why: why.to_owned() };
        if by_then(self.taken_away_at) {
            return broken("being taken away");
        }
        if by_then(self.front_failed_at) {
            return broken("its front is gone");
        }
        if self.members.iter().any(|member| member.ended_by(at).is_some_and(|stop| stop.killed)) {
            return broken("a member is gone");
        }
        let pools = &self.wanted.row.gear().pools;
        let awaited = |of: &MemberRecord| least(&pools[of.pool]) > 0 && at < of.listening_at;
        match at < self.front_ready_at || self.alive(at).any(awaited) {
            true => State::Starting,
            false => State::Ready,
        }
    }
}

impl MemberRecord {
    /// How it ended, if it had by then.
    fn ended_by(&self, at: Timestamp) -> Option<&Stop> {
        self.stopped.as_ref().filter(|stop| stop.at <= at)
    }

    /// Until when it ran, seen from now.
    pub(crate) fn ran_until(&self, now: Timestamp) -> Timestamp {
        self.stopped.as_ref().map_or(now, |stop| stop.at)
    }
}

/// How many members this pool always has.
fn least(pool: &Pool) -> u32 {
    match pool.count {
        Count::PerRequest => 0,
        Count::Fixed(count) | Count::Range(count, _) => count,
    }
}
