//! The sides of a standing row, and which of them gets the next request.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

use gearshift_balance::by_weight;
use gearshift_deploy::{PoolStanding, Scale, SideScale, SideStanding, SideState, State};
use gearshift_gear::Side;
use gearshift_stores::Metered;

use crate::plane::error::StartError;
use crate::plane::side::SideHost;

/// The row's sides.
#[derive(Default)]
pub(super) struct Slots {
    /// A request chooses its side and is counted under the read lock, so that a side whose weight was
    /// set to 0 and that counts none gets none any more.
    kept: RwLock<Sides>,
    /// Requests so far, from which weights take their turns.
    taken: AtomicU64,
}

#[derive(Default)]
struct Sides {
    sides: BTreeMap<Side, Slot>,
    /// Usage of sides that are gone.
    past: Metered,
    /// Slots made so far: a side that comes back is another one.
    made: u64,
}

/// A side that is there.
struct Slot {
    number: u64,
    weight: u16,
    in_flight: Arc<AtomicU64>,
    standing: Progress,
    /// What it was told last to have.
    scale: SideScale,
}

/// How far a side is.
enum Progress {
    /// What its members need first is on its way, such as its load balancer.
    Opening {
        on: String,
    },
    Open(Arc<dyn SideHost>),
    Draining(Arc<dyn SideHost>),
}

