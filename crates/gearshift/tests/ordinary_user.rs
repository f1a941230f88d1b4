//! The commonest user is not root.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};

use gearshift_results::{Results, RowState};

/// `nobody` everywhere that matters.
const NOBODY: u32 = 65534;

fn as_nobody(home: &Path, arguments: &[&str]) -> Output {
    Command::new(home.join("bin"))
        .args(arguments)
        .current_dir(home)
        .env("HOME", home)
        .env("XDG_CACHE_HOME", home.join("cache"))
        .env("XDG_RUNTIME_DIR", home)
        .uid(NOBODY)
        .gid(NOBODY)
        .output()
        .expect("gearshift starts")
}

#[test]
fn an_ordinary_user_gets_unshaped_rows_without_dollars_and_nothing_is_left() {
    if !nix::unistd::geteuid().is_root() {
        println!("SKIPPED: changing to another user needs root");
        assert!(std::env::var_os("CI").is_none(), "CI runs as root");
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    std::os::unix::fs::chown(home, Some(NOBODY), Some(NOBODY)).unwrap();
    fs::copy(env!("CARGO_BIN_EXE_gearshift"), home.join("bin")).unwrap();
    let doctor = String::from_utf8(as_nobody(home, &["doctor"]).stdout).unwrap();
    if !doctor.contains("unshaped") {
        println!("SKIPPED: this machine lets every user shape: {doctor}");
        return;
    }
    assert!(
        doctor.contains("→ run it as root: sudo gearshift"),
        "one line with the way out: {doctor}"
    );

    let ran = as_nobody(
        home,
        &["compare", "--quick", "--calls", "20", "--json", "--rows", "ec2,lambda-rust-dynamodb"],
    );
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(matches!(ran.status.code(), Some(0 | 3)), "{:?}: {said}", ran.status);
    let results: Results = serde_json::from_slice(&ran.stdout).expect("results");
    assert_eq!(results.machine.shaped_by, None);
    for row in &results.rows {
        assert!(matches!(row.state, RowState::Unshaped | RowState::Invalid), "{row:?}");
        assert!(row.latency.is_some(), "{}: {:?}", row.row, row.reason);
        assert!(
            row.money.is_none() && row.ceiling.is_none(),
            "{}: no dollars, no ceiling",
            row.row
        );
        assert!(row.counter.as_ref().is_some_and(|counter| counter.holds), "{:?}", row.counter);
    }
    let down = as_nobody(home, &["down", "--json", results.run.as_str()]);
    let down: serde_json::Value = serde_json::from_slice(&down.stdout).unwrap();
    assert_eq!((&down[0]["processes"], &down[0]["left"]), (&0.into(), &0.into()), "{down}");
}
