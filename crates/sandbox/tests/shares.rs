//! Limits as the kernel keeps them: CPU share, memory, freezer.

mod support;

use std::sync::Mutex;
use std::time::{Duration, Instant};

use gearshift_calibrate::function_share;
use gearshift_sandbox::{CpuQuota, CpuTime, Limits, Sandbox, remains};
use support::{BURN, Run, one_core, run, until};

/// Function sizes, and a core worth this many vCPUs: with it even the largest leaves room on a
/// core that others use as well.
const MEMORY_MB: [u32; 5] = [128, 256, 512, 1024, 1769];
const CORE_FACTOR: f64 = 2.3;
const BURN_FOR: Duration = Duration::from_millis(1200);

/// They burn CPU on one core.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

struct Burnt {
    quota: CpuQuota,
    wall_us: f64,
    time: CpuTime,
}

impl Burnt {
    fn share(&self) -> f64 {
        self.quota.quota_us as f64 / self.quota.period_us as f64
    }
}

/// Burns CPU under this quota and reads what the kernel counted.
fn burn(run: &Run, quota: CpuQuota) -> Burnt {
    let limits = Limits { cpu: Some(quota), cores: one_core(), ..Limits::default() };
    let sandbox = run.sandbox("burning", &limits);
    let began = Instant::now();
    run.script(&sandbox, BURN);
    std::thread::sleep(BURN_FOR);
    let time = sandbox.cpu_time().expect("counted");
    Burnt { quota, wall_us: began.elapsed().as_secs_f64() * 1e6, time }
}

fn function_quota(memory_mb: u32) -> CpuQuota {
    let share = function_share(memory_mb, CORE_FACTOR);
    CpuQuota { quota_us: share.quota_us, period_us: share.period_us }
}

#[test]
fn cpu_share_is_real_more_memory_burns_more_and_is_stopped_less() {
    let _alone = ONE_AT_A_TIME.lock();
    let Some(run) = run() else { return };
    let mut told = String::new();
    // Whoever else uses the core makes a share look smaller, never larger.
    for _ in 0..3 {
        let burnt: Vec<Burnt> = MEMORY_MB.map(|mb| burn(&run, function_quota(mb))).into();
        assert_within_the_quota(&burnt);
        match grows_with_memory(&burnt) {
            Ok(()) => return,
            Err(why) => told = why,
        }
    }
    panic!("three times in a row: {told}");
}

fn assert_within_the_quota(burnt: &[Burnt]) {
    for (mb, burnt) in MEMORY_MB.iter().zip(burnt) {
        let promised_us = burnt.wall_us * burnt.share();
        let used_us = burnt.time.used_us as f64;
        // A period's quota may be spent at its beginning, so one more than the wall time holds.
        let most_us = promised_us * 1.1 + 2.0 * burnt.quota.quota_us as f64;
        assert!(used_us <= most_us, "{mb} MB: {used_us} µs of {promised_us} promised");
        assert!(used_us > 0.0 && burnt.time.throttled_periods > 0, "{mb} MB: {:?}", burnt.time);
        assert!(burnt.time.periods >= burnt.time.throttled_periods, "{mb} MB: {:?}", burnt.time);
    }
}

fn grows_with_memory(burnt: &[Burnt]) -> Result<(), String> {
    for (mb, pair) in MEMORY_MB.iter().zip(burnt.windows(2)) {
        let (small, large) = (&pair[0].time, &pair[1].time);
        let growth = large.used_us as f64 / small.used_us as f64;
        // Their shares are 2 : 1, 1.7 : 1 for the last pair.
        if !(1.2..3.2).contains(&growth) {
            return Err(format!("beyond {mb} MB CPU grew {growth:.2} times"));
        }
        let slack_us = pair[0].wall_us * 0.05;
        if large.throttled_us as f64 > small.throttled_us as f64 + slack_us {
            return Err(format!("beyond {mb} MB: {small:?}, then {large:?}"));
        }
    }
    let (first, last) = (&burnt[0].time, &burnt[MEMORY_MB.len() - 1].time);
    match (last.throttled_us as f64) < 0.85 * first.throttled_us as f64 {
        true => Ok(()),
        false => Err(format!("stopped alike: {first:?}, {last:?}")),
    }
}

#[test]
fn cpu_share_is_real_while_it_changes() {
    let _alone = ONE_AT_A_TIME.lock();
    let Some(run) = run() else { return };
    let small = function_quota(128);
    let limits = Limits { cpu: Some(small), cores: one_core(), ..Limits::default() };
    let sandbox = run.sandbox("changing", &limits);
    run.script(&sandbox, BURN);
    let used_under = |quota| {
        sandbox.set_cpu(quota).expect("a valid quota");
        let before = sandbox.cpu_time().expect("counted").used_us;
        std::thread::sleep(Duration::from_millis(600));
        sandbox.cpu_time().expect("counted").used_us - before
    };
    let (small, free) = (used_under(Some(small)), used_under(None));
    let middle = used_under(Some(function_quota(512)));
    assert!(free as f64 > 2.0 * middle as f64, "without a quota {free}, with one {middle} µs");
    assert!(middle as f64 > 2.0 * small as f64, "512 MB {middle}, 128 MB {small} µs");
}

