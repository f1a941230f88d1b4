//! The negative proof: for every clause a target that breaks it, and is caught.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use gearshift_deploy::contract::CLAUSES;
use gearshift_deploy::{
    Condition, Event, Facts, Fence, Happening, Progress, State, Target, TargetError, Want, Wanted,
    World,
};
use gearshift_gear::{Missing, Row, RunId, Side, UsageLine};
use gearshift_sim::{Cloud, SimTarget};
use rust_decimal::Decimal;

use crate::bench::{Litter, SimBench, artefacts, want as wanted};

/// One way to break the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Observes until the row is ready, then remembers; steps from its memory.
    RemembersReady,
    /// Remembers the first world it saw; steps from its memory.
    RemembersFirst,
    ObservingStarts,
    ObservingKills,
    RunsEverything,
    SaysNothingOfWhatIsMissing,
    StandsWithoutUrl,
    DoneAtOnce,
    NeverDone,
    StartsMoreWhenDone,
    StartsAgainFromAnOldView,
    KeepsSettings,
    TakesAnyArtefact,
    IgnoresFences,
    ShowsEveryRun,
    TakesEveryRunDown,
    LeavesThings,
    LeavesThingsThatWereStarting,
    ColdLeavesMembers,
    TellsOfNoStop,
    EventsNewestFirst,
    EventsFromTheStart,
    NegativeUsage,
    UsageShrinks,
    UsageStandsStill,
    NoUsageIsZero,
    ColdWithoutARow,
    ReplacesWhenScaling,
    StopsWithoutDraining,
    KeepsWeights,
    /// Goes on only with a shift that this handle began.
    RemembersShifts,
    ArrangesAnything,
}

/// Which clause must catch which flaw, and a part of what it must say.
const CAUGHT: &[(Flaw, &str, &str)] = &[
    (Flaw::ObservingStarts, "an_unknown_run_is_empty", "a run nobody started shows ec2"),
    (Flaw::RunsEverything, "can_names_what_is_missing", "is not built and said to run"),
    (Flaw::SaysNothingOfWhatIsMissing, "can_names_what_is_missing", "is missing is not said"),
    (Flaw::StandsWithoutUrl, "up_reaches_ready", "ready without a URL"),
    (Flaw::DoneAtOnce, "up_reaches_ready", "not there where it should be ready"),
    (Flaw::NeverDone, "up_reaches_ready", "not ready after"),
    (Flaw::DoneAtOnce, "done_is_what_a_new_handle_sees", "after Done"),
    (Flaw::ObservingKills, "observing_changes_nothing", "first seen"),
    (Flaw::StartsMoreWhenDone, "stepping_when_done_changes_nothing", "things of the run exist"),
    (Flaw::StartsAgainFromAnOldView, "repeated_steps_double_nothing", "things of the run exist"),
    (Flaw::KeepsSettings, "changed_settings_replace_the_row", "still stands as"),
    (Flaw::KeepsSettings, "another_artefact_replaces_the_row", "still stands as"),
    (Flaw::TakesAnyArtefact, "only_accepted_artefacts_are_taken", "not refused"),
    (Flaw::RemembersReady, "sabotage_is_seen_and_repaired", "the sabotage: not seen"),
    (Flaw::RemembersReady, "taken_down_by_another_is_seen", "still seen"),
    (Flaw::RemembersReady, "wanting_nothing_removes_everything", "the handle itself still sees"),
    (Flaw::RemembersFirst, "brought_up_by_another_is_taken_down", "brought up by another handle"),
    (Flaw::IgnoresFences, "an_older_fence_is_refused", "not to Fenced"),
    (Flaw::ShowsEveryRun, "runs_do_not_see_each_other", "the other run shows"),
    (Flaw::TakesEveryRunDown, "runs_do_not_see_each_other", "the other run changed"),
    (Flaw::LeavesThings, "wanting_nothing_removes_everything", "still exist"),
    (Flaw::LeavesThingsThatWereStarting, "a_starting_row_can_be_taken_away", "still exist"),
    (Flaw::ColdLeavesMembers, "cold_leaves_no_member_seen_before", "that no member is left"),
    (Flaw::TellsOfNoStop, "cold_leaves_no_member_seen_before", "no event tells"),
    (Flaw::EventsNewestFirst, "events_tell_a_life_in_order", "comes before the earlier"),
    (Flaw::EventsFromTheStart, "events_tell_a_life_in_order", "from number 1 on"),
    (Flaw::ReplacesWhenScaling, "scaling_keeps_every_member_that_stays", "scaling to 3 made"),
    (Flaw::StopsWithoutDraining, "a_member_that_goes_is_drained_first", "a member that drains"),
    (Flaw::KeepsWeights, "weights_move_traffic_and_lose_none", "came to the low side"),
    (
        Flaw::RemembersShifts,
        "a_shift_killed_between_any_two_steps_is_finished_by_a_fresh_handle",
        "another handle began",
    ),
    (Flaw::IgnoresFences, "of_two_handles_at_once_one_is_fenced", "not to Fenced"),
    (Flaw::ArrangesAnything, "an_unknown_condition_is_a_gap", "is named by the facts"),
    (Flaw::NegativeUsage, "usage_only_grows", "negative usage"),
    (Flaw::UsageShrinks, "usage_only_grows", "and became"),
    (Flaw::UsageStandsStill, "usage_only_grows", "requests and some time later"),
    (Flaw::NoUsageIsZero, "what_does_not_stand_is_no_such_row", "usage of a run nobody started"),
    (
        Flaw::ColdWithoutARow,
        "what_does_not_stand_is_no_such_row",
        "a condition of a run nobody started",
    ),
];

