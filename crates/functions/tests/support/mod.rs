//! What the tests share: a function of their own, ended with the test, and a client.
#![allow(dead_code, reason = "each test file uses its own part")]

pub mod bootstrap;
pub mod client;
pub mod fronted;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use gearshift_access::Keys;
use gearshift_functions::{Answer, Function, FunctionConfig, FunctionError, LifeEvent, Shares};
use gearshift_gear::{EnvironmentId, RunId};
use gearshift_laws::Laws;
use gearshift_sandbox::{Enforcement, Host, remains, sweep};
use serde_json::{Value, json};

/// A hosted function in a run of its own; what is left of it goes with the test.
pub struct Hosted {
    pub function: Arc<Function>,
    pub run: RunId,
    pub host: Host,
    events: Arc<Mutex<Vec<LifeEvent>>>,
}

impl Hosted {
    /// What happened to its environments, oldest first.
    pub fn events(&self) -> Vec<LifeEvent> {
        self.events.lock().unwrap().clone()
    }

    /// The real Rust function, physics and shares off, changed as told.
    pub fn rust(change: impl FnOnce(&mut FunctionConfig)) -> Self {
        let service = gearshift_services::service("function-rust").expect("it is built in");
        let program = service.place_in(Path::new(env!("CARGO_TARGET_TMPDIR"))).expect("room");
        Self::start(vec![program], change)
    }

    /// The bootstrap of [`bootstrap`], with these variables.
    pub fn bootstrap(variables: &[(&str, &str)]) -> Self {
        Self::start(bootstrap::command(), |config| {
            let owned = variables.iter().map(|(name, value)| (name.to_string(), value.to_string()));
            config.variables.extend(owned);
        })
    }

    pub fn start(command: Vec<PathBuf>, change: impl FnOnce(&mut FunctionConfig)) -> Self {
        let (run, host) = (run_id(), Host::detect());
        let events = Arc::<Mutex<Vec<LifeEvent>>>::default();
        let mut config = FunctionConfig {
            name: "tested".to_owned(),
            run: run.clone(),
            host: host.clone(),
            member_prefix: "row.fn".to_owned(),
            task_root: command[0].parent().expect("a folder").to_owned(),
            image: None,
            handler: "bootstrap".to_owned(),
            command,
            variables: Vec::new(),
            memory_mb: 128,
            timeout: Duration::from_secs(10),
            concurrency: 1000,
            shares: Shares::default(),
            cores: Vec::new(),
            region: "eu-west-2".to_owned(),
            keys: Keys::random(),
            code_zip_bytes: 1_000_000,
            laws: Arc::new(Laws::shipped().off()),
            seed: 7,
            idle_reclaim: None,
            told: {
                let events = events.clone();
                Arc::new(move |event| events.lock().unwrap().push(event))
            },
        };
        change(&mut config);
        Self { function: Function::host(config), run, host, events }
    }

    /// Invokes it with this JSON.
    pub async fn invoke(&self, payload: Value) -> Answer {
        let payload = Bytes::from(payload.to_string());
        self.function.invoke(payload).await.expect("an environment takes it")
    }

    /// Waits until every environment has gone back to rest.
    pub async fn rest(&self) {
        let resting = || self.function.environments().iter().all(|(_, busy)| !busy);
        until("every environment rests", resting).await;
    }

    /// What there is of this environment: processes, control groups.
    pub fn remains_of(&self, environment: &EnvironmentId) -> (usize, usize) {
        let left = remains(&self.host, &self.run);
        let processes = left.processes.iter().filter(|p| p.member == environment.0).count();
        (processes, left.groups.iter().filter(|group| **group == environment.0).count())
    }

    /// CPU this environment's processes have used, µs, read from the kernel without any help.
    pub fn cpu_used_us(&self, environment: &EnvironmentId) -> u64 {
        let mounts = std::fs::read_to_string("/proc/mounts").expect("Linux");
        let trees = mounts.lines().filter(|mount| mount.contains(" cgroup"));
        let member = format!("gearshift/{}/{environment}", self.run);
        for tree in trees.filter_map(|mount| mount.split(' ').nth(1)) {
            let group = Path::new(tree).join(&member);
            if let Ok(ns) = std::fs::read_to_string(group.join("cpuacct.usage")) {
                return ns.trim().parse::<u64>().expect("a number") / 1000;
            }
            let stat = std::fs::read_to_string(group.join("cpu.stat")).unwrap_or_default();
            if let Some(us) = stat.lines().find_map(|line| line.strip_prefix("usage_usec ")) {
                return us.parse().expect("a number");
            }
        }
        panic!("no control group counts the CPU of {environment}")
    }
}

impl Drop for Hosted {
    fn drop(&mut self) {
        self.function.end();
        sweep(&self.host, &self.run, |_| true);
    }
}

/// A run nobody else has: eight digits, where Gearshift itself gives four.
fn run_id() -> RunId {
    static NUMBER: AtomicU16 = AtomicU16::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    format!("{:04x}{number:04x}", std::process::id() & 0xffff).parse().expect("eight hex digits")
}

/// Whether limits and the freezer are real here. Where not, that is said loudly, and a failure in
/// continuous integration (`CI` is set).
pub fn enforced() -> bool {
    match Host::detect().enforcement() {
        Enforcement::Shaped { .. } => true,
        Enforcement::Unshaped { why, .. } => {
            assert!(std::env::var_os("CI").is_none(), "nothing is enforced here: {why}");
            eprintln!("SKIPPED: nothing is enforced here: {why}");
            false
        }
    }
}

/// Looks until it is so, at most ten seconds.
pub async fn until(what: &str, mut so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < Duration::from_secs(10), "not within 10 s: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// The event of `GET path` behind an HTTP API, as far as a function reads it.
pub fn get(path: &str) -> Value {
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "",
        "headers": { "host": "abc.execute-api.eu-west-2.amazonaws.com" },
        "requestContext": {
            "accountId": "0", "apiId": "abc", "domainName": "abc.execute-api.eu-west-2.amazonaws.com",
            "domainPrefix": "abc", "requestId": "r", "routeKey": "$default", "stage": "$default",
            "time": "01/Jan/2026:00:00:00 +0000", "timeEpoch": 1_767_225_600_000_u64,
            "http": { "method": "GET", "path": path, "protocol": "HTTP/1.1",
                      "sourceIp": "127.0.0.1", "userAgent": "test" },
        },
        "isBase64Encoded": false,
    })
}

/// What a successful invocation returned.
pub fn returned(answer: &Answer) -> Value {
    let body = answer.result.as_ref().unwrap_or_else(|error| panic!("{error:?}"));
    serde_json::from_slice(body).unwrap_or_else(|_| panic!("no JSON: {body:?}"))
}

/// What a failed one said.
pub fn failed(answer: &Answer) -> (Value, &FunctionError) {
    let error = answer.result.as_ref().expect_err("it fails");
    (serde_json::from_slice(&error.body).expect("JSON"), error)
}

/// Which environment answered.
pub fn environment(answer: &Answer) -> EnvironmentId {
    answer.timing.environment.clone().expect("every answer names it")
}

/// Since the machine's start, in the unit of a process's start time.
#[cfg(target_os = "linux")]
pub fn uptime_ticks() -> u64 {
    use procfs::Current;
    let uptime = procfs::Uptime::current().expect("Linux").uptime;
    (uptime * procfs::ticks_per_second() as f64).floor() as u64
}
