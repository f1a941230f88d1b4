//! Artefacts as a part of what identifies a row.

use std::collections::BTreeMap;

use gearshift_gear::{Artefact, Artefacts, Row, Side};
use sha2::{Digest, Sha256};

use crate::Facts;

/// What does not fit between a row, its artefacts and a target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArtefactError {
    #[error("{row}: nothing was given to run on its side {side} → gearshift up {row}")]
    NoArtefact { row: String, side: Side },
    #[error("{row}: {target} takes {accepted}, not {given} → the build in another form")]
    NotAccepted { row: String, target: String, accepted: String, given: String },
}

/// What identifies an artefact: the digest of an archive or an image, and of an executable that of its
/// whole description. A description may hold a user's secrets, so a target keeps this and not the
/// description.
pub fn digest(artefact: &Artefact) -> String {
    match artefact {
        Artefact::Executable(program) => {
            let text = serde_json::to_vec(program).expect("a program is plain data");
            format!("sha256:{:x}", Sha256::digest(text))
        }
        Artefact::Zip { sha256, .. } => format!("sha256:{sha256}"),
        Artefact::Image { digest, .. } => digest.clone(),
    }
}

/// The digest of each side's artefact.
pub(crate) fn digests(artefacts: &Artefacts) -> BTreeMap<Side, String> {
    artefacts.iter().map(|(side, artefact)| (*side, digest(artefact))).collect()
}

/// Whether every side of the row has an artefact, in a form that the target accepts.
///
/// # Errors
/// The first side that has none, or one in another form.
pub fn check_artefacts(
    row: &Row,
    artefacts: &Artefacts,
    facts: &Facts,
) -> Result<(), ArtefactError> {
    for (side, _) in row.sides() {
        let name = || row.name.clone();
        let artefact =
            artefacts.get(&side).ok_or_else(|| ArtefactError::NoArtefact { row: name(), side })?;
        if !facts.accepts.contains(&artefact.kind()) {
            let accepted: Vec<String> = facts.accepts.iter().map(ToString::to_string).collect();
            return Err(ArtefactError::NotAccepted {
                row: name(),
                target: facts.target.clone(),
                accepted: accepted.join(" or "),
                given: artefact.kind().to_string(),
            });
        }
    }
    Ok(())
}
