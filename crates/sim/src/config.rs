//! What a simulated provider is like, and the draws made of it.

use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};

/// A duration drawn evenly between two, both included; `most` below `least` counts as `least`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spread {
    pub least: Duration,
    pub most: Duration,
}

impl Spread {
    /// Between these, in milliseconds.
    pub const fn from_millis(least: u64, most: u64) -> Self {
        Self { least: Duration::from_millis(least), most: Duration::from_millis(most) }
    }

    /// One draw.
    pub(crate) fn draw(self, rng: &mut StdRng) -> Duration {
        let part: f64 = rng.r#gen();
        self.least + self.most.saturating_sub(self.least).mul_f64(part)
    }
}

/// How a simulated provider behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloudConfig {
    /// Where every draw starts.
    pub seed: u64,
    /// From the request for a member, or a front, until it starts.
    pub place: Spread,
    /// From its start until it listens.
    pub start: Spread,
    /// From taking a row away until it is gone.
    pub end: Spread,
    /// How long the service takes for one request; billed by functions, rounded up to 1 ms.
    pub request: Duration,
    pub faults: Faults,
    /// How late usage is: what happened since is not in it yet.
    pub usage_lag: Duration,
    /// False: no condition can be arranged.
    pub arranges: bool,
}

impl CloudConfig {
    /// No faults, and delays of up to seconds. The delays are assumed, for tests: whoever plans by
    /// a simulation sets measured or declared ones.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            place: Spread::from_millis(500, 5_000),
            start: Spread::from_millis(50, 500),
            end: Spread::from_millis(10, 1_000),
            request: Duration::from_millis(5),
            faults: Faults::default(),
            usage_lag: Duration::ZERO,
            arranges: true,
        }
    }
}

/// How answers go wrong. The default: they do not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Faults {
    /// Of a thousand answers, how many are lost; of those half before and half after the operation
    /// was applied. 0..=1000; above counts as 1000.
    pub lost_per_mille: u32,
    /// Of a thousand observed worlds, how many are of the past. 0..=1000; above counts as 1000.
    pub stale_per_mille: u32,
    /// The oldest such a world may be, ms.
    pub stale_ms: u64,
    /// The longest a request, and again its answer, may take on the way, ms.
    pub slow_ms: u64,
}

/// What becomes of one call.
pub(crate) struct Luck {
    pub(crate) way_there: Duration,
    pub(crate) way_back: Duration,
    pub(crate) lost: Lost,
    /// How old an observed world is.
    pub(crate) age: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lost {
    No,
    BeforeItWasApplied,
    AfterItWasApplied,
}

impl Faults {
    /// Always as many draws, so that a rate set to zero does not shift the others.
    pub(crate) fn draw(&self, rng: &mut StdRng) -> Luck {
        let slow = Spread::from_millis(0, self.slow_ms);
        let lost = rng.gen_range(0..1000) < self.lost_per_mille;
        let applied: bool = rng.r#gen();
        let stale = rng.gen_range(0..1000) < self.stale_per_mille;
        let age = Spread::from_millis(0, self.stale_ms).draw(rng);
        Luck {
            way_there: slow.draw(rng),
            way_back: slow.draw(rng),
            lost: match (lost, applied) {
                (false, _) => Lost::No,
                (true, false) => Lost::BeforeItWasApplied,
                (true, true) => Lost::AfterItWasApplied,
            },
            age: if stale { age } else { Duration::ZERO },
        }
    }
}
