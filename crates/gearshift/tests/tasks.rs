//! Two tasks behind a load balancer over one file store: what kills, torn writes, a full disk and
//! Spot notices do to the counter and to callers. Callers and tasks are processes of their own; a
//! call is sent once.

#[path = "common/callers.rs"]
mod callers;
#[path = "common/standing.rs"]
mod standing;

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use callers::count_at_once;
use gearshift_deploy::{Condition, Happening, MemberState, Settings};
use gearshift_gear::{CATALOGUE, Count, EnvironmentId, FaultPlan, Row, Setup, Store};
use gearshift_load::Outcome;
use nix::sys::signal::Signal;
use standing::{Standing, shipped};

const CALLERS: usize = 64;
/// 64 callers make 10,048 calls together.
const CALLS_EACH: u64 = 157;
/// The load balancer's checks, two of them with their timeouts, on this clock; and some.
const NOTICED: Duration = Duration::from_secs(20);

/// Cores are few: one such row at a time.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A row of the catalogue with this many tasks.
fn of_tasks(name: &str, count: u32) -> Row {
    let mut row = CATALOGUE.row(name).unwrap().clone();
    let Setup::Steady(gear) = &mut row.setup else { panic!("{name} is steady") };
    gear.pools[0].count = Count::Fixed(count);
    row
}

/// As it stands for users, without delays and CPU shares.
fn plain() -> Settings {
    Settings { physics: false, shaped: false, ..Settings::default() }
}

struct Counted {
    outcome: Outcome,
    before: u64,
    after: u64,
}

impl Counted {
    fn holds(&self) {
        let check = self.outcome.count_check_between(self.before, self.after);
        assert_eq!(check.reasons(), Vec::<String>::new(), "{check:?}");
        let Outcome { sent, acknowledged, unacknowledged, errors, .. } = &self.outcome;
        println!("{acknowledged} of {sent} acknowledged, {unacknowledged} not: {errors:?}");
    }
}

