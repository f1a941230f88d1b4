//! Who is in a pool, and what checks say of them.

use std::sync::Arc;

use crate::health::{CheckFailure, Health};
use crate::metrics::Counters;
use crate::slot::Slot;
use crate::{Member, PoolConfig, Snapshot};

/// Where a member stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It has not passed a health check yet and gets no request.
    Initial,
    /// It gets requests.
    Healthy,
    /// It gets requests only while no member is healthy.
    Unhealthy { why: CheckFailure },
    /// It left the list: what is in flight may finish within the deregistration delay.
    Draining,
}

/// One member as it stands now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberStatus {
    pub member: Member,
    pub state: State,
    /// Requests whose answers have neither ended nor been given up.
    pub in_flight: usize,
}

/// Members in the order in which they joined.
#[derive(Default)]
pub(crate) struct Roster {
    entries: Vec<Entry>,
}

struct Entry {
    slot: Arc<Slot>,
    phase: Phase,
}

enum Phase {
    Listed(Health),
    Draining,
}

impl Roster {
    /// Makes the list of members this one and returns those who are new.
    pub(crate) fn apply(&mut self, list: &[Member], config: &PoolConfig) -> Vec<Arc<Slot>> {
        for entry in self.entries.iter_mut().filter(|entry| entry.is_listed()) {
            if !list.contains(&entry.slot.member) {
                entry.phase = Phase::Draining;
                entry.slot.leave();
            }
        }
        let mut joined = Vec::new();
        for member in list {
            // A member that comes back while it drains starts anew beside what drains.
            if self.entries.iter().any(|entry| entry.is_listed() && entry.slot.member == *member) {
                continue;
            }
            let slot = Arc::new(Slot::new(member.clone(), config));
            let phase = Phase::Listed(Health::NEW);
            self.entries.push(Entry { slot: slot.clone(), phase });
            joined.push(slot);
        }
        joined
    }

    /// Takes a check's result down.
    pub(crate) fn record(
        &mut self,
        slot: &Arc<Slot>,
        check: Result<(), CheckFailure>,
        config: &PoolConfig,
    ) {
        let entry = self.entries.iter_mut().find(|entry| Arc::ptr_eq(&entry.slot, slot));
        if let Some(Entry { phase: Phase::Listed(health), .. }) = entry {
            *health = std::mem::replace(health, Health::NEW).after(check, &config.health);
        }
    }

    /// Forgets a member.
    pub(crate) fn remove(&mut self, slot: &Arc<Slot>) {
        self.entries.retain(|entry| !Arc::ptr_eq(&entry.slot, slot));
    }

    /// The members that take requests.
    ///
    /// Fails open as ALB does: "If a target group contains only unhealthy registered targets, the
    /// load balancer routes requests to all those targets, regardless of their health status"
    /// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html>).
    /// A new member gets nothing ("it must pass one health check"). Of new and unhealthy members
    /// together AWS says nothing: the unhealthy ones get requests then.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let takes: fn(&Entry) -> bool = if self.entries.iter().any(Entry::is_healthy) {
            Entry::is_healthy
        } else {
            Entry::is_unhealthy
        };
        let taking = self.entries.iter().filter(|entry| takes(entry));
        let slots: Vec<_> = taking.map(|entry| entry.slot.clone()).collect();
        let listed = self.entries.iter().filter(|entry| entry.is_listed()).count();
        Snapshot { initial: listed - slots.len(), slots }
    }

    pub(crate) fn states(&self) -> Vec<MemberStatus> {
        self.entries.iter().map(Entry::status).collect()
    }

    /// [`Roster::states`] with each member's counters.
    pub(crate) fn counted(&self) -> Vec<(MemberStatus, Arc<Counters>)> {
        let counted = |entry: &Entry| (entry.status(), entry.slot.counters.clone());
        self.entries.iter().map(counted).collect()
    }
}

impl Entry {
    fn is_listed(&self) -> bool {
        matches!(self.phase, Phase::Listed(_))
    }

    fn is_healthy(&self) -> bool {
        matches!(self.phase, Phase::Listed(Health::Healthy { .. }))
    }

    fn is_unhealthy(&self) -> bool {
        matches!(self.phase, Phase::Listed(Health::Unhealthy { .. }))
    }

    fn status(&self) -> MemberStatus {
        let state = match &self.phase {
            Phase::Listed(Health::Initial { .. }) => State::Initial,
            Phase::Listed(Health::Healthy { .. }) => State::Healthy,
            Phase::Listed(Health::Unhealthy { why, .. }) => State::Unhealthy { why: why.clone() },
            Phase::Draining => State::Draining,
        };
        MemberStatus { member: self.slot.member.clone(), state, in_flight: self.slot.in_flight() }
    }
}
