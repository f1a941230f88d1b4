//! Clauses about bringing a row up.

use gearshift_gear::{CATALOGUE, Row};

use super::ground::{FENCE, Ground, Held, ensure, members, same, says, told, told_spec};
use crate::{Progress, Settings, Want, World};

pub(super) async fn an_unknown_run_is_empty(ground: &Ground<'_>) -> Held {
    let run = ground.run().await;
    for target in [ground.bench.target(), ground.bench.target()] {
        let seen = ground.observe(&*target, &run).await?;
        ensure(seen.rows.is_empty(), || format!("a run nobody started shows {}", told(&seen)))?;
    }
    let count = ground.bench.census(&run).await;
    ensure(count == 0, || format!("observing started {count} things"))
}

pub(super) async fn can_names_what_is_missing(ground: &Ground<'_>) -> Held {
    let target = ground.bench.target();
    let can = target.facts(&ground.bench.row()).await;
    ensure(can.is_ok(), || format!("the bench's own row cannot run: {can:?}"))?;
    let unbuilt = Row { built: false, ..ground.bench.row() };
    let listed = CATALOGUE.rows().iter().filter(|row| !row.built);
    for row in listed.chain([&unbuilt]) {
        let Err(missing) = target.facts(row).await else {
            return Err(format!("{} is not built and said to run", row.name));
        };
        let said = !missing.why.is_empty() && !missing.how_to_get_it.is_empty();
        ensure(said && missing.what.contains(&row.name), || {
            format!("what {} is missing is not said: {missing:?}", row.name)
        })?;
    }
    let run = ground.run().await;
    let artefacts = ground.bench.artefacts(&unbuilt);
    let want = Want::one(unbuilt, ground.bench.settings(), artefacts);
    let progress = ground.step(&*target, &run, &want, &World::default(), FENCE).await;
    match progress.map_err(|error| says("a step towards an unbuilt row", &error))? {
        Progress::Refused { why } => ensure(!why.is_empty(), || "refused without a why".into())?,
        other => return Err(format!("a step towards an unbuilt row was {other:?}, not refused")),
    }
    ground.nothing_left(&run).await
}

pub(super) async fn up_reaches_ready(ground: &Ground<'_>) -> Held {
    let run = ground.run().await;
    let target = ground.bench.target();
    let reached = ground.reach(&*target, &run, &ground.want()).await?;
    ground.ready(&reached)?;
    let seen = ground.look(&*ground.bench.target(), &run).await?;
    let (stands, wanted) = (ground.ready(&seen)?, &ground.want().rows[&ground.row()]);
    let as_wanted = stands.spec.as_ref() == Some(&wanted.spec) && stands.scale() == wanted.scale;
    ensure(as_wanted, || {
        let spec = told_spec(stands.spec.as_ref());
        format!("the row stands as {spec} at {:?}, not as wanted", stands.scale())
    })?;
    ground.call(&run, &seen).await
}

pub(super) async fn done_is_what_a_new_handle_sees(ground: &Ground<'_>) -> Held {
    let run = ground.run().await;
    let clock = ground.bench.clock();
    let began = clock.now();
    loop {
        let seen = ground.observe(&*ground.bench.target(), &run).await?;
        let target = ground.bench.target();
        let step = ground.step(&*target, &run, &ground.want(), &seen, FENCE).await;
        let progress = step.map_err(|error| says("a step", &error))?;
        if let Progress::Refused { why } = progress {
            return Err(format!("refused: {why}"));
        }
        let Some((on, look_again)) = progress.waits_for() else { break };
        let patient = clock.since(began) <= ground.bench.patience().total;
        ensure(patient, || format!("still pending on `{on}` when patience ended"))?;
        clock.wait(look_again).await;
    }
    let seen = ground.look(&*ground.bench.target(), &run).await?;
    ground.ready(&seen).map(|_| ()).map_err(|reason| format!("after Done {reason}"))
}

