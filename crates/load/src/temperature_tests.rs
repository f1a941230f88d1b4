use super::*;
use crate::ErrorKind;
use crate::testing::{from, sample};

fn check(samples: &[Sample], claimed: Temperature, seen: &[&str]) -> TemperatureCheck {
    let seen = seen.iter().map(|id| EnvironmentId::from(*id)).collect();
    TemperatureCheck::over(samples, claimed, &seen)
}

#[test]
fn warm_calls_meet_known_environments_or_ones_that_are_not_new() {
    use Temperature::Warm;
    assert!(check(&[from("a", false), from("b", false)], Warm, &["a"]).holds());
    assert!(check(&[from("a", true)], Warm, &["a"]).holds());
    assert!(check(&[sample(0, 1)], Warm, &[]).holds());

    let mixed = check(&[from("a", false), from("b", true)], Warm, &["a"]);
    assert_eq!((mixed.unfit, mixed.n, mixed.environments), (1, 2, 2));
    assert!(mixed.reason().unwrap().contains("1 of 2 warm calls"));
}

#[test]
fn cold_calls_each_meet_an_environment_never_seen() {
    use Temperature::Cold;
    assert!(check(&[from("a", true), from("b", true)], Cold, &["z"]).holds());
    for (samples, why) in [
        (vec![from("a", true), from("a", true)], "met twice"),
        (vec![from("a", false)], "not marked cold"),
        (vec![from("z", true)], "seen before"),
        (vec![sample(0, 1)], "not named"),
    ] {
        let check = check(&samples, Cold, &["z"]);
        assert_eq!(check.unfit, 1, "{why}");
        assert!(check.reason().unwrap().starts_with("mixed cold and warm"), "{why}");
    }
}

#[test]
fn failed_calls_say_nothing_about_temperature() {
    let failed = Sample { error: Some(ErrorKind::Status), ..from("a", true) };
    assert_eq!(check(&[failed], Temperature::Warm, &[]).n, 0);
}
