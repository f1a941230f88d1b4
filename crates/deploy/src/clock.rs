//! Time as a loop sees it, so that a test can own it.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::Timestamp;

/// Tells the time and lets it pass.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The time now; never earlier than an answer given before.
    fn now(&self) -> Timestamp;

    /// Returns once this much time has passed on this clock.
    async fn wait(&self, time: Duration);

    /// Time passed since `then`; zero where `then` is still to come.
    fn since(&self, then: Timestamp) -> Duration {
        Duration::try_from(self.now().duration_since(then)).unwrap_or_default()
    }
}

/// Real time. It runs on the monotonic clock from the first look at the wall clock on, so a
/// corrected wall clock does not move it. Waiting needs a tokio runtime with timers.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

static FIRST_LOOK: LazyLock<(Instant, Timestamp)> =
    LazyLock::new(|| (Instant::now(), Timestamp::now()));

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let (instant, timestamp) = *FIRST_LOOK;
        timestamp + instant.elapsed()
    }

    async fn wait(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}
