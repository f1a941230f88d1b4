//! It holds when "72 killed `up`s and 25 killed compares leave nothing after `down --all`": each is
//! killed at a random moment by a random signal. `GEARSHIFT_SUITES=ci` kills fewer of them.

mod common;
#[path = "common/traces.rs"]
mod traces;

use std::collections::BTreeSet;
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use common::Folder;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};

/// `down --all` ends what the other test here is about.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A row of each kind, so that a run has environments, members or one process.
const ROWS: [&str; 3] = ["ec2", "lambda-rust-dynamodb", "fargate"];

/// In turn. SIGKILL is the one that nothing can be done about, so it is every other one.
const SIGNALS: [Signal; 8] = [
    Signal::SIGKILL,
    Signal::SIGTERM,
    Signal::SIGKILL,
    Signal::SIGINT,
    Signal::SIGKILL,
    Signal::SIGHUP,
    Signal::SIGKILL,
    Signal::SIGQUIT,
];

/// Which command is killed, and how often.
struct Kills {
    command: &'static [&'static str],
    count: usize,
    at_once: usize,
    /// A command is killed before it has run for this long.
    within: Duration,
}

#[test]
fn killed_ups_leave_nothing_after_down_all() {
    let count = if gearshift_testing::left_out("60 of 72 killed ups") { 12 } else { 72 };
    let within = longest_up();
    kill_and_take_away(&Kills { command: &["up"], count, at_once: 4, within });
}

#[test]
fn killed_compares_leave_nothing_after_down_all() {
    let count = if gearshift_testing::left_out("20 of 25 killed compares") { 5 } else { 25 };
    let command = &["compare", "--quick", "--calls", "20", "--rows"];
    kill_and_take_away(&Kills { command, count, at_once: 5, within: Duration::from_secs(12) });
}

fn kill_and_take_away(kills: &Kills) {
    let _alone = ONE_AT_A_TIME.lock();
    let seed = std::env::var("GEARSHIFT_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(rand::random);
    println!("GEARSHIFT_SEED={seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let before = traces::runs();
    assert!(
        before.is_empty() || std::env::var_os("CI").is_none(),
        "{before:?} are up before this test"
    );
    let (mut left, mut killed, mut stood) = (kills.count, 0, 0);
    while left > 0 {
        let now = left.min(kills.at_once);
        left -= now;
        let folders: Vec<Folder> = (0..now).map(|_| Folder::new()).collect();
        let plans: Vec<_> = (0..now).map(|at| Plan::draw(kills, left + at, &mut rng)).collect();
        killed += std::thread::scope(|scope| {
            let running = folders.iter().zip(&plans);
            let running: Vec<_> = running
                .map(|(folder, plan)| scope.spawn(|| plan.carry_out(kills, folder)))
                .collect();
            running.into_iter().map(|one| one.join().expect("killed")).sum::<usize>()
        });
        let runs: BTreeSet<String> = traces::runs().difference(&before).cloned().collect();
        stood += runs.len();
        take_away(&folders, &runs, before.is_empty());
        let what = format!("seed {seed}: {plans:?}");
        let runs: Vec<String> = traces::runs().difference(&before).cloned().collect();
        assert_eq!(runs, Vec::<String>::new(), "{what}");
        for folder in &folders {
            assert_eq!(traces::stray_files(folder), Vec::<std::path::PathBuf>::new(), "{what}");
        }
    }
    println!("{killed} of {} were killed before their end; {stood} runs stood then", kills.count);
    // Or the moments would lie where nothing is up yet, or where all is over.
    assert!(killed * 3 >= kills.count, "only {killed} of {} were killed", kills.count);
    assert!(stood > 0, "none of {} had something up", kills.count);
}

/// How long the slowest of the rows takes to come up, everything being prepared.
fn longest_up() -> Duration {
    let took = ROWS.map(|row| {
        // The first one prepares what is prepared once.
        Folder::new().up(row, &[]);
        let (folder, began) = (Folder::new(), Instant::now());
        folder.up(row, &[]);
        began.elapsed()
    });
    took.into_iter().max().expect("some rows")
}

/// As a user does who knows nothing of what was killed; by name where others have runs up here,
/// which a test must not end.
fn take_away(folders: &[Folder], runs: &BTreeSet<String>, all: bool) {
    for folder in folders {
        if all {
            let said = folder.text(&["down", "--all"]);
            assert!(said.contains("0 left") || said.contains("nothing is running"), "{said}");
        }
    }
    for run in runs.iter().filter(|_| !all) {
        folders[0].text(&["down", run]);
    }
}

/// What is killed, when and how.
#[derive(Debug)]
struct Plan {
    row: &'static str,
    after: Duration,
    signal: Signal,
    /// As a terminal does it, or the process alone, as the kernel's memory killer does.
    whole_group: bool,
}

impl Plan {
    fn draw(kills: &Kills, number: usize, rng: &mut StdRng) -> Self {
        Self {
            row: ROWS.choose(rng).expect("some"),
            after: kills.within.mul_f64(rng.gen_range(0.0..1.0)),
            signal: SIGNALS[number % SIGNALS.len()],
            whole_group: rng.gen_bool(0.5),
        }
    }

    /// One where it was killed before its end, else none.
    fn carry_out(&self, kills: &Kills, folder: &Folder) -> usize {
        let mut child = self.start(kills, folder);
        std::thread::sleep(self.after);
        if child.try_wait().expect("it was started here").is_some() {
            return 0;
        }
        let pid = Pid::from_raw(child.id() as i32);
        let sent = if self.whole_group { killpg(pid, self.signal) } else { kill(pid, self.signal) };
        sent.expect("it was not waited for yet");
        child.wait().expect("it was started here");
        1
    }

    fn start(&self, kills: &Kills, folder: &Folder) -> Child {
        let mut command = folder.gearshift(kills.command);
        command.arg(self.row).process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("gearshift starts")
    }
}
