//! Whether a measurement was as cold, or as warm, as it claims.

use std::collections::BTreeSet;

use gearshift_gear::EnvironmentId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Sample;

/// What a measurement claims of all its answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Temperature {
    /// Every answer came from an environment never seen before, and said so.
    Cold,
    /// No answer began an environment's life that was not known before.
    Warm,
}

/// The claim held against each acknowledged sample. Counts are of samples.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TemperatureCheck {
    pub claimed: Temperature,
    pub n: u64,
    /// Answers that do not fit the claim.
    pub unfit: u64,
    /// Answers that named no environment. They do not fit a cold claim; a warm one they do.
    pub unnamed: u64,
    /// Different environments that answered.
    pub environments: u64,
}

impl TemperatureCheck {
    /// Checks samples in the order in which they were sent. `seen` are the environments known from
    /// earlier calls, such as warm-up or the last measurement of the row.
    pub fn over(samples: &[Sample], claimed: Temperature, seen: &BTreeSet<EnvironmentId>) -> Self {
        let mut check = Self { claimed, n: 0, unfit: 0, unnamed: 0, environments: 0 };
        let mut met: BTreeSet<&EnvironmentId> = BTreeSet::new();
        for sample in samples.iter().filter(|sample| sample.is_acknowledged()) {
            let environment = sample.timing.environment.as_ref();
            let known = environment.is_some_and(|id| seen.contains(id) || met.contains(id));
            let fits = match claimed {
                Temperature::Cold => environment.is_some() && !known && sample.timing.cold,
                Temperature::Warm => known || !sample.timing.cold,
            };
            check.n += 1;
            check.unfit += u64::from(!fits);
            check.unnamed += u64::from(environment.is_none());
            met.extend(environment);
        }
        check.environments = met.len() as u64;
        check
    }

    /// Whether every answer fits the claim.
    pub fn holds(&self) -> bool {
        self.unfit == 0
    }

    /// Why it does not hold, for people.
    pub fn reason(&self) -> Option<String> {
        if self.holds() {
            return None;
        }
        let Self { n, unfit, unnamed, .. } = self;
        Some(match self.claimed {
            Temperature::Warm => {
                format!("mixed cold and warm: {unfit} of {n} warm calls began an environment")
            }
            Temperature::Cold if *unnamed > 0 => format!(
                "mixed cold and warm: {unfit} of {n} cold calls met no new environment \
                 ({unnamed} answers named none)"
            ),
            Temperature::Cold => {
                format!("mixed cold and warm: {unfit} of {n} cold calls met no new environment")
            }
        })
    }
}

#[cfg(test)]
#[path = "temperature_tests.rs"]
mod tests;
