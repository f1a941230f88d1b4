mod flags;
mod install;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use gearshift_compare::{Plan, compare};
use gearshift_deploy::{Settings, SystemClock, Target, Wanted};
use gearshift_gear::{Artefacts, CATALOGUE, Row, RunId};
use gearshift_manifest::Manifest;
use gearshift_measure::{Worker, overhead};
use gearshift_price::PriceBook;
use gearshift_results::{Overhead, Results, RowState};
use gearshift_sandbox::Cores;

use self::flags::Flags;
pub use self::flags::of_own;
use super::{Ended, block_on};
use crate::builds::{Builds, Described};
use crate::on::{On, share_alone};
use crate::progress::Progress;
use crate::provision::Provisioner;
use crate::{here, interrupt, note, terminal};

#[derive(Args)]
pub struct Compare {
    #[command(flatten)]
    flags: Flags,
    /// Functions make their clients once, or anew on every call: what the latter costs
    #[arg(long, value_enum, default_value_t = Init::Once)]
    init: Init,
    /// Reproduce a published cost table instead of measuring
    #[arg(long, value_enum, conflicts_with_all = ["rows", "calls", "quick", "memory", "laws", "init"])]
    preset: Option<Preset>,
    /// Print results.json on standard output instead of the table
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Init {
    Once,
    PerCall,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Preset {
    /// The cost column of the public table of December 2021
    #[value(name = "seed-2021")]
    Seed2021,
}

impl Compare {
    pub fn run(self) -> Result<Ended> {
        if let Some(Preset::Seed2021) = self.preset {
            return self.reproduce(gearshift_price::seed_2021());
        }
        let manifest = self.flags.manifest()?;
        let flags = match &manifest {
            Some(manifest) => self.flags.with(&manifest.compare)?,
            None => self.flags,
        };
        let chosen = Self { flags, ..self };
        chosen.compare(manifest)
    }

    fn compare(self, manifest: Option<Manifest>) -> Result<Ended> {
        let rows = self.flags.rows(manifest.as_ref())?;
        self.flags.law_factors()?;
        let book = here::book(self.flags.region())?;
        let service = Described::of(manifest.as_ref())?;
        let builds = Builds::with(manifest)?.strict(self.flags.strict).offline(self.flags.offline);
        let builds = Arc::new(builds);
        if self.flags.install && here::marked_run().is_none() {
            install::what_rows_lack(&rows, &builds)?;
        }
        builds.require_own()?;
        // A place for the results is better missing now than after minutes of measuring.
        here::make_results()?;
        let on = On::to_start()?;
        let run = here::own_run(&on)?;
        let results = block_on(self.measure(&on, builds, &run, rows, service, book))?;
        let Some(results) = results else {
            note!("interrupted: run {run} taken down, nothing is left");
            return Ok(Ended::Failed);
        };
        // What was measured is told even where it cannot be kept.
        let kept = write(&results);
        if self.json {
            terminal::print_json(&results)?;
        } else {
            let report = match &kept {
                Ok(directory) => directory.join("report.html").to_string_lossy().into_owned(),
                Err(_) => "none: it could not be written".to_owned(),
            };
            let up = results.rows.iter().find(|row| row.state == RowState::Ok);
            let up = up.map(|row| format!("gearshift up {}", row.row));
            let next: Vec<&str> = up.iter().map(String::as_str).collect();
            let footer = gearshift_report::Footer { report: &report, next: &next };
            terminal::print(format_args!(
                "{}",
                gearshift_report::table(&results, terminal::width(), &footer)
            ));
        }
        if let Err(error) = kept {
            bail!(
                "the results above are kept nowhere: {error:#} → free space in this folder, or run it in another; --json prints all of them"
            );
        }
        Ok(self.ended(&results))
    }

    fn reproduce(&self, preset: &gearshift_price::Preset) -> Result<Ended> {
        if self.json {
            terminal::print_json(preset)?;
        } else {
            terminal::print(format_args!("{}", gearshift_report::preset(preset)));
        }
        Ok(Ended::Well)
    }

    /// None: interrupted, and everything taken down.
    async fn measure(
        &self,
        on: &On,
        builds: Arc<Builds>,
        run: &RunId,
        rows: Vec<Row>,
        service: Described,
        book: PriceBook,
    ) -> Result<Option<Results>> {
        let plan = self.plan(run, rows, service, book)?;
        let target = on.target();
        let this = std::env::current_exe().context("finding this program's own path")?;
        let worker = Worker {
            command: vec![this, "internal".into(), "load".into()],
            run: run.clone(),
            cores: Cores::split().system,
        };
        let progress = Progress::new();
        let provision = Provisioner::new(builds.clone(), self.flags.offline, run, &progress);
        let told = |at: gearshift_compare::Progress| progress.at(&at);
        let work = async {
            progress.say("measuring what the twin itself adds");
            let overhead = self.overhead(&plan, &*target, &worker, &builds).await;
            Ok(compare(&plan, &*target, &provision, &worker, overhead, &SystemClock, &told).await?)
        };
        interrupt::or_take_down(on, run, work).await
    }

    /// What the twin adds to a call, where a function row is among the chosen.
    async fn overhead(
        &self,
        plan: &Plan,
        target: &dyn Target,
        worker: &Worker,
        builds: &Builds,
    ) -> Option<Overhead> {
        plan.rows.iter().find(|row| row.built && row.function_memory_mb().is_some())?;
        // The handler that also exists as a plain server, which is always there.
        let function = CATALOGUE.row("lambda-rust-dynamodb").ok()?;
        let accepts = target.facts(function).await.ok()?.accepts;
        let artefacts = builds.artefacts(function, &accepts).ok()?;
        let plain = builds.program("hits").ok()?;
        // Without it the table says so; the rows are measured all the same.
        overhead(target, worker, &plan.run, function, artefacts, plain.executable()).await.ok()
    }

    fn plan(
        &self,
        run: &RunId,
        rows: Vec<Row>,
        service: Described,
        book: PriceBook,
    ) -> Result<Plan> {
        let flags = &self.flags;
        Ok(Plan {
            run: run.clone(),
            owner: here::owner(),
            service: service.name,
            asks: service.asks,
            slo: service.slo,
            rows: rows.clone(),
            calls: flags.calls(),
            cold_starts: 9,
            seed: flags.seed(),
            caller: flags.caller(),
            book,
            physics: flags.physics(),
            match_vcpu: flags.match_vcpu(),
            share_factors: share_factors(&rows, &here::cache()?),
            init_per_call: self.init == Init::PerCall,
            law_factors: flags.law_factors()?,
            sweep_mb: flags.sweep_mb(),
            cache: here::cache()?,
            quick: flags.quick,
            shape: flags.shape()?,
        })
    }

    fn ended(&self, results: &Results) -> Ended {
        let any = |state| results.rows.iter().any(|row| row.state == state);
        if any(RowState::Invalid) || results.rows.iter().any(|row| !row.slo_missed.is_empty()) {
            Ended::Invalid
        } else if self.flags.strict && any(RowState::Skipped) {
            Ended::Failed
        } else {
            Ended::Well
        }
    }
}

/// By what the shares of those rows are multiplied that do not fit this machine even alone.
fn share_factors(rows: &[Row], cache: &Path) -> BTreeMap<String, f64> {
    let factor = |row: &Row| {
        let core_factor = gearshift_measure::core_factor(row, cache).value;
        let settings = Settings { core_factor, ..Settings::default() };
        let wanted = Wanted::initial(row.clone(), settings, Artefacts::new());
        (row.name.clone(), share_alone(&wanted))
    };
    rows.iter().map(factor).filter(|(_, factor)| *factor < 1.0).collect()
}

/// Writes the run's files at once: a folder that exists is complete.
fn write(results: &Results) -> Result<PathBuf> {
    let directory = Path::new(here::RESULTS).join(results.run.as_str());
    let fresh = Path::new(here::RESULTS).join(format!(".{}", results.run));
    let written = write_all(results, &fresh).and_then(|()| {
        std::fs::rename(&fresh, &directory)
            .with_context(|| format!("making {}", directory.display()))
    });
    if let Err(error) = written {
        // Half of the results would look like all of them.
        let _ = std::fs::remove_dir_all(&fresh);
        return Err(error);
    }
    Ok(directory)
}

fn write_all(results: &Results, directory: &Path) -> Result<()> {
    here::make_result(directory).with_context(|| format!("making {}", directory.display()))?;
    let files = [
        ("results.json", serde_json::to_string_pretty(results)?),
        ("report.md", gearshift_report::markdown(results)),
        ("report.html", gearshift_report::html(results)?),
    ];
    for (name, text) in files {
        let path = directory.join(name);
        here::write_result(&path, &text)?;
    }
    Ok(())
}
