//! Clauses about a row that stands: conditions, events, usage.

use std::collections::BTreeMap;

use gearshift_gear::{Dimension, EnvironmentId, RunId};
use rust_decimal::Decimal;

use super::ground::{Ground, Held, LOOK_AGAIN, ensure, members, says};
use crate::{Condition, Happening, Target, TargetError, Want, World};

/// Requests sent where usage is to grow.
const CALLS: usize = 3;
/// More events than may come in late while a clause looks.
const BEYOND: usize = 1000;

pub(super) async fn cold_leaves_no_member_seen_before(ground: &Ground<'_>) -> Held {
    let run = ground.run().await;
    let target = ground.bench.target();
    let warm = warm(ground, &*target, &run).await?;
    let before = members(&warm);
    ground.arrange(&*target, &run, Condition::Cold).await?;
    ground
        .until("that no member is left", &*ground.bench.target(), &run, |seen| {
            members(seen).is_disjoint(&before)
        })
        .await?;
    let events = ground.events(&*target, &run, 0).await?;
    for member in &before {
        let stopped = events.iter().any(|event| {
            event.environment == *member && matches!(event.what, Happening::Stopped { .. })
        });
        ensure(stopped, || format!("no event tells that {member} stopped"))?;
    }

    ground.reach(&*target, &run, &ground.want()).await?;
    let seen = ground.look(&*target, &run).await?;
    ground.call(&run, &seen).await?;
    let after = members(&ground.look(&*target, &run).await?);
    ensure(!after.is_empty(), || "no member is seen after a request".to_owned())?;
    ensure(after.is_disjoint(&before), || format!("of {before:?} some are back: {after:?}"))
}

/// Up, and asked once, so that at least one member is seen.
async fn warm(ground: &Ground<'_>, target: &dyn Target, run: &RunId) -> Held<World> {
    let seen = ground.up(target, run).await?;
    ground.call(run, &seen).await?;
    let seen = ground.look(target, run).await?;
    ensure(!members(&seen).is_empty(), || "no member is seen after a request".to_owned())?;
    Ok(seen)
}

pub(super) async fn events_tell_a_life_in_order(ground: &Ground<'_>) -> Held {
    let run = ground.run().await;
    let target = ground.bench.target();
    let first = members(&warm(ground, &*target, &run).await?);
    ground.arrange(&*target, &run, Condition::Cold).await?;
    ground.reach(&*target, &run, &ground.want()).await?;
    let seen = ground.look(&*target, &run).await?;
    ground.call(&run, &seen).await?;
    let second = members(&ground.look(&*target, &run).await?);

    let events = ground.events(&*target, &run, 0).await?;
    let mut lives: BTreeMap<&EnvironmentId, u8> = BTreeMap::new();
    for pair in events.windows(2) {
        ensure(pair[0].at <= pair[1].at, || {
            format!("{:?} comes before the earlier {:?}", pair[0], pair[1])
        })?;
    }
    for event in &events {
        ensure(event.row == ground.row(), || format!("an event of another row: {event:?}"))?;
        let Some(age) = age(&event.what) else { continue };
        if let Some(before) = lives.insert(&event.environment, age) {
            ensure(before < age, || format!("{event:?} comes after a later part of a life"))?;
        }
    }
    for member in first.union(&second) {
        ensure(lives.contains_key(member), || format!("no event tells of {member}"))?;
    }

    let len = events.len();
    for since in [1, len / 2, len] {
        let rest = ground.events(&*ground.bench.target(), &run, since).await?;
        let expected = events.get(since..).unwrap_or_default();
        ensure(rest.starts_with(expected), || {
            format!("from number {since} on {rest:?}, expected {expected:?}")
        })?;
    }
    let beyond = ground.events(&*target, &run, len + BEYOND).await?;
    ensure(beyond.is_empty(), || format!("from a number beyond the last on: {beyond:?}"))
}

/// Where in a life this happens; log lines may come at any time.
fn age(what: &Happening) -> Option<u8> {
    match what {
        Happening::Placed => Some(0),
        Happening::Started => Some(1),
        Happening::Listening => Some(2),
        Happening::FirstByte => Some(3),
        Happening::Notice | Happening::Log(_) => None,
        Happening::Stopped { .. } => Some(4),
    }
}

pub(super) async fn usage_only_grows(ground: &Ground<'_>) -> Held {
    let run = ground.run().await;
    let target = ground.bench.target();
    let seen = ground.up(&*target, &run).await?;
    let first = metered(ground, &*target, &run, &BTreeMap::new()).await?;
    for _ in 0..CALLS {
        ground.call(&run, &seen).await?;
    }
    let clock = ground.bench.clock();
    let began = clock.now();
    let mut last = first.clone();
    loop {
        last = metered(ground, &*ground.bench.target(), &run, &last).await?;
        if last.iter().any(|(of, quantity)| first.get(of).is_none_or(|was| quantity > was)) {
            return Ok(());
        }
        let patient = clock.since(began) <= ground.bench.patience().total;
        ensure(patient, || format!("{CALLS} requests and some time later still {last:?}"))?;
        clock.wait(LOOK_AGAIN).await;
    }
}

/// The quantities by dimension, none negative and none below `before`.
async fn metered(
    ground: &Ground<'_>,
    target: &dyn Target,
    run: &RunId,
    before: &BTreeMap<Dimension, Decimal>,
) -> Held<BTreeMap<Dimension, Decimal>> {
    let lines = ground.usage(target, run).await.map_err(|error| says("usage", &error))?;
    let mut quantities = BTreeMap::new();
    for line in lines {
        ensure(line.quantity >= Decimal::ZERO, || format!("negative usage: {line:?}"))?;
        ensure(line.window.0 <= line.window.1, || format!("a window that ends first: {line:?}"))?;
        *quantities.entry(line.dimension).or_insert(Decimal::ZERO) += line.quantity;
    }
    for (of, was) in before {
        let is = quantities.get(of);
        ensure(is.is_some_and(|is| is >= was), || format!("{of} was {was} and became {is:?}"))?;
    }
    Ok(quantities)
}

pub(super) async fn what_does_not_stand_is_no_such_row(ground: &Ground<'_>) -> Held {
    let (never, gone) = (ground.run().await, ground.run().await);
    let target = ground.bench.target();
    ground.up(&*target, &gone).await?;
    ground.reach(&*target, &gone, &Want::nothing()).await?;
    for (what, run) in [("a run nobody started", &never), ("a row taken down", &gone)] {
        let usage = ground.usage(&*target, run).await.map(|_| ());
        let arranged = ground.try_cold(&*target, run).await;
        for (asked, answer) in [("usage", usage), ("a condition", arranged)] {
            let refused =
                matches!(&answer, Err(TargetError::NoSuchRow(row)) if *row == ground.row());
            ensure(refused, || format!("{asked} of {what} came to {answer:?}, not NoSuchRow"))?;
        }
    }
    Ok(())
}
