//! Counts by minute, and what was found on the way.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::DemandError;

/// Longer than any trace: a wrong time would fill the memory with minutes of nothing.
const LONGEST_S: i64 = 10 * 366 * 86_400;

/// Requests a second, minute by minute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// Seconds since 1970 at which the first minute begins.
    pub begins_s: i64,
    /// Requests a second in each minute.
    pub per_s: Vec<f64>,
    /// How long the bins were that it was read from, seconds.
    pub bin_s: i64,
    pub notes: Notes,
}

/// What a reader of the trace should know.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Notes {
    pub requests: f64,
    /// Lines or rows that could not be read, and the first of them.
    pub unread: u64,
    pub first_unread: Option<String>,
    /// Lines or rows earlier than one before them.
    pub disorder: u64,
    /// Rows of counts that repeat a time: added if they differ, else taken once.
    pub duplicates: u64,
    /// Times without a row of counts, or an hour and more of a log without a request: read as
    /// zero. The longest first, at most ten.
    pub gaps: Vec<Gap>,
    /// Of all of them, seconds.
    pub gaps_s: i64,
}

/// A time in which nothing was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    pub from_s: i64,
    pub length_s: i64,
}

impl Trace {
    /// In days.
    pub fn days(&self) -> f64 {
        self.per_s.len() as f64 / 1440.0
    }

    /// Its last so many minutes, with the gaps that lie in them; what else was noted is of all it was
    /// read from.
    pub fn last(mut self, minutes: usize) -> Self {
        if let Some(cut) = self.per_s.len().checked_sub(minutes).filter(|cut| *cut > 0) {
            self.per_s.drain(..cut);
            self.begins_s += cut as i64 * 60;
            self.notes.requests = self.per_s.iter().sum::<f64>() * 60.0;
            self.notes.gaps.retain(|gap| gap.from_s >= self.begins_s);
            self.notes.gaps_s = self.notes.gaps.iter().map(|gap| gap.length_s).sum();
        }
        self
    }

    /// Requests a second on average.
    pub fn mean_per_s(&self) -> f64 {
        self.per_s.iter().sum::<f64>() / self.per_s.len().max(1) as f64
    }

    /// Requests a second in its busiest minute.
    pub fn peak_per_s(&self) -> f64 {
        self.per_s.iter().copied().fold(0.0, f64::max)
    }
}

/// Minutes as they are counted.
#[derive(Default)]
pub(crate) struct Minutes {
    counts: BTreeMap<i64, f64>,
    /// The minute that is being counted.
    minute: i64,
    count: u64,
    latest_s: Option<i64>,
    pub notes: Notes,
}

impl Minutes {
    /// A request at a second.
    pub fn request(&mut self, at_s: i64) {
        if self.latest_s.is_some_and(|latest| at_s < latest) {
            self.notes.disorder += 1;
        }
        self.latest_s = self.latest_s.max(Some(at_s));
        let minute = at_s.div_euclid(60);
        if minute != self.minute {
            self.flush();
            self.minute = minute;
        }
        self.count += 1;
    }

    /// `requests` within `bin_s` seconds from `at_s` on, evenly.
    pub fn bin(&mut self, at_s: i64, bin_s: i64, requests: f64) {
        let (mut from, end) = (at_s, at_s + bin_s);
        while from < end {
            let minute = from.div_euclid(60);
            let until = end.min((minute + 1) * 60);
            *self.counts.entry(minute).or_default() +=
                requests * (until - from) as f64 / bin_s as f64;
            from = until;
        }
    }

    pub fn is_empty(&self) -> bool {
        self.counts.is_empty() && self.count == 0
    }

    fn flush(&mut self) {
        if self.count > 0 {
            *self.counts.entry(self.minute).or_default() += self.count as f64;
            self.count = 0;
        }
    }

    /// The trace; `bin_s` is that of its source. An hour without a request is a gap in a log,
    /// where silence leaves no line.
    pub fn finish(mut self, name: &str, bin_s: i64) -> Result<Trace, DemandError> {
        self.flush();
        let (Some((&first, _)), Some((&last, _))) =
            (self.counts.first_key_value(), self.counts.last_key_value())
        else {
            return Err(DemandError::Empty { name: name.to_owned() });
        };
        let shown = |minute: i64| {
            Timestamp::from_second(minute * 60).map_or_else(|_| "?".to_owned(), |at| at.to_string())
        };
        if first == last {
            return Err(DemandError::OnePoint { name: name.to_owned(), at: shown(first) });
        }
        if (last - first) * 60 > LONGEST_S {
            let (from, to) = (shown(first), shown(last));
            return Err(DemandError::TooLong { name: name.to_owned(), from, to });
        }
        let mut per_s = vec![0.0; (last - first + 1) as usize];
        let mut before = first;
        for (&minute, &count) in &self.counts {
            per_s[(minute - first) as usize] = count / 60.0;
            self.notes.requests += count;
            let silent = (minute - before - 1) * 60;
            if silent >= 3600.max(bin_s) {
                self.notes.gap(Gap { from_s: (before + 1) * 60, length_s: silent });
            }
            before = minute;
        }
        Ok(Trace { begins_s: first * 60, per_s, bin_s, notes: self.notes })
    }
}

impl Notes {
    pub(crate) fn gap(&mut self, gap: Gap) {
        const NAMED: usize = 10;
        self.gaps_s += gap.length_s;
        self.gaps.push(gap);
        self.gaps.sort_by_key(|gap| std::cmp::Reverse(gap.length_s));
        self.gaps.truncate(NAMED);
    }
}
