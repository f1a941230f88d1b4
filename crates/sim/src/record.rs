//! One row as the provider keeps it: everything with its instant, so that the row can be told as
//! of any time.

use std::collections::BTreeMap;
use std::time::Duration;

use gearshift_deploy::{
    Event, Happening, MemberState, PoolStanding, Scale, SideScale, SideStanding, SideState, Spec,
    Standing, State, Wanted,
};
use gearshift_gear::{EnvironmentId, RunId, Side};
use jiff::Timestamp;

use crate::parts::{MemberRecord, Placing, SideRecord, Stop};

pub(crate) struct RowRecord {
    pub(crate) spec: Spec,
    pub(crate) made_at: Timestamp,
    /// When the front and the first members take requests.
    first_ready_at: Timestamp,
    front_failed_at: Option<Timestamp>,
    taken_away_at: Option<Timestamp>,
    gone_at: Option<Timestamp>,
    sides: Vec<SideRecord>,
    pub(crate) members: Vec<MemberRecord>,
    /// In the order they were arranged; some lie in the future.
    events: Vec<Event>,
    /// Requests that sides took, and when.
    requests: Vec<(Timestamp, Side, u64)>,
}

impl RowRecord {
    pub(crate) fn make(wanted: &Wanted, now: Timestamp, placing: &mut Placing<'_>) -> Self {
        let mut record = Self {
            spec: wanted.spec.clone(),
            made_at: now,
            first_ready_at: now,
            front_failed_at: None,
            taken_away_at: None,
            gone_at: None,
            sides: Vec::new(),
            members: Vec::new(),
            events: Vec::new(),
            requests: Vec::new(),
        };
        record.scale(&wanted.scale, now, placing);
        let fronts = record.sides.iter().map(|side| side.front_ready_at);
        let members = record.members.iter().map(|member| member.listening_at);
        record.first_ready_at = fronts.chain(members).max().unwrap_or(now);
        record
    }

    /// Makes the row's scale this one: opens sides, drains those that are not in it, and has each pool
    /// gain members or drain its newest ones.
    pub(crate) fn scale(&mut self, scale: &Scale, now: Timestamp, placing: &mut Placing<'_>) {
        for at in 0..self.sides.len() {
            let side = self.sides[at].side;
            if self.sides[at].stays(now) && !scale.sides.contains_key(&side) {
                let ended = now + placing.config.end.draw(placing.rng);
                let gone = self.drain_members(side, None, usize::MAX, now, ended);
                (self.sides[at].leaving_at, self.sides[at].gone_at) = (Some(now), Some(gone));
            }
        }
        for (&side, wanted) in &scale.sides {
            match self.sides.iter_mut().find(|record| record.side == side && record.stays(now)) {
                Some(record) => record.scales.push((now, wanted.clone())),
                None => {
                    let front_ready_at = placing.draw(now).1;
                    self.sides.push(SideRecord::open(side, wanted.clone(), now, front_ready_at));
                }
            }
            if !self.is_cold(side, now) {
                self.fill_pools(side, wanted, now, placing);
            }
        }
    }

    /// Has each pool of this side as many members as wanted.
    fn fill_pools(
        &mut self,
        side: Side,
        wanted: &SideScale,
        now: Timestamp,
        placing: &mut Placing<'_>,
    ) {
        for (pool, &members) in &wanted.members {
            let there = self.staying(side, now).filter(|member| member.pool == *pool).count();
            for _ in there..members as usize {
                self.place_member(side, pool, now, placing);
            }
            let surplus = there.saturating_sub(members as usize);
            if surplus > 0 {
                let gone = now + placing.config.end.draw(placing.rng);
                self.drain_members(side, Some(pool), surplus, now, gone);
            }
        }
    }

    /// The newest of them get no more requests, and end then or when they have answered those they
    /// have; when the last one ends.
    fn drain_members(
        &mut self,
        side: Side,
        pool: Option<&String>,
        most: usize,
        now: Timestamp,
        earliest: Timestamp,
    ) -> Timestamp {
        let mut leaving = Vec::new();
        let members = self.members.iter_mut().rev().filter(|member| {
            member.side == side
                && pool.is_none_or(|pool| member.pool == *pool)
                && member.draining_at.is_none()
                && member.stopped.is_none()
        });
        for member in members.take(most) {
            let gone = member.busy.iter().map(|(_, until)| *until).fold(earliest, Timestamp::max);
            member.draining_at = Some(now);
            member.stopped = Some(Stop { at: gone, killed: false });
            leaving.push((member.environment.clone(), gone));
        }
        let last = leaving.iter().map(|(_, gone)| *gone).fold(earliest, Timestamp::max);
        for (environment, gone) in leaving {
            self.events.retain(|event| event.environment != environment || event.at <= gone);
            self.tell(gone, &environment, Happening::Stopped { why: "scaled down".to_owned() });
        }
        last
    }

