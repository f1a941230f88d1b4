//! The laws between a caller and the code, waited out around it.

use std::time::{Duration, Instant};

use gearshift_gear::{LawId, PartKind, ServerTiming};
use gearshift_laws::{Laws, LawsError, sleep_until};
use rand::Rng;

/// Milliseconds by which an answer may leave after its laws' deadline before it says so, or this
/// share of all its laws where that is more. A wake-up takes about a tenth of a millisecond; tables
/// in ms show nothing finer, and a tenth of the laws is less than they differ from call to call.
const LATE_MS: f64 = 1.0;
const LATE_SHARE: f64 = 0.1;

/// Laws a request passes, from the caller inwards.
#[derive(Clone, Debug, Default)]
pub struct Path {
    laws: Vec<LawId>,
}

impl Path {
    /// A path through these laws.
    ///
    /// # Errors
    /// Where a law is not in the file.
    pub fn new(laws: &Laws, ids: &[LawId]) -> Result<Self, LawsError> {
        for id in ids {
            laws.law(id)?;
        }
        Ok(Self { laws: ids.to_vec() })
    }

    /// Draws every law once, for one request that arrived at `asked`.
    pub fn draw(&self, laws: &Laws, asked: Instant, rng: &mut (impl Rng + ?Sized)) -> FrontWaits {
        let mut waits = FrontWaits { asked, ..FrontWaits::none(asked) };
        for id in &self.laws {
            let law = laws.law(id).expect("checked when the path was made");
            let drawn = law.draw(rng);
            let (before, after) = law.split(drawn);
            waits.before += before;
            waits.after += after;
            waits.parts.push((id.clone(), drawn));
        }
        waits
    }
}

/// What one request waits before and after the code.
#[derive(Clone, Debug)]
pub struct FrontWaits {
    asked: Instant,
    before: Duration,
    after: Duration,
    parts: Vec<(LawId, Duration)>,
    late_ms: f64,
}

impl FrontWaits {
    fn none(asked: Instant) -> Self {
        Self {
            asked,
            before: Duration::ZERO,
            after: Duration::ZERO,
            parts: Vec::new(),
            late_ms: 0.0,
        }
    }

    /// Waits until the request may reach the code: a deadline from its arrival, so whatever this
    /// machine needed meanwhile lies inside it.
    pub async fn inbound(&mut self) {
        self.until(self.asked + self.before).await;
    }

    /// Waits until the answer that was there at `answered` may leave.
    pub async fn outbound(&mut self, answered: Instant) {
        self.until(answered + self.after).await;
    }

    async fn until(&mut self, deadline: Instant) {
        if self.parts.is_empty() {
            return;
        }
        sleep_until(deadline).await;
        // Looked at after the wait: the work before it and the wake-up may both come late.
        let behind_ms = deadline.elapsed().as_secs_f64() * 1e3;
        let laws_ms = (self.before + self.after).as_secs_f64() * 1e3;
        if behind_ms > LATE_MS.max(LATE_SHARE * laws_ms) {
            self.late_ms += behind_ms;
        }
    }

    /// Tells the client.
    pub fn describe(&self, timing: &mut ServerTiming) {
        for (law, drawn) in self.parts.iter().filter(|(_, drawn)| !drawn.is_zero()) {
            timing.push(law.0.clone(), drawn.as_secs_f64() * 1e3, PartKind::Declared);
        }
        if self.late_ms > 0.0 {
            timing.push("front", self.late_ms, PartKind::Late);
        }
    }
}
