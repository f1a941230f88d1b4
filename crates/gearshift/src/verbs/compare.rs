use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use gearshift_compare::{MatchVcpu, Overhead, Plan, Results, RowState, Worker, compare, overhead};
use gearshift_gear::{CATALOGUE, Caller, Row, RunId};
use gearshift_price::PriceBook;
use gearshift_sandbox::Cores;
use gearshift_twin::{Twin, TwinConfig};

use super::{Ended, Usage, block_on};
use crate::progress::Progress;
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
        let rows = self.chosen()?;
        PriceBook::region(&self.region).map_err(|error| Usage(error.to_string()))?;
        // A place for the results is better missing now than after minutes of measuring.
        std::fs::create_dir_all(here::RESULTS)
            .with_context(|| format!("making {} in this folder", here::RESULTS))?;
        let config = here::twin_config()?;
        let run = here::own_run(&config)?;
        let results = block_on(self.measure(&config, &run, rows))?;
        let Some(results) = results else {
            eprintln!("interrupted: run {run} taken down, nothing is left");
            return Ok(Ended::Failed);
        };
        let directory = write(&results)?;
        if self.json {
            terminal::print_json(&results)?;
        } else {
            let report = directory.join("report.html");
            let up = results.rows.iter().find(|row| row.state == RowState::Ok);
            let up = up.map(|row| format!("gearshift up {}", row.row));
            let next: Vec<&str> = up.iter().map(String::as_str).collect();
            let artefacts =
                gearshift_report::Artefacts { report: &report.to_string_lossy(), next: &next };
            terminal::print(format_args!(
                "{}",
                gearshift_report::table(&results, terminal::width(), &artefacts)
            ));
        }
        Ok(self.ended(&results))
    }

    fn chosen(&self) -> Result<Vec<Row>> {
        if self.rows.is_empty() {
            return Ok(CATALOGUE.rows().iter().filter(|row| row.built).cloned().collect());
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
        run: &RunId,
        rows: Vec<Row>,
    ) -> Result<Option<Results>> {
        let plan = self.plan(run, rows);
        let twin = Twin::new(config.clone());
        let this = std::env::current_exe().context("finding this program's own path")?;
        let worker = Worker {
            command: vec![this, "internal".into(), "load".into()],
            run: run.clone(),
            cores: Cores::split().system,
        };
        let progress = Progress::new();
        let told = |at: gearshift_compare::Progress| progress.at(&at);
        let work = async {
            progress.say("measuring what the twin itself adds");
            let overhead = self.overhead(&plan, &twin, &worker, config).await;
            Ok(compare(&plan, &twin, &worker, overhead, &told).await?)
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
        let function = plan.rows.iter().find(|row| row.built && row.function_memory_mb().is_some());
        let plain = &config.builds.get("hits")?.program;
        // Without it the table says so; the rows are measured all the same.
        overhead(twin, worker, &plan.run, function?, plain).await.ok()
    }

    fn plan(&self, run: &RunId, rows: Vec<Row>) -> Plan {
        Plan {
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
            cache: here::cache(),
            quick: self.quick,
        }
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
    std::fs::create_dir_all(&fresh)?;
    let files = [
        ("results.json", serde_json::to_string_pretty(results)?),
        ("report.md", gearshift_report::markdown(results)),
        ("report.html", gearshift_report::html(results)?),
    ];
    for (name, text) in files {
        let path = fresh.join(name);
        std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    std::fs::rename(&fresh, &directory)?;
    Ok(directory)
}
