//! The trait.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use gearshift_gear::{ArtefactKind, FaultPlan, Missing, Row, RunId, UsageLine};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Event, Patience, Want, World};

/// A place where gears are built.
#[async_trait]
pub trait Target: Send + Sync {
    /// Whether this row can run here, and what this target is like for it. Looks, changes nothing.
    ///
    /// # Errors
    /// [`Missing`] where it cannot: what is missing, why, and how to get it.
    async fn facts(&self, row: &Row) -> Result<Facts, Missing>;

    /// Every run of this user that has something here.
    async fn runs(&self) -> Result<Vec<RunId>, TargetError>;

    /// Reads back what is there of this run; never from memory.
    async fn observe(&self, run: &RunId) -> Result<World, TargetError>;

    /// Takes one step from `seen` towards `want`. Safe to repeat; refused when a newer fence has
    /// already stepped this run.
    async fn step(
        &self,
        run: &RunId,
        want: &Want,
        seen: &World,
        fence: Fence,
    ) -> Result<Progress, TargetError>;

    /// What the provider would meter for this row since it stands.
    async fn usage(&self, run: &RunId, row: &str) -> Result<Vec<UsageLine>, TargetError>;

    /// What happened to this row's members, oldest first, from event number `since` on.
    async fn events(&self, run: &RunId, row: &str, since: usize)
    -> Result<Vec<Event>, TargetError>;

    /// Arranges a condition to measure under. Refused where the target cannot.
    async fn arrange(
        &self,
        run: &RunId,
        row: &str,
        condition: Condition,
    ) -> Result<(), TargetError>;
}

/// What a target is like for one row.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// The target's name: `twin`, `aws`, `kubernetes`, `sim`.
    pub target: String,
    /// Forms in which it takes what a row runs.
    pub accepts: BTreeSet<ArtefactKind>,
    pub shaping: Shaping,
    /// Whether declared laws apply: what a caller sees is then measured here and declared.
    pub laws: bool,
    /// Conditions that [`Target::arrange`] takes; any other one is a gap in what can be measured.
    pub conditions: BTreeSet<ConditionKind>,
    /// How late usage may be complete.
    pub usage_lag: Duration,
    /// How long bringing the row up, changing it and taking it down may take.
    pub patience: Patience,
}

impl Facts {
    /// Whether a condition of this kind can be arranged.
    ///
    /// # Errors
    /// Who cannot arrange what.
    pub fn arranges(&self, kind: ConditionKind) -> Result<(), CannotArrange> {
        match self.conditions.contains(&kind) {
            true => Ok(()),
            false => Err(CannotArrange { target: self.target.clone(), kind }),
        }
    }
}

/// A condition that a target does not name in its facts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{target} cannot arrange {kind}")]
pub struct CannotArrange {
    pub target: String,
    pub kind: ConditionKind,
}

impl std::fmt::Display for ConditionKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Cold => "a cold start",
            Self::Credits => "burst credits",
            Self::SpotNotice => "a Spot notice",
            Self::Faulty => "failing store requests",
        })
    }
}

/// A kind of [`Condition`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConditionKind {
    Cold,
    Credits,
    SpotNotice,
    Faulty,
}

impl Condition {
    /// Its kind.
    pub fn kind(&self) -> ConditionKind {
        match self {
            Self::Cold => ConditionKind::Cold,
            Self::CreditsSpent | Self::CreditsFull => ConditionKind::Credits,
            Self::SpotNotice => ConditionKind::SpotNotice,
            Self::Faulty(_) => ConditionKind::Faulty,
        }
    }
}

/// How far a row's CPU and memory share is real.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shaping {
    /// The share is enforced, by this.
    Shaped { by: String },
    /// Nothing enforces it: no dollars and no ceiling come from this row's own duration.
    Unshaped { why: String, how_to_get_it: String },
}

/// Who may step a run: the highest number seen wins, lower ones are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fence(pub u64);

impl Fence {
    /// Fences rise with time, so that whoever came last wins.
    pub fn at(now: Timestamp) -> Self {
        Self(now.as_microsecond().unsigned_abs())
    }
}

/// What one step came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Nothing differs.
    Done,
    /// Under way; look again after this long.
    Pending { on: String, look_again: Duration },
    /// Nothing was done: the view was older than the run. Look again after this long.
    Outdated { look_again: Duration },
    /// Not done, and repeating will not help.
    Refused { why: String },
}

impl Progress {
    /// What is waited for, and how long until the next look; none where looking again changes nothing.
    pub fn waits_for(&self) -> Option<(&str, Duration)> {
        match self {
            Self::Pending { on, look_again } => Some((on, *look_again)),
            Self::Outdated { look_again } => Some(("a view as new as the run", *look_again)),
            Self::Done | Self::Refused { .. } => None,
        }
    }
}

/// A condition to measure under.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// No member is left; the next request meets one never seen before.
    Cold,
    /// Burst credits are spent: the baseline share counts from now on.
    CreditsSpent,
    /// Burst credits are as after launch.
    CreditsFull,
    /// One Spot member is told that it will be interrupted.
    SpotNotice,
    /// Store requests fail like this from now on; `FaultPlan::default()` ends it.
    Faulty(FaultPlan),
}

/// Why a target could not answer; says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// The answer was lost; the request may have taken effect.
    #[error("{what} did not answer ({why}); look again: nothing was assumed")]
    NoAnswer { what: String, why: String },
    #[error("{what} failed: {why} → {next}")]
    Failed { what: String, why: String, next: String },
    /// Repeating will not help; what is wanted or what else runs has to change.
    #[error("refused: {why}")]
    Refused { why: String },
    #[error("row `{0}` does not stand in this run → gearshift up {0}")]
    NoSuchRow(String),
    #[error("{what} cannot be arranged here: {why}")]
    CannotArrange { what: String, why: String },
    #[error("fence {ours} is older than {newest}: another controller steps this run")]
    Fenced { ours: u64, newest: u64 },
}
