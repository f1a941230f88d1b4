//! How mounts end.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;

use gearshift_laws::Laws;
use gearshift_stores::{FileConfig, FileStore, StoreError, files_available, unmount_below};

use crate::place::{mounted_below, place};

const SERVES_BELOW: &str = "GEARSHIFT_TEST_SERVES_BELOW";

#[test]
fn a_mount_with_open_files_goes_when_dropped() {
    let Some(mut place) = place(2) else { return };
    let mut user = place.start(
        0,
        "
import os
f = open('f', 'w+'); f.write('kept'); f.flush()
print('open'); input()
try: print(os.pread(f.fileno(), 4, 0))
except OSError as e: print(os.strerror(e.errno))
",
    );
    assert_eq!(user.line(), "open");
    place.unmount(0);
    user.go_on();
    assert_eq!(user.line(), "Transport endpoint is not connected");
    drop(user);
    let again = place.store.mount(&place.at(0), "task-0").unwrap();
    assert_eq!(place.python(0, "print(open('f').read())"), "kept");
    drop(again);
    place.end();
}

/// No test of its own: the next one starts it in another process, to kill it.
#[test]
fn helper_that_serves_until_it_is_killed() {
    let Some(below) = std::env::var_os(SERVES_BELOW) else { return };
    let laws = Arc::new(Laws::shipped().off());
    let store = FileStore::start(FileConfig { seed: 1, laws, hook: None }).unwrap();
    let _mounts = ["a b", "c"].map(|name| {
        let at = std::path::Path::new(&below).join(name);
        std::fs::create_dir(&at).unwrap();
        store.mount(&at, name).unwrap()
    });
    println!("serves");
    std::thread::sleep(std::time::Duration::from_secs(600));
}

#[test]
fn what_a_killed_server_left_is_unmounted() {
    if let Err(missing) = files_available() {
        return eprintln!("SKIPPED, nothing was tested: {missing}");
    }
    let directory = tempfile::tempdir().unwrap();
    let mut server = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "ends::helper_that_serves_until_it_is_killed", "--nocapture"])
        .env(SERVES_BELOW, directory.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(server.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line.contains("serves")));
    assert_eq!(mounted_below(directory.path()), 2);
    server.kill().unwrap();
    server.wait().unwrap();
    let dead = std::fs::read_dir(directory.path().join("c")).unwrap_err();
    assert_eq!(dead.raw_os_error(), Some(107), "ENOTCONN: {dead}");
    assert_eq!(unmount_below(directory.path()).unwrap(), 2);
    assert_eq!(mounted_below(directory.path()), 0);
    assert_eq!(unmount_below(directory.path()).unwrap(), 0);
    std::fs::remove_dir_all(directory.path()).unwrap();
}

#[test]
fn a_place_that_is_none_is_refused_by_name() {
    let Some(place) = place(0) else { return };
    let Err(refused) = place.store.mount(&place.at(9), "task-9") else { panic!("mounted") };
    assert!(matches!(refused, StoreError::Mount { .. }));
    let said = refused.to_string();
    assert!(said.contains("task 9") && said.contains("No such file"), "{said}");
    place.end();
}
