//! Live progress, on a terminal only: which row, which phase, how far.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gearshift_compare::Phase;
use indicatif::{ProgressBar, ProgressStyle};

use crate::note;
use crate::terminal::visible;

/// A line on standard error that is rewritten in place; nothing where that is not a terminal.
pub struct Progress {
    bar: ProgressBar,
    /// What is under way since when, and how long it takes where that is known.
    now: Arc<Mutex<(Instant, Option<Duration>)>>,
}

impl Progress {
    pub fn new() -> Self {
        let bar = ProgressBar::new_spinner();
        let now = Arc::new(Mutex::new((Instant::now(), None::<Duration>)));
        let shown = now.clone();
        let far = move |_: &indicatif::ProgressState, out: &mut dyn std::fmt::Write| {
            let (since, takes) = *shown.lock().expect("no panic while held");
            if let Some(takes) = takes {
                let _ = write!(out, " · {} of {} s", since.elapsed().as_secs(), takes.as_secs());
            }
        };
        let style = ProgressStyle::with_template("{spinner} {elapsed:>4}  {msg}{far}");
        bar.set_style(style.expect("the template is valid").with_key("far", far));
        bar.enable_steady_tick(Duration::from_millis(120));
        Self { bar, now }
    }

    pub fn say(&self, what: impl Into<String>) {
        *self.now.lock().expect("no panic while held") = (Instant::now(), None);
        self.bar.set_message(visible(&what.into()).into_owned());
    }

    /// A line that stays, on standard error.
    pub fn note(&self, what: &str) {
        self.bar.suspend(|| note!("{what}"));
    }

    /// Shows where a comparison is.
    pub fn at(&self, at: &gearshift_compare::Progress) {
        let (row, of) = at.of;
        let row =
            if row == 0 { String::new() } else { format!("row {row} of {of} · {} · ", at.row) };
        self.say(format!("{row}{}", at.phase));
        if let Phase::Latency { calls, rate_milli_per_s } = at.phase {
            let takes =
                Duration::from_secs_f64(calls as f64 * 1e3 / rate_milli_per_s.max(1) as f64);
            *self.now.lock().expect("no panic while held") = (Instant::now(), Some(takes));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