    /// One request that takes this long, on the member that has the fewest; which one, where any
    /// takes requests.
    pub(crate) fn hold(&mut self, now: Timestamp, takes: Duration) -> Option<EnvironmentId> {
        let sides: Vec<Side> = self
            .weights(now)
            .into_iter()
            .filter(|(_, weight)| *weight > 0)
            .map(|of| of.0)
            .collect();
        let free = self.members.iter_mut().filter(|member| {
            sides.contains(&member.side) && member.stays(now) && member.listening_at <= now
        });
        let member = free.min_by_key(|member| member.in_flight(now))?;
        member.busy.push((now, now + takes));
        Some(member.environment.clone())
    }

    /// Whether this member still runs at that time, or ran until then.
    pub(crate) fn runs_until(&self, member: &EnvironmentId, until: Timestamp) -> bool {
        let found = self.members.iter().find(|one| one.environment == *member);
        found.is_some_and(|one| one.stopped.as_ref().is_none_or(|stop| until <= stop.at))
    }

    /// Ends members that drain, whatever they have. For tests of those who observe.
    pub(crate) fn cut_draining(&mut self, now: Timestamp) {
        let draining = self.members.iter_mut();
        let draining = draining.filter(|member| member.draining_at.is_some_and(|at| at <= now));
        for member in draining {
            let ends = member.stopped.as_ref().map_or(now, |stop| stop.at).min(now);
            member.stopped = Some(Stop { at: ends, killed: false });
        }
    }

    fn place_member(&mut self, side: Side, pool: &str, now: Timestamp, placing: &mut Placing<'_>) {
        let environment = placing.fresh_name(&self.spec.row.name);
        let (started_at, listening_at) = placing.draw(now);
        self.tell(now, &environment, Happening::Placed);
        self.tell(started_at, &environment, Happening::Started);
        self.tell(listening_at, &environment, Happening::Listening);
        self.members.push(MemberRecord {
            environment,
            side,
            pool: pool.to_owned(),
            placed_at: now,
            started_at,
            listening_at,
            served: false,
            draining_at: None,
            busy: Vec::new(),
            stopped: None,
        });
    }

    fn tell(&mut self, at: Timestamp, environment: &EnvironmentId, what: Happening) {
        let row = self.spec.row.name.clone();
        self.events.push(Event { at, row, environment: environment.clone(), what });
    }

    /// Takes requests one after the other, starting members where there are none; the longest time
    /// one of them waits for that. Weights spread them over the sides.
    pub(crate) fn serve(
        &mut self,
        requests: u64,
        now: Timestamp,
        placing: &mut Placing<'_>,
    ) -> Duration {
        let before: u64 = self.requests.iter().map(|(.., taken)| taken).sum();
        let (mut below, mut waits) = (0, Duration::ZERO);
        for (side, weight) in self.weights(now) {
            // So many of the first `n` requests go to this side and those before it.
            let until = |n: u64, weight: u64| n * weight / 1000;
            let share = |n: u64| until(n, below + weight) - until(n, below);
            let taken = share(before + requests) - share(before);
            below += weight;
            if taken > 0 {
                waits = waits.max(self.serve_on(side, now, placing));
                self.requests.push((now, side, taken));
            }
        }
        waits
    }

    fn serve_on(&mut self, side: Side, now: Timestamp, placing: &mut Placing<'_>) -> Duration {
        if self.staying(side, now).next().is_none() {
            let wanted = self.scale_of(side, now);
            if let Some(record) = self.sides.iter_mut().find(|r| r.side == side && r.stays(now)) {
                record.cold.push((now, false));
            }
            self.fill_pools(side, &wanted, now, placing);
        }
        if self.staying(side, now).next().is_none() {
            let gear = self.spec.row.side(side).expect("its sides are the row's");
            let pool = gear.pools.first().map(|pool| pool.name().to_owned()).unwrap_or_default();
            self.place_member(side, &pool, now, placing);
        }
        let left = self.members.iter_mut();
        let left = left.filter(|member| member.side == side && member.stays(now));
        let first = left.min_by_key(|member| member.listening_at).expect("one was placed");
        let ready_at = first.listening_at.max(now);
        if !std::mem::replace(&mut first.served, true) {
            let environment = first.environment.clone();
            self.tell(ready_at, &environment, Happening::FirstByte);
        }
        Duration::try_from(ready_at.duration_since(now)).unwrap_or_default()
    }

    /// How many requests this side had taken by then.
    pub(crate) fn requests_until(&self, side: Side, at: Timestamp) -> u64 {
        let taken = self.requests.iter().filter(|(when, of, _)| *when <= at && *of == side);
        taken.map(|(.., taken)| taken).sum()
    }

