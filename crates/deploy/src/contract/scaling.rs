//! Clauses about changing a standing row's members in place, and about what a target cannot arrange.

use gearshift_gear::FaultPlan;

use super::ground::{FENCE, Ground, Held, ensure, members, says, told};
use crate::{Condition, MemberState, Scale, TargetError};

/// The row's only pool with so many members.
fn with(ground: &Ground<'_>, count: u32) -> Scale {
    let wanted = &ground.want().rows[&ground.row()];
    let mut scale = wanted.scale.clone();
    for side in scale.sides.values_mut() {
        side.members.values_mut().for_each(|members| *members = count);
    }
    scale
}

pub(super) async fn scaling_keeps_every_member_that_stays(ground: &Ground<'_>) -> Held {
    let ground = &ground.on(ground.bench.scalable());
    let run = ground.run().await;
    let target = ground.bench.target();
    let seen = ground.up(&*target, &run).await?;
    ground.call(&run, &seen).await?;
    let one = members(&seen);
    ensure(one.len() == 1, || format!("{} members where one was wanted", one.len()))?;

    ground.reach(&*target, &run, &ground.scaled(with(ground, 3))).await?;
    let seen = ground.look(&*ground.bench.target(), &run).await?;
    let three = members(&seen);
    ensure(three.len() == 3 && three.is_superset(&one), || {
        format!("of the member {one:?} scaling to 3 made {three:?}")
    })?;
    ground.call(&run, &seen).await?;

    ground.reach(&*ground.bench.target(), &run, &ground.scaled(with(ground, 2))).await?;
    let seen = ground.look(&*ground.bench.target(), &run).await?;
    let two = members(&seen);
    ensure(two.len() == 2 && two.is_subset(&three), || {
        format!("of the members {three:?} scaling to 2 made {two:?}")
    })?;
    let spec = ground.ready(&seen)?.spec.as_ref();
    ensure(spec == Some(&ground.want().rows[&ground.row()].spec), || {
        format!("scaling changed what the row is: {}", told(&seen))
    })?;
    ground.call(&run, &seen).await
}

pub(super) async fn a_member_that_goes_is_drained_first(ground: &Ground<'_>) -> Held {
    let ground = &ground.on(ground.bench.scalable());
    let run = ground.run().await;
    let target = ground.bench.target();
    ground.up(&*target, &run).await?;
    ground.reach(&*target, &run, &ground.scaled(with(ground, 2))).await?;
    let seen = ground.look(&*target, &run).await?;
    let (mut held, takes) = (Vec::new(), ground.bench.held_for());
    for _ in 0..6 {
        let row = ground.row();
        held.push(ground.bench.hold(&run, &row, ground.ready(&seen)?, takes).await);
    }
    // Both members have some of them: whichever goes has requests.
    let fewer = ground.scaled(with(ground, 1));
    let step = ground.step(&*target, &run, &fewer, &seen, FENCE).await;
    step.map_err(|error| says("a step to fewer members", &error))?;
    let draining = |seen: &crate::World| {
        let of = seen.rows.values().flat_map(crate::Standing::members);
        of.filter(|member| member.state == MemberState::Draining).count() == 1
    };
    ground.until("a member that drains", &*target, &run, draining).await?;
    for answer in held {
        answer.await.map_err(|why| format!("a request of a member that went was lost: {why}"))?;
    }
    ground.reach(&*target, &run, &fewer).await?;
    let seen = ground.look(&*ground.bench.target(), &run).await?;
    ensure(members(&seen).len() == 1, || format!("scaled to one: {}", told(&seen)))?;
    ground.call(&run, &seen).await
}

pub(super) async fn an_unknown_condition_is_a_gap(ground: &Ground<'_>) -> Held {
    let run = ground.run().await;
    let target = ground.bench.target();
    let facts = target.facts(&ground.bench.row()).await;
    let facts = facts.map_err(|missing| format!("the bench's own row cannot run: {missing}"))?;
    ground.up(&*target, &run).await?;
    let throttled = FaultPlan { throttle: 10, ..FaultPlan::default() };
    // Cold comes last: then no member is left that could be told anything.
    let conditions = [
        Condition::CreditsSpent,
        Condition::SpotNotice,
        Condition::Faulty(throttled),
        Condition::Cold,
    ];
    for condition in conditions {
        let named = facts.conditions.contains(&condition.kind());
        let arranged = ground.try_condition(&*target, &run, condition.clone()).await;
        let as_said = match &arranged {
            Ok(()) => named,
            // One that a row can have may still want a side that does not stand now.
            Err(TargetError::CannotArrange { .. }) => !named || condition != Condition::Cold,
            Err(_) => false,
        };
        ensure(as_said, || {
            format!(
                "{condition:?} is named by the facts: {named}; arranging it came to {arranged:?}"
            )
        })?;
    }
    Ok(())
}
