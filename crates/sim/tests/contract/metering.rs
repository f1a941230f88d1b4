//! Usage, to the unit.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use gearshift_deploy::{Condition, Fence, Target, World};
use gearshift_gear::{Dimension, RunId};
use gearshift_sim::{Cloud, CloudConfig, ManualClock, SimTarget, Spread};
use rust_decimal::Decimal;

use crate::bench::want as wanted;

const RUN: u32 = 1;

struct Place {
    cloud: Cloud,
    clock: Arc<ManualClock>,
    target: SimTarget,
    run: RunId,
    row: &'static str,
}

/// A row that starts 2 s after its first step and listens 0.5 s later; requests take 4.2 ms.
async fn standing(name: &'static str) -> Place {
    let config = CloudConfig {
        place: Spread::from_millis(2_000, 2_000),
        start: Spread::from_millis(500, 500),
        request: Duration::from_micros(4_200),
        ..CloudConfig::new(1)
    };
    let clock = Arc::new(ManualClock::default());
    let cloud = Cloud::new(config, clock.clone());
    let (target, run) = (cloud.target(), RunId::from_number(RUN));
    let want = wanted(name);
    target.step(&run, &want, &World::default(), Fence(1)).await.unwrap();
    clock.advance(Duration::from_millis(2_500));
    Place { cloud, clock, target, run, row: name }
}

impl Place {
    async fn usage(&self) -> BTreeMap<Dimension, Decimal> {
        let lines = self.target.usage(&self.run, self.row).await.unwrap();
        lines.into_iter().map(|line| (line.dimension, line.quantity.normalize())).collect()
    }
}

fn decimal(text: &str) -> Decimal {
    text.parse::<Decimal>().unwrap().normalize()
}

#[tokio::test]
async fn instances_are_metered_from_start_to_stop() {
    let place = standing("ec2").await;
    let hours = |text: &str| {
        BTreeMap::from([(Dimension::InstanceHour("t2.micro".to_owned()), decimal(text))])
    };
    place.clock.advance(Duration::from_millis(3_600_000 - 500));
    assert_eq!(place.usage().await, hours("1"));
    place.target.arrange(&place.run, "ec2", Condition::Cold).await.unwrap();
    place.clock.advance(Duration::from_secs(7_200));
    assert_eq!(place.usage().await, hours("1"), "none runs while it is cold");
    let served = place.cloud.serve(&place.run, "ec2", 1).unwrap();
    assert_eq!(served.waits, Duration::from_millis(2_500));
    place.clock.advance(Duration::from_secs(2 + 1_800));
    assert_eq!(place.usage().await, hours("1.5"));
}

#[tokio::test]
async fn functions_are_metered_by_request_and_initialisation() {
    let place = standing("lambda-rust-dynamodb").await;
    let served = place.cloud.serve(&place.run, place.row, 1_000).unwrap();
    assert_eq!(served.waits, Duration::from_millis(2_500));
    place.clock.advance(Duration::from_secs(3_600));
    assert_eq!(place.cloud.serve(&place.run, place.row, 1).unwrap().waits, Duration::ZERO);
    let expected = [
        (Dimension::HttpApiRequest, "1001"),
        (Dimension::FunctionRequest, "1001"),
        (Dimension::TableWriteUnit, "1001"),
        // 1,001 requests of 5 begun ms, and 500 ms of initialisation, at 128 of 1,024 MB.
        (Dimension::FunctionGbSecond, "0.625625"),
        (Dimension::FunctionInitGbSecond, "0.0625"),
    ];
    let expected = expected.map(|(dimension, quantity)| (dimension, decimal(quantity)));
    assert_eq!(place.usage().await, BTreeMap::from(expected));
}

#[tokio::test]
async fn a_row_that_is_not_ready_serves_nothing_and_says_why() {
    let place = standing("ec2").await;
    let serve = |row: &str| place.cloud.serve(&place.run, row, 1).unwrap_err().why;
    assert_eq!(serve("clusters"), "it does not stand");
    assert!(place.cloud.sabotage(&place.run, "ec2"));
    assert_eq!(serve("ec2"), "a member is gone");
    assert!(!place.cloud.sabotage(&place.run, "clusters"));
}