fn count(row: &Standing) -> u64 {
    let job_url = format!("{}/hits/count", row.url);
    let deadline = Instant::now() + NOTICED;
    loop {
        let answer = Command::new("curl").args(["-sf", &job_url]).output();
        let answer = answer.expect("curl is installed");
        if answer.status.success() {
            return String::from_utf8_lossy(&answer.stdout).trim().parse().expect("a count");
        }
        assert!(Instant::now() < deadline, "no count within {NOTICED:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Counts from 64 processes while `meanwhile` happens in the middle of it.
fn counted(row: &Standing, callers: usize, meanwhile: impl FnOnce()) -> Counted {
    let before = count(row);
    let url = row.url.clone();
    let calling = std::thread::spawn(move || count_at_once(&url, callers, CALLS_EACH));
    let middle = before + callers as u64 * CALLS_EACH / 3;
    let deadline = Instant::now() + Duration::from_secs(120);
    while count(row) < middle {
        assert!(!calling.is_finished() && Instant::now() < deadline, "it never got that far");
        std::thread::sleep(Duration::from_millis(5));
    }
    meanwhile();
    let outcome = calling.join().expect("the callers end");
    Counted { outcome, before, after: count(row) }
}

fn ids(row: &Standing) -> Vec<EnvironmentId> {
    let serving = row.members().into_iter().filter(|member| member.state != MemberState::Draining);
    serving.map(|member| member.environment).collect()
}

/// Until there are `tasks` tasks, and `gone` is not among them.
fn replaced(row: &Standing, gone: &EnvironmentId, tasks: usize) -> Vec<EnvironmentId> {
    let deadline = Instant::now() + NOTICED;
    loop {
        let there = ids(row);
        if there.len() == tasks && !there.contains(gone) {
            return there;
        }
        assert!(Instant::now() < deadline, "{there:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Who answers 20 calls, one after the other; all must be answered well.
fn who_answers(row: &Standing) -> BTreeSet<EnvironmentId> {
    let outcome = count_at_once(&row.url, 1, 20);
    assert_eq!(outcome.acknowledged, 20, "{:?}", outcome.errors);
    outcome.samples.iter().filter_map(|sample| sample.timing.environment.clone()).collect()
}

fn survives_kill_9(row: &str, build: &str, faults: FaultPlan) {
    let _turn = alone();
    let row = Standing::of(of_tasks(row, 2), shipped(build), plain());
    let [victim, other] = &ids(&row)[..] else { panic!("two tasks") };
    row.arrange(faults);
    let counted = counted(&row, CALLERS, || row.signal(victim, Signal::SIGKILL));
    row.arrange(FaultPlan::default());
    counted.holds();
    assert_eq!(counted.outcome.sent, CALLERS as u64 * CALLS_EACH);
    let good = counted.outcome.acknowledged;
    assert!(good * 2 > counted.outcome.sent, "most calls are answered: {good}");
    let there = replaced(&row, victim, 2);
    assert!(there.contains(other), "the other task went on: {there:?}");
    assert!(!who_answers(&row).contains(victim));
    let life = row.life_of(victim);
    assert!(matches!(life.last(), Some(Happening::Stopped { .. })), "{life:?}");
}

#[test]
fn counter_invariant_holds_when_one_of_two_tasks_is_killed_in_the_middle_of_10_000_calls() {
    gearshift_testing::needs!("curl");
    survives_kill_9("fargate", "hits", FaultPlan::default());
}

#[test]
fn counter_invariant_holds_under_torn_writes_and_a_full_disk_while_a_task_is_killed() {
    gearshift_testing::needs!("curl");
    // reset: torn; throttle: disk full.
    let faults = FaultPlan { applied_then_500: 20, not_applied_500: 20, throttle: 40, reset: 80 };
    survives_kill_9("fargate", "hits", faults);
}

#[test]
fn counter_invariant_holds_for_fastapi_tasks_under_torn_writes_a_full_disk_and_a_kill() {
    gearshift_testing::needs!("curl");
    let faults = FaultPlan { applied_then_500: 20, not_applied_500: 20, throttle: 40, reset: 80 };
    survives_kill_9("fargate-fastapi", "fastapi", faults);
}

#[test]
fn two_tasks_that_count_each_for_itself_are_noticed() {
    gearshift_testing::needs!("curl");
    let _turn = alone();
    let mut row = of_tasks("fargate", 2);
    let Setup::Steady(gear) = &mut row.setup else { unreachable!("of_tasks says so") };
    gear.store = Store::Memory;
    let row = Standing::of(row, shipped("hits"), plain());
    let outcome = count_at_once(&row.url, 8, 20);
    let check = outcome.count_check_between(0, count(&row));
    assert!(!check.holds() && check.duplicates > 0, "{check:?}");
}

#[test]
fn the_load_balancer_stops_sending_to_a_task_that_no_longer_answers() {
    gearshift_testing::needs!("curl");
    let _turn = alone();
    let row = Standing::of(of_tasks("fargate", 2), shipped("hits"), plain());
    let [stuck, other] = &ids(&row)[..] else { panic!("two tasks") };
    assert_eq!(who_answers(&row).len(), 2, "both are asked");
    row.signal(stuck, Signal::SIGSTOP);
    std::thread::sleep(NOTICED);
    assert_eq!(who_answers(&row), BTreeSet::from([other.clone()]));
    row.signal(stuck, Signal::SIGCONT);
    // A member that recovers has to pass five checks.
    let deadline = Instant::now() + NOTICED;
    while who_answers(&row).len() < 2 {
        assert!(Instant::now() < deadline, "it is not asked again");
    }
}

#[test]
fn a_spot_notice_drains_without_a_failed_request() {
    gearshift_testing::needs!("curl");
    let _turn = alone();
    let row = Standing::of(of_tasks("fargate", 2), shipped("hits"), plain());
    let [noticed, _] = &ids(&row)[..] else { panic!("two tasks") };
    let slow = format!("{}/sleep/2000", row.url);
    let in_flight = || Command::new("curl").args(["-s", "-w", "%{http_code}", &slow]).output();
    let mut slow_ones = Vec::new();
    let counted = counted(&row, CALLERS, || {
        std::thread::scope(|scope| {
            let calls: Vec<_> = (0..8).map(|_| scope.spawn(in_flight)).collect();
            std::thread::sleep(Duration::from_millis(300));
            row.under_condition(Condition::SpotNotice);
            slow_ones = calls.into_iter().map(|call| call.join().expect("a caller")).collect();
        });
    });
    for answer in slow_ones {
        let said = String::from_utf8(answer.expect("curl is installed").stdout).expect("text");
        assert!(said.ends_with("200"), "a request in flight was cut: {said}");
    }
    counted.holds();
    let Outcome { sent, acknowledged, errors, .. } = &counted.outcome;
    assert_eq!((acknowledged, errors.len()), (sent, 0), "{errors:?}");
    replaced(&row, noticed, 2);
    let deadline = Instant::now() + NOTICED;
    let interrupted = Happening::Stopped { why: "Spot interruption".to_owned() };
    while row.life_of(noticed).last() != Some(&interrupted) {
        assert!(Instant::now() < deadline, "{:?}", row.life_of(noticed));
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(row.life_of(noticed).contains(&Happening::Notice));
    assert_eq!(who_answers(&row).len(), 2);
}

#[test]
fn a_task_that_comes_back_goes_on_from_the_shared_file() {
    gearshift_testing::needs!("curl");
    let _turn = alone();
    let row = Standing::of(of_tasks("fargate-direct", 1), shipped("hits"), plain());
    let [task] = &ids(&row)[..] else { panic!("one task") };
    assert_eq!(count_at_once(&row.url, 4, 10).acknowledged, 40);
    row.signal(task, Signal::SIGKILL);
    replaced(&row, task, 1);
    assert_eq!(count(&row), 40);
    assert_eq!(count_at_once(&row.url, 1, 1).counts, [41]);
}
