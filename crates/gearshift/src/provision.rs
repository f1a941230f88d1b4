//! Builds made ready before their row is measured, with the size said beforehand.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use gearshift_compare::{Provided, Provision};
use gearshift_gear::{ArtefactKind, Missing, Row, RunId, RuntimeClient};
use gearshift_prepare::{Fetch, Look, Step};
use gearshift_sandbox::{MEMBER_VARIABLE, RUN_VARIABLE};

use crate::builds::Builds;
use crate::progress::Progress;

/// Fetches and makes what is not there, unless it must not.
pub struct Provisioner<'a> {
    builds: Arc<Builds>,
    offline: bool,
    progress: &'a Progress,
    marks: [(String, String); 2],
    /// Builds that could not be made: another row's try would fail as well.
    failed: Mutex<BTreeMap<String, Missing>>,
}

impl<'a> Provisioner<'a> {
    /// What it starts belongs to this run and ends with it.
    pub fn new(builds: Arc<Builds>, offline: bool, run: &RunId, progress: &'a Progress) -> Self {
        let marks = [(RUN_VARIABLE, run.as_str()), (MEMBER_VARIABLE, "prepare")];
        let marks = marks.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self { builds, offline, progress, marks, failed: Mutex::default() }
    }

    async fn make(&self, build: &str, fetch: &Fetch) -> Result<Option<RuntimeClient>, Missing> {
        if self.offline {
            return Err(Missing {
                what: build.to_owned(),
                why: format!("{} is not prepared, and --offline fetches nothing", fetch.what),
                how_to_get_it: "the same command once without --offline".to_owned(),
            });
        }
        self.progress.note(&announcement(build, fetch));
        let told = |step: Step| {
            let Step { tool, done_mb, of_mb } = step;
            self.progress
                .say(format!("preparing {build} · {tool} · {done_mb:.0} of {of_mb:.0} MB"));
        };
        let prepared = self.builds.prepared_as(build);
        match self.builds.preparer.prepare(prepared, &self.marks, &told).await {
            Ok(_) => self.builds.program(build).map(|program| program.runtime),
            Err(error) => {
                let missing = error.missing(build);
                let mut failed = self.failed.lock().expect("no panic while held");
                failed.insert(build.to_owned(), missing.clone());
                Err(missing)
            }
        }
    }

    async fn provide_build(&self, build: &str) -> Result<Option<RuntimeClient>, Missing> {
        match self.builds.look(build) {
            Look::Ready(program) => Ok(program.runtime),
            Look::Missing(missing) => Err(missing),
            Look::Fetch(fetch) => match self.failed_before(build) {
                Some(missing) => Err(missing),
                None => self.make(build, &fetch).await,
            },
        }
    }

    fn failed_before(&self, build: &str) -> Option<Missing> {
        self.failed.lock().expect("no panic while held").get(build).cloned()
    }
}

#[async_trait]
impl Provision for Provisioner<'_> {
    fn is_ready(&self, row: &Row) -> bool {
        let ready = |build: &str| matches!(self.builds.look(build), Look::Ready(_));
        row.sides().into_iter().all(|(side, _)| ready(row.build_of(side)))
    }

    async fn provide(
        &self,
        row: &Row,
        accepts: &BTreeSet<ArtefactKind>,
    ) -> Result<Provided, Missing> {
        let mut runtime = None;
        for (side, _) in row.sides() {
            runtime = runtime.or(self.provide_build(row.build_of(side)).await?);
        }
        Ok(Provided { artefacts: self.builds.artefacts(row, accepts)?, runtime })
    }
}

/// One line before anything is fetched: what, how much, and what else takes its time.
fn announcement(build: &str, fetch: &Fetch) -> String {
    let Fetch { what, download_mb, disk_mb, besides, again } = fetch;
    let again = again.as_ref().map(|why| format!(" again, since {why}")).unwrap_or_default();
    let besides = besides.as_ref().map(|what| format!("; {what}")).unwrap_or_default();
    format!(
        "preparing {build}{again}: {what}, {download_mb:.0} MB to fetch, {disk_mb:.0} MB on disk, once{besides}"
    )
}
