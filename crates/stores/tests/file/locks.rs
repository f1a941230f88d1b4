//! Locks across clients, and how they end.

use std::time::{Duration, Instant};

use crate::place::{Place, place};

const POSIX: &str = "fcntl.lockf";
const FLOCK: &str = "fcntl.flock";

/// Takes an exclusive lock and keeps it.
fn hold(kind: &str) -> String {
    format!(
        "
import fcntl
f = open('lock', 'a+')
{kind}(f, fcntl.LOCK_EX)
print('held'); input()
{kind}(f, fcntl.LOCK_UN)
print('free'); input()
"
    )
}

/// Says whether the lock can be taken now.
fn is_free(place: &Place, client: usize, kind: &str) -> bool {
    let attempt = format!(
        "
import fcntl
f = open('lock', 'a+')
try: {kind}(f, fcntl.LOCK_EX | fcntl.LOCK_NB); print('True')
except BlockingIOError: print('False')"
    );
    place.python(client, &attempt) == "True"
}

/// Until the lock can be taken: the kernel tells of a closed file a little later.
fn becomes_free(place: &Place, client: usize, kind: &str) -> bool {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(10) {
        if is_free(place, client, kind) {
            return true;
        }
    }
    false
}

#[test]
fn locks_of_either_kind_exclude_other_clients() {
    let Some(place) = place(2) else { return };
    for held in [POSIX, FLOCK] {
        let mut holder = place.start(0, &hold(held));
        assert_eq!(holder.line(), "held");
        // Over NFS the two kinds exclude each other, too.
        for kind in [POSIX, FLOCK] {
            assert!(!is_free(&place, 0, kind), "{held} against {kind} of the same client");
            assert!(!is_free(&place, 1, kind), "{held} against {kind}");
        }
        let mut waiter = place.start(1, &hold(held));
        std::thread::sleep(Duration::from_millis(100));
        holder.go_on();
        assert_eq!(holder.line(), "free");
        assert_eq!(waiter.line(), "held");
        assert!(!is_free(&place, 0, held));
    }
    place.end();
}

#[test]
fn shared_locks_share_and_ranges_are_apart() {
    let Some(place) = place(2) else { return };
    let mut holder = place.start(
        0,
        "
import fcntl
f = open('lock', 'w+')
fcntl.lockf(f, fcntl.LOCK_SH, 10, 0); fcntl.lockf(f, fcntl.LOCK_EX, 10, 20)
print('held'); input()
",
    );
    assert_eq!(holder.line(), "held");
    let attempts = "
import fcntl, os, struct
f = open('lock', 'r+')
def attempt(kind, length, start):
    try: fcntl.lockf(f, kind | fcntl.LOCK_NB, length, start); return True
    except BlockingIOError: return False
print(attempt(fcntl.LOCK_SH, 10, 0), attempt(fcntl.LOCK_EX, 10, 0),
      attempt(fcntl.LOCK_SH, 5, 25), attempt(fcntl.LOCK_EX, 10, 10), attempt(fcntl.LOCK_EX, 0, 30))
asked = struct.pack('hhqqi', fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
print(struct.unpack('hhqqi', fcntl.fcntl(f, fcntl.F_GETLK, asked))[:4] == (fcntl.F_RDLCK, 0, 0, 10))
read_only = open('lock')
try: fcntl.flock(read_only, fcntl.LOCK_EX)
except OSError as e: print(os.strerror(e.errno))
";
    let seen = "True False False True True\nTrue\nBad file descriptor";
    assert_eq!(place.python(1, attempts), seen);
    drop(holder);
    place.end();
}

#[test]
fn closing_any_descriptor_ends_a_process_s_range_locks() {
    let Some(place) = place(2) else { return };
    let mut holder = place.start(
        0,
        "
import fcntl
f = open('lock', 'a+')
fcntl.lockf(f, fcntl.LOCK_EX); print('held'); input()
open('lock').close(); print('closed another'); input()
",
    );
    assert_eq!(holder.line(), "held");
    assert!(!is_free(&place, 1, POSIX));
    holder.go_on();
    assert_eq!(holder.line(), "closed another");
    assert!(is_free(&place, 1, POSIX));
    drop(holder);
    place.end();
}

#[test]
fn a_killed_holder_holds_nothing() {
    let Some(place) = place(2) else { return };
    for kind in [POSIX, FLOCK] {
        let mut holder = place.start(0, &hold(kind));
        assert_eq!(holder.line(), "held");
        assert!(!is_free(&place, 1, kind));
        holder.kill();
        assert!(becomes_free(&place, 1, kind), "{kind}");
    }
    place.end();
}

#[test]
fn who_waits_for_a_lock_can_be_killed_or_interrupted() {
    let Some(place) = place(2) else { return };
    for kind in [POSIX, FLOCK] {
        let mut holder = place.start(0, &hold(kind));
        assert_eq!(holder.line(), "held");
        let mut waiter = place.start(1, &format!("print('waits'){}", hold(kind)));
        assert_eq!(waiter.line(), "waits");
        std::thread::sleep(Duration::from_millis(200));
        waiter.kill();

        let alarm = format!(
            "
import fcntl, signal
def ring(*_): raise TimeoutError
signal.signal(signal.SIGALRM, ring); signal.setitimer(signal.ITIMER_REAL, 0.2)
f = open('lock', 'a+')
try: {kind}(f, fcntl.LOCK_EX)
except TimeoutError: print('rang')"
        );
        assert_eq!(place.python(1, &alarm), "rang");
        holder.go_on();
        assert_eq!(holder.line(), "free");
        assert!(is_free(&place, 1, kind), "nothing was locked for those who gave up");
    }
    place.end();
}

#[test]
fn a_mount_that_goes_frees_its_locks_and_wakes_its_waiters() {
    let Some(mut place) = place(2) else { return };
    let mut holder = place.start(0, &hold(POSIX));
    assert_eq!(holder.line(), "held");
    let script = format!(
        "
import os
try: exec({:?})
except OSError as e: print(os.strerror(e.errno))",
        hold(POSIX)
    );
    let mut waiter = place.start(1, &script);
    std::thread::sleep(Duration::from_millis(200));
    place.unmount(1);
    let woken = waiter.line();
    assert!(
        ["Software caused connection abort", "Transport endpoint is not connected"]
            .contains(&woken.as_str()),
        "{woken}"
    );

    let mount = place.store.mount(&place.at(1), "task-2").unwrap();
    assert!(!is_free(&place, 1, POSIX));
    place.unmount(0);
    assert!(is_free(&place, 1, POSIX));
    drop(mount);
    place.end();
}