#[tokio::test]
async fn every_flaw_is_caught_by_its_clause() {
    for (flaw, name, reason) in CAUGHT {
        let clause = CLAUSES.iter().find(|clause| clause.name == *name).expect(name);
        for row in ["ec2", "lambda-rust-dynamodb"] {
            let held = (clause.hold)(&SimBench::flawed(row, *flaw)).await;
            let breach = held.expect_err(&format!("{flaw:?} passes `{name}` on {row}"));
            assert_eq!(breach.clause, *name);
            assert!(breach.reason.contains(reason), "{flaw:?} on {row}: {breach}");
        }
    }
}

#[test]
fn no_clause_is_without_a_flaw_that_breaks_it() {
    let caught: BTreeSet<_> = CAUGHT.iter().map(|(_, clause, _)| *clause).collect();
    let clauses: BTreeSet<_> = CLAUSES.iter().map(|clause| clause.name).collect();
    assert_eq!(caught, clauses);
}

/// `sim` with one flaw.
pub struct Flawed {
    inner: SimTarget,
    cloud: Cloud,
    flaw: Flaw,
    /// What this handle remembers, which it should not.
    memory: Mutex<BTreeMap<RunId, World>>,
    stepped: AtomicBool,
    /// Shared by all handles of the bench, and counted by its census; a run in it was stepped.
    litter: Litter,
}

impl Flawed {
    pub fn new(flaw: Flaw, bench: &SimBench) -> Self {
        Self {
            inner: bench.cloud.target(),
            cloud: bench.cloud.clone(),
            flaw,
            memory: Mutex::default(),
            stepped: AtomicBool::new(false),
            litter: bench.litter.clone(),
        }
    }

    fn known_runs(&self) -> Vec<RunId> {
        self.litter.lock().unwrap().keys().cloned().collect()
    }

    fn drop_litter(&self, run: &RunId) {
        *self.litter.lock().unwrap().entry(run.clone()).or_default() += 1;
    }

