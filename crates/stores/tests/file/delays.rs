//! Laws on file operations.

use std::collections::BTreeSet;

use gearshift_gear::LawId;
use gearshift_laws::Laws;
use gearshift_stores::FileCall;

use crate::place::{place, place_with};

const USE: &str = "
import os, fcntl, time
f = open('f', 'w+b', buffering=0)
def timed(name, call):
    began = time.monotonic(); call(); print(name, (time.monotonic() - began) * 1e3)
timed('write', lambda: f.write(b'data'))
timed('fsync', lambda: os.fsync(f.fileno()))
timed('clean fsync', lambda: os.fsync(f.fileno()))
timed('lock', lambda: fcntl.lockf(f, fcntl.LOCK_EX))
f.write(b'more')
timed('unlock', lambda: fcntl.lockf(f, fcntl.LOCK_UN))
f.seek(0)
timed('read', lambda: f.read(100))
timed('end', lambda: f.read(100))
d = os.open('f', os.O_WRONLY | os.O_DSYNC)
timed('dsync', lambda: os.write(d, b'x'))
os.close(d)
f.write(b'last')
timed('close', f.close)
timed('unlink', lambda: os.unlink('f'))
";

fn laws_of(call: &FileCall) -> Vec<&str> {
    call.declared.iter().map(|wait| wait.law.0.as_str()).collect()
}

#[test]
fn each_operation_waits_as_declared() {
    let Some(place) = place_with(Laws::shipped(), 1) else { return };
    let printed = place.python(0, USE);
    let took = |name: &str| -> f64 {
        let line = printed.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
        line.unwrap_or_else(|| panic!("{name}: {printed}")).parse().unwrap()
    };
    let told = place.told.lock().unwrap().clone();
    // By what the process saw: (its name, the store's name, which of these, laws).
    for (name, operation, nth, laws) in [
        ("fsync", "fsync", 0, &["efs.write"] as &[&str]),
        ("lock", "lock", 0, &["efs.lock"]),
        ("unlock", "unlock", 0, &["efs.write", "efs.lock"]),
        ("read", "read", 0, &["efs.read"]),
        ("dsync", "write", 0, &["efs.write"]),
        ("close", "close", 0, &["efs.write"]),
        ("unlink", "unlink", 0, &["efs.unlink"]),
    ] {
        let call = told.iter().filter(|call| call.operation == operation).nth(nth);
        let call = call.unwrap_or_else(|| panic!("nothing told of {operation}"));
        assert_eq!(laws_of(call), laws, "{name}");
        assert_eq!(call.client, "task-0");
        let seen = (call.ended - call.began).as_secs_f64() * 1e3;
        assert!(call.declared_ms() <= seen, "{name}: {call:?}");
        assert!(seen <= took(name), "{name}: {seen} in the store, {} outside", took(name));
        assert!(call.fault.is_none());
    }
    // Its floor is 2 ms; what waits for nothing is told of by nobody.
    assert!(took("fsync") >= 2.0, "{printed}");
    let count = |operation| told.iter().filter(|call| call.operation == operation).count();
    assert_eq!((count("fsync"), count("read"), count("create")), (1, 1, 1));
    place.end();
}

#[test]
fn with_physics_off_nothing_is_declared() {
    let Some(place) = place(1) else { return };
    place.python(0, USE);
    assert!(place.told.lock().unwrap().is_empty());
    place.end();
}

#[test]
fn attributes_are_asked_for_once_until_a_lock_is_taken() {
    // Only trips for attributes cost: they are counted by the law.
    let Some(place) = place_with(Laws::shipped(), 1) else { return };
    place.python(
        0,
        "
import os, fcntl
f = open('f', 'w+')
for _ in range(5): os.stat('f'); os.fstat(f.fileno()); os.path.exists('absent')
fcntl.lockf(f, fcntl.LOCK_EX)
for _ in range(5): os.fstat(f.fileno())
",
    );
    let told = place.told.lock().unwrap().clone();
    let at = told.iter().position(|call| call.operation == "lock").unwrap();
    let made = told.iter().position(|call| call.operation == "create").unwrap();
    let trips = |calls: &[FileCall]| -> usize {
        calls.iter().filter(|call| laws_of(call) == ["efs.stat"]).count()
    };
    assert_eq!((trips(&told[made..at]), trips(&told[at..])), (0, 1), "{told:#?}");
    place.end();
}

#[test]
fn a_request_that_waits_holds_nobody_up() {
    // Minutes: the mount goes before.
    let slow = Laws::shipped().scaled(&LawId::from("efs.write"), 100_000.0).unwrap();
    let Some(mut place) = place_with(slow, 1) else { return };
    let mut writer = place.start(
        0,
        "
import os
f = open('slow', 'w'); f.write('x'); f.flush()
print('syncs')
try: os.fsync(f.fileno())
except OSError as e: print(os.strerror(e.errno))
",
    );
    assert_eq!(writer.line(), "syncs");
    place.python(
        0,
        "
import os
os.mkdir('d')
for _ in range(10): os.mkdir('d/e'); os.rmdir('d/e')",
    );
    let told: BTreeSet<_> = place.told.lock().unwrap().iter().map(|call| call.operation).collect();
    assert!(told.contains("rmdir") && !told.contains("fsync"), "{told:?}");
    place.unmount(0);
    assert_eq!(writer.line(), "Software caused connection abort");
    drop(writer);
    place.end();
}
