//! One run as the provider keeps it.

use std::time::Duration;

use gearshift_deploy::{
    Fence, Progress, SideState, Standing, State, TargetError, Want, Wanted, World, check_artefacts,
};
use gearshift_gear::RunId;
use jiff::Timestamp;

use crate::facts::facts;
use crate::parts::Placing;
use crate::record::RowRecord;

/// How soon to look again where nothing is known to be due.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A run: its newest fence and its rows, those of the past included as long as a late answer may
/// still show them.
#[derive(Default)]
pub(crate) struct RunRecord {
    fence: Option<Fence>,
    rows: Vec<RowRecord>,
}

impl RunRecord {
    /// Everything of this run as of then.
    pub(crate) fn world(&self, run: &RunId, at: Timestamp) -> World {
        let standing =
            |record: &RowRecord| Some((record.spec.row.name.clone(), record.standing(run, at)?));
        World { rows: self.rows.iter().filter_map(standing).collect() }
    }

    /// The row of this name that exists now.
    pub(crate) fn row(&mut self, name: &str, now: Timestamp) -> Option<&mut RowRecord> {
        self.rows.iter_mut().find(|record| record.spec.row.name == name && record.exists(now))
    }

    /// Fronts and members that exist now.
    pub(crate) fn census(&self, now: Timestamp) -> usize {
        let existing = self.rows.iter().filter(|record| record.exists(now));
        existing.map(|record| 1 + record.alive(now).count()).sum()
    }

    /// Forgets what was gone before the horizon; false when nothing is left to keep.
    pub(crate) fn prune(&mut self, horizon: Timestamp) -> bool {
        self.rows.retain(|record| !record.gone(horizon));
        self.fence.is_some() || !self.rows.is_empty()
    }

    /// One step towards `want`. It is taken only from a view that is still true, so a step repeated
    /// with the same view does nothing the second time, and `Done` is never said of the past.
    pub(crate) fn step(
        &mut self,
        run: &RunId,
        want: &Want,
        seen: &World,
        fence: Fence,
        now: Timestamp,
        placing: &mut Placing<'_>,
    ) -> Result<Progress, TargetError> {
        if let Some(newest) = self.fence.filter(|newest| fence < *newest) {
            return Err(TargetError::Fenced { ours: fence.0, newest: newest.0 });
        }
        self.fence = Some(fence);
        let truth = self.world(run, now);
        if !agree(&truth, seen) {
            return Ok(Progress::Outdated { look_again: LOOK_AGAIN });
        }
        for (name, standing) in &truth.rows {
            let broken = matches!(standing.state, State::Broken { .. });
            let spec = want.rows.get(name).map(|wanted| &wanted.spec);
            if broken || spec != standing.spec.as_ref() {
                return Ok(self.take_away(name, now, placing));
            }
        }
        for (name, wanted) in &want.rows {
            let Some(standing) = truth.rows.get(name) else {
                let facts = match facts(placing.config, &wanted.spec.row) {
                    Ok(facts) => facts,
                    Err(missing) => return Ok(Progress::Refused { why: missing.to_string() }),
                };
                if let Err(error) = check_artefacts(&wanted.spec.row, &wanted.artefacts, &facts) {
                    return Ok(Progress::Refused { why: error.to_string() });
                }
                if let Err(error) = wanted.scale.check(&wanted.spec.row) {
                    return Ok(Progress::Refused { why: error.to_string() });
                }
                let record = RowRecord::make(wanted, now, placing);
                let progress = pending(format!("{name} starting"), &record, now);
                self.rows.push(record);
                return Ok(progress);
            };
            if standing.state == State::Starting {
                let record = self.row(name, now).expect("it stands now");
                return Ok(pending(format!("{name} starting"), record, now));
            }
            if let Some(progress) = self.scale(name, wanted, standing, now, placing) {
                return Ok(progress);
            }
        }
        if want.rows.is_empty() {
            // The fence goes with the run: nothing of it is left.
            self.fence = None;
        }
        Ok(Progress::Done)
    }

    /// Changes a standing row's scale, or says what of an earlier change is under way; none where it
    /// is as wanted.
    fn scale(
        &mut self,
        name: &str,
        wanted: &Wanted,
        seen: &Standing,
        now: Timestamp,
        placing: &mut Placing<'_>,
    ) -> Option<Progress> {
        let record = self.row(name, now).expect("it stands now");
        if seen.scale() == wanted.scale {
            return seen.under_way().map(|on| pending(on, record, now));
        }
        if let Err(error) = wanted.scale.check(&wanted.spec.row) {
            return Some(Progress::Refused { why: error.to_string() });
        }
        let unready = wanted.scale.sides.iter().find(|(side, scale)| {
            let seen = seen.sides.get(side);
            let ready = seen.is_some_and(|seen| seen.state == SideState::Ready);
            scale.weight > seen.map_or(0, |seen| seen.weight) && !ready
        });
        if let Some((side, _)) = unready {
            let why = format!("the {side} side is not ready to take requests");
            return Some(Progress::Refused { why });
        }
        record.scale(&wanted.scale, now, placing);
        Some(pending(format!("{name} changing"), record, now))
    }

    fn take_away(&mut self, name: &str, now: Timestamp, placing: &mut Placing<'_>) -> Progress {
        let takes = placing.config.end.draw(placing.rng);
        let record = self.row(name, now).expect("it stands now");
        record.take_away(now, takes);
        pending(format!("{name} ending"), record, now)
    }
}

/// Whether a view still holds, but for what members are busy with.
fn agree(truth: &World, seen: &World) -> bool {
    let plain = |world: &World| -> Vec<_> {
        let row = |(name, of): (&String, &Standing)| {
            let members = of.members().map(|member| member.environment.clone());
            let (spec, scale) = (of.spec.clone(), of.scale());
            (name.clone(), spec, scale, of.state.clone(), members.collect::<Vec<_>>())
        };
        world.rows.iter().map(row).collect()
    };
    plain(truth) == plain(seen)
}

fn pending(on: String, record: &RowRecord, now: Timestamp) -> Progress {
    let due = record.due(now).map(|due| due.duration_since(now));
    let look_again = due.and_then(|due| Duration::try_from(due).ok()).unwrap_or(LOOK_AGAIN);
    Progress::Pending { on, look_again }
}
