//! It holds when "`compare` on `sim` as a target that can arrange nothing and meters 90 s late gives a
//! whole report with empty cells and reasons".

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use gearshift_compare::{Plan, Provided, Provision, compare};
use gearshift_deploy::{
    Condition, Event, Facts, Fence, Progress, Target, TargetError, Want, World,
};
use gearshift_gear::{
    Artefact, ArtefactKind, CATALOGUE, Caller, Dimension, Missing, Owner, Row, RunId, UsageLine,
};
use gearshift_measure::{Asks, MatchVcpu, Worker};
use gearshift_plan::Shape;
use gearshift_price::PriceBook;
use gearshift_report::{Footer, html, markdown, table};
use gearshift_results::RowState;
use gearshift_sim::{Cloud, CloudConfig, ManualClock, SimTarget};

/// How late the simulated meters are.
const LATE: Duration = Duration::from_secs(90);

/// `sim`, whose rows answer at the address of a service that runs: it simulates a provider and no code.
struct Answering {
    sim: SimTarget,
    url: String,
}

#[async_trait]
impl Target for Answering {
    async fn facts(&self, row: &Row) -> Result<Facts, Missing> {
        self.sim.facts(row).await
    }

    async fn runs(&self) -> Result<Vec<RunId>, TargetError> {
        self.sim.runs().await
    }

    async fn observe(&self, run: &RunId) -> Result<World, TargetError> {
        let mut world = self.sim.observe(run).await?;
        for standing in world.rows.values_mut() {
            standing.url = standing.url.take().map(|_| self.url.clone());
        }
        Ok(world)
    }

    async fn step(
        &self,
        run: &RunId,
        want: &Want,
        seen: &World,
        fence: Fence,
    ) -> Result<Progress, TargetError> {
        self.sim.step(run, want, seen, fence).await
    }

    async fn usage(&self, run: &RunId, row: &str) -> Result<Vec<UsageLine>, TargetError> {
        self.sim.usage(run, row).await
    }

    async fn events(
        &self,
        run: &RunId,
        row: &str,
        since: usize,
    ) -> Result<Vec<Event>, TargetError> {
        self.sim.events(run, row, since).await
    }

    async fn arrange(
        &self,
        run: &RunId,
        row: &str,
        condition: Condition,
    ) -> Result<(), TargetError> {
        self.sim.arrange(run, row, condition).await
    }
}

/// Everything is there.
struct Prepared;

#[async_trait]
impl Provision for Prepared {
    fn is_ready(&self, _: &Row) -> bool {
        true
    }

    async fn provide(&self, row: &Row, _: &BTreeSet<ArtefactKind>) -> Result<Provided, Missing> {
        let image = || Artefact::Image {
            reference: "registry.invalid/hits".to_owned(),
            digest: format!("sha256:{}", "a".repeat(64)),
        };
        let artefacts = row.sides().into_iter().map(|(side, _)| (side, image())).collect();
        Ok(Provided { artefacts, runtime: None })
    }
}

/// The built-in service on a port of its own; ended when dropped.
struct Service(Child, String);

impl Service {
    fn start(at: &Path) -> Self {
        let hits = gearshift_services::service("hits").expect("it is built in");
        let program = hits.place_in(at).expect("room");
        let mut child = Command::new(program)
            .env("PORT", "0")
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut said = BufReader::new(child.stderr.take().expect("piped")).lines();
        let said = said.next().expect("it says where it listens").expect("text");
        let url = said.split_whitespace().find(|word| word.starts_with("http://"));
        let url = url.expect("an address").to_owned();
        Self(child, url)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn plan(run: &RunId, cache: &Path) -> Plan {
    let rows = ["ec2", "lambda-rust-dynamodb", "fargate"];
    Plan {
        run: run.clone(),
        service: "hits".to_owned(),
        asks: Asks::hits(),
        slo: None,
        rows: rows.map(|row| CATALOGUE.row(row).unwrap().clone()).to_vec(),
        calls: 30,
        cold_starts: 3,
        seed: 42,
        caller: Caller::default(),
        owner: Owner::default(),
        book: PriceBook::shipped("eu-west-2").unwrap(),
        physics: false,
        match_vcpu: MatchVcpu::Off,
        share_factors: BTreeMap::new(),
        init_per_call: false,
        law_factors: BTreeMap::new(),
        sweep_mb: Vec::new(),
        cache: cache.to_owned(),
        quick: true,
        shape: Shape::Office,
    }
}

#[tokio::test]
async fn a_target_that_arranges_nothing_and_meters_late_gives_a_whole_report() {
    let place = tempfile::tempdir().unwrap();
    let service = Service::start(place.path());
    let clock = Arc::new(ManualClock::default());
    let config = CloudConfig { usage_lag: LATE, arranges: false, ..CloudConfig::new(5) };
    let cloud = Cloud::new(config, clock.clone());
    let target = Answering { sim: cloud.target(), url: service.1.clone() };
    let run: RunId = "0a0a0a0a".parse().unwrap();
    let worker = Worker {
        command: vec![
            PathBuf::from(env!("CARGO_BIN_EXE_gearshift")),
            "internal".into(),
            "load".into(),
        ],
        run: run.clone(),
        cores: Vec::new(),
    };
    let plan = plan(&run, place.path());
    let results = compare(&plan, &target, &Prepared, &worker, None, &*clock, &|_| ());
    let results = results.await.expect("a comparison");

    assert_eq!(results.on, "sim");
    assert_eq!(results.rows.len(), 3);
    for row in &results.rows {
        let what = format!("{}: {:?} {:?}", row.row, row.reason, row.gaps);
        // The simulator shapes nothing, and that is all that is wrong with a row, unless this machine
        // was busy with something else meanwhile.
        let busy = row.reason.as_ref().is_some_and(|reason| reason.contains("the machine changed"));
        let late = row.latency.as_ref().is_some_and(|latency| !latency.verdict.valid);
        assert!(row.state == RowState::Unshaped || busy || late, "{what}");
        assert!(row.latency.is_some(), "{what}");
        assert!(row.counter.as_ref().is_some_and(|counter| counter.holds), "{what}");
        assert!(row.counter.as_ref().is_some_and(|counter| !counter.faults_injected), "{what}");
        assert!(row.cold.is_none(), "{what}");
        assert!(
            row.gaps.contains(&"cold start: sim cannot arrange a cold start".to_owned()),
            "{what}"
        );
        // Meters had caught up: what was metered was complete when it was read.
        let complete = row.usage.iter().all(|line| line.complete_until >= line.window.1);
        assert!(!row.usage.is_empty() && complete, "{what}");
    }
    let instance = &results.rows[0];
    assert!(
        instance.gaps.contains(&"ceiling: sim cannot arrange burst credits".to_owned()),
        "{:?}",
        instance.gaps
    );
    let hours = instance
        .usage
        .iter()
        .find(|line| line.dimension == Dimension::InstanceHour("t2.micro".to_owned()));
    assert!(hours.is_some_and(|line| line.quantity > rust_decimal::Decimal::ZERO), "{hours:?}");

    let none = Footer { report: "none", next: &[] };
    for (text, name) in [
        (table(&results, 100, &none), "table"),
        (markdown(&results), "Markdown"),
        (html(&results).expect("a page"), "page"),
    ] {
        assert!(text.contains("sim cannot arrange"), "the {name} does not say what is missing");
    }
    assert_eq!(cloud.census(&run), 0, "nothing stands afterwards");
}
