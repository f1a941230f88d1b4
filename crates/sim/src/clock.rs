//! A clock that only moves when told.

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use gearshift_deploy::Clock;
use jiff::Timestamp;

/// Time as a test wants it: whoever waits on this clock moves it, and returns at once.
#[derive(Debug)]
pub struct ManualClock(Mutex<Timestamp>);

impl ManualClock {
    /// A clock that stands at this time.
    pub fn at(now: Timestamp) -> Self {
        Self(Mutex::new(now))
    }

    /// Moves it on.
    pub fn advance(&self, time: Duration) {
        *self.0.lock().expect("no panic while held") += time;
    }
}

impl Default for ManualClock {
    /// Stands at the Unix epoch.
    fn default() -> Self {
        Self::at(Timestamp::UNIX_EPOCH)
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().expect("no panic while held")
    }

    async fn wait(&self, time: Duration) {
        self.advance(time);
        tokio::task::yield_now().await;
    }
}
