//! The counter invariant on the table store: acknowledged ≤ counted ≤ acknowledged +
//! unacknowledged, and no value is returned twice; 64 processes call at once while the store fails.

#[path = "common/callers.rs"]
mod callers;
#[path = "common/counted.rs"]
mod counted;
#[path = "common/lost_update.rs"]
mod lost_update;
#[path = "common/objects.rs"]
mod objects;
#[path = "common/raw.rs"]
mod raw;
#[path = "common/standing.rs"]
mod standing;

use std::io;
use std::path::PathBuf;

use counted::{Alone, CALLERS, NONE};
use gearshift_gear::{FaultPlan, Program};
use lost_update::lost_update_function;
use raw::Answer;
use standing::shipped;

/// Each caller's calls.
const CALLS_EACH: u64 = 20;
const ROW: &str = "lambda-rust-dynamodb";
/// An item nobody counts in, to see what a fault does to a write.
const PROBED: u32 = 1;

#[test]
fn counter_invariant_holds_when_writes_are_applied_and_then_answered_with_500() {
    let row = Alone::with(ROW, shipped("function-rust"));
    let counted = row.count_under(FaultPlan { applied_then_500: 100, ..NONE }, CALLERS, CALLS_EACH);
    counted.holds(6);
    assert!(counted.applied_unacknowledged() * 10 >= counted.store_failures() * 9, "{counted:?}");
    let (answer, applied) = row.probe(FaultPlan { applied_then_500: 1000, ..NONE });
    assert_eq!((refusal(answer), applied), ((500, "InternalServerError".to_owned()), 1));
}

#[test]
fn counter_invariant_holds_when_writes_are_answered_with_500_and_not_applied() {
    let row = Alone::with(ROW, shipped("function-rust"));
    let counted = row.count_under(FaultPlan { not_applied_500: 100, ..NONE }, CALLERS, CALLS_EACH);
    counted.holds(6);
    assert!(counted.applied_unacknowledged() * 10 <= counted.store_failures(), "{counted:?}");
    let (answer, applied) = row.probe(FaultPlan { not_applied_500: 1000, ..NONE });
    assert_eq!((refusal(answer), applied), ((500, "InternalServerError".to_owned()), 0));
}

#[test]
fn counter_invariant_holds_when_the_store_throttles() {
    let row = Alone::with(ROW, shipped("function-rust"));
    // The function's client repeats a throttled write twice, so about every eighth call fails.
    let counted = row.count_under(FaultPlan { throttle: 500, ..NONE }, CALLERS, CALLS_EACH);
    counted.holds(6);
    assert!(counted.applied_unacknowledged() * 10 <= counted.store_failures(), "{counted:?}");
    let (answer, applied) = row.probe(FaultPlan { throttle: 1000, ..NONE });
    assert_eq!((refusal(answer), applied), ((400, "ThrottlingException".to_owned()), 0));
}

#[test]
fn counter_invariant_holds_when_connections_are_reset_after_the_write() {
    let row = Alone::with(ROW, shipped("function-rust"));
    let counted = row.count_under(FaultPlan { reset: 100, ..NONE }, CALLERS, CALLS_EACH);
    counted.holds(6);
    assert!(counted.applied_unacknowledged() * 10 >= counted.store_failures() * 9, "{counted:?}");
    let (answer, applied) = row.probe(FaultPlan { reset: 1000, ..NONE });
    let error = answer.expect_err("no answer");
    assert_eq!((error.kind(), applied), (io::ErrorKind::ConnectionReset, 1), "{error}");
}

#[test]
fn counter_invariant_holds_under_all_four_faults_at_once() {
    let row = Alone::with(ROW, shipped("function-rust"));
    let plan = FaultPlan { applied_then_500: 50, not_applied_500: 50, throttle: 200, reset: 50 };
    let counted = row.count_under(plan, CALLERS, CALLS_EACH);
    counted.holds(6);
    let (failed, applied) = (counted.store_failures(), counted.applied_unacknowledged());
    assert!(0 < applied && applied < failed, "some, not all, were applied: {counted:?}");
    row.meets_all_four(plan);
}

/// The same check, without any fault, over a counter that reads and writes back instead of adding.
#[test]
fn counter_invariant_goes_red_over_a_lost_update() {
    let row = Alone::with(ROW, executable(lost_update_function()));
    let counted = row.count_under(NONE, CALLERS, CALLS_EACH);
    counted.goes_red();
}

/// What a fault does to a write of nobody's.
trait Probed {
    fn probe(&self, plan: FaultPlan) -> (io::Result<Answer>, u64);
    fn meets_all_four(&self, plan: FaultPlan);
}

impl Probed for Alone {
    /// What one write to the table meets under this plan, and how often it was applied.
    fn probe(&self, plan: FaultPlan) -> (io::Result<Answer>, u64) {
        self.row.arrange(plan);
        let answer = self.table().add(PROBED);
        self.row.arrange(NONE);
        (answer, self.table().hits(PROBED))
    }

    /// Each of the four faults shows in what writes to the table meet under this plan.
    fn meets_all_four(&self, plan: FaultPlan) {
        const WRITES: usize = 400;
        self.row.arrange(plan);
        let answers: Vec<_> = (0..WRITES).map(|_| self.table().add(PROBED)).collect();
        self.row.arrange(NONE);
        let with = |status| {
            let of = |answer: &&io::Result<Answer>| {
                answer.as_ref().is_ok_and(|answer| answer.status == status)
            };
            answers.iter().filter(of).count() as u64
        };
        let reset = answers.iter().filter(|answer| answer.is_err()).count() as u64;
        let (good, throttled, failed) = (with(200), with(400), with(500));
        assert!(reset > 0 && throttled > 0, "{reset} reset, {throttled} throttled");
        let applied_then_failed = self.table().hits(PROBED) - good - reset;
        assert!(
            0 < applied_then_failed && applied_then_failed < failed,
            "{applied_then_failed} of {failed} writes that were answered with 500 were applied"
        );
    }
}

fn executable(path: PathBuf) -> Program {
    let zip_bytes = path.metadata().expect("it was built").len();
    Program::of_executable(path, zip_bytes)
}

fn refusal(answer: io::Result<Answer>) -> (u16, String) {
    let answer = answer.expect("an answer");
    (answer.status, answer.error_code())
}
