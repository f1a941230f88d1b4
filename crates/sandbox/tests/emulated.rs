//! The commonest Linux, which has cgroup v2 and a user who is not root: proved in a small emulated
//! machine, in which each test of this file runs itself.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod machine;
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use gearshift_gear::RunId;
use gearshift_sandbox::{
    CpuQuota, Enforcement, Host, Limits, Sandbox, into_own_scope, remains, sweep,
};
use machine::{As, INSIDE};
use support::{BURN, Run, one_core, run, shell, until};

const MOUNT: &str = "/sys/fs/cgroup";
const ROOT: As = As { user: "root", slice: "system.slice" };
/// In a scope that was delegated to the user.
const SCOPE: As = As { user: "user", slice: GEARSHIFTS };
const GEARSHIFTS: &str = "user.slice/user-1000.slice/user@1000.service/gearshift.slice";
/// Logged in by the network or on a console.
const SESSION: As = As { user: "user", slice: "user.slice/user-1000.slice" };
/// A terminal on a desktop: the user's own group, but for the user's systemd to arrange.
const TERMINAL: As =
    As { user: "user", slice: "user.slice/user-1000.slice/user@1000.service/app.slice" };

/// Each test is its check in the machine, and outside it the machine's word on that.
macro_rules! in_the_machine {
    ($($name:ident: as $who:ident, $check:expr;)+) => {
        const TESTS: &[(&str, As)] = &[$((stringify!($name), $who)),+];
        $(#[test]
        fn $name() {
            match std::env::var_os(INSIDE) {
                Some(_) => $check(stringify!($name)),
                None => ask_the_machine(stringify!($name)),
            }
        })+
    };
}

in_the_machine! {
    cpu_shares_memory_kill_and_freeze_on_cgroup_v2_as_root: as ROOT, shares_kill_and_freeze;
    a_run_of_root_ends_from_another_process: as ROOT, ends_from_another_process;
    cpu_shares_memory_kill_and_freeze_on_cgroup_v2_as_an_ordinary_user_with_a_delegated_subtree:
        as SCOPE, shares_kill_and_freeze;
    everybody_in_the_scope_moves_into_a_leaf_and_the_scope_is_found_again: as SCOPE, settles;
    a_run_of_an_ordinary_user_ends_from_another_scope: as SCOPE, ends_from_another_process;
    a_run_of_an_ordinary_user_ends_from_outside_any_scope: as TERMINAL, ends_from_another_process;
    an_ordinary_user_starts_again_in_a_scope_of_systemd: as TERMINAL, starts_again_in_a_scope;
    an_ordinary_user_whom_systemd_refuses_reads_why: as TERMINAL, reads_why_systemd_refuses;
    an_ordinary_user_without_delegation_is_unshaped_and_told_how: as SESSION, is_unshaped;
}

fn ask_the_machine(test: &str) {
    gearshift_testing::needs!("qemu-system-x86_64", "busybox");
    static CONSOLE: OnceLock<Result<String, String>> = OnceLock::new();
    let console = match CONSOLE.get_or_init(|| machine::boot(TESTS)) {
        Ok(console) => console,
        Err(why) if why.starts_with(machine::NO_KERNEL) && gearshift_testing::skip(why) => return,
        Err(why) => panic!("{why}"),
    };
    let said = console
        .split_once(&format!("BEGIN {test}\n"))
        .and_then(|(_, rest)| rest.split_once(&format!("END {test} ")));
    let Some((said, status)) = said else { panic!("the machine never ended it:\n{console}") };
    let passed = status.starts_with("0\n") && said.contains("test result: ok. 1 passed");
    assert!(passed, "in the machine:\n{said}");
    println!("{said}");
}

fn host_run() -> Run {
    run().expect("shares are enforced here")
}

fn shares_kill_and_freeze(_: &str) {
    let run = host_run();
    for (quota_us, period_us) in [(1_446, 20_000), (25_000, 100_000)] {
        gets_its_share(&run, CpuQuota { quota_us, period_us });
    }
    share_changes_while_it_runs(&run);
    memory_beyond_the_limit_kills(&run);
    stops_frozen_and_goes_on_thawed(&run);
    ends_frozen(&run);
}

/// CPU used over time passed, and how often it was stopped meanwhile.
fn share(sandbox: &Sandbox) -> (f64, u64) {
    let before = sandbox.cpu_time().expect("counted");
    let began = Instant::now();
    std::thread::sleep(Duration::from_millis(1500));
    let after = sandbox.cpu_time().expect("counted");
    let used = (after.used_us - before.used_us) as f64 / 1e6;
    (used / began.elapsed().as_secs_f64(), after.throttled_periods - before.throttled_periods)
}

