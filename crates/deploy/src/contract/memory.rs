//! Clauses that a target which remembers instead of observing cannot keep.

use super::ground::{FENCE, Ground, Held, ensure, members, says, told};
use crate::{Progress, Want};

pub(super) async fn sabotage_is_seen_and_repaired(ground: &Ground<'_>) -> Held {
    let run = ground.run().await;
    let target = ground.bench.target();
    let seen = ground.up(&*target, &run).await?;
    ground.call(&run, &seen).await?;
    // The handle has seen the row ready at its best before anything happens to it.
    let before = members(&ground.look(&*target, &run).await?);

    ground.bench.sabotage(&run, &ground.row()).await;
    // A provider may repair by itself before anyone looks; then the members are others.
    ground
        .until("the sabotage", &*target, &run, |seen| {
            ground.ready(seen).is_err() || !before.is_subset(&members(seen))
        })
        .await?;

    ground.reach(&*target, &run, &ground.want()).await?;
    let seen = ground.look(&*ground.bench.target(), &run).await?;
    ground.call(&run, &seen).await.map_err(|reason| format!("not repaired: {reason}"))?;
    let after = members(&ground.look(&*target, &run).await?);
    ensure(after != before && after.len() >= before.len(), || {
        format!("repaired, but with the members {after:?} where {before:?} were")
    })
}

pub(super) async fn taken_down_by_another_is_seen(ground: &Ground<'_>) -> Held {
    let run = ground.run().await;
    let target = ground.bench.target();
    ground.up(&*target, &run).await?;
    let seen = ground.look(&*target, &run).await?;
    ground.ready(&seen)?;

    ground.reach(&*ground.bench.target(), &run, &Want::nothing()).await?;
    let seen = ground.look(&*target, &run).await?;
    ensure(seen.rows.is_empty(), || {
        format!("taken down by another handle, still seen: {}", told(&seen))
    })?;
    let step = ground.step(&*target, &run, &Want::nothing(), &seen, FENCE).await;
    let progress = step.map_err(|error| says("wanting nothing again", &error))?;
    ensure(progress == Progress::Done, || format!("wanting nothing again was {progress:?}"))?;

    let seen = ground.up(&*target, &run).await.map_err(|reason| format!("up again: {reason}"))?;
    ground.call(&run, &seen).await
}

pub(super) async fn brought_up_by_another_is_taken_down(ground: &Ground<'_>) -> Held {
    let run = ground.run().await;
    let target = ground.bench.target();
    // This handle has seen that nothing is there.
    ground.observe(&*target, &run).await?;
    ground.up(&*ground.bench.target(), &run).await?;
    let seen = ground.look(&*target, &run).await?;
    ground.ready(&seen).map_err(|reason| format!("brought up by another handle: {reason}"))?;
    ground.reach(&*target, &run, &Want::nothing()).await?;
    ground.nothing_left(&run).await
}