    async fn observed(&self, run: &RunId) -> Result<World, TargetError> {
        let mut world = self.inner.observe(run).await?;
        match self.flaw {
            Flaw::ObservingStarts if world.rows.is_empty() => {
                let want = wanted("ec2");
                self.inner.step(run, &want, &world, Fence(0)).await?;
            }
            Flaw::ObservingKills if !self.stepped.load(Ordering::Relaxed) => {
                for row in world.rows.keys() {
                    self.cloud.sabotage(run, row);
                }
            }
            Flaw::ShowsEveryRun => {
                for other in self.known_runs() {
                    world.rows.extend(self.inner.observe(&other).await?.rows);
                }
            }
            Flaw::StandsWithoutUrl => {
                world.rows.values_mut().for_each(|standing| standing.url = None);
            }
            _ => {}
        }
        Ok(world)
    }
}

/// Whether a row that stands as what it is shall have another scale.
fn scales(want: &Want, seen: &World) -> bool {
    want.rows.iter().any(|(name, wanted)| {
        let row = seen.rows.get(name).filter(|row| row.spec.as_ref() == Some(&wanted.spec));
        row.is_some_and(|row| row.scale() != wanted.scale)
    })
}

fn keep_weights(want: &mut Want, seen: &World) {
    for (name, wanted) in &mut want.rows {
        let Some(row) = seen.rows.get(name) else { continue };
        let had = row.scale();
        for (side, scale) in &mut wanted.scale.sides {
            scale.weight = had.weight(*side);
        }
    }
}

#[async_trait]
impl Target for Flawed {
    async fn facts(&self, row: &Row) -> Result<Facts, Missing> {
        let can = self.inner.facts(row).await;
        match self.flaw {
            Flaw::RunsEverything => self.inner.facts(&crate::bench::row("ec2")).await,
            Flaw::SaysNothingOfWhatIsMissing => {
                can.map_err(|missing| Missing { how_to_get_it: String::new(), ..missing })
            }
            _ => can,
        }
    }

    async fn runs(&self) -> Result<Vec<RunId>, TargetError> {
        self.inner.runs().await
    }

    async fn observe(&self, run: &RunId) -> Result<World, TargetError> {
        let remembers = matches!(self.flaw, Flaw::RemembersReady | Flaw::RemembersFirst);
        if let Some(remembered) = self.memory.lock().unwrap().get(run).filter(|_| remembers) {
            return Ok(remembered.clone());
        }
        let world = self.observed(run).await?;
        let ready = world.rows.values().any(|standing| standing.state == State::Ready);
        let remember = match self.flaw {
            Flaw::RemembersReady => ready,
            Flaw::RemembersFirst => true,
            _ => false,
        };
        if remember {
            self.memory.lock().unwrap().insert(run.clone(), world.clone());
        }
        Ok(world)
    }

