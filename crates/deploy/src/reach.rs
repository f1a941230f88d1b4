//! Observe and step until the world is as wanted.

use std::time::Duration;

use gearshift_gear::RunId;

use crate::{Clock, Fence, Progress, State, SystemClock, Target, TargetError, Want, World};

/// How long to keep trying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// In all.
    pub total: Duration,
    /// Lost answers in a row before giving up.
    pub lost_answers: u32,
    /// How often a row that is wanted may be found broken, and be started again.
    pub broken: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self { total: Duration::from_secs(60), lost_answers: 10, broken: 3 }
    }
}

/// Observes and steps until nothing differs, and returns the world as last seen. A lost answer is
/// looked at again, never taken as failure or success.
pub async fn reach(
    target: &dyn Target,
    run: &RunId,
    want: &Want,
    fence: Fence,
    patience: Patience,
) -> Result<World, TargetError> {
    reach_on(&SystemClock, target, run, want, fence, patience).await
}

/// As [`reach`], with its waits and its patience on this clock.
pub async fn reach_on(
    clock: &dyn Clock,
    target: &dyn Target,
    run: &RunId,
    want: &Want,
    fence: Fence,
    patience: Patience,
) -> Result<World, TargetError> {
    let began = clock.now();
    let (mut lost, mut broken, mut was_broken) = (0, 0, false);
    loop {
        let step = match target.observe(run).await {
            Ok(seen) => target.step(run, want, &seen, fence).await.map(|step| (seen, step)),
            Err(error) => Err(error),
        };
        // A row is found broken once for each time it was started, however often it is seen on its
        // way out; an outdated view says nothing.
        if let Ok((seen, progress)) = &step
            && !matches!(progress, Progress::Outdated { .. })
        {
            let failed = does_not_start(want, seen);
            broken += u32::from(failed.is_some() && !was_broken);
            was_broken = failed.is_some();
            if let Some(failed) = failed.filter(|_| broken >= patience.broken) {
                return Err(failed);
            }
        }
        if let Ok((_, progress)) = &step {
            tracing::debug!(%run, fence = fence.0, ?progress, "step");
        }
        let wait = match step {
            Ok((seen, Progress::Done)) => return Ok(seen),
            Ok((_, Progress::Refused { why })) => return Err(TargetError::Refused { why }),
            Ok((_, progress)) => {
                lost = 0;
                let (on, look_again) =
                    progress.waits_for().expect("it is neither done nor refused");
                if clock.since(began) > patience.total {
                    return Err(too_long(on, patience.total));
                }
                look_again
            }
            Err(error @ TargetError::NoAnswer { .. }) => {
                tracing::debug!(%run, %error, "an answer was lost");
                lost += 1;
                if lost > patience.lost_answers || clock.since(began) > patience.total {
                    return Err(error);
                }
                Duration::from_millis(20)
            }
            Err(error) => return Err(error),
        };
        clock.wait(wait).await;
    }
}

/// A row that is wanted and broken, with its reason; what comes after an arrow in it is the next
/// step.
fn does_not_start(want: &Want, seen: &World) -> Option<TargetError> {
    want.rows.keys().find_map(|name| match &seen.rows.get(name)?.state {
        State::Broken { why } => {
            let (why, next) = why.split_once(" → ").unwrap_or((why, "gearshift doctor"));
            Some(TargetError::Failed {
                what: format!("starting {name}"),
                why: why.to_owned(),
                next: next.to_owned(),
            })
        }
        State::Starting | State::Ready => None,
    })
}

fn too_long(on: &str, total: Duration) -> TargetError {
    TargetError::Failed {
        what: on.to_owned(),
        why: format!("not ready after {} s", total.as_secs()),
        next: "gearshift down, then again with --json to see what happened".to_owned(),
    }
}
