//! Waiting until an instant, to the microsecond.
//!
//! Tokio's own timer wakes at whole milliseconds, which is a third of DynamoDB's round trip.

use std::time::Instant;

#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(target_os = "linux")]
mod timerfd;

#[cfg(not(target_os = "linux"))]
pub use elsewhere::PreciseTimer;
#[cfg(target_os = "linux")]
pub use timerfd::PreciseTimer;

/// Waits until `deadline` on a timer of its own; returns at once, without a system call, when it
/// has passed. Where no descriptor is left it falls back to tokio's millisecond timer: late by up
/// to 1 ms rather than not at all.
pub async fn sleep_until(deadline: Instant) {
    if deadline <= Instant::now() {
        return;
    }
    let precise = async { PreciseTimer::new()?.wait_until(deadline).await };
    if precise.await.is_err() {
        tokio::time::sleep_until(deadline.into()).await;
    }
}
