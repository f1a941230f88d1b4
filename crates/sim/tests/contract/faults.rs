//! Slow, lost and late answers.

use std::sync::Arc;
use std::time::Duration;

use gearshift_deploy::contract::CLAUSES;
use gearshift_deploy::{Fence, Target, TargetError, Want, World};
use gearshift_gear::RunId;
use gearshift_sim::{Cloud, CloudConfig, Faults, ManualClock};
use proptest::prelude::*;

use crate::bench::{SimBench, want as wanted};

fn faults() -> impl Strategy<Value = Faults> {
    (0u32..=200, 0u32..=500, 0u64..=2_000, 0u64..=300).prop_map(
        |(lost_per_mille, stale_per_mille, stale_ms, slow_ms)| Faults {
            lost_per_mille,
            stale_per_mille,
            stale_ms,
            slow_ms,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn every_clause_holds_under_faults(
        seed: u64,
        faults in faults(),
        name in prop::sample::select(vec!["ec2", "lambda-rust-dynamodb", "clusters"]),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for clause in CLAUSES {
            let bench = SimBench::faulty(name, seed, faults);
            let held = runtime.block_on((clause.hold)(&bench));
            prop_assert_eq!(held, Ok(()));
        }
    }
}

fn cloud(faults: Faults) -> (Cloud, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::default());
    (Cloud::new(CloudConfig { faults, ..CloudConfig::new(3) }, clock.clone()), clock)
}

fn ec2() -> Want {
    wanted("ec2")
}

#[tokio::test]
async fn a_lost_answer_may_or_may_not_have_been_applied() {
    let (cloud, _) = cloud(Faults { lost_per_mille: 1000, ..Faults::default() });
    let mut applied = 0;
    for number in 0..100 {
        let run = RunId::from_number(number);
        let step = cloud.target().step(&run, &ec2(), &World::default(), Fence(1)).await;
        assert!(matches!(step, Err(TargetError::NoAnswer { .. })), "{step:?}");
        applied += usize::from(cloud.census(&run) > 0);
    }
    assert!((20..=80).contains(&applied), "{applied} of 100");
}

#[tokio::test]
async fn a_late_answer_shows_the_past_but_no_older_than_said() {
    let faults = Faults { stale_per_mille: 1000, stale_ms: 1_000, ..Faults::default() };
    let (cloud, clock) = cloud(faults);
    let (run, target) = (RunId::from_number(1), cloud.target());
    clock.advance(Duration::from_secs(60));
    target.step(&run, &ec2(), &World::default(), Fence(1)).await.unwrap();
    clock.advance(Duration::from_millis(500));
    let mut shown = 0;
    for _ in 0..100 {
        shown += target.observe(&run).await.unwrap().rows.len();
    }
    assert!((20..=80).contains(&shown), "{shown} of 100 half a bound later");
    clock.advance(Duration::from_millis(500));
    for _ in 0..100 {
        assert_eq!(target.observe(&run).await.unwrap().rows.len(), 1);
    }
}

#[tokio::test]
async fn done_is_never_said_of_a_past_that_was_done() {
    let (cloud, clock) = cloud(Faults::default());
    let (run, target) = (RunId::from_number(1), cloud.target());
    let empty = target.observe(&run).await.unwrap();
    target.step(&run, &ec2(), &empty, Fence(1)).await.unwrap();
    clock.advance(Duration::from_secs(60));
    let step = target.step(&run, &Want::nothing(), &empty, Fence(1)).await.unwrap();
    assert!(!matches!(step, gearshift_deploy::Progress::Done), "{step:?}");
}

#[tokio::test]
async fn slow_answers_take_time_on_the_cloud_s_clock() {
    let (cloud, _) = cloud(Faults { slow_ms: 400, ..Faults::default() });
    let began = cloud.clock().now();
    for _ in 0..100 {
        cloud.target().observe(&RunId::from_number(1)).await.unwrap();
    }
    // Twice a hundred even draws of up to 400 ms: 40 s, give or take 1.6 s.
    let took = cloud.clock().since(began).as_secs_f64();
    assert!((30.0..=50.0).contains(&took), "{took} s");
}
