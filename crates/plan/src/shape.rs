//! How a volume of calls spreads over time.

use gearshift_demand::Trace;

const MINUTES_PER_DAY: usize = 24 * 60;

/// A course of demand without a volume.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// The same at all times.
    Steady,
    /// Weekdays from 8 to 18, rising and falling as half a sine; nothing at other times.
    Office,
    /// As it was once, again and again.
    Trace { name: String, per_s: Vec<f64> },
}

impl Shape {
    /// A trace's, under the name of its file.
    pub fn of(name: &str, trace: Trace) -> Self {
        Self::Trace { name: name.to_owned(), per_s: trace.per_s }
    }

    /// What a reader knows it by.
    pub fn name(&self) -> &str {
        match self {
            Self::Steady => "steady",
            Self::Office => "office hours",
            Self::Trace { name, .. } => name,
        }
    }

    /// Requests a second in each minute of so many days that begin on a Monday, this many on
    /// average. A trace without requests stays without.
    pub fn minutes(&self, mean_per_s: f64, days: usize) -> Vec<f64> {
        let minutes = days * MINUTES_PER_DAY;
        let course: Vec<f64> = match self {
            Self::Steady => vec![1.0; minutes],
            Self::Office => (0..minutes).map(office).collect(),
            Self::Trace { per_s, .. } => per_s.iter().copied().cycle().take(minutes).collect(),
        };
        let mean = course.iter().sum::<f64>() / course.len().max(1) as f64;
        let times = if mean > 0.0 { mean_per_s / mean } else { 0.0 };
        course.into_iter().map(|per_s| per_s * times).collect()
    }

    /// The busiest minute over the mean; 1 for a trace without requests.
    pub fn peak_over_mean(&self) -> f64 {
        let per_s = match self {
            Self::Steady => return 1.0,
            Self::Office => self.minutes(1.0, 7),
            Self::Trace { per_s, .. } => per_s.clone(),
        };
        let mean = per_s.iter().sum::<f64>() / per_s.len().max(1) as f64;
        let peak = per_s.into_iter().fold(0.0, f64::max);
        if mean > 0.0 { peak / mean } else { 1.0 }
    }
}

fn office(minute: usize) -> f64 {
    const FROM: usize = 8 * 60;
    const HOURS: usize = 10 * 60;
    let (day, at) = (minute / MINUTES_PER_DAY % 7, minute % MINUTES_PER_DAY);
    if day >= 5 || !(FROM..FROM + HOURS).contains(&at) {
        return 0.0;
    }
    (std::f64::consts::PI * (at - FROM) as f64 / HOURS as f64).sin()
}
