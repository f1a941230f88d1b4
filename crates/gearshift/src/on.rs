//! Which target a verb works on: the one file that knows them by name. Today there is one, the twin.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use gearshift_deploy::{Target, Wanted};
use gearshift_files::Places;
use gearshift_gear::RunId;
use gearshift_sandbox::{Cores, Enforcement, Host};
pub use gearshift_twin::EndedRun;
use gearshift_twin::{Twin, TwinConfig, fitting_share, plane, promised_cores, room_for};
use rand::Rng;

/// The target that a verb works on, with what only a target on this machine can be asked.
#[derive(Clone)]
pub struct On {
    config: TwinConfig,
}

impl On {
    /// For verbs that start rows.
    ///
    /// # Errors
    /// Where the place in which runs keep what they keep is not usable.
    pub fn to_start() -> Result<Self> {
        let this = std::env::current_exe().context("finding this program's own path")?;
        let config = TwinConfig::usual(vec![this, "internal".into(), "plane".into()])?;
        Ok(Self { config })
    }

    /// For verbs that start nothing: nothing is made, and a home that is not usable hides no run that
    /// another place leads to.
    pub fn to_look() -> Self {
        let base = Places::here().state().unwrap_or_default();
        Self { config: TwinConfig { host: Host::detect(), base, plane_command: Vec::new() } }
    }

    /// The same, looking at runs that are kept there.
    pub fn at(&self, base: PathBuf) -> Self {
        Self { config: TwinConfig { base, ..self.config.clone() } }
    }

    /// Whether runs of this environment are kept in one of these places.
    pub fn is_among(&self, bases: &[PathBuf]) -> bool {
        bases.contains(&self.config.base)
    }

    /// A new handle on it.
    pub fn target(&self) -> Box<dyn Target> {
        Box::new(Twin::new(self.config.clone()))
    }

    /// Every run of this user that has something here, and the places where it keeps it.
    pub fn live_runs(&self) -> BTreeMap<RunId, Vec<PathBuf>> {
        self.config.live_runs()
    }

    /// Every run that is seen here and belongs to another user, by that user's number.
    pub fn runs_of_others(&self) -> BTreeMap<RunId, u32> {
        self.config.runs_of_others()
    }

    /// A run id that nothing here uses, nor results below this directory.
    pub fn new_run(&self, results: &Path) -> RunId {
        let mut rng = rand::rngs::OsRng;
        loop {
            let run = RunId::from_number(rng.r#gen());
            if self.config.is_free(&run, results) {
                return run;
            }
        }
    }

    /// Ends a run whatever it was doing.
    pub async fn end(&self, run: &RunId) -> Result<()> {
        Ok(self.config.end(run).await?)
    }

    /// Ends a run in each of these places, and looks again.
    pub async fn end_in(&self, run: &RunId, bases: &[PathBuf]) -> Result<EndedRun> {
        Ok(self.config.end_in(run, bases).await?)
    }

    /// What this user cannot look into here, in words.
    pub fn unseen(&self) -> Vec<String> {
        self.config.unseen()
    }

    /// How shares are enforced on this machine.
    pub fn enforcement(&self) -> &Enforcement {
        self.config.host.enforcement()
    }

    /// By what a row's CPU shares must be multiplied to fit beside what stands on this machine now:
    /// above 0 and at most 1, 0 where nothing is free.
    pub async fn fitting_share(&self, run: &RunId, wanted: &Wanted) -> f64 {
        Twin::new(self.config.clone()).fitting_share(run, wanted).await
    }
}

/// By what a row's CPU shares must be multiplied to fit this machine alone: above 0 and at most 1.
pub fn share_alone(wanted: &Wanted) -> f64 {
    fitting_share(wanted, &[], &Cores::split())
}

/// Why this machine is too small for a row even alone, in words; none where it is not.
pub fn too_large(wanted: &Wanted) -> Option<String> {
    room_for(wanted, &[], &Cores::split()).err().map(|no_room| no_room.to_string())
}

/// Cores of this machine that a row's members are promised together.
pub fn cores_of(wanted: &Wanted) -> f64 {
    promised_cores(wanted)
}

/// Serves the data plane that standard input describes, until it is told to stop.
pub async fn serve_plane() -> Result<()> {
    Ok(plane::serve().await?)
}