#[test]
fn cpu_share_is_real_only_where_the_kernel_takes_the_quota() {
    let _alone = ONE_AT_A_TIME.lock();
    let Some(run) = run() else { return };
    let below = CpuQuota { quota_us: 500, period_us: 20_000 };
    let limits = Limits { cpu: Some(below), ..Limits::default() };
    let refused = Sandbox::create(&run.host, &run.id, "refused", &limits).err().expect("refused");
    let file = refused.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    assert!(file.starts_with("cpu."), "{refused:?}");
    let said = refused.to_string();
    let reason = refused.source.to_string();
    assert!(reason.contains("Invalid argument"), "{reason}");
    for part in [refused.path.to_str().expect("text"), &reason, " → gearshift doctor"] {
        assert!(said.contains(part), "`{part}` is missing from `{said}`");
    }
    assert_eq!(remains(&run.host, &run.id).groups, Vec::<String>::new(), "a refused group goes");
    let exactly = CpuQuota { quota_us: 1_000, period_us: 20_000 };
    run.sandbox("taken", &Limits { cpu: Some(exactly), ..Limits::default() });
}

#[test]
fn memory_beyond_the_limit_kills_and_is_counted() {
    let _alone = ONE_AT_A_TIME.lock();
    let Some(run) = run() else { return };
    const LIMIT: u64 = 48 * 1024 * 1024;
    let sandbox = run.sandbox("eating", &Limits { memory_bytes: Some(LIMIT), ..Limits::default() });
    // tail keeps a line until it ends, and this one does not.
    let eats = |megabytes: u32| format!("head -c {megabytes}000000 /dev/zero | tail");
    assert_eq!(run.wait(run.script(&sandbox, &eats(8))), Some(0), "8 MB fit");
    let fits = sandbox.memory_use().expect("counted");
    assert_eq!(fits.kills, 0);
    assert!(fits.peak_bytes >= 8_000_000 && fits.peak_bytes <= LIMIT, "{fits:?}");
    assert_eq!(run.wait(run.script(&sandbox, &eats(300))), Some(128 + 9), "300 MB do not");
    let killed = sandbox.memory_use().expect("counted");
    assert!(killed.kills >= 1 && killed.peak_bytes <= LIMIT, "{killed:?}");
    assert!(killed.peak_bytes > LIMIT / 2, "{killed:?}");
}

#[test]
fn frozen_processes_use_no_cpu_and_go_on_when_thawed() {
    let _alone = ONE_AT_A_TIME.lock();
    let Some(run) = run() else { return };
    let sandbox = run.sandbox("freezing", &Limits { cores: one_core(), ..Limits::default() });
    run.script(&sandbox, BURN);
    let used_us = || sandbox.cpu_time().expect("counted").used_us;
    until("it burns", || used_us() > 20_000);
    sandbox.freeze().expect("frozen");
    // The freezer stops a process at its next interrupt.
    std::thread::sleep(Duration::from_millis(50));
    let frozen = used_us();
    std::thread::sleep(Duration::from_millis(400));
    let burnt = used_us() - frozen;
    // The kernel's books may be some microseconds behind.
    assert!(burnt < 1_000, "it burnt {burnt} µs while frozen");
    sandbox.thaw().expect("thawed");
    until("it burns on", || used_us() > frozen + 20_000);
}

#[test]
fn a_frozen_sandbox_ends_when_dropped() {
    let _alone = ONE_AT_A_TIME.lock();
    let Some(run) = run() else { return };
    let sandbox = run.sandbox("ending", &Limits::default());
    run.script(&sandbox, "sleep 600");
    until("it runs", || !sandbox.processes().is_empty());
    assert_eq!(remains(&run.host, &run.id).groups, ["ending"]);
    sandbox.freeze().expect("frozen");
    drop(sandbox);
    let left = remains(&run.host, &run.id);
    assert!(left.groups.is_empty() && left.processes.is_empty(), "{left:?}");
    let members: Vec<_> = run.directories().into_iter().filter(|p| p.ends_with("ending")).collect();
    assert!(members.is_empty(), "{members:?}");
}

#[test]
fn dropping_a_sandbox_takes_its_group_away_every_time() {
    let _alone = ONE_AT_A_TIME.lock();
    let Some(run) = run() else { return };
    for round in 0..60 {
        let member = format!("round-{round}");
        let sandbox = run.sandbox(&member, &Limits::default());
        run.script(
            &sandbox,
            "sleep 600 & sleep 600 & head -c 40000000 /dev/zero | tail & sleep 600",
        );
        if round % 2 == 0 {
            until("it runs", || sandbox.processes().len() > 2);
        }
        drop(sandbox);
        let left = remains(&run.host, &run.id);
        assert_eq!(left.groups, Vec::<String>::new(), "round {round}");
    }
}
