//! Clauses about taking away.

use super::ground::{FENCE, Ground, Held, ensure, members, same, says, told};
use crate::{Progress, Want};

pub(super) async fn runs_do_not_see_each_other(ground: &Ground<'_>) -> Held {
    let (ours, theirs) = (ground.run().await, ground.run().await);
    let target = ground.bench.target();
    let here = ground.up(&*target, &ours).await?;
    let seen = ground.look(&*target, &theirs).await?;
    ensure(seen.rows.is_empty(), || format!("the other run shows {}", told(&seen)))?;
    let there = ground.up(&*target, &theirs).await?;
    ground.call(&theirs, &there).await?;
    let there = ground.look(&*target, &theirs).await?;
    let again = ground.look(&*target, &ours).await?;
    ensure(same(&here, &again), || {
        format!("a run changed from {} to {}", told(&here), told(&again))
    })?;
    ensure(members(&here).is_disjoint(&members(&there)), || {
        format!("runs share members: {:?} and {:?}", members(&here), members(&there))
    })?;

    let count = ground.bench.census(&theirs).await;
    ground.reach(&*target, &ours, &Want::nothing()).await?;
    ground.nothing_left(&ours).await?;
    let left = ground.look(&*target, &theirs).await?;
    ensure(same(&there, &left), || {
        format!("the other run changed from {} to {}", told(&there), told(&left))
    })?;
    ground.census_becomes(&theirs, count).await?;
    ground.call(&theirs, &left).await
}

pub(super) async fn wanting_nothing_removes_everything(ground: &Ground<'_>) -> Held {
    let run = ground.run().await;
    let target = ground.bench.target();
    let seen = ground.up(&*target, &run).await?;
    ground.call(&run, &seen).await?;
    let count = ground.bench.census(&run).await;
    ensure(count > 0, || "a row that answers counts as no thing: the census is wrong".to_owned())?;
    for handle in [target, ground.bench.target()] {
        ground.reach(&*handle, &run, &Want::nothing()).await?;
        ground.nothing_left(&run).await?;
        let seen = ground.look(&*handle, &run).await?;
        ensure(seen.rows.is_empty(), || format!("the handle itself still sees {}", told(&seen)))?;
        let step = ground.step(&*handle, &run, &Want::nothing(), &seen, FENCE).await;
        let progress = step.map_err(|error| says("wanting nothing twice", &error))?;
        ensure(progress == Progress::Done, || format!("wanting nothing twice was {progress:?}"))?;
    }
    ground.nothing_left(&run).await
}

pub(super) async fn a_starting_row_can_be_taken_away(ground: &Ground<'_>) -> Held {
    let run = ground.run().await;
    let seen = ground.observe(&*ground.bench.target(), &run).await?;
    let step = ground.step(&*ground.bench.target(), &run, &ground.want(), &seen, FENCE).await;
    step.map_err(|error| says("the first step", &error))?;
    ground.bench.clock().wait(ground.bench.lag()).await;
    ground.reach(&*ground.bench.target(), &run, &Want::nothing()).await?;
    ground.nothing_left(&run).await
}
