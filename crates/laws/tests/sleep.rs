//! The precise sleep. Timings are printed, not asserted, save that none is early.

use std::time::{Duration, Instant};

use gearshift_laws::{PreciseTimer, sleep_until};

fn percentile(sorted: &[Duration], p: f64) -> Duration {
    sorted[((p * sorted.len() as f64) as usize).min(sorted.len() - 1)]
}

#[tokio::test]
async fn it_is_never_early_and_reports_how_late_it_is() {
    let mut timer = PreciseTimer::new().unwrap();
    let (mut own, mut reused) = (Vec::new(), Vec::new());
    for round in 0..300u64 {
        let wait = Duration::from_micros(200 + 7 * (round % 300));
        let deadline = Instant::now() + wait;
        sleep_until(deadline).await;
        own.push(Instant::now().checked_duration_since(deadline).expect("woken early"));
        let deadline = Instant::now() + wait;
        timer.wait_until(deadline).await.unwrap();
        reused.push(Instant::now().checked_duration_since(deadline).expect("woken early"));
    }
    for (name, mut late) in [("own timer", own), ("reused timer", reused)] {
        late.sort_unstable();
        println!(
            "{name}: overshoot p50 {:?}, p99 {:?}, n={}",
            percentile(&late, 0.5),
            percentile(&late, 0.99),
            late.len()
        );
    }
}

#[tokio::test]
async fn a_deadline_that_has_passed_is_not_waited_for() {
    // Polled once: anything that had to wait would be pending and lose the race.
    let past = Instant::now() - Duration::from_secs(1);
    tokio::select! {
        biased;
        () = sleep_until(past) => {}
        () = std::future::ready(()) => panic!("it waited for a deadline in the past"),
    }
}

#[tokio::test]
async fn an_abandoned_wait_leaves_the_timer_usable() {
    let mut timer = PreciseTimer::new().unwrap();
    for _ in 0..20 {
        let soon = Instant::now() + Duration::from_millis(2);
        tokio::select! {
            _ = timer.wait_until(soon) => {}
            () = tokio::task::yield_now() => {}
        }
        let deadline = Instant::now() + Duration::from_millis(4);
        timer.wait_until(deadline).await.unwrap();
        assert!(Instant::now() >= deadline);
    }
}

#[tokio::test]
async fn many_sleep_at_once() {
    let deadline = Instant::now() + Duration::from_millis(20);
    let sleepers: Vec<_> = (0..500).map(|_| tokio::spawn(sleep_until(deadline))).collect();
    for sleeper in sleepers {
        sleeper.await.unwrap();
    }
    assert!(Instant::now() >= deadline);
}
