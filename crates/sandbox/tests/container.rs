//! How a process in a container of its own ends, as whoever started it sees that.
#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gearshift_gear::InImage;
use gearshift_sandbox::{first_id, into_image};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// On this machine's files, so that no image is needed; none where that cannot be.
fn shell(script: &str) -> Option<Child> {
    if first_id() == 0 {
        eprintln!("SKIPPED: a container on the machine's files needs root and user namespaces");
        return None;
    }
    let image = InImage { root: "/".into(), workdir: "/".to_owned(), user: (0, 0) };
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script]).stdout(Stdio::piped());
    into_image(&mut command, &image).unwrap();
    Some(command.spawn().unwrap())
}

fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    line.trim().to_owned()
}

fn signal(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id() as i32), signal).unwrap();
}

#[test]
fn a_container_ends_with_the_status_of_its_service() {
    for (script, code, signal) in
        [("exit 7", Some(7), None), ("kill -ABRT $$", None, Some(6)), ("exit 0", Some(0), None)]
    {
        let Some(mut child) = shell(script) else { return };
        let status = child.wait().unwrap();
        assert_eq!((status.code(), status.signal()), (code, signal), "{script}");
    }
}

#[test]
fn a_signal_reaches_the_service_whether_it_listens_for_it_or_not() {
    let Some(mut deaf) = shell("echo up; sleep 600 & wait") else { return };
    first_line(&mut deaf);
    signal(&deaf, Signal::SIGTERM);
    assert_eq!(deaf.wait().unwrap().signal(), Some(15));

    let Some(mut hearing) = shell("trap 'exit 9' TERM; echo up; while :; do sleep 0.01; done")
    else {
        return;
    };
    first_line(&mut hearing);
    signal(&hearing, Signal::SIGTERM);
    assert_eq!(hearing.wait().unwrap().code(), Some(9));
}

#[test]
fn nothing_of_a_container_is_left_when_its_outer_process_or_its_service_ends() {
    // A number nobody else sleeps for: inside, pids are others.
    let length = format!("86{:06}", std::process::id() % 1_000_000);
    for (script, killed) in [("wait", true), ("exit 0", false)] {
        let script = format!("setsid sleep {length} & echo up; {script}");
        let Some(mut child) = shell(&script) else { return };
        first_line(&mut child);
        if killed {
            signal(&child, Signal::SIGKILL);
        }
        child.wait().unwrap();
        let began = Instant::now();
        while sleeps(&length) {
            assert!(began.elapsed() < Duration::from_secs(20), "it sleeps on");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn sleeps(length: &str) -> bool {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let mut lines = processes.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    let wanted = format!("sleep\0{length}\0");
    lines.any(|line| line == wanted.as_bytes())
}

#[test]
fn a_command_that_is_not_there_is_an_error_of_starting_it() {
    if first_id() == 0 {
        eprintln!("SKIPPED: a container on the machine's files needs root and user namespaces");
        return;
    }
    let image = InImage { root: "/".into(), workdir: "/".to_owned(), user: (0, 0) };
    let mut command = Command::new("/nowhere/program");
    into_image(&mut command, &image).unwrap();
    let refused = command.spawn().unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::NotFound);
}
