//! One row kept standing through the twin as a library, so that a test chooses its build and
//! settings and arranges faults from outside.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gearshift_deploy::{
    Condition, Credentials, Fence, Happening, Member, Patience, Settings, Target, Want, reach,
};
use gearshift_gear::{
    Artefact, CATALOGUE, Dimension, EnvironmentId, FaultPlan, Program, Row, RunId, Setup,
};
use gearshift_prepare::Preparer;
use gearshift_sandbox::{Host, processes_of, remains};
use gearshift_twin::{Twin, TwinConfig};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rand::Rng;
use rust_decimal::Decimal;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Dozens of interpreters that start at once on one core take longer than a deployed row's 3 s.
const TIMEOUT_MS: u64 = 30_000;

/// Ends with its run; a test that got so far fails if anything of it is left.
pub struct Standing {
    pub url: String,
    pub endpoints: BTreeMap<String, String>,
    /// What they are called with.
    credentials: Option<Credentials>,
    row: String,
    run: RunId,
    twin: Twin,
    host: Host,
    runtime: Runtime,
    _base: TempDir,
}

impl Standing {
    /// This row with this program as its function; no laws, no CPU shares, a patient timeout.
    pub fn up(row: &str, program: Program) -> Self {
        let settings = Settings { physics: false, shaped: false, ..Settings::default() };
        Self::under(row, program, settings)
    }

    /// This row with this program under these settings, and a patient timeout.
    pub fn under(row: &str, program: Program, settings: Settings) -> Self {
        Self::of(CATALOGUE.row(row).unwrap().clone(), program, settings)
    }

    /// As [`Standing::under`], of a row that need not be in the catalogue.
    pub fn of(row: Row, program: Program, settings: Settings) -> Self {
        let base = TempDir::new().expect("a temporary folder");
        let host = Host::detect();
        let gearshift = PathBuf::from(env!("CARGO_BIN_EXE_gearshift"));
        let twin = Twin::new(TwinConfig {
            host: host.clone(),
            base: base.path().to_owned(),
            plane_command: vec![gearshift, "internal".into(), "plane".into()],
        });
        let run: RunId = format!("{:08x}", rand::thread_rng().r#gen::<u32>()).parse().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let name = row.name.clone();
        let row = patient(row);
        let artefact = |side| (side, Artefact::executable(program.clone()));
        let artefacts = row.sides().into_iter().map(|(side, _)| artefact(side)).collect();
        let want = Want::one(row, settings, artefacts);
        let reached = runtime.block_on(reach(&twin, &run, &want, Fence(1), Patience::default()));
        let row = reached.expect("the row stands").rows.remove(&name).expect("as wanted");
        let url = row.url.expect("a standing row has an address");
        Self {
            url,
            endpoints: row.endpoints,
            credentials: row.credentials,
            row: name,
            run,
            twin,
            host,
            runtime,
            _base: base,
        }
    }

    /// What the endpoints of a function row are called with.
    pub fn credentials(&self) -> &Credentials {
        self.credentials.as_ref().expect("a function row has credentials")
    }

    /// What has been used of this dimension.
    pub fn used(&self, dimension: &Dimension) -> Decimal {
        let usage = self.runtime.block_on(self.twin.usage(&self.run, &self.row)).expect("usage");
        let lines = usage.iter().filter(|line| line.dimension == *dimension);
        lines.map(|line| line.quantity).sum()
    }

    /// Store requests fail like this from now on.
    pub fn arrange(&self, plan: FaultPlan) {
        self.under_condition(Condition::Faulty(plan));
    }

    pub fn under_condition(&self, condition: Condition) {
        let arranged = self.twin.arrange(&self.run, &self.row, condition);
        self.runtime.block_on(arranged).expect("it can be arranged");
    }

    pub fn members(&self) -> Vec<Member> {
        let mut world = self.runtime.block_on(self.twin.observe(&self.run)).expect("a world");
        world.rows.remove(&self.row).expect("the row").members().cloned().collect()
    }

    /// What happened to this member, oldest first.
    pub fn life_of(&self, member: &EnvironmentId) -> Vec<Happening> {
        let events = self.runtime.block_on(self.twin.events(&self.run, &self.row, 0));
        let events = events.expect("events").into_iter();
        events.filter(|event| event.environment == *member).map(|event| event.what).collect()
    }

    /// Sends a signal to every process of this member.
    pub fn signal(&self, member: &EnvironmentId, signal: Signal) {
        let processes = processes_of(&self.run);
        let mut of = processes.iter().filter(|process| process.member == member.0).peekable();
        assert!(of.peek().is_some(), "{member} has no process");
        for process in of {
            kill(Pid::from_raw(process.pid), signal).expect("a process of ours");
        }
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        let nothing = Want::nothing();
        let ended = reach(&self.twin, &self.run, &nothing, Fence(2), Patience::default());
        let ended = self.runtime.block_on(ended);
        if !std::thread::panicking() {
            ended.expect("the row ends");
            let left = remains(&self.host, &self.run);
            assert!(left.is_empty(), "left over: {left:?}");
        }
    }
}

fn patient(mut row: Row) -> Row {
    if let Setup::Steady(gear) = &mut row.setup {
        gear.limits.timeout_ms = TIMEOUT_MS;
    }
    row
}

/// Programs of this machine's builds, made ready below the target directory once for all tests.
pub fn preparer() -> Preparer {
    Preparer::new(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache/gearshift"))
}

/// The function as Gearshift ships it, made ready if need be.
///
/// # Panics
/// Where this machine lacks what it needs.
pub fn shipped(build: &str) -> Program {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let preparer = preparer();
    match preparer.program(build) {
        Ok(program) => program,
        Err(_) => match runtime.block_on(preparer.prepare(build, &[], &|_| ())) {
            Ok(program) => program,
            Err(error) => panic!("{build}: {error} → {}", error.next()),
        },
    }
}
