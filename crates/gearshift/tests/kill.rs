//! Whatever kills Gearshift, nothing of a run is left: a fresh `down` finds it, and Ctrl-C needs
//! none.

mod common;
#[path = "common/terminal.rs"]
mod terminal;
#[path = "common/traces.rs"]
mod traces;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use common::Folder;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use terminal::AtTerminal;

/// `down --all` ends what other tests here are about.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A moment in a comparison.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// Its first data plane is about to be started: what the twin adds is measured first.
    FirstPlane,
    /// The row's data plane is about to be started.
    Starting,
    /// Its live progress shows this.
    Says(&'static str),
}

/// What ends a comparison.
#[derive(Clone, Copy, Debug)]
enum End {
    By(Signal),
    /// Its terminal is closed.
    TerminalClosed,
}

/// A comparison of one row that was ended at a moment.
struct Caught {
    what: String,
    folder: Folder,
    at: AtTerminal,
    status: ExitStatus,
    run: String,
    /// What there was at that moment.
    sockets: BTreeSet<String>,
    processes: usize,
}

impl Caught {
    /// Starts a comparison and ends it at that moment.
    fn catch(row: &str, moment: Moment, end: End) -> Self {
        let what = format!("{row} at {moment:?}, {end:?}");
        let folder = Folder::new();
        let compare = ["compare", "--quick", "--calls", "20", "--rows", row];
        let mut at = AtTerminal::start(folder.gearshift(&compare));
        let plane = |shaped: &str| {
            let wanted = run_in(&folder).map(|run| folder.base().join(run).join(row));
            let wanted =
                wanted.and_then(|row| std::fs::read_to_string(row.join("wanted.json")).ok());
            wanted.is_some_and(|wanted| wanted.contains(&format!("\"shaped\": {shaped}")))
        };
        at.until(&what, |at| match moment {
            Moment::FirstPlane => plane("false"),
            Moment::Starting => plane("true"),
            Moment::Says(what) => at.said().contains(what),
        });
        let run = run_in(&folder).expect("a run that stands has a directory");
        let of_run = traces::marked().into_iter().filter(|process| process.run == run);
        let pids: Vec<u32> = of_run.map(|process| process.pid).collect();
        let sockets = traces::listening(&pids);
        let status = match end {
            End::By(signal) => at.end_by(signal),
            End::TerminalClosed => at.close(),
        };
        Self { what, folder, at, status, run, sockets, processes: pids.len() }
    }

    fn assert_nothing_is_left(&self) {
        let what = &self.what;
        assert_eq!(traces::of(&self.run, &self.folder), Vec::<String>::new(), "{what}");
        let listening = traces::sockets_in_state_listen();
        let open: Vec<_> = self.sockets.intersection(&listening).collect();
        assert!(open.is_empty(), "{what}: sockets {open:?} still listen");
        let stray = traces::stray_files(&self.folder);
        assert!(stray.is_empty(), "{what}: {stray:?}");
    }
}

impl Drop for Caught {
    fn drop(&mut self) {
        // Where a test failed, there may be something.
        let _ = self.folder.run(&["down", &self.run]);
    }
}

/// The run that keeps a directory in this folder.
fn run_in(folder: &Folder) -> Option<String> {
    let entries = std::fs::read_dir(folder.base()).ok()?.flatten();
    let mut directories = entries.filter(|entry| entry.path().is_dir());
    directories.find_map(|entry| entry.file_name().into_string().ok())
}

/// Catches as many comparisons at once, each at its moment.
fn catch(moments: &[(&str, Moment, End)]) -> Vec<Caught> {
    std::thread::scope(|scope| {
        let catching = moments
            .iter()
            .map(|(row, moment, end)| scope.spawn(|| Caught::catch(row, *moment, *end)));
        let catching: Vec<_> = catching.collect();
        catching.into_iter().map(|one| one.join().expect("caught")).collect()
    })
}

