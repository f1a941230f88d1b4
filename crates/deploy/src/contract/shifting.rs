//! Clauses about moving a flex row's traffic from side to side.

use std::time::Duration;

use gearshift_gear::{Dimension, RunId, Side};
use rust_decimal::Decimal;

use super::ground::{Ground, Held, ensure, says, told};
use crate::{
    FULL_WEIGHT, Fence, Progress, Scale, Shift, SideState, Standing, Target, TargetError, World,
};

/// Requests by which weights are told apart; a multiple of the ramp's parts.
const CALLS: u64 = 20;
/// No shift of a bench takes more steps.
const STEPS: usize = 9;

/// To this side, without staying at any weight.
fn shift(to: Side) -> Shift {
    Shift { hold: Duration::ZERO, ..Shift::to(to) }
}

pub(super) async fn weights_move_traffic_and_lose_none(ground: &Ground<'_>) -> Held {
    let ground = &ground.on(ground.bench.flexible());
    let run = ground.run().await;
    let target = ground.bench.target();
    ground.up(&*target, &run).await?;
    let mut wanted = scale_of(ground, &ground.look(&*target, &run).await?)?;
    let high = ground.want().rows[&ground.row()].spec.row.clone();
    let high = high.side(Side::High).expect("a flexible row has two sides");
    wanted.sides.insert(Side::High, crate::SideScale::of(high, 0));
    ground.reach(&*target, &run, &ground.scaled(wanted.clone())).await?;
    for weight in [0, 500, FULL_WEIGHT, 250, 0] {
        wanted.sides.entry(Side::High).or_default().weight = weight;
        wanted.sides.entry(Side::Low).or_default().weight = FULL_WEIGHT - weight;
        ground.reach(&*target, &run, &ground.scaled(wanted.clone())).await?;
        let before = function_requests(ground, &*target, &run).await?;
        let seen = ground.look(&*target, &run).await?;
        for _ in 0..CALLS {
            ground.call(&run, &seen).await?;
        }
        let taken = function_requests(ground, &*target, &run).await? - before;
        let expected = Decimal::from(CALLS * u64::from(FULL_WEIGHT - weight)) / Decimal::from(1000);
        // Turns need not begin with this clause.
        ensure((taken - expected).abs() <= Decimal::ONE, || {
            format!("of {CALLS} requests {taken} came to the low side at weight {}", 1000 - weight)
        })?;
    }
    Ok(())
}

async fn function_requests(ground: &Ground<'_>, target: &dyn Target, run: &RunId) -> Held<Decimal> {
    let lines = ground.usage(target, run).await.map_err(|error| says("usage", &error))?;
    let requests = lines.iter().filter(|line| line.dimension == Dimension::FunctionRequest);
    Ok(requests.map(|line| line.quantity).sum())
}

pub(super) async fn a_shift_killed_between_any_two_steps_is_finished_by_a_fresh_handle(
    ground: &Ground<'_>,
) -> Held {
    let ground = &ground.on(ground.bench.flexible());
    for steps in 0..STEPS {
        let run = ground.run().await;
        ground.up(&*ground.bench.target(), &run).await?;
        for to in [Side::High, Side::Low] {
            some_steps(ground, &run, to, steps).await?;
            // Whoever comes next knows nothing; every other time it only repairs.
            let fresh = ground.bench.target();
            let seen = ground.look(&*fresh, &run).await?;
            let standing = ground.ready(&seen)?;
            let row = &ground.want().rows[&ground.row()].spec.row;
            if steps % 2 == 1 {
                if let Some(repair) = Shift::interrupted(row, standing) {
                    run_to_end(ground, &*fresh, &run, &repair).await?;
                }
                let seen = ground.look(&*fresh, &run).await?;
                let left = Shift::interrupted(row, ground.ready(&seen)?);
                ensure(left.is_none(), || {
                    format!("repaired after {steps} steps: {}", told(&seen))
                })?;
            }
            run_to_end(ground, &*ground.bench.target(), &run, &shift(to)).await?;
            let seen = ground.look(&*ground.bench.target(), &run).await?;
            arrived(ground, &seen, to)?;
            ground.call(&run, &seen).await?;
        }
        ground.reach(&*ground.bench.target(), &run, &crate::Want::nothing()).await?;
        ground.nothing_left(&run).await?;
    }
    Ok(())
}

