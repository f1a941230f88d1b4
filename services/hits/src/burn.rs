//! CPU time, spent on purpose.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime};

/// Rounds between two looks at the clock: tens of microseconds, so that looking, a system call, is a
/// small part.
const ROUNDS_PER_LOOK: u32 = 10_000;

/// Spends `budget` of CPU time on a thread beside the runtime's, and returns what was spent. Ends
/// early when the returned future is dropped, so that a caller who left costs nothing more.
pub(crate) async fn burn(budget: Duration) -> Duration {
    let left = Arc::new(AtomicBool::new(false));
    let on_drop = Leave(Arc::clone(&left));
    let spent = tokio::task::spawn_blocking(move || spin(budget, &left)).await;
    drop(on_drop);
    // The thread neither panics nor is cancelled while the runtime lives.
    spent.unwrap_or_default()
}

struct Leave(Arc<AtomicBool>);

impl Drop for Leave {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn spin(budget: Duration, left: &AtomicBool) -> Duration {
    let began = thread_cpu_time();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    loop {
        let spent = thread_cpu_time().saturating_sub(began);
        if spent >= budget || left.load(Ordering::Relaxed) {
            return spent;
        }
        for _ in 0..ROUNDS_PER_LOOK {
            // Marsaglia's xorshift64: arithmetic the compiler cannot skip and that touches no memory.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
        }
        black_box(state);
    }
}

fn thread_cpu_time() -> Duration {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::ThreadCPUTime);
    // Both are never negative: the clock starts at 0 with the thread.
    Duration::new(tv_sec.unsigned_abs(), u32::try_from(tv_nsec).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spinning_spends_at_least_the_budget_of_this_threads_cpu_time() {
        let before = thread_cpu_time();
        let said = spin(Duration::from_millis(30), &AtomicBool::new(false));
        let spent = thread_cpu_time() - before;
        assert!(
            said >= Duration::from_millis(30) && spent >= said,
            "said {said:?}, spent {spent:?}"
        );
    }

    #[test]
    fn spinning_ends_when_the_caller_has_left() {
        let spent = spin(Duration::from_secs(60), &AtomicBool::new(true));
        assert!(spent < Duration::from_secs(60), "spent {spent:?}");
    }
}
