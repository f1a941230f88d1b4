//! Moving the live traffic of a flex row to its other side, one wanted scale after the other.
//!
//! Nothing of a shift is remembered: each step follows from the row as it stands, so whoever looks at
//! a row whose shift was interrupted can finish it or undo it.

use std::collections::btree_map::Entry;
use std::time::Duration;

use gearshift_gear::{Row, RunId, Side};

use crate::{
    Clock, FULL_WEIGHT, Fence, Patience, Progress, Scale, SideScale, SideState, Standing, State,
    Target, TargetError, Wanted, World,
};

/// Between two looks at requests that are still in flight.
const LOOK: Duration = Duration::from_millis(20);

/// Where traffic is to go, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shift {
    pub to: Side,
    /// Members the side is warmed up with, in each of its pools; none: as many as its gear starts with.
    pub members: Option<u32>,
    /// Weights that the side passes on its way to all requests, in thousandths, rising.
    pub ramp: Vec<u16>,
    /// How long each of them stays, on the target's clock.
    pub hold: Duration,
}

/// What a shift does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShiftStep {
    /// The side is made ready; it gets no requests yet.
    Warm,
    /// The side gets this part of new requests, in thousandths.
    Ramp(u16),
    /// The other side gets no new requests; it finishes those it has.
    Drain,
    /// The other side is taken away.
    TakeAway,
}

impl Shift {
    /// To this side in the usual steps: a tenth, a half, all.
    pub fn to(side: Side) -> Self {
        Self { to: side, members: None, ramp: vec![100, 500], hold: Duration::from_secs(1) }
    }

    /// The next step from this standing row, and the scale it wants; none where the traffic is where
    /// it shall be and nothing of the way there is left.
    pub fn next(&self, row: &Row, seen: &Standing) -> Option<(ShiftStep, Scale)> {
        let (to, from) = (self.to, self.to.other());
        let mut scale = seen.scale();
        if let Entry::Vacant(absent) = scale.sides.entry(to) {
            absent.insert(self.warmed(row));
            return Some((ShiftStep::Warm, scale));
        }
        let ready = seen.sides.get(&to).is_some_and(|side| side.state == SideState::Ready);
        if !ready {
            return Some((ShiftStep::Warm, scale));
        }
        let weight = scale.weight(to);
        if weight < FULL_WEIGHT {
            let next = self.ramp.iter().copied().find(|&next| next > weight);
            let next = next.unwrap_or(FULL_WEIGHT).min(FULL_WEIGHT);
            scale.sides.entry(to).or_default().weight = next;
            scale.sides.entry(from).or_default().weight = FULL_WEIGHT - next;
            return Some((ShiftStep::Ramp(next), scale));
        }
        // A function costs nothing while nobody calls it, so it stays.
        let costs = row.side(from).is_some_and(|gear| !gear.is_function());
        match seen.sides.get(&from) {
            Some(other) if other.in_flight > 0 && other.state != SideState::Draining => {
                Some((ShiftStep::Drain, scale))
            }
            Some(_) if costs => {
                scale.sides.remove(&from);
                Some((ShiftStep::TakeAway, scale))
            }
            _ => None,
        }
    }

    fn warmed(&self, row: &Row) -> SideScale {
        let mut side = row.side(self.to).map(|gear| SideScale::of(gear, 0)).unwrap_or_default();
        if let Some(members) = self.members {
            side.members.values_mut().for_each(|wanted| *wanted = members);
        }
        side
    }

    /// Where an interrupted shift of this row leads: to the side that has most of the traffic; none
    /// where none was interrupted.
    pub fn interrupted(row: &Row, seen: &Standing) -> Option<Self> {
        let high = seen.scale().weight(Side::High);
        let to = if u32::from(high) * 2 >= u32::from(FULL_WEIGHT) { Side::High } else { Side::Low };
        let shift = Self::to(to);
        row.side(to)?;
        shift.next(row, seen).map(|_| shift)
    }

