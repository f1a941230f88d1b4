//! Clauses on what a row runs.

use gearshift_gear::{Artefact, ArtefactKind, Artefacts};

use super::ground::{FENCE, Ground, Held, ensure, says, told_spec};
use crate::{Progress, Want, Wanted, World};

/// The form in which a target takes an artefact is one that its facts name; another one, or none at all,
/// is refused and leaves nothing.
pub(super) async fn only_accepted_artefacts_are_taken(ground: &Ground<'_>) -> Held {
    let target = ground.bench.target();
    let row = ground.bench.row();
    let facts = target.facts(&row).await.map_err(|missing| missing.to_string())?;
    let given = ground.bench.artefacts(&row);
    for artefact in given.values() {
        let kind = artefact.kind();
        ensure(facts.accepts.contains(&kind), || format!("the facts do not name {kind}"))?;
    }
    let other = ArtefactKind::ALL.into_iter().find(|kind| !facts.accepts.contains(kind));
    let unaccepted = other.map(|kind| {
        let with = |side| (side, of_kind(kind));
        row.sides().into_iter().map(|(side, _)| with(side)).collect::<Artefacts>()
    });
    for artefacts in unaccepted.into_iter().chain([Artefacts::new()]) {
        let run = ground.run().await;
        let said = format!("a step towards a row of {:?}", artefacts.values().next());
        let want = Want::one(row.clone(), ground.bench.settings(), artefacts);
        let progress = ground.step(&*target, &run, &want, &World::default(), FENCE).await;
        match progress.map_err(|error| says(&said, &error))? {
            Progress::Refused { why } => {
                ensure(why.contains(&row.name), || format!("{said} was refused without its name"))?;
            }
            other => return Err(format!("{said} was {other:?}, not refused")),
        }
        ground.nothing_left(&run).await?;
    }
    Ok(())
}

/// A row that is to run something else is another row.
pub(super) async fn another_artefact_replaces_the_row(ground: &Ground<'_>) -> Held {
    let run = ground.run().await;
    let target = ground.bench.target();
    let seen = ground.up(&*target, &run).await?;
    ground.call(&run, &seen).await?;
    let Wanted { spec, artefacts, .. } = ground.wanted();
    let changed = artefacts.into_iter().map(|(side, artefact)| (side, altered(artefact)));
    let changed = Want::one(spec.row, spec.settings, changed.collect());
    ground.reach(&*target, &run, &changed).await?;
    let seen = ground.look(&*ground.bench.target(), &run).await?;
    let spec = ground.ready(&seen)?.spec.as_ref();
    ensure(spec == Some(&changed.rows[&ground.row()].spec), || {
        format!("the row still stands as {}", told_spec(spec))
    })?;
    ground.call(&run, &seen).await
}

/// Something of this form that no target has.
fn of_kind(kind: ArtefactKind) -> Artefact {
    let digest = "0".repeat(64);
    match kind {
        ArtefactKind::Executable => {
            Artefact::executable(gearshift_gear::Program::of_executable("/nowhere/it-is".into(), 0))
        }
        ArtefactKind::Zip => Artefact::Zip { path: "/nowhere/it-is.zip".into(), sha256: digest },
        ArtefactKind::Image => Artefact::Image {
            reference: "nowhere.invalid/it-is".to_owned(),
            digest: format!("sha256:{digest}"),
        },
    }
}

/// The same artefact but for something that makes it another one.
fn altered(artefact: Artefact) -> Artefact {
    match artefact {
        Artefact::Executable(mut program) => {
            program.variables.push(("GEARSHIFT_CONTRACT".to_owned(), "altered".to_owned()));
            Artefact::Executable(program)
        }
        Artefact::Zip { path, .. } => Artefact::Zip { path, sha256: "1".repeat(64) },
        Artefact::Image { reference, .. } => {
            Artefact::Image { reference, digest: format!("sha256:{}", "1".repeat(64)) }
        }
    }
}
