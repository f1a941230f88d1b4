//! What the cloud keeps of rows and members, and for how long.

use std::sync::Arc;
use std::time::Duration;

use gearshift_deploy::{Fence, Happening, Progress, Target, Want, World};
use gearshift_gear::RunId;
use gearshift_sim::{Cloud, CloudConfig, Faults, ManualClock, SimTarget};

use crate::bench::want as wanted;

fn cloud(faults: Faults) -> (Cloud, SimTarget, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::default());
    let cloud = Cloud::new(CloudConfig { faults, ..CloudConfig::new(9) }, clock.clone());
    let target = cloud.target();
    (cloud, target, clock)
}

fn want() -> Want {
    wanted("clusters")
}

#[tokio::test]
async fn a_member_killed_while_it_starts_never_starts() {
    let (cloud, target, clock) = cloud(Faults::default());
    let run = RunId::from_number(1);
    target.step(&run, &want(), &World::default(), Fence(1)).await.unwrap();
    assert!(cloud.sabotage(&run, "clusters"));
    clock.advance(Duration::from_secs(60));
    let events = target.events(&run, "clusters", 0).await.unwrap();
    let of_first: Vec<_> = events
        .iter()
        .filter(|event| event.environment == events[0].environment)
        .map(|event| event.what.clone())
        .collect();
    let stopped = Happening::Stopped { why: "killed".to_owned() };
    assert_eq!(of_first, [Happening::Placed, stopped]);
    let listening = events.iter().filter(|event| event.what == Happening::Listening).count();
    assert_eq!(listening, 7, "the other members go on");
}

#[tokio::test]
async fn a_killed_member_is_missed_even_where_others_serve() {
    let (cloud, target, clock) = cloud(Faults::default());
    let run = RunId::from_number(1);
    target.step(&run, &want(), &World::default(), Fence(1)).await.unwrap();
    clock.advance(Duration::from_secs(60));
    cloud.serve(&run, "clusters", 1).unwrap();
    cloud.sabotage(&run, "clusters");
    let seen = target.observe(&run).await.unwrap();
    assert_eq!(seen.rows["clusters"].members().count(), 7);
    let step = target.step(&run, &want(), &seen, Fence(1)).await.unwrap();
    assert!(matches!(step, Progress::Pending { .. }), "{step:?}");
}

#[tokio::test]
async fn a_late_answer_may_show_a_row_that_is_gone() {
    let faults = Faults { stale_per_mille: 1000, stale_ms: 10_000, ..Faults::default() };
    let (cloud, target, clock) = cloud(faults);
    let (run, other) = (RunId::from_number(1), RunId::from_number(2));
    clock.advance(Duration::from_secs(60));
    target.step(&run, &want(), &World::default(), Fence(1)).await.unwrap();
    clock.advance(Duration::from_secs(60));
    let seen = target.observe(&run).await.unwrap();
    target.step(&run, &Want::nothing(), &seen, Fence(1)).await.unwrap();
    clock.advance(Duration::from_secs(2));
    // Anybody's next step sweeps out what is past showing.
    target.step(&other, &want(), &World::default(), Fence(1)).await.unwrap();
    assert_eq!(cloud.census(&run), 0);
    let mut shown = 0;
    for _ in 0..100 {
        shown += target.observe(&run).await.unwrap().rows.len();
    }
    assert!(shown > 0, "never in 100 answers of up to 10 s ago");
    clock.advance(Duration::from_secs(10));
    for _ in 0..100 {
        assert_eq!(target.observe(&run).await.unwrap(), World::default());
    }
}

#[tokio::test]
async fn the_fence_goes_with_the_run() {
    let (_, target, clock) = cloud(Faults::default());
    let run = RunId::from_number(1);
    target.step(&run, &want(), &World::default(), Fence(7)).await.unwrap();
    assert!(target.step(&run, &want(), &World::default(), Fence(6)).await.is_err());
    while {
        let seen = target.observe(&run).await.unwrap();
        let step = target.step(&run, &Want::nothing(), &seen, Fence(7)).await.unwrap();
        clock.advance(Duration::from_secs(1));
        step != Progress::Done
    } {}
    target.step(&run, &want(), &World::default(), Fence(6)).await.unwrap();
}
