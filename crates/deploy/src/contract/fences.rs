//! The clause about who may step.

use gearshift_gear::RunId;

use super::ground::{Ground, Held, ensure, same, told};
use crate::{Fence, Target, TargetError, Want, World};

pub(super) async fn an_older_fence_is_refused(ground: &Ground<'_>) -> Held {
    let run = ground.run().await;
    let (one, other) = (ground.bench.target(), ground.bench.target());
    let before = ground.up(&*one, &run).await?;
    let (older, newer) = (Fence(6), Fence(7));
    passes(ground, &*other, &run, &before, older).await?;
    passes(ground, &*one, &run, &before, newer).await?;
    for handle in [&*one, &*other, &*ground.bench.target()] {
        let step = ground.step(handle, &run, &Want::nothing(), &before, older).await;
        match step {
            Err(TargetError::Fenced { ours, newest }) => {
                ensure((ours, newest) == (older.0, newer.0), || {
                    format!("refused as fence {ours} after {newest}, it was 6 after 7")
                })?;
            }
            other => return Err(format!("fence 6 after 7 came to {other:?}, not to Fenced")),
        }
    }
    let after = ground.look(&*other, &run).await?;
    ensure(same(&before, &after), || {
        format!("a refused step changed {} to {}", told(&before), told(&after))
    })?;
    passes(ground, &*other, &run, &after, newer).await
}

async fn passes(
    ground: &Ground<'_>,
    target: &dyn Target,
    run: &RunId,
    seen: &World,
    fence: Fence,
) -> Held {
    let step = ground.step(target, run, &ground.want(), seen, fence).await;
    step.map(|_| ()).map_err(|error| format!("fence {} should pass: {error}", fence.0))
}
