//! The handle.

use std::time::Duration;

use async_trait::async_trait;
use gearshift_deploy::{
    Condition, Event, Facts, Fence, Progress, Target, TargetError, Want, World,
};
use gearshift_gear::{Missing, Row, RunId, UsageLine};

use crate::config::Lost;
use crate::facts::facts;
use crate::{Cloud, metering};

/// A handle on a [`Cloud`]: it holds the way there and nothing else.
#[derive(Clone)]
pub struct SimTarget {
    cloud: Cloud,
}

impl SimTarget {
    pub(crate) fn new(cloud: Cloud) -> Self {
        Self { cloud }
    }

    /// One call over a network that may be slow and lose the answer. `apply` is given the age an
    /// observed world has.
    async fn call<T: Send>(
        &self,
        what: &str,
        apply: impl FnOnce(&Cloud, Duration) -> Result<T, TargetError> + Send,
    ) -> Result<T, TargetError> {
        let luck = self.cloud.luck();
        // The same words whether it was applied or not: whoever asked cannot tell.
        let why = "simulated loss".to_owned();
        let lost = TargetError::NoAnswer { what: what.to_owned(), why };
        self.pass(luck.way_there).await;
        if luck.lost == Lost::BeforeItWasApplied {
            return Err(lost);
        }
        let answer = apply(&self.cloud, luck.age);
        self.pass(luck.way_back).await;
        if luck.lost == Lost::AfterItWasApplied { Err(lost) } else { answer }
    }

    async fn pass(&self, time: Duration) {
        if !time.is_zero() {
            self.cloud.clock().wait(time).await;
        }
    }
}

#[async_trait]
impl Target for SimTarget {
    async fn facts(&self, row: &Row) -> Result<Facts, Missing> {
        facts(self.cloud.config(), row)
    }

    async fn runs(&self) -> Result<Vec<RunId>, TargetError> {
        self.call("the list of runs", |cloud, _| Ok(cloud.runs())).await
    }

    async fn observe(&self, run: &RunId) -> Result<World, TargetError> {
        self.call("observing", |cloud, age| Ok(cloud.world(run, age))).await
    }

    async fn step(
        &self,
        run: &RunId,
        want: &Want,
        seen: &World,
        fence: Fence,
    ) -> Result<Progress, TargetError> {
        self.call("the step", |cloud, _| {
            cloud.on_run(run, |record, now, placing| {
                record.step(run, want, seen, fence, now, placing)
            })
        })
        .await
    }

    async fn usage(&self, run: &RunId, row: &str) -> Result<Vec<UsageLine>, TargetError> {
        self.call("usage", |cloud, _| {
            cloud.on_row(run, row, |record, now| metering::usage(record, cloud.config(), now))
        })
        .await
    }

    async fn events(
        &self,
        run: &RunId,
        row: &str,
        since: usize,
    ) -> Result<Vec<Event>, TargetError> {
        self.call("events", |cloud, _| {
            cloud.on_row(run, row, |record, now| {
                record.events(now).into_iter().skip(since).collect()
            })
        })
        .await
    }

    async fn arrange(
        &self,
        run: &RunId,
        row: &str,
        condition: Condition,
    ) -> Result<(), TargetError> {
        self.call("arranging", |cloud, _| {
            let arranges = cloud.config().arranges;
            cloud.on_row(run, row, |record, now| match condition {
                Condition::Cold if arranges => {
                    record.make_cold(now);
                    Ok(())
                }
                other => Err(TargetError::CannotArrange {
                    what: format!("{other:?}"),
                    why: "the simulator does not have it".to_owned(),
                }),
            })?
        })
        .await
    }
}
