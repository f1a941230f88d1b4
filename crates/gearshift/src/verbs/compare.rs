use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use gearshift_compare::{MatchVcpu, Overhead, Plan, Results, RowState, Worker, compare, overhead};
use gearshift_gear::{CATALOGUE, Caller, LawId, Row, RunId};
use gearshift_laws::Laws;
use gearshift_prepare::Preparer;
use gearshift_price::PriceBook;
use gearshift_sandbox::Cores;
use gearshift_twin::{Twin, TwinConfig};

use super::{Ended, Usage, block_on};
use crate::progress::Progress;
use crate::provision::Provisioner;
use crate::{here, interrupt, terminal};

#[derive(Args)]
pub struct Compare {
    /// Rows to compare, as `gearshift gears` lists them; all that are built when left out
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    rows: Vec<String>,
    /// Calls of the latency measurement, per row [default: 200, with --quick 60]
    #[arg(long, value_parser = clap::value_parser!(u64).range(20..=1_000_000))]
    calls: Option<u64>,
    /// Fewer calls; what too few calls support reads n<200
    #[arg(long)]
    quick: bool,
    /// Where every random draw starts
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Where the client stands: same-subnet, region or home
    #[arg(long, default_value_t)]
    caller: Caller,
    /// Laws of the network, gateway and stores; off: the bare machine
    #[arg(long, value_enum, default_value_t = Switch::On)]
    physics: Switch,
    /// How many AWS vCPUs a core here is worth: auto (measured), off, or a number
    #[arg(long, default_value = "auto", value_name = "auto|off|FACTOR", value_parser = match_vcpu)]
    match_vcpu: MatchVcpu,
    /// AWS region of prices and settings
    #[arg(long, default_value = "eu-west-2")]
    region: String,
    /// Functions make their clients once, or anew on every call: what the latter costs
    #[arg(long, value_enum, default_value_t = Init::Once)]
    init: Init,
    /// Multiply a law, named as the report lists it: an experiment; may be repeated
    #[arg(long = "law", value_name = "ID=FACTOR", value_parser = law_factor)]
    laws: Vec<(LawId, f64)>,
    /// Functions' memory in MB: one size for all, or several to measure each of them at
    #[arg(long, value_delimiter = ',', value_name = "MB,MB", value_parser = clap::value_parser!(u32).range(128..=10_240))]
    memory: Vec<u32>,
    /// Fetch nothing: rows that are not prepared are skipped
    #[arg(long)]
    offline: bool,
    /// Reproduce a published cost table instead of measuring
    #[arg(long, value_enum, conflicts_with_all = ["rows", "calls", "quick", "memory", "laws", "init"])]
    preset: Option<Preset>,
    /// A skipped row is a failure
    #[arg(long)]
    strict: bool,
    /// Print results.json on standard output instead of the table
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    On,
    Off,
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

fn law_factor(text: &str) -> Result<(LawId, f64), String> {
    let (id, factor) = text.split_once('=').ok_or("expected ID=FACTOR, such as ddb.update=2")?;
    match factor.parse::<f64>() {
        Ok(factor) if (0.0..=1000.0).contains(&factor) => Ok((LawId(id.to_owned()), factor)),
        _ => Err(format!("{factor} is not a factor from 0 to 1000")),
    }
}

fn match_vcpu(text: &str) -> Result<MatchVcpu, String> {
    match text {
        "auto" => Ok(MatchVcpu::Auto),
        "off" => Ok(MatchVcpu::Off),
        number => match number.parse::<f64>() {
            Ok(factor) if (0.1..=20.0).contains(&factor) => Ok(MatchVcpu::Factor(factor)),
            _ => Err("expected auto, off, or a factor from 0.1 to 20".to_owned()),
        },
    }
}

impl Compare {
    pub fn run(self) -> Result<Ended> {
        if let Some(Preset::Seed2021) = self.preset {
            return self.reproduce(gearshift_price::seed_2021());
        }
        let rows = self.chosen()?;
        self.law_factors()?;
        PriceBook::region(&self.region).map_err(|error| Usage(error.to_string()))?;
        // A place for the results is better missing now than after minutes of measuring.
        std::fs::create_dir_all(here::RESULTS)
            .with_context(|| format!("making {} in this folder", here::RESULTS))?;
        let preparer = here::preparer();
        let config = here::twin_config(&preparer)?;
        let run = here::own_run(&config)?;
        let results = block_on(self.measure(&config, preparer, &run, rows))?;
        let Some(results) = results else {
            eprintln!("interrupted: run {run} taken down, nothing is left");
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
            let artefacts = gearshift_report::Artefacts { report: &report, next: &next };
            terminal::print(format_args!(
                "{}",
                gearshift_report::table(&results, terminal::width(), &artefacts)
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

    fn law_factors(&self) -> Result<BTreeMap<LawId, f64>> {
        let factors: BTreeMap<LawId, f64> = self.laws.iter().cloned().collect();
        Laws::shipped().scaled_by(&factors).map_err(|error| Usage(error.to_string()))?;
        Ok(factors)
    }

    fn chosen(&self) -> Result<Vec<Row>> {
        let rows = self.named()?.into_iter();
        Ok(match self.memory.as_slice() {
            [mb] => rows.map(|row| row.with_function_memory_mb(*mb)).collect(),
            _ => rows.collect(),
        })
    }

    fn named(&self) -> Result<Vec<Row>> {
        if self.rows.is_empty() {
            let usual = CATALOGUE.rows().iter().filter(|row| row.built && !row.on_request);
            return Ok(usual.cloned().collect());
        }
        let mut rows: Vec<Row> = Vec::new();
        for name in &self.rows {
            let row = CATALOGUE.row(name).map_err(|error| Usage(error.to_string()))?;
            if rows.iter().any(|chosen| chosen.name == row.name) {
                bail!(Usage(format!("row {name} is named twice in --rows")));
            }
            rows.push(row.clone());
        }
        Ok(rows)
    }

    /// None: interrupted, and everything taken down.
    async fn measure(
        &self,
        config: &TwinConfig,
        preparer: Arc<Preparer>,
        run: &RunId,
        rows: Vec<Row>,
    ) -> Result<Option<Results>> {
        let plan = self.plan(run, rows)?;
        let twin = Twin::new(config.clone());
        let this = std::env::current_exe().context("finding this program's own path")?;
        let worker = Worker {
            command: vec![this, "internal".into(), "load".into()],
            run: run.clone(),
            cores: Cores::split().system,
        };
        let progress = Progress::new();
        let provision = Provisioner::new(preparer, self.offline, run, &progress);
        let told = |at: gearshift_compare::Progress| progress.at(&at);
        let work = async {
            progress.say("measuring what the twin itself adds");
            let overhead = self.overhead(&plan, &twin, &worker, config).await;
            Ok(compare(&plan, &twin, &provision, &worker, overhead, &told).await?)
        };
        interrupt::or_take_down(config, run, work).await
    }

    /// What the twin adds to a call, where a function row is among the chosen.
    async fn overhead(
        &self,
        plan: &Plan,
        twin: &Twin,
        worker: &Worker,
        config: &TwinConfig,
    ) -> Option<Overhead> {
        plan.rows.iter().find(|row| row.built && row.function_memory_mb().is_some())?;
        // The handler that also exists as a plain server, which is always there.
        let function = CATALOGUE.row("lambda-rust-dynamodb").ok()?;
        let plain = (config.programs)("hits").ok()?;
        // Without it the table says so; the rows are measured all the same.
        overhead(twin, worker, &plan.run, function, plain.executable()).await.ok()
    }

    fn plan(&self, run: &RunId, rows: Vec<Row>) -> Result<Plan> {
        Ok(Plan {
            run: run.clone(),
            service: "hits".to_owned(),
            rows,
            calls: self.calls.unwrap_or(if self.quick { 60 } else { 200 }),
            cold_starts: 9,
            seed: self.seed,
            caller: self.caller,
            region: self.region.clone(),
            physics: self.physics == Switch::On,
            match_vcpu: self.match_vcpu,
            init_per_call: self.init == Init::PerCall,
            law_factors: self.law_factors()?,
            sweep_mb: if self.memory.len() > 1 { self.memory.clone() } else { Vec::new() },
            cache: here::cache(),
            quick: self.quick,
        })
    }

    fn ended(&self, results: &Results) -> Ended {
        let any = |state| results.rows.iter().any(|row| row.state == state);
        if any(RowState::Invalid) {
            Ended::Invalid
        } else if self.strict && any(RowState::Skipped) {
            Ended::Failed
        } else {
            Ended::Well
        }
    }
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
    std::fs::create_dir_all(directory)
        .with_context(|| format!("making {}", directory.display()))?;
    let files = [
        ("results.json", serde_json::to_string_pretty(results)?),
        ("report.md", gearshift_report::markdown(results)),
        ("report.html", gearshift_report::html(results)?),
    ];
    for (name, text) in files {
        let path = directory.join(name);
        std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}
