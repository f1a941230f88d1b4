//! The counter invariant: `acknowledged ≤ counter ≤ acknowledged + unacknowledged`, and no value is
//! returned twice.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How many duplicates are named; the others are only counted.
const DUPLICATES_NAMED: usize = 10;

/// Returned counts held against the invariant. Only calls that count may run meanwhile, and all
/// their counts must be here, or be told of as left out: merge the workers' first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CountCheck {
    /// Calls that returned a count.
    pub acknowledged: u64,
    /// Calls that may or may not have counted.
    pub unacknowledged: u64,
    /// Answers beyond the first with the same count.
    pub duplicates: u64,
    /// The lowest counts returned more than once, at most 10.
    pub duplicated: Vec<u64>,
    /// Counts between the lowest and the highest that nobody was given; where counts were not kept, those
    /// that would be missing with any of them in between.
    pub gaps: u64,
    pub lowest: Option<u64>,
    pub highest: Option<u64>,
    /// The counter itself, where it was read before and after.
    pub range: Option<RangeCheck>,
}

/// The counter before the first and after the last call. Where reading counts too, the reader
/// leaves out its own readings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RangeCheck {
    pub before: u64,
    pub after: u64,
    /// Returned counts that are not above `before` and at most `after`.
    pub outside: u64,
}

impl CountCheck {
    /// Looks for duplicates and gaps among returned counts, in any order.
    pub fn over(counts: &[u64], unacknowledged: u64) -> Self {
        let mut sorted = counts.to_vec();
        sorted.sort_unstable();
        let repeats = sorted.windows(2).filter(|pair| pair[0] == pair[1]);
        let mut duplicated: Vec<u64> = repeats.map(|pair| pair[0]).collect();
        let duplicates = duplicated.len() as u64;
        duplicated.dedup();
        duplicated.truncate(DUPLICATES_NAMED);
        let (lowest, highest) = (sorted.first().copied(), sorted.last().copied());
        let acknowledged = sorted.len() as u64;
        let gaps = match (lowest, highest) {
            // Distinct counts less 1, so that 0 ..= u64::MAX does not overflow.
            (Some(low), Some(high)) => (high - low) - (acknowledged - duplicates - 1),
            _ => 0,
        };
        Self {
            acknowledged,
            unacknowledged,
            duplicates,
            duplicated,
            gaps,
            lowest,
            highest,
            range: None,
        }
    }

    /// Adds calls that returned a count which was not kept. Each may be one of those that seem to be missing;
    /// whether it was returned twice cannot be seen.
    pub fn with_left_out(self, left_out: u64) -> Self {
        let acknowledged = self.acknowledged.saturating_add(left_out);
        Self { acknowledged, gaps: self.gaps.saturating_sub(left_out), ..self }
    }

    /// Adds the counter as read before and after. `counts` are those the check was made over.
    pub fn between(self, counts: &[u64], before: u64, after: u64) -> Self {
        let outside = counts.iter().filter(|&&count| count <= before || count > after).count();
        Self { range: Some(RangeCheck { before, after, outside: outside as u64 }), ..self }
    }

    /// Whether the invariant holds: no duplicate, no gap beyond the unacknowledged, and if the
    /// counter was read, acknowledged ≤ after − before ≤ acknowledged + unacknowledged.
    pub fn holds(&self) -> bool {
        self.reasons().is_empty()
    }

    /// Every way in which it does not hold, for people.
    pub fn reasons(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        if self.duplicates > 0 {
            let named: Vec<String> = self.duplicated.iter().map(u64::to_string).collect();
            reasons.push(format!(
                "{} counts were returned again, such as {}",
                self.duplicates,
                named.join(", ")
            ));
        }
        if self.gaps > self.unacknowledged {
            reasons.push(format!(
                "{} counts are missing, {} unacknowledged calls explain at most that many",
                self.gaps, self.unacknowledged
            ));
        }
        if let Some(range) = &self.range {
            reasons.extend(self.range_reasons(range));
        }
        reasons
    }

    fn range_reasons(&self, range: &RangeCheck) -> Vec<String> {
        let RangeCheck { before, after, outside } = *range;
        let (least, most) =
            (self.acknowledged, self.acknowledged.saturating_add(self.unacknowledged));
        let Some(counted) = after.checked_sub(before) else {
            return vec![format!("the counter went back from {before} to {after}")];
        };
        let mut reasons = Vec::new();
        if counted < least {
            reasons.push(format!("lost counts: {least} acknowledged, {counted} counted"));
        }
        if counted > most {
            reasons.push(format!(
                "counted too often: {counted}, but at most {most} calls can have counted"
            ));
        }
        if outside > 0 {
            reasons.push(format!("{outside} returned counts lie outside {before} to {after}"));
        }
        reasons
    }
}

#[cfg(test)]
#[path = "counts_tests.rs"]
mod tests;