    /// Ends every member on purpose; the row goes on.
    pub(crate) fn make_cold(&mut self, now: Timestamp) {
        self.stop_members(now, usize::MAX, "made cold", false);
        for side in self.sides.iter_mut().filter(|side| side.stays(now)) {
            side.cold.push((now, true));
        }
    }

    /// Kills one member of those the gear always keeps, or the front where it keeps none.
    pub(crate) fn sabotage(&mut self, now: Timestamp) {
        let kept = |side: &SideRecord| side.stays(now) && !side.scale_at(now).members.is_empty();
        if self.sides.iter().any(kept) && self.alive(now).next().is_some() {
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
        let left =
            |member: &&mut MemberRecord| member.stopped.as_ref().is_none_or(|stop| now < stop.at);
        for member in self.members.iter_mut().filter(left).take(most) {
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

    /// Members of this side that exist and do not drain.
    fn staying(&self, side: Side, now: Timestamp) -> impl Iterator<Item = &MemberRecord> {
        self.members.iter().filter(move |member| member.side == side && member.stays(now))
    }

    /// Weights of the sides that take requests now.
    fn weights(&self, now: Timestamp) -> Vec<(Side, u64)> {
        let stay = self.sides.iter().filter(|side| side.stays(now));
        let mut weights: Vec<_> =
            stay.map(|side| (side.side, u64::from(side.scale_at(now).weight))).collect();
        weights.sort();
        weights
    }

    fn scale_of(&self, side: Side, now: Timestamp) -> SideScale {
        let record = self.sides.iter().find(|record| record.side == side && record.stays(now));
        record.map(|record| record.scale_at(now).clone()).unwrap_or_default()
    }

    fn is_cold(&self, side: Side, now: Timestamp) -> bool {
        let record = self.sides.iter().find(|record| record.side == side && record.stays(now));
        record.is_some_and(|record| record.is_cold(now))
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
        let members = self.alive(now).flat_map(|member| {
            let stops = member.stopped.as_ref().map(|stop| stop.at);
            [Some(member.listening_at), stops].into_iter().flatten()
        });
        let sides = self.sides.iter();
        let sides = sides.flat_map(|side| [Some(side.front_ready_at), side.gone_at]).flatten();
        members.chain(sides).filter(|at| *at > now).max()
    }

    /// The row as it stood at this time, if it did.
    pub(crate) fn standing(&self, run: &RunId, at: Timestamp) -> Option<Standing> {
        if !self.exists(at) {
            return None;
        }
        let state = self.state(at);
        // `.invalid` never resolves (RFC 2606): requests go through `Cloud::serve`.
        let url = (state == State::Ready)
            .then(|| format!("http://{}.{run}.sim.invalid", self.spec.row.name));
        let sides = self.sides.iter().filter(|side| side.exists(at));
        Some(Standing {
            since: Some(self.made_at),
            url,
            sides: sides.map(|side| (side.side, self.side_standing(side, at))).collect(),
            ..Standing::only(Some(self.spec.clone()), state)
        })
    }

    fn side_standing(&self, side: &SideRecord, at: Timestamp) -> SideStanding {
        let scale = side.scale_at(at);
        let gear = self.spec.row.side(side.side).expect("its sides are the row's");
        let pools = gear.pools.iter().map(|pool| {
            let of_pool = self.alive(at).filter(|member| {
                member.side == side.side
                    && member.pool == pool.name()
                    && member.placed_at >= side.opened_at
            });
            let wanted = scale.members.get(pool.name()).copied();
            let members = of_pool.map(|member| member.seen(at)).collect();
            let cold = side.is_cold(at);
            (pool.name().to_owned(), PoolStanding { wanted, cold, members })
        });
        let pools: BTreeMap<_, _> = pools.collect();
        let leaving = side.leaving_at.is_some_and(|leaving| leaving <= at);
        let serves = |pool: &PoolStanding| {
            let serving = [MemberState::Idle, MemberState::Busy];
            let idle = pool.members.iter().filter(|member| serving.contains(&member.state));
            pool.cold || pool.wanted.is_none_or(|wanted| wanted == 0) || idle.count() > 0
        };
        let state = match leaving {
            true => SideState::Draining,
            false if at < side.front_ready_at || !pools.values().all(serves) => {
                SideState::Warming { on: format!("the {} side's members", side.side) }
            }
            false => SideState::Ready,
        };
        let weight = if leaving { 0 } else { scale.weight };
        // Those that were sent by `Cloud::serve` take no simulated time.
        let of_side = self.alive(at).filter(|member| member.side == side.side);
        let in_flight = of_side.map(|member| member.in_flight(at)).sum();
        SideStanding { state, weight, in_flight, pools }
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
        if at < self.first_ready_at { State::Starting } else { State::Ready }
    }
}
