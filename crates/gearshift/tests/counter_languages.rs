//! The counter invariant for the functions in Python, JavaScript and C++, over a table and over an
//! object: 64 processes call at once while the store fails in four ways. And the same check goes red
//! over counters that read, add and write back.

#[path = "common/callers.rs"]
mod callers;
#[path = "common/counted.rs"]
mod counted;
#[path = "common/objects.rs"]
mod objects;
#[path = "common/raw.rs"]
mod raw;
#[path = "common/standing.rs"]
mod standing;
#[path = "common/wrong_counters.rs"]
mod wrong_counters;

use counted::{Alone, CALLS, NONE};
use gearshift_gear::{FaultPlan, Program};
use standing::shipped;

const APPLIED_THEN_500: FaultPlan = FaultPlan { applied_then_500: 100, ..NONE };
const NOT_APPLIED_500: FaultPlan = FaultPlan { not_applied_500: 100, ..NONE };
const RESET: FaultPlan = FaultPlan { reset: 100, ..NONE };
const ALL_FOUR: FaultPlan =
    FaultPlan { applied_then_500: 50, not_applied_500: 50, throttle: 200, reset: 50 };

#[test]
fn counter_invariant_holds_for_python_over_the_table_under_all_four_faults() {
    holds_over_the_table("lambda-python-dynamodb", "function-python");
}

#[test]
fn counter_invariant_holds_for_javascript_over_the_table_under_all_four_faults() {
    holds_over_the_table("lambda-js-dynamodb", "function-js");
}

#[test]
fn counter_invariant_holds_for_cpp_over_the_table_under_all_four_faults() {
    holds_over_the_table("lambda-cpp-dynamodb", "function-cpp");
}

fn holds_over_the_table(row: &str, build: &str) {
    let row = Alone::with(row, shipped(build)).warmed();
    let counted = row.count_under(APPLIED_THEN_500);
    counted.holds(6);
    assert!(counted.applied_unacknowledged() * 10 >= counted.store_failures() * 9, "{counted:?}");
    let counted = row.count_under(NOT_APPLIED_500);
    counted.holds(6);
    assert!(counted.applied_unacknowledged() * 10 <= counted.store_failures(), "{counted:?}");
    let counted = row.count_under(FaultPlan { throttle: 500, ..NONE });
    counted.holds(6);
    assert!(counted.applied_unacknowledged() * 10 <= counted.store_failures(), "{counted:?}");
    let counted = row.count_under(RESET);
    counted.holds(6);
    assert!(counted.applied_unacknowledged() * 10 >= counted.store_failures() * 9, "{counted:?}");
    let counted = row.count_under(ALL_FOUR);
    counted.holds(6);
    let (failed, applied) = (counted.store_failures(), counted.applied_unacknowledged());
    assert!(0 < applied && applied < failed, "some, not all, were applied: {counted:?}");
}

/// One object takes one swap after another: of 64 that try at once most lose, and say so.
#[test]
fn counter_invariant_holds_for_python_over_the_object_under_all_four_faults() {
    let row = Alone::with("lambda-python-s3", shipped("function-python")).warmed();
    for plan in
        [APPLIED_THEN_500, NOT_APPLIED_500, FaultPlan { throttle: 300, ..NONE }, RESET, ALL_FOUR]
    {
        row.count_under(plan).holds(1);
    }
}

#[test]
fn counter_invariant_goes_red_over_python_read_modify_write_of_the_table() {
    goes_red("lambda-python-dynamodb", wrong_counters::python());
}

#[test]
fn counter_invariant_goes_red_over_python_read_modify_write_of_the_object() {
    goes_red("lambda-python-s3", wrong_counters::python());
}

#[test]
fn counter_invariant_goes_red_over_javascript_read_modify_write() {
    goes_red("lambda-js-dynamodb", wrong_counters::javascript());
}

#[test]
fn counter_invariant_goes_red_over_cpp_read_modify_write() {
    goes_red("lambda-cpp-dynamodb", wrong_counters::cpp());
}

/// The same check, without any fault.
fn goes_red(row: &str, wrong: Program) {
    let row = Alone::with(row, wrong).warmed();
    let counted = row.count_under(NONE);
    assert!(counted.outcome.acknowledged >= CALLS * 6 / 10, "it hardly answers: {counted:?}");
    let check = counted.check();
    assert!(!check.holds(), "not noticed: {check:?}");
    assert!(check.duplicates > 0, "no count was returned twice: {check:?}");
    let counted_by = counted.after - counted.before;
    assert!(counted_by < check.acknowledged, "no acknowledged count was lost: {check:?}");
}
