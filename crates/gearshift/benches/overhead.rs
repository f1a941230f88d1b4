//! What the twin itself costs: `cargo bench -p gearshift --bench overhead`.
//!
//! Physics off throughout, so that every microsecond is this machine's own. Prints each median with
//! its n and its ratio to the bar it is held to; asserts nothing, for a shared machine is no judge.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use gearshift_deploy::{Condition, Fence, Patience, Settings, Target, Want, reach};
use gearshift_gear::{Artefact, Artefacts, CATALOGUE, Row, RunId, Side};
use gearshift_load::{Job, Mode, Outcome, Sample, Since, percentile};
use gearshift_measure::{Worker, overhead};
use gearshift_prepare::Preparer;
use gearshift_sandbox::Cores;
use gearshift_twin::{Twin, TwinConfig};

const ROW: &str = "lambda-rust-dynamodb";
const COLD_STARTS: usize = 40;
const REPETITIONS: usize = 3;
/// The bars: what the twin may add to a warm call, and a cold start's first response.
const WARM_BAR_US: f64 = 150.0;
const COLD_BAR_MS: f64 = 30.0;
/// Until the environment before is gone, which is not part of the start.
const SETTLE: Duration = Duration::from_millis(60);

fn main() -> Result<()> {
    // `cargo test --all-targets` builds and starts benchmarks too, without this.
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("measures only under cargo bench -p gearshift --bench overhead");
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(measure())
}

/// A twin in a place of its own.
struct Bench {
    twin: Twin,
    worker: Worker,
    run: RunId,
    row: &'static Row,
    artefacts: Artefacts,
    plain: PathBuf,
    _place: tempfile::TempDir,
}

impl Bench {
    fn new() -> Result<Self> {
        let place = tempfile::tempdir()?;
        let preparer = Preparer::new(place.path());
        let plain = preparer.program("hits")?.executable().to_owned();
        let gearshift = PathBuf::from(env!("CARGO_BIN_EXE_gearshift"));
        let command = |what: &str| vec![gearshift.clone(), "internal".into(), what.into()];
        let usual = TwinConfig::usual(command("plane"))?;
        let twin = Twin::new(TwinConfig { base: place.path().join("runs"), ..usual });
        // Eight digits, where Gearshift itself gives four.
        let run: RunId = format!("be{:06x}", std::process::id() & 0xff_ffff).parse()?;
        let worker =
            Worker { command: command("load"), run: run.clone(), cores: Cores::split().system };
        let row = CATALOGUE.row(ROW)?;
        let function = Artefact::executable(preparer.program(&row.build.name)?);
        let artefacts = Artefacts::from([(Side::Only, function)]);
        Ok(Self { twin, worker, run, row, artefacts, plain, _place: place })
    }

    async fn stand(&self, settings: Settings) -> Result<String> {
        let want = Want::one(self.row.clone(), settings, self.artefacts.clone());
        let world = reach(&self.twin, &self.run, &want, fence(), Patience::default()).await?;
        world.rows[&self.row.name].url.clone().context("a row that stands has a URL")
    }

    async fn take_down(&self) -> Result<()> {
        reach(&self.twin, &self.run, &Want::nothing(), fence(), Patience::default()).await?;
        Ok(())
    }

    /// Cold starts, each seen by a client that connects anew.
    async fn cold(&self, settings: Settings) -> Result<Vec<Sample>> {
        let url = self.stand(settings).await?;
        let job = Job::new(format!("{url}/hello"), Mode::Probe { calls: 1 });
        let mut samples = Vec::new();
        for _ in 0..COLD_STARTS {
            self.twin.arrange(&self.run, &self.row.name, Condition::Cold).await?;
            tokio::time::sleep(SETTLE).await;
            let outcome: Outcome = self.worker.run(&job).await?;
            let sample = outcome.samples.into_iter().next().context("one call, one sample")?;
            ensure!(sample.is_acknowledged() && sample.timing.cold, "not a cold start: {sample:?}");
            samples.push(sample);
        }
        self.take_down().await?;
        Ok(samples)
    }
}

async fn measure() -> Result<()> {
    let bench = Bench::new()?;
    println!("{:<46}{:>10}{:>8}{:>10}{:>9}", "", "p50", "n", "bar", "of it");
    for _ in 0..REPETITIONS {
        let overhead = overhead(
            &bench.twin,
            &bench.worker,
            &bench.run,
            bench.row,
            bench.artefacts.clone(),
            &bench.plain,
        )
        .await?;
        let us = |known: &gearshift_gear::Known<f64>| known.value;
        let adds = us(&overhead.adds_p50_us);
        line("warm call: what the twin adds", adds, "µs", 2_000, WARM_BAR_US);
        let (through, plain) = (us(&overhead.through_twin_p50_us), us(&overhead.plain_p50_us));
        println!("  through the twin {through:.0} µs, behind a plain HTTP server {plain:.0} µs");
    }
    let physics_off = Settings { physics: false, ..Settings::default() };
    for (name, shaped) in
        [("cold start: no CPU limit", false), ("cold start: a 128 MB function's shares", true)]
    {
        let samples = bench.cold(Settings { shaped, ..physics_off.clone() }).await?;
        let first_byte = p50(samples.iter().map(|sample| sample.total_ms(Since::Intended)));
        line(name, first_byte, "ms", samples.len(), COLD_BAR_MS);
        let part = |name: &str| {
            let ms = |sample: &Sample| {
                let parts = sample.timing.parts.iter().filter(|part| part.name == name);
                parts.map(|part| part.ms).sum::<f64>()
            };
            p50(samples.iter().map(ms))
        };
        let parts = ["start", "init", "handler"].map(|name| format!("{name} {:.1}", part(name)));
        println!("  {} ms", parts.join(" · "));
    }
    Ok(())
}

fn line(what: &str, p50: f64, unit: &str, n: usize, bar: f64) {
    let bar_text = format!("{bar:.0} {unit}");
    let p50_text = format!("{p50:.1} {unit}");
    println!("{what:<46}{p50_text:>10}{n:>8}{bar_text:>10}{:>9.2}", p50 / bar);
}

fn p50(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    percentile(&values, 0.5).value().expect("forty values have a median")
}

fn fence() -> Fence {
    Fence::at(jiff::Timestamp::now())
}
