//! Who of those that take requests gets the next one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::slot::Slot;
use crate::{MemberId, Routing};

/// The members that take requests, as of the pool's last change. What they have in flight is as of now.
#[derive(Default)]
pub struct Snapshot {
    pub(crate) slots: Vec<Arc<Slot>>,
    /// Members that are listed and take none yet.
    pub(crate) initial: usize,
}

impl Snapshot {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The name of the member at this index, below [`Snapshot::len`].
    pub fn id(&self, index: usize) -> &MemberId {
        &self.slots[index].member.id
    }

    /// Its requests whose answers have neither ended nor been given up.
    pub fn in_flight(&self, index: usize) -> usize {
        self.slots[index].in_flight()
    }
}

/// A way of choosing among the members that take requests. It is asked for every request, from many
/// tasks at once, and must not block.
pub trait Pick: Send + Sync + 'static {
    /// The index of the member that gets the next request; none where there is no member.
    fn pick(&self, members: &Snapshot) -> Option<usize>;
}

/// Each member in turn.
#[derive(Debug, Default)]
pub struct RoundRobin {
    turn: AtomicUsize,
}

impl Pick for RoundRobin {
    fn pick(&self, members: &Snapshot) -> Option<usize> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        turn.checked_rem(members.len())
    }
}

/// The member with the fewest requests in flight; of several each in turn.
#[derive(Debug, Default)]
pub struct LeastOutstanding {
    turn: AtomicUsize,
}

impl Pick for LeastOutstanding {
    fn pick(&self, members: &Snapshot) -> Option<usize> {
        let first = self.turn.fetch_add(1, Ordering::Relaxed).checked_rem(members.len())?;
        let in_turn = (first..members.len()).chain(0..first);
        in_turn.min_by_key(|&index| members.in_flight(index))
    }
}

impl Routing {
    pub(crate) fn picker(self) -> Box<dyn Pick> {
        match self {
            Self::RoundRobin => Box::new(RoundRobin::default()),
            Self::LeastOutstanding => Box::new(LeastOutstanding::default()),
        }
    }
}