    /// Looks at the row and steps until the shift is done. `told` hears of each step as it begins.
    ///
    /// A view is used only once the target has agreed that it is up to date, and that nothing of an
    /// earlier step is under way: a view of the past would lead back.
    ///
    /// # Errors
    /// Where the target fails or refuses, another controller has taken over, or the row is broken;
    /// whatever stands then goes on taking requests.
    pub async fn run(
        &self,
        clock: &dyn Clock,
        target: &dyn Target,
        of: (&RunId, &str),
        fence: Fence,
        patience: Patience,
        told: &(dyn Fn(ShiftStep, &Standing) + Sync),
    ) -> Result<(), TargetError> {
        let (run, name) = of;
        let began = clock.now();
        let (mut lost, mut on, mut hold) = (0, "an answer".to_owned(), false);
        loop {
            if clock.since(began) > patience.total {
                return Err(unfinished(name, &on, patience.total));
            }
            let settled = match settled(target, run, fence).await {
                Err(error @ TargetError::NoAnswer { .. }) => {
                    lost += 1;
                    if lost > patience.lost_answers {
                        return Err(error);
                    }
                    clock.wait(LOOK).await;
                    continue;
                }
                settled => settled?,
            };
            lost = 0;
            let world = match settled {
                Settled::Yes(world) => world,
                Settled::NotYet { what, look_again } => {
                    on = what;
                    clock.wait(look_again).await;
                    continue;
                }
            };
            if std::mem::take(&mut hold) {
                clock.wait(self.hold).await;
                continue;
            }
            let seen = world.rows.get(name);
            let seen = seen.ok_or_else(|| TargetError::NoSuchRow(name.to_owned()))?;
            let Some(spec) = seen.spec.clone() else {
                return Err(TargetError::NoSuchRow(name.to_owned()));
            };
            let Some((step, scale)) = self.next(&spec.row, seen) else { return Ok(()) };
            tracing::info!(%run, row = name, to = %self.to, ?step, "shift");
            told(step, seen);
            if step == ShiftStep::Drain {
                on = "requests in flight".to_owned();
                clock.wait(LOOK).await;
                continue;
            }
            let mut want = world.as_wanted();
            want.rows.insert(name.to_owned(), Wanted::standing(spec, scale));
            match target.step(run, &want, &world, fence).await {
                Ok(Progress::Refused { why }) => return Err(TargetError::Refused { why }),
                // It may have taken effect or not: the next look tells.
                Ok(_) | Err(TargetError::NoAnswer { .. }) => {}
                Err(error) => return Err(error),
            }
            hold = matches!(step, ShiftStep::Ramp(weight) if weight < FULL_WEIGHT);
        }
    }
}

/// Whether a run stands as it was told to.
enum Settled {
    Yes(World),
    NotYet { what: String, look_again: Duration },
}

/// The run's world, if it is up to date and nothing in it is under way.
async fn settled(target: &dyn Target, run: &RunId, fence: Fence) -> Result<Settled, TargetError> {
    let world = target.observe(run).await?;
    let broken = world.rows.iter().find_map(|(name, row)| match &row.state {
        State::Broken { why } => Some((name, why)),
        State::Starting | State::Ready => None,
    });
    if let Some((name, why)) = broken {
        return Err(TargetError::Failed {
            what: name.clone(),
            why: why.clone(),
            next: "gearshift down, then up again".to_owned(),
        });
    }
    let progress = target.step(run, &world.as_wanted(), &world, fence).await?;
    match (&progress, progress.waits_for()) {
        (Progress::Refused { why }, _) => Err(TargetError::Refused { why: why.clone() }),
        (_, Some((what, look_again))) => Ok(Settled::NotYet { what: what.to_owned(), look_again }),
        (_, None) => Ok(Settled::Yes(world)),
    }
}

fn unfinished(row: &str, on: &str, after: Duration) -> TargetError {
    TargetError::Failed {
        what: format!("shifting {row}"),
        why: format!("waited {} s, last for {on}", after.as_secs()),
        next: "gearshift shift goes on from where it is, gearshift status --repair ends it"
            .to_owned(),
    }
}
