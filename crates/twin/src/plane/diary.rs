//! What happened to a row's members.

use std::sync::Mutex;

use gearshift_deploy::{Event, Happening};
use gearshift_gear::EnvironmentId;
use jiff::Timestamp;

pub(super) struct Diary {
    row: String,
    events: Mutex<Vec<Event>>,
}

impl Diary {
    pub(super) fn of(row: &str) -> Self {
        Self { row: row.to_owned(), events: Mutex::default() }
    }

    pub(super) fn happened(&self, environment: &EnvironmentId, what: Happening) {
        let row = self.row.clone();
        let event = Event { at: Timestamp::now(), row, environment: environment.clone(), what };
        self.events.lock().expect("no panic while held").push(event);
    }

    /// From event number `since` on.
    pub(super) fn since(&self, since: usize) -> Vec<Event> {
        self.events.lock().expect("no panic while held").iter().skip(since).cloned().collect()
    }
}