/// A request on its side: counted until dropped.
pub(super) struct InFlight(Arc<AtomicU64>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// What telling a side its scale comes to.
pub(super) enum Told {
    /// It is open: this host changes its members.
    Open(Arc<dyn SideHost>),
    /// There is none yet: somebody opens the slot of this number.
    New(u64),
    /// It opens or drains: it is as told once it is open, or absent once it is gone.
    Later,
}

/// A side that drains from now on.
pub(super) struct Leaving {
    pub(super) side: Side,
    pub(super) number: u64,
    pub(super) host: Arc<dyn SideHost>,
}

impl Slots {
    /// Adds a side that is open.
    pub(super) fn add(&self, side: Side, scale: &SideScale, host: Arc<dyn SideHost>) {
        let mut kept = self.kept.write().expect("no panic while held");
        let number = kept.next_number();
        let slot = Slot { standing: Progress::Open(host), ..Slot::new(number, side, scale) };
        kept.sides.insert(side, Slot { weight: scale.weight, ..slot });
    }

    /// The side of the next request. Weights take turns, so that any thousand requests in a row are
    /// spread exactly by weight.
    pub(super) fn choose(&self) -> Option<(Side, Arc<dyn SideHost>, InFlight)> {
        let kept = self.kept.read().expect("no panic while held");
        let weight = |slot: &Slot| match slot.standing {
            Progress::Open(_) => u64::from(slot.weight),
            Progress::Opening { .. } | Progress::Draining(_) => 0,
        };
        let turn = self.taken.fetch_add(1, Ordering::Relaxed);
        let index = by_weight(turn, kept.sides.values().map(weight))?;
        let (side, slot) = kept.sides.iter().nth(index)?;
        let Progress::Open(host) = &slot.standing else { return None };
        slot.in_flight.fetch_add(1, Ordering::SeqCst);
        Some((*side, host.clone(), InFlight(slot.in_flight.clone())))
    }

    /// Every side that runs something.
    pub(super) fn hosts(&self) -> Vec<Arc<dyn SideHost>> {
        self.kept.read().expect("no panic while held").hosts().cloned().collect()
    }

    /// What all sides have used, those that are gone included.
    pub(super) fn usage(&self) -> Metered {
        let kept = self.kept.read().expect("no panic while held");
        let mut used = kept.past.clone();
        used.extend(kept.hosts().flat_map(|host| host.usage()));
        used
    }

    /// How the row stands, and each of its sides.
    pub(super) fn standing(&self) -> (State, BTreeMap<Side, SideStanding>) {
        let kept = self.kept.read().expect("no panic while held");
        let mut state = State::Ready;
        let mut sides = BTreeMap::new();
        for (&side, slot) in &kept.sides {
            let (of_side, pools) = match &slot.standing {
                Progress::Opening { on } => {
                    (SideState::Warming { on: on.clone() }, expected(&slot.scale))
                }
                Progress::Draining(host) => (SideState::Draining, host.pools()),
                Progress::Open(host) => match host.state() {
                    Ok(of_side) => (of_side, host.pools()),
                    // A side that gets no requests breaks nothing: it is tried again.
                    Err(why) if slot.weight == 0 => {
                        (SideState::Warming { on: format!("{side}: {why}") }, host.pools())
                    }
                    Err(error) => {
                        state = State::Broken { why: error.to_string() };
                        (SideState::Ready, host.pools())
                    }
                },
            };
            let in_flight = slot.in_flight.load(Ordering::SeqCst);
            sides.insert(
                side,
                SideStanding { state: of_side, weight: slot.weight, in_flight, pools },
            );
        }
        (state, sides)
    }

    /// Tells a side what it shall have; its weight is set by [`Slots::weigh`].
    pub(super) fn tell(&self, side: Side, wanted: &SideScale) -> Told {
        let mut kept = self.kept.write().expect("no panic while held");
        if let Some(slot) = kept.sides.get_mut(&side) {
            slot.scale = wanted.clone();
            return match &slot.standing {
                Progress::Open(host) => Told::Open(host.clone()),
                Progress::Opening { .. } | Progress::Draining(_) => Told::Later,
            };
        }
        let number = kept.next_number();
        kept.sides.insert(side, Slot::new(number, side, wanted));
        Told::New(number)
    }

    /// What the side of this number was told last; none once it has been taken away.
    pub(super) fn told(&self, side: Side, number: u64) -> Option<SideScale> {
        let kept = self.kept.read().expect("no panic while held");
        kept.sides.get(&side).filter(|slot| slot.number == number).map(|slot| slot.scale.clone())
    }

    /// The side of this number has opened, or could not and why; what it was told last, unless it has
    /// been taken away meanwhile.
    pub(super) fn opened(
        &self,
        side: Side,
        number: u64,
        opened: &Result<Arc<dyn SideHost>, StartError>,
    ) -> Option<SideScale> {
        let mut kept = self.kept.write().expect("no panic while held");
        let slot = kept.sides.get_mut(&side).filter(|slot| slot.number == number)?;
        slot.standing = match opened {
            Ok(host) => Progress::Open(host.clone()),
            Err(error) => Progress::Opening { on: error.to_string() },
        };
        Some(slot.scale.clone())
    }

    /// Sets every weight at once. Sides that are not wanted any more get no requests from now on.
    pub(super) fn weigh(&self, scale: &Scale) -> Vec<Leaving> {
        let mut kept = self.kept.write().expect("no panic while held");
        let opening = |slot: &Slot| matches!(slot.standing, Progress::Opening { .. });
        kept.sides.retain(|side, slot| scale.sides.contains_key(side) || !opening(slot));
        let mut leaving = Vec::new();
        for (&side, slot) in &mut kept.sides {
            slot.weight = scale.weight(side);
            let wanted = scale.sides.contains_key(&side);
            if let (Progress::Open(host), false) = (&slot.standing, wanted) {
                let host = host.clone();
                leaving.push(Leaving { side, number: slot.number, host: host.clone() });
                slot.standing = Progress::Draining(host);
            }
        }
        leaving
    }

    /// Requests in flight on the side of this number; none where it is gone.
    pub(super) fn in_flight(&self, leaving: &Leaving) -> u64 {
        let kept = self.kept.read().expect("no panic while held");
        let slot = kept.sides.get(&leaving.side).filter(|slot| slot.number == leaving.number);
        slot.map_or(0, |slot| slot.in_flight.load(Ordering::SeqCst))
    }

    /// Forgets a side that has ended; what it used stays. At once, so that usage never shrinks.
    pub(super) fn forget(&self, leaving: &Leaving) {
        let mut kept = self.kept.write().expect("no panic while held");
        kept.past.extend(leaving.host.usage());
        kept.sides.remove(&leaving.side);
    }
}

impl Sides {
    fn next_number(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    fn hosts(&self) -> impl Iterator<Item = &Arc<dyn SideHost>> {
        self.sides.values().filter_map(|slot| match &slot.standing {
            Progress::Open(host) | Progress::Draining(host) => Some(host),
            Progress::Opening { .. } => None,
        })
    }
}

impl Slot {
    fn new(number: u64, side: Side, scale: &SideScale) -> Self {
        Self {
            number,
            weight: 0,
            in_flight: Arc::default(),
            standing: Progress::Opening { on: format!("what the {side} side runs on") },
            scale: scale.clone(),
        }
    }
}

/// The pools of a side that is not open yet: nobody is there.
fn expected(scale: &SideScale) -> BTreeMap<String, PoolStanding> {
    let pool = |(name, &members): (&String, &u32)| {
        (name.clone(), PoolStanding { wanted: Some(members), ..PoolStanding::default() })
    };
    scale.members.iter().map(pool).collect()
}
