//! Same seed, same calls: same history.

use std::sync::Arc;
use std::time::Duration;

use gearshift_deploy::{Condition, Fence, Patience, SystemClock, Target, Want, World, reach};
use gearshift_gear::RunId;
use gearshift_sim::{Cloud, CloudConfig, Faults, ManualClock, Spread};
use proptest::prelude::*;

use crate::bench::want as wanted;

const FAULTS: Faults =
    Faults { lost_per_mille: 150, stale_per_mille: 300, stale_ms: 2_000, slow_ms: 200 };

/// Everything a fixed list of calls was answered.
async fn history(seed: u64) -> Vec<String> {
    let config = CloudConfig { faults: FAULTS, ..CloudConfig::new(seed) };
    let cloud = Cloud::new(config, Arc::new(ManualClock::default()));
    let (run, want) = (RunId::from_number(1), wanted("ec2"));
    let mut answers = Vec::new();
    let mut seen = World::default();
    for round in 0..60u64 {
        let target = cloud.target();
        let want = if round < 50 { want.clone() } else { Want::nothing() };
        let observed = target.observe(&run).await;
        answers.push(format!("{} {observed:?}", cloud.clock().now()));
        seen = observed.unwrap_or(seen);
        answers.push(format!("{:?}", target.step(&run, &want, &seen, Fence(1)).await));
        answers.push(format!("{:?}", cloud.serve(&run, "ec2", round)));
        if round % 20 == 19 {
            answers.push(format!("{:?}", target.arrange(&run, "ec2", Condition::Cold).await));
        }
        answers.push(format!("{:?}", target.usage(&run, "ec2").await));
        answers.push(format!("{:?}", target.events(&run, "ec2", 0).await));
        cloud.clock().wait(Duration::from_millis(500)).await;
    }
    answers
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn the_seed_decides(seed: u64) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let first = runtime.block_on(history(seed));
        prop_assert_eq!(&first, &runtime.block_on(history(seed)));
        prop_assert_ne!(&first, &runtime.block_on(history(seed.wrapping_add(1))));
    }
}

#[tokio::test]
async fn on_real_time_the_usual_loop_brings_a_row_up_and_down() {
    let (short, seed) = (Spread::from_millis(1, 10), 5);
    let config = CloudConfig { place: short, start: short, end: short, ..CloudConfig::new(seed) };
    let cloud = Cloud::new(config, Arc::new(SystemClock));
    let (run, patience) = (RunId::from_number(1), Patience::default());
    let want = wanted("clusters");
    let up = reach(&cloud.target(), &run, &want, Fence(1), patience).await.unwrap();
    assert_eq!(up.rows["clusters"].members().count(), 8);
    assert_eq!(cloud.census(&run), 9);
    let down = reach(&cloud.target(), &run, &Want::nothing(), Fence(1), patience).await.unwrap();
    assert_eq!((down, cloud.census(&run)), (World::default(), 0));
}
