//! Text that others wrote does not steer the terminal of whoever reads it.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Output;

use crate::common::Folder;

/// Sets a window's title, and clears the screen by the one-byte form (as UTF-8) of the same.
const STEERS: &str = "\u{1b}]0;owned\u{7}\u{9b}2J\u{202e}";

/// The foreign text is in it, and nothing of it that a terminal acts upon.
fn assert_harmless(what: &str, output: &Output) {
    let all = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    let all = String::from_utf8(all).expect("UTF-8");
    let acts = |c: char| (c.is_control() && !"\n\t".contains(c)) || c == '\u{202e}';
    assert!(!all.contains(acts), "{what}: {all:?}");
    assert!(all.contains("]0;owned"), "{what}: {all}");
}

#[test]
fn a_manifests_service_and_its_log_do_not_reach_the_terminal_as_they_are() {
    let folder = Folder::new();
    // An unknown key is repeated in the error.
    let toml = "name = \"x\"\n[\"a\\u001b]0;owned\\u0007\"]\n";
    fs::write(folder.path().join("gearshift.toml"), toml).unwrap();
    assert_harmless("an unknown key", &folder.run(&["up", "ec2"]));
    // The last line of a service that does not start stands in the error.
    let service = format!("#!/bin/sh\nprintf '{}' >&2\nexit 3\n", octal(STEERS));
    let path = folder.path().join("service");
    fs::write(&path, service).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&path, mode).unwrap();
    let toml = "name = \"x\"\n[service]\ncommand = [\"./service\"]\n[[requests]]\npath = \"/\"\n";
    fs::write(folder.path().join("gearshift.toml"), toml).unwrap();
    assert_harmless("a service's log", &folder.run(&["up", "ec2"]));
}

#[test]
fn the_names_of_files_and_columns_do_not_reach_the_terminal_as_they_are() {
    let folder = Folder::new();
    let file = format!("{STEERS}.csv");
    assert_harmless("a missing trace", &folder.run(&["plan", &file, "--no-page"]));
    fs::write(folder.path().join("t.csv"), format!("a{STEERS},b{STEERS}\nx,y\nx,y\n")).unwrap();
    assert_harmless("a trace's columns", &folder.run(&["plan", "t.csv", "--no-page"]));
    assert_harmless("a missing run", &folder.run(&["diff", STEERS, "0badcafe"]));
}

#[test]
fn what_a_server_answers_does_not_reach_the_terminal_as_it_is() {
    let folder = Folder::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().unwrap();
    // Ends with the test's process.
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let _ = stream.read(&mut [0; 4096]);
            let body = STEERS;
            let _ = write!(
                stream,
                "HTTP/1.1 500 {STEERS}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
        }
    });
    let base = format!("http://{address}/{STEERS}");
    let refresh = ["price", "refresh", "--region", "eu-west-2", "--no-ec2", "--base-url", &base];
    let mut command = folder.gearshift(&refresh);
    command.env("XDG_DATA_HOME", folder.path().join("data"));
    let output = command.output().expect("gearshift starts");
    let all = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    let all = String::from_utf8(all).expect("UTF-8");
    assert!(!all.contains(['\u{1b}', '\u{7}', '\u{9b}', '\u{202e}']), "{all:?}");
}

/// As `printf` takes it.
fn octal(text: &str) -> String {
    text.bytes().map(|byte| format!("\\{byte:03o}")).collect()
}