/// Whether this comes true in one of three attempts: the emulated core is not the machine's alone.
fn once_in_three(mut attempt: impl FnMut() -> Result<(), String>) {
    let failed: Vec<String> = (0..3).map_while(|_| attempt().err()).collect();
    assert!(failed.len() < 3, "{failed:#?}");
}

fn burning(run: &Run, member: &str, cpu: Option<CpuQuota>) -> Sandbox {
    let sandbox = run.sandbox(member, &Limits { cpu, cores: one_core(), ..Limits::default() });
    run.script(&sandbox, BURN);
    until("it burns", || sandbox.cpu_time().is_ok_and(|time| time.used_us > 10_000));
    sandbox
}

fn gets_its_share(run: &Run, quota: CpuQuota) {
    let sandbox = burning(run, "burning", Some(quota));
    let promised = quota.quota_us as f64 / quota.period_us as f64;
    once_in_three(|| {
        let (got, throttled) = share(&sandbox);
        println!("{quota:?}: promised {promised:.4}, got {got:.4}, stopped {throttled} times");
        match (0.7..1.3).contains(&(got / promised)) && throttled > 5 {
            true => Ok(()),
            false => Err(format!("promised {promised}, got {got}, stopped {throttled} times")),
        }
    });
}

fn share_changes_while_it_runs(run: &Run) {
    let sandbox = burning(run, "changing", None);
    once_in_three(|| {
        let (free, _) = share(&sandbox);
        sandbox.set_cpu(Some(CpuQuota { quota_us: 10_000, period_us: 100_000 })).expect("taken");
        let (bound, throttled) = share(&sandbox);
        sandbox.set_cpu(None).expect("taken");
        println!("without a quota {free:.3}, with a tenth {bound:.3}");
        match free > 0.5 && (0.05..0.15).contains(&bound) && throttled > 0 {
            true => Ok(()),
            false => Err(format!("without a quota {free}, with one {bound}")),
        }
    });
}

fn memory_beyond_the_limit_kills(run: &Run) {
    const LIMIT: u64 = 32 << 20;
    let sandbox = run.sandbox("eating", &Limits { memory_bytes: Some(LIMIT), ..Limits::default() });
    // dd fills one block of this size; the shell around it survives.
    let eats = |mb: u32| format!("dd if=/dev/zero of=/dev/null bs={mb}M count=1; exit $?");
    assert_eq!(run.wait(run.script(&sandbox, &eats(8))), Some(0), "8 MB fit");
    let fits = sandbox.memory_use().expect("counted");
    assert_eq!(fits.kills, 0);
    assert!((8 << 20..=LIMIT).contains(&fits.peak_bytes), "{fits:?}");
    assert_eq!(run.wait(run.script(&sandbox, &eats(200))), Some(128 + 9), "200 MB do not");
    let killed = sandbox.memory_use().expect("counted");
    println!("{killed:?}");
    assert!(killed.kills >= 1 && killed.peak_bytes <= LIMIT, "{killed:?}");
    assert_eq!(sandbox.memory_peak_bytes().expect("counted"), killed.peak_bytes);
    assert_eq!(sandbox.processes(), Vec::<i32>::new());
}

fn stops_frozen_and_goes_on_thawed(run: &Run) {
    let sandbox = burning(run, "freezing", None);
    let used_us = || sandbox.cpu_time().expect("counted").used_us;
    sandbox.freeze().expect("frozen");
    std::thread::sleep(Duration::from_millis(200));
    let frozen = used_us();
    std::thread::sleep(Duration::from_millis(500));
    let burnt = used_us() - frozen;
    println!("{burnt} µs in 500 ms while frozen");
    assert!(burnt < 1_000, "it burnt {burnt} µs while frozen");
    sandbox.thaw().expect("thawed");
    until("it burns on", || used_us() > frozen + 20_000);
}

fn ends_frozen(run: &Run) {
    let sandbox = burning(run, "ending", None);
    sandbox.freeze().expect("frozen");
    drop(sandbox);
    let left = remains(&run.host, &run.id);
    assert!(left.groups.is_empty() && left.processes.is_empty(), "{left:?}");
}

fn settles(test: &str) {
    let scope = Path::new(MOUNT).join(GEARSHIFTS).join(format!("test-{test}.scope"));
    let listed = |dir: &Path| fs::read_to_string(dir.join("cgroup.procs")).expect("readable");
    let mut beside = shell("sleep 600").spawn().expect("a shell");
    let run = host_run();
    assert_eq!(
        run.host.enforcement(),
        &Enforcement::Shaped { by: "cgroup v2, delegated to this user".to_owned() }
    );
    assert_eq!(listed(&scope), "", "nobody is left in the scope itself");
    let leaf = listed(&scope.join("gearshift-own"));
    for pid in [std::process::id(), beside.id()] {
        assert!(leaf.lines().any(|line| line == pid.to_string()), "{pid} is not in {leaf:?}");
    }
    // From the leaf: the groups of a second Gearshift stand beside those of the first.
    let again = Host::detect();
    let sandbox = Sandbox::create(&again, &run.id, "second", &Limits::default()).expect("made");
    assert!(scope.join(format!("gearshift/{}/second", run.id)).is_dir());
    assert!(!scope.join("gearshift-own/gearshift").exists());
    drop(sandbox);
    beside.kill().and_then(|()| beside.wait()).expect("ended");
}