/// How `down` is told to take away these runs: `--all`, unless others have runs up here, which a
/// test must not end. In continuous integration nobody has.
fn how_to_take_away(caught: &[Caught]) -> Option<&'static str> {
    let own: BTreeSet<String> = caught.iter().map(|caught| caught.run.clone()).collect();
    let others: Vec<String> = traces::runs().difference(&own).cloned().collect();
    if others.is_empty() || std::env::var_os("CI").is_some() {
        return Some("--all");
    }
    eprintln!("SKIPPED: down --all, for {others:?} are up: down RUN is tested instead");
    None
}

#[test]
fn sigkill_in_each_phase_then_down_all_leaves_nothing() {
    let _alone = ONE_AT_A_TIME.lock();
    let (function, instance) = ("lambda-rust-dynamodb", "ec2");
    for moments in [
        [
            (function, Moment::FirstPlane),
            (function, Moment::Starting),
            (function, Moment::Says("checking the counter")),
        ],
        [
            (function, Moment::Says("cold start 3 of 9")),
            (function, Moment::Says("latency")),
            (instance, Moment::Starting),
        ],
        [
            (instance, Moment::Says("cold start 2 of 9")),
            (instance, Moment::Says("ceiling")),
            (function, Moment::Says("taking down")),
        ],
    ] {
        let caught = catch(&moments.map(|(row, moment)| (row, moment, End::By(Signal::SIGKILL))));
        for Caught { what, folder, at, status, run, .. } in &caught {
            assert_eq!(status.signal(), Some(9), "{what}: {}", at.shown());
            let down = folder.run(&["down", how_to_take_away(&caught).unwrap_or(run)]);
            let said = String::from_utf8_lossy(&down.stderr);
            assert_eq!(down.status.code(), Some(0), "{what}: {said}");
        }
        caught.iter().for_each(Caught::assert_nothing_is_left);
    }
}

#[test]
fn ctrl_c_sigterm_sighup_and_sigquit_in_each_phase_leave_nothing() {
    let _alone = ONE_AT_A_TIME.lock();
    let (function, instance) = ("lambda-rust-dynamodb", "ec2");
    let signals = [
        (function, Moment::FirstPlane, Signal::SIGTERM),
        (function, Moment::Starting, Signal::SIGINT),
        (function, Moment::Says("cold start 4 of 9"), Signal::SIGTERM),
        (function, Moment::Says("latency"), Signal::SIGINT),
        (instance, Moment::Starting, Signal::SIGTERM),
        (instance, Moment::Says("ceiling"), Signal::SIGINT),
        (function, Moment::Says("latency"), Signal::SIGHUP),
        (instance, Moment::Starting, Signal::SIGHUP),
        (function, Moment::Starting, Signal::SIGQUIT),
    ];
    for signals in signals.chunks(3) {
        let ends: Vec<_> =
            signals.iter().map(|(row, moment, signal)| (*row, *moment, End::By(*signal))).collect();
        for caught in catch(&ends) {
            let (what, shown) = (&caught.what, caught.at.shown());
            assert_eq!(caught.status.code(), Some(1), "{what}: {} {shown}", caught.status);
            let told = format!("interrupted: run {} taken down, nothing is left", caught.run);
            assert!(shown.contains(&told), "{what}: {shown}");
            caught.assert_nothing_is_left();
        }
    }
}

#[test]
fn a_closed_terminal_in_each_phase_leaves_nothing() {
    let _alone = ONE_AT_A_TIME.lock();
    let (function, instance) = ("lambda-rust-dynamodb", "ec2");
    let moments = [
        (function, Moment::Starting, End::TerminalClosed),
        (function, Moment::Says("latency"), End::TerminalClosed),
        (instance, Moment::Says("cold start 2 of 9"), End::TerminalClosed),
    ];
    for caught in catch(&moments) {
        let (what, status) = (&caught.what, caught.status);
        // Not a panic (101) over a terminal that takes no more words.
        assert_eq!(status.code(), Some(1), "{what}: {status}");
        caught.assert_nothing_is_left();
    }
}

