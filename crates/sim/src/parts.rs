//! What a row is made of: sides and members, each with its instants.

use gearshift_deploy::{Member, MemberState, SideScale};
use gearshift_gear::{EnvironmentId, Side};
use jiff::Timestamp;
use rand::rngs::StdRng;

use crate::CloudConfig;

/// A side from being asked for until it is gone; asked for again it is another one.
pub(crate) struct SideRecord {
    pub(crate) side: Side,
    pub(crate) opened_at: Timestamp,
    /// When what stands before its members is there.
    pub(crate) front_ready_at: Timestamp,
    pub(crate) leaving_at: Option<Timestamp>,
    pub(crate) gone_at: Option<Timestamp>,
    /// What it was told to be, and when.
    pub(crate) scales: Vec<(Timestamp, SideScale)>,
    /// Whether members start only when somebody asks, and since when that is so.
    pub(crate) cold: Vec<(Timestamp, bool)>,
}

pub(crate) struct MemberRecord {
    pub(crate) environment: EnvironmentId,
    pub(crate) side: Side,
    /// Its pool's name.
    pub(crate) pool: String,
    pub(crate) placed_at: Timestamp,
    pub(crate) started_at: Timestamp,
    pub(crate) listening_at: Timestamp,
    pub(crate) served: bool,
    pub(crate) draining_at: Option<Timestamp>,
    /// Requests it has, each from its arrival until it is answered.
    pub(crate) busy: Vec<(Timestamp, Timestamp)>,
    pub(crate) stopped: Option<Stop>,
}

pub(crate) struct Stop {
    pub(crate) at: Timestamp,
    /// Not on purpose: the row lacks it.
    pub(crate) killed: bool,
}

/// Where members come from: delays and fresh names.
pub(crate) struct Placing<'a> {
    pub(crate) config: &'a CloudConfig,
    pub(crate) rng: &'a mut StdRng,
    pub(crate) next_member: &'a mut u64,
}

impl Placing<'_> {
    /// When something asked for now starts, and when it listens.
    pub(crate) fn draw(&mut self, now: Timestamp) -> (Timestamp, Timestamp) {
        let started = now + self.config.place.draw(self.rng);
        (started, started + self.config.start.draw(self.rng))
    }

    pub(crate) fn fresh_name(&mut self, row: &str) -> EnvironmentId {
        *self.next_member += 1;
        EnvironmentId(format!("{row}-{}", self.next_member))
    }
}

impl SideRecord {
    pub(crate) fn open(
        side: Side,
        scale: SideScale,
        now: Timestamp,
        front_ready_at: Timestamp,
    ) -> Self {
        Self {
            side,
            opened_at: now,
            front_ready_at,
            leaving_at: None,
            gone_at: None,
            scales: vec![(now, scale)],
            cold: Vec::new(),
        }
    }

    pub(crate) fn exists(&self, at: Timestamp) -> bool {
        self.opened_at <= at && self.gone_at.is_none_or(|gone| at < gone)
    }

    pub(crate) fn stays(&self, now: Timestamp) -> bool {
        self.opened_at <= now && self.leaving_at.is_none()
    }

    /// What it was told to be by then.
    pub(crate) fn scale_at(&self, at: Timestamp) -> &SideScale {
        let told = self.scales.iter().rev().find(|(when, _)| *when <= at);
        told.map_or(&self.scales[0].1, |(_, scale)| scale)
    }

    pub(crate) fn is_cold(&self, at: Timestamp) -> bool {
        self.cold.iter().rev().find(|(when, _)| *when <= at).is_some_and(|(_, cold)| *cold)
    }
}

impl MemberRecord {
    /// How it ended, if it had by then.
    pub(crate) fn ended_by(&self, at: Timestamp) -> Option<&Stop> {
        self.stopped.as_ref().filter(|stop| stop.at <= at)
    }

    /// Whether it exists and is to stay.
    pub(crate) fn stays(&self, now: Timestamp) -> bool {
        self.placed_at <= now && self.draining_at.is_none() && self.stopped.is_none()
    }

    /// Until when it ran, seen from now.
    pub(crate) fn ran_until(&self, now: Timestamp) -> Timestamp {
        self.ended_by(now).map_or(now, |stop| stop.at)
    }

    pub(crate) fn in_flight(&self, at: Timestamp) -> u64 {
        self.busy.iter().filter(|(from, until)| *from <= at && at < *until).count() as u64
    }

    pub(crate) fn seen(&self, at: Timestamp) -> Member {
        let state = match self.draining_at.is_some_and(|draining| draining <= at) {
            true => MemberState::Draining,
            false if self.in_flight(at) > 0 => MemberState::Busy,
            false if self.listening_at <= at => MemberState::Idle,
            false => MemberState::Starting,
        };
        let environment = self.environment.clone();
        Member { environment, state, cpu_used_ms: None, memory: None }
    }
}