/// All requests go to this side, and of tasks that have none there is nothing.
fn arrived(ground: &Ground<'_>, seen: &World, to: Side) -> Held {
    let standing = ground.ready(seen)?;
    let scale = standing.scale();
    let ready = standing.sides.get(&to).is_some_and(|side| side.state == SideState::Ready);
    let tasks = standing.sides.contains_key(&Side::High) == (to == Side::High);
    ensure(scale.weight(to) == FULL_WEIGHT && ready && tasks, || {
        format!("shifted to the {to} side, it stands at {scale:?}: {}", told(seen))
    })
}

/// The first steps of a shift, by a handle that then is gone.
async fn some_steps(ground: &Ground<'_>, run: &RunId, to: Side, steps: usize) -> Held {
    let target = ground.bench.target();
    for _ in 0..steps {
        let seen = ground.observe(&*target, run).await?;
        let standing = ground.ready(&seen)?;
        let row = &ground.want().rows[&ground.row()].spec.row;
        let Some((_, scale)) = shift(to).next(row, standing) else { return Ok(()) };
        let want = ground.scaled(scale);
        let step = ground.step(&*target, run, &want, &seen, Fence(1)).await;
        let progress = step.map_err(|error| says("a step of a shift", &error))?;
        let wait = match &progress {
            Progress::Refused { why } => return Err(format!("a shift's step was refused: {why}")),
            other => other.waits_for().map(|(_, wait)| wait).unwrap_or_default(),
        };
        ground.bench.clock().wait(wait).await;
    }
    Ok(())
}

async fn run_to_end(ground: &Ground<'_>, target: &dyn Target, run: &RunId, shift: &Shift) -> Held {
    let (clock, row) = (ground.bench.clock(), ground.row());
    let told = |_, _: &Standing| ();
    let patience = ground.bench.patience();
    let ran = shift.run(clock, target, (run, &row), Fence(1), patience, &told).await;
    ran.map_err(|error| says("a shift by a fresh handle", &error))
}

pub(super) async fn of_two_handles_at_once_one_is_fenced(ground: &Ground<'_>) -> Held {
    let ground = &ground.on(ground.bench.flexible());
    let run = ground.run().await;
    let (older, newer) = (ground.bench.target(), ground.bench.target());
    ground.up(&*older, &run).await?;
    let seen = ground.look(&*older, &run).await?;
    let row = ground.want().rows[&ground.row()].spec.row.clone();
    let first = shift(Side::High).next(&row, ground.ready(&seen)?);
    let (_, scale) = first.ok_or("a row on its low side has nothing to shift")?;
    let up = ground.scaled(scale);
    let step = ground.step(&*older, &run, &up, &seen, Fence(6)).await;
    step.map_err(|error| says("the older handle's first step", &error))?;

    let seen = ground.look(&*newer, &run).await?;
    let back = ground.scaled(Scale::initial(&row));
    let step = ground.step(&*newer, &run, &back, &seen, Fence(7)).await;
    step.map_err(|error| says("the newer handle's step", &error))?;
    for _ in 0..3 {
        let seen = ground.look(&*older, &run).await?;
        match ground.step(&*older, &run, &up, &seen, Fence(6)).await {
            Err(TargetError::Fenced { ours: 6, newest: 7 }) => {}
            other => {
                return Err(format!("the older handle's step came to {other:?}, not to Fenced"));
            }
        }
    }
    let patience = ground.bench.patience();
    let reached =
        crate::reach_on(ground.bench.clock(), &*newer, &run, &back, Fence(7), patience).await;
    reached.map_err(|error| says("the newer handle", &error))?;
    let seen = ground.look(&*ground.bench.target(), &run).await?;
    arrived(ground, &seen, Side::Low)?;
    ground.call(&run, &seen).await
}

fn scale_of(ground: &Ground<'_>, seen: &World) -> Held<Scale> {
    Ok(ground.ready(seen)?.scale())
}