#[test]
fn killing_compare_alone_leaves_much() {
    let _alone = ONE_AT_A_TIME.lock();
    let latency = Moment::Says("latency");
    let caught = Caught::catch("lambda-rust-dynamodb", latency, End::By(Signal::SIGKILL));
    // Data plane, environment, load worker; gateway, Invoke, store and Runtime API.
    assert!(caught.processes >= 3, "{}", caught.processes);
    assert!(caught.sockets.len() >= 4, "{:?}", caught.sockets);
    // Both are in a group of their own or marked, and the run has a directory.
    let left = traces::of(&caught.run, &caught.folder);
    assert!(left.len() >= 3 && !traces::stray_files(&caught.folder).is_empty(), "{left:?}");
    caught.folder.text(&["down", &caught.run]);
    caught.assert_nothing_is_left();
}

#[test]
fn a_killed_data_plane_is_taken_down() {
    let _alone = ONE_AT_A_TIME.lock();
    let folder = Folder::new();
    let up = folder.up("lambda-rust-dynamodb", &["--physics", "off"]);
    let address = up.url.strip_prefix("http://").expect("a URL");
    let mut stream = TcpStream::connect(address).expect("it listens");
    let request = format!("GET /hello HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let of_run = || traces::marked().into_iter().filter(|process| process.run == up.run);
    let plane = of_run().find(|process| process.member.ends_with(".plane")).expect("a data plane");
    let environment = of_run().find(|process| process.parent == plane.pid).expect("an environment");
    // Long enough to be frozen: awake, it would notice that its host is gone and end by itself.
    std::thread::sleep(Duration::from_millis(100));
    kill(Pid::from_raw(plane.pid as i32), Signal::SIGKILL).expect("it runs");
    let began = Instant::now();
    while of_run().any(|process| process.pid == plane.pid) {
        assert!(began.elapsed() < Duration::from_secs(10), "SIGKILL ends a process");
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(of_run().any(|process| process.pid == environment.pid), "its environment is frozen");
    let said = folder.text(&["down", &up.run]);
    assert!(said.contains(&up.run) && said.contains("0 left"), "{said}");
    assert_eq!(traces::of(&up.run, &folder), Vec::<String>::new());
    let stray = traces::stray_files(&folder);
    assert!(stray.is_empty(), "{stray:?}");
}

#[test]
fn down_of_what_is_not_there_says_so() {
    let _alone = ONE_AT_A_TIME.lock();
    let folder = Folder::new();
    let unused = "0badcafe";
    let said = folder.text(&["down", unused]);
    assert!(said.contains("0 processes") && said.contains("0 left"), "{said}");
    let others = traces::runs();
    if !others.is_empty() && std::env::var_os("CI").is_none() {
        eprintln!("SKIPPED: down without a run, for {others:?} are up");
        return;
    }
    let said = folder.text(&["down"]);
    assert!(said.contains("nothing is running"), "{said}");
    assert_eq!(folder.text(&["down", "--json"]).trim(), "[]");
}

#[test]
fn down_does_not_choose_between_several_runs() {
    let _alone = ONE_AT_A_TIME.lock();
    let folder = Folder::new();
    let options = ["--physics", "off"];
    let (one, other) =
        (folder.up("lambda-rust-dynamodb", &options), folder.up("lambda-rust-dynamodb", &options));
    let refused = folder.run(&["down"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    for part in [one.run.as_str(), &other.run, "down RUN", "down --all"] {
        assert!(said.contains(part), "{part} is missing from {said}");
    }
    folder.text(&["down", &one.run]);
    assert_eq!(traces::of(&one.run, &folder), Vec::<String>::new());
    assert!(!traces::of(&other.run, &folder).is_empty(), "the other run stands");
    folder.text(&["down", &other.run]);
}
