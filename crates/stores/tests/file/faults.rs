//! Faults put in on purpose.

use gearshift_gear::FaultPlan;
use gearshift_stores::Fault;

use crate::place::place;

/// Writes over ten bytes; says what the call answered and what the file holds then.
const WRITE: &str = "
import os, errno
fd = os.open('f', os.O_RDWR)
try: print(os.pwrite(fd, b'NEWNEWNEWNEW', 0), end=' ')
except OSError as e: print(errno.errorcode[e.errno], end=' ')";
const CREATE: &str = "open('f', 'w').write('0123456789')";
const SHOW: &str = "print(open('f').read())";

fn plan() -> FaultPlan {
    FaultPlan::default()
}

#[test]
fn a_write_is_applied_as_its_fault_says() {
    let Some(place) = place(1) else { return };
    for (plan, answer, after) in [
        (FaultPlan { applied_then_500: 1000, ..plan() }, "EIO", "NEWNEWNEWNEW"),
        (FaultPlan { not_applied_500: 1000, ..plan() }, "EIO", "0123456789"),
        (FaultPlan { throttle: 1000, ..plan() }, "ENOSPC", "0123456789"),
    ] {
        place.python(0, CREATE);
        place.store.set_faults(plan).unwrap();
        assert_eq!(place.python(0, WRITE), answer, "{plan:?}");
        place.store.set_faults(FaultPlan::default()).unwrap();
        assert_eq!(place.python(0, SHOW), after, "{plan:?}");
    }
    let counts = place.store.fault_counts();
    assert_eq!((counts.applied_then_500, counts.not_applied_500), (1, 1));
    assert_eq!((counts.throttle, counts.total()), (1, 3));
    let told: Vec<_> = place.told.lock().unwrap().iter().filter_map(|call| call.fault).collect();
    assert_eq!(told, [Fault::AppliedThen500, Fault::NotApplied500, Fault::Throttle]);
    place.end();
}

#[test]
fn a_torn_write_applies_its_beginning_and_never_all() {
    let Some(place) = place(1) else { return };
    let mut lengths = std::collections::BTreeSet::new();
    for _ in 0..12 {
        place.python(0, CREATE);
        place.store.set_faults(FaultPlan { reset: 1000, ..plan() }).unwrap();
        assert_eq!(place.python(0, WRITE), "EIO");
        place.store.set_faults(FaultPlan::default()).unwrap();
        let after = place.python(0, SHOW);
        let torn = (0..12).find(|length| {
            let written = &"NEWNEWNEWNEW"[..*length];
            let rest = "0123456789".get(*length..).unwrap_or_default();
            after == format!("{written}{rest}")
        });
        lengths.insert(torn.unwrap_or_else(|| panic!("not a proper beginning: {after}")));
    }
    assert!(lengths.len() > 3, "always torn at the same places: {lengths:?}");
    assert_eq!(place.store.fault_counts().reset, 12);
    place.end();
}

#[test]
fn reading_and_syncing_fail_without_harm() {
    let Some(place) = place(1) else { return };
    let script = "
import os, errno
fd = os.open('f', os.O_RDWR | os.O_CREAT)
os.write(fd, b'kept')
print('written', flush=True); input()
for call in [lambda: os.fsync(fd), lambda: os.pread(fd, 4, 0), lambda: os.stat('f').st_size]:
    try: print(call())
    except OSError as e: print(errno.errorcode[e.errno])
input(); print(os.pread(fd, 4, 0))
";
    for plan in [
        FaultPlan { applied_then_500: 1000, ..plan() },
        FaultPlan { not_applied_500: 1000, ..plan() },
    ] {
        let mut writer = place.start(0, script);
        assert_eq!(writer.line(), "written");
        place.store.set_faults(plan).unwrap();
        writer.go_on();
        assert_eq!([writer.line(), writer.line(), writer.line()], ["EIO", "EIO", "4"]);
        place.store.set_faults(FaultPlan::default()).unwrap();
        writer.go_on();
        assert_eq!(writer.line(), "b'kept'");
    }
    assert_eq!(place.store.fault_counts().total(), 4);
    place.store.set_faults(FaultPlan { throttle: 500, reset: 500, ..plan() }).unwrap();
    assert_eq!(place.python(0, SHOW), "kept");
    assert_eq!(place.store.fault_counts().total(), 4);
    place.end();
}

#[test]
fn a_store_in_memory_is_full_some_day() {
    let Some(place) = place(1) else { return };
    let script = "
import os, errno
try: os.truncate('f', 1 << 50)
except OSError as e: print(errno.errorcode[e.errno], open('f').read())";
    place.python(0, CREATE);
    assert_eq!(place.python(0, script), "ENOSPC 0123456789");
    place.end();
}