/// Set for the process that makes a run and goes.
const ABANDON: &str = "ABANDON_RUN";

fn ends_from_another_process(test: &str) {
    if let Ok(id) = std::env::var(ABANDON) {
        return abandon(&id.parse().expect("a run id"));
    }
    let id: RunId = "0badcafe".parse().expect("eight hex digits");
    let ordinary = !nix::unistd::geteuid().is_root();
    let this = std::env::current_exe().expect("this");
    let mut other = Command::new(if ordinary { "systemd-run".as_ref() } else { this.as_path() });
    if ordinary {
        let scope = "--user --scope --quiet --collect --slice=gearshift.slice";
        other.args(scope.split(' ')).args(["--property=Delegate=yes", "--"]).arg(&this);
    }
    let ended = other.args(["--exact", test]).env(ABANDON, id.as_str()).status();
    assert!(ended.expect("started").success(), "it made a run and went");
    let group = group_of(&id, ordinary).expect("the run's group");
    assert!(group.join("row.frozen").is_dir(), "{}", group.display());
    let host = Host::detect();
    assert!(host.runs().contains(&id));
    let found = sweep(&host, &id, |_| true);
    assert_eq!(found.groups, ["row.empty", "row.frozen"]);
    assert!(found.run_group && found.processes.len() == 3, "{found:?}");
    assert!(!group.exists(), "{}", group.display());
    let left = remains(&host, &id);
    assert!(left.is_empty(), "{left:?}");
}

/// The run's control group, found without the crate's help.
fn group_of(run: &RunId, ordinary: bool) -> Option<PathBuf> {
    let mount = Path::new(MOUNT);
    let mut bases = vec![mount.to_owned()];
    if ordinary {
        let scopes = fs::read_dir(mount.join(GEARSHIFTS)).expect("a slice").flatten();
        bases = scopes.map(|scope| scope.path()).collect();
    }
    let groups = bases.into_iter().map(|base| base.join("gearshift").join(run.as_str()));
    groups.into_iter().find(|group| group.is_dir())
}

#[expect(clippy::zombie_processes, reason = "whoever ends the run ends it")]
fn abandon(run: &RunId) {
    let host = Host::detect();
    assert!(matches!(host.enforcement(), Enforcement::Shaped { .. }), "{:?}", host.enforcement());
    let limits = Limits::default();
    let frozen = Sandbox::create(&host, run, "row.frozen", &limits).expect("a sandbox");
    let mut command = shell("sleep 600 & sleep 600; :");
    frozen.enter(&mut command).expect("an open sandbox");
    command.spawn().expect("a shell");
    until("parent and children run", || frozen.processes().len() == 3);
    frozen.freeze().expect("frozen");
    std::mem::forget(frozen);
    std::mem::forget(Sandbox::create(&host, run, "row.empty", &limits).expect("a sandbox"));
}

fn starts_again_in_a_scope(_: &str) {
    let own = fs::read_to_string("/proc/self/cgroup").expect("readable");
    println!("{} in {own}", std::process::id());
    // The first time this does not return: the test begins anew, in the scope.
    into_own_scope().expect("systemd gives one");
    assert!(own.contains("/gearshift.slice/run-"), "{own}");
    gets_its_share(&host_run(), CpuQuota { quota_us: 10_000, period_us: 100_000 });
}

fn reads_why_systemd_refuses(test: &str) {
    if std::env::var_os("NO_BUS").is_none() {
        let mut again = Command::new(std::env::current_exe().expect("this"));
        again.args(["--exact", test]).env("NO_BUS", "1");
        assert!(again.status().expect("started").success());
        return;
    }
    let refused = into_own_scope().expect_err("refused").to_string();
    for part in ["Failed to connect to bus: No medium found", "→ sudo gearshift …"] {
        assert!(refused.contains(part), "`{part}` is missing from `{refused}`");
    }
    assert!(matches!(Host::detect().enforcement(), Enforcement::Unshaped { .. }));
}

fn is_unshaped(_: &str) {
    let Enforcement::Unshaped { why, how_to_get_it } = Host::detect().enforcement().clone() else {
        panic!("shaped")
    };
    println!("{why} → {how_to_get_it}");
    assert!(why.contains(".scope is not delegated to you"), "{why}");
    assert!(how_to_get_it.contains("sudo gearshift …"), "{how_to_get_it}");
}