pub(super) async fn observing_changes_nothing(ground: &Ground<'_>) -> Held {
    let run = ground.run().await;
    let target = ground.bench.target();
    let before = ground.up(&*target, &run).await?;
    let count = ground.bench.census(&run).await;
    for handle in [&*target, &*ground.bench.target(), &*ground.bench.target()] {
        let seen = ground.observe(handle, &run).await?;
        ensure(same(&seen, &before), || {
            format!("first seen {}, then {}", told(&before), told(&seen))
        })?;
    }
    let after = ground.bench.census(&run).await;
    ensure(after == count, || format!("{count} things before observing, {after} after"))
}

pub(super) async fn stepping_when_done_changes_nothing(ground: &Ground<'_>) -> Held {
    let run = ground.run().await;
    let target = ground.bench.target();
    let before = ground.up(&*target, &run).await?;
    let count = ground.bench.census(&run).await;
    for handle in [&*target, &*ground.bench.target()] {
        let seen = ground.observe(handle, &run).await?;
        let step = ground.step(handle, &run, &ground.want(), &seen, FENCE).await;
        let progress = step.map_err(|error| says("a step when done", &error))?;
        ensure(progress == Progress::Done, || format!("a step when done was {progress:?}"))?;
    }
    let after = ground.look(&*target, &run).await?;
    ensure(same(&after, &before), || format!("before {}, after {}", told(&before), told(&after)))?;
    ground.census_becomes(&run, count).await
}

pub(super) async fn repeated_steps_double_nothing(ground: &Ground<'_>) -> Held {
    let (once, again) = (ground.run().await, ground.run().await);
    let usual = ground.up(&*ground.bench.target(), &once).await?;
    let count = ground.bench.census(&once).await;
    ground.reach(&*ground.bench.target(), &once, &Want::nothing()).await?;

    let (one, other) = (ground.bench.target(), ground.bench.target());
    let first_view = ground.observe(&*one, &again).await?;
    for handle in [&one, &one, &other] {
        repeat(ground, &**handle, &again, &ground.want(), &first_view).await?;
    }
    ground.up(&*one, &again).await?;
    repeat(ground, &*other, &again, &ground.want(), &first_view).await?;
    let seen = ground.up(&*other, &again).await?;
    let (expected, found) = (members(&usual).len(), members(&seen).len());
    ensure(found == expected && seen.rows.len() == 1, || {
        format!("{found} members in {} rows, {expected} in one usually", seen.rows.len())
    })?;
    ground.census_becomes(&again, count).await?;

    let last_view = ground.observe(&*one, &again).await?;
    for handle in [&one, &one, &other] {
        repeat(ground, &**handle, &again, &Want::nothing(), &last_view).await?;
    }
    ground.reach(&*one, &again, &Want::nothing()).await?;
    ground.nothing_left(&again).await
}

/// A step from a view that may be outdated: any progress is fine, an error is not.
async fn repeat(
    ground: &Ground<'_>,
    target: &dyn crate::Target,
    run: &gearshift_gear::RunId,
    want: &Want,
    seen: &World,
) -> Held {
    let step = ground.step(target, run, want, seen, FENCE).await;
    step.map(|_| ()).map_err(|error| says("a repeated step", &error))
}

pub(super) async fn changed_settings_replace_the_row(ground: &Ground<'_>) -> Held {
    let run = ground.run().await;
    let target = ground.bench.target();
    let seen = ground.up(&*target, &run).await?;
    let count = ground.bench.census(&run).await;
    ground.call(&run, &seen).await?;
    let before = members(&ground.look(&*target, &run).await?);

    let seed = ground.bench.settings().seed.wrapping_add(1);
    let row = ground.bench.row();
    let artefacts = ground.bench.artefacts(&row);
    let changed = Want::one(row, Settings { seed, ..ground.bench.settings() }, artefacts);
    ground.reach(&*target, &run, &changed).await?;
    let seen = ground.look(&*ground.bench.target(), &run).await?;
    let spec = ground.ready(&seen)?.spec.as_ref();
    ensure(spec == Some(&changed.rows[&ground.row()].spec), || {
        format!("the row still stands as {}", told_spec(spec))
    })?;
    ensure(members(&seen).is_disjoint(&before), || {
        format!("of the members before, {before:?}, some are in {:?}", members(&seen))
    })?;
    ground.census_becomes(&run, count).await?;
    ground.call(&run, &seen).await
}
