use proptest::prelude::*;

use super::*;

fn failure() -> CheckFailure {
    CheckFailure::Status { status: 500 }
}

fn limits(healthy_after: u32, unhealthy_after: u32) -> HealthCheck {
    HealthCheck { healthy_after, unhealthy_after, ..HealthCheck::default() }
}

fn after(history: &[bool], limits: &HealthCheck) -> Health {
    history.iter().fold(Health::NEW, |health, &passed| {
        health.after(if passed { Ok(()) } else { Err(failure()) }, limits)
    })
}

/// How many checks at the end of the history went the same way.
fn run_at_end(history: &[bool]) -> u32 {
    let last = history.last();
    history.iter().rev().take_while(|check| Some(*check) == last).count() as u32
}

fn is_healthy(health: &Health) -> bool {
    matches!(health, Health::Healthy { .. })
}

fn is_unhealthy(health: &Health) -> bool {
    matches!(health, Health::Unhealthy { .. })
}

#[test]
fn a_new_member_is_healthy_after_one_passed_check() {
    assert!(is_healthy(&after(&[true], &limits(5, 2))));
    assert!(is_healthy(&after(&[false, true], &limits(5, 2))));
}

#[test]
fn a_new_member_that_became_unhealthy_recovers_as_any_other() {
    assert!(is_unhealthy(&after(&[false, false, true], &limits(2, 2))));
    assert!(is_healthy(&after(&[false, false, true, true], &limits(2, 2))));
}

#[test]
fn the_reason_is_the_last_failure() {
    let slow = CheckFailure::TimedOut { after: Duration::from_secs(5) };
    let health =
        after(&[true, false, false, true], &limits(5, 2)).after(Err(slow.clone()), &limits(5, 2));
    assert_eq!(health, Health::Unhealthy { passed: 0, why: slow });
}

proptest! {
    /// Every change is due to a long enough run, and every long enough run makes the change.
    #[test]
    fn health_changes_exactly_at_its_limits(
        history in prop::collection::vec(any::<bool>(), 1..60),
        healthy_after in 0_u32..6,
        unhealthy_after in 0_u32..6,
    ) {
        let limits = limits(healthy_after, unhealthy_after);
        for end in 1..=history.len() {
            let before = after(&history[..end - 1], &limits);
            let now = after(&history[..end], &limits);
            let (passed, run) = (history[end - 1], run_at_end(&history[..end]));
            let expected_healthy = match (is_unhealthy(&before), passed) {
                (true, passed) => passed && run >= healthy_after.max(1),
                (false, true) => true,
                (false, false) => is_healthy(&before) && run < unhealthy_after.max(1),
            };
            prop_assert_eq!(is_healthy(&now), expected_healthy, "after {:?}", &history[..end]);
            let has_passed = history[..end].contains(&true);
            prop_assert!(has_passed || !is_healthy(&now));
            if run >= unhealthy_after.max(1) && !passed {
                prop_assert!(is_unhealthy(&now), "after {:?}", &history[..end]);
            }
            if run < unhealthy_after.max(1) && !passed && !is_unhealthy(&before) {
                prop_assert!(!is_unhealthy(&now), "after {:?}", &history[..end]);
            }
        }
    }
}
