//! What happened to a row's members.

use std::collections::VecDeque;
use std::sync::Mutex;

use gearshift_deploy::{Event, Happening};
use gearshift_gear::EnvironmentId;
use jiff::Timestamp;

/// Events that are kept: a function makes one with every call, and a row may stand for weeks.
const KEPT: usize = 10_000;

/// The events of one row, oldest first.
pub(super) struct EventLog {
    row: String,
    events: Mutex<Numbered>,
}

#[derive(Default)]
struct Numbered {
    kept: VecDeque<Event>,
    /// How many came before the first kept one.
    forgotten: usize,
}

impl EventLog {
    pub(super) fn of(row: &str) -> Self {
        Self { row: row.to_owned(), events: Mutex::default() }
    }

    pub(super) fn happened(&self, environment: &EnvironmentId, what: Happening) {
        tracing::debug!(row = self.row, %environment, ?what, "event");
        let (row, environment) = (self.row.clone(), environment.clone());
        let mut events = self.events.lock().expect("no panic while held");
        if events.kept.len() == KEPT {
            events.kept.pop_front();
            events.forgotten += 1;
        }
        // Under the lock, so that a later event never has an earlier time.
        events.kept.push_back(Event { at: Timestamp::now(), row, environment, what });
    }

    /// From event number `since` on; of a long life the last 10,000.
    pub(super) fn since(&self, since: usize) -> Vec<Event> {
        let events = self.events.lock().expect("no panic while held");
        let skipped = since.saturating_sub(events.forgotten);
        events.kept.iter().skip(skipped).cloned().collect()
    }
}