    async fn step(
        &self,
        run: &RunId,
        want: &Want,
        seen: &World,
        fence: Fence,
    ) -> Result<Progress, TargetError> {
        self.litter.lock().unwrap().entry(run.clone()).or_default();
        self.stepped.store(true, Ordering::Relaxed);
        let (mut want, mut fence) = (want.clone(), fence);
        let taking_down = want.rows.is_empty();
        let starting = seen.rows.values().any(|standing| standing.state == State::Starting);
        match self.flaw {
            Flaw::RemembersReady | Flaw::RemembersFirst => {
                let as_wanted = |(name, wanted): (&String, &Wanted)| {
                    let row = seen.rows.get(name);
                    row.is_some_and(|row| {
                        row.state == State::Ready
                            && row.spec.as_ref() == Some(&wanted.spec)
                            && row.scale() == wanted.scale
                    })
                };
                if seen.rows.len() == want.rows.len() && want.rows.iter().all(as_wanted) {
                    return Ok(Progress::Done);
                }
                let truth = self.inner.observe(run).await?;
                return self.inner.step(run, &want, &truth, fence).await;
            }
            Flaw::DoneAtOnce => {
                self.inner.step(run, &want, seen, fence).await?;
                return Ok(Progress::Done);
            }
            Flaw::KeepsSettings => {
                for (name, wanted) in &mut want.rows {
                    if let Some(spec) = seen.rows.get(name).and_then(|row| row.spec.clone()) {
                        wanted.spec = spec;
                    }
                }
            }
            Flaw::TakesAnyArtefact => {
                for wanted in want.rows.values_mut() {
                    let Wanted { spec, scale, .. } = wanted.clone();
                    let artefacts = artefacts(&spec.row);
                    *wanted = Wanted::initial(spec.row, spec.settings, artefacts);
                    wanted.scale = scale;
                }
            }
            Flaw::ReplacesWhenScaling if scales(&want, seen) => {
                self.cloud.remove(run);
                return self.inner.step(run, &want, &World::default(), fence).await;
            }
            Flaw::KeepsWeights => keep_weights(&mut want, seen),
            Flaw::RemembersShifts if scales(&want, seen) => {
                let mut memory = self.memory.lock().unwrap();
                let under_way = seen.rows.values().any(|row| row.sides.contains_key(&Side::High));
                if under_way && !memory.contains_key(run) {
                    return Ok(Progress::Refused { why: "another handle began this".to_owned() });
                }
                memory.insert(run.clone(), seen.clone());
            }
            Flaw::IgnoresFences => fence = Fence(u64::MAX),
            Flaw::StartsAgainFromAnOldView if seen.rows.is_empty() && !taking_down => {
                self.drop_litter(run);
            }
            Flaw::StartsAgainFromAnOldView if taking_down => {
                self.litter.lock().unwrap().insert(run.clone(), 0);
            }
            Flaw::LeavesThings if taking_down => self.drop_litter(run),
            Flaw::LeavesThingsThatWereStarting if taking_down && starting => {
                self.drop_litter(run);
            }
            Flaw::TakesEveryRunDown if taking_down => {
                self.known_runs().iter().for_each(|run| self.cloud.remove(run));
            }
            _ => {}
        }
        let progress = self.inner.step(run, &want, seen, fence).await?;
        match (self.flaw, &progress) {
            (Flaw::NeverDone, Progress::Done) => {
                let look_again = std::time::Duration::from_secs(1);
                Ok(Progress::Pending { on: "itself".to_owned(), look_again })
            }
            (Flaw::StopsWithoutDraining, _) => {
                want.rows.keys().for_each(|row| self.cloud.cut_draining(run, row));
                Ok(progress)
            }
            (Flaw::StartsMoreWhenDone, Progress::Done) => {
                self.drop_litter(run);
                Ok(progress)
            }
            _ => Ok(progress),
        }
    }

    async fn usage(&self, run: &RunId, row: &str) -> Result<Vec<UsageLine>, TargetError> {
        let usage = self.inner.usage(run, row).await;
        let alter: fn(Decimal) -> Decimal = match self.flaw {
            Flaw::NegativeUsage => |quantity| -quantity - Decimal::ONE,
            Flaw::UsageShrinks => |quantity| Decimal::from(1_000_000) - quantity,
            Flaw::UsageStandsStill => |_| Decimal::ONE,
            Flaw::NoUsageIsZero => return Ok(usage.unwrap_or_default()),
            _ => |quantity| quantity,
        };
        let line = |line: UsageLine| UsageLine { quantity: alter(line.quantity), ..line };
        usage.map(|lines| lines.into_iter().map(line).collect())
    }

    async fn events(
        &self,
        run: &RunId,
        row: &str,
        since: usize,
    ) -> Result<Vec<Event>, TargetError> {
        let since = if self.flaw == Flaw::EventsFromTheStart { 0 } else { since };
        let mut events = self.inner.events(run, row, since).await?;
        match self.flaw {
            Flaw::EventsNewestFirst => events.reverse(),
            Flaw::TellsOfNoStop => {
                events.retain(|event| !matches!(event.what, Happening::Stopped { .. }));
            }
            _ => {}
        }
        Ok(events)
    }

    async fn arrange(
        &self,
        run: &RunId,
        row: &str,
        condition: Condition,
    ) -> Result<(), TargetError> {
        match self.flaw {
            Flaw::ColdLeavesMembers | Flaw::ArrangesAnything => Ok(()),
            Flaw::ColdWithoutARow => self.inner.arrange(run, row, condition).await.or(Ok(())),
            _ => self.inner.arrange(run, row, condition).await,
        }
    }
}
