//! Write and read units, as AWS bills them: 1 write unit per started KB of the larger of the item's
//! two images; 1 read unit per started 4 KB, half when eventually consistent, double in
//! transactions.
//!
//! The table engine knows the sizes, so it is asked for them on every request
//! (`ReturnConsumedCapacity`), and the answer is taken out again unless the client asked too.

use std::sync::atomic::{AtomicU64, Ordering};

use rust_decimal::Decimal;
use serde_json::Value;

use crate::operation::Kind;

const ASK: &str = "ReturnConsumedCapacity";
const ANSWER: &str = "ConsumedCapacity";

/// Counts in half units: the smallest thing billed is half a read unit.
#[derive(Default)]
pub(crate) struct Meter {
    write_halves: AtomicU64,
    read_halves: AtomicU64,
}

/// Units of one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Units {
    write_halves: u64,
    read_halves: u64,
}

impl Units {
    pub(crate) fn write(self) -> Decimal {
        halves(self.write_halves)
    }

    pub(crate) fn read(self) -> Decimal {
        halves(self.read_halves)
    }
}

fn halves(count: u64) -> Decimal {
    (Decimal::from(count) / Decimal::TWO).normalize()
}

impl Meter {
    pub(crate) fn add(&self, units: Units) {
        self.write_halves.fetch_add(units.write_halves, Ordering::Relaxed);
        self.read_halves.fetch_add(units.read_halves, Ordering::Relaxed);
    }

    /// Write and read units since the start.
    pub(crate) fn units(&self) -> (Decimal, Decimal) {
        let read = |count: &AtomicU64| halves(count.load(Ordering::Relaxed));
        (read(&self.write_halves), read(&self.read_halves))
    }
}

/// Makes the request ask for its units. Returns whether the client had asked already, or `None`
/// when the request is no object and cannot ask.
pub(crate) fn ask(request: &mut Value) -> Option<bool> {
    let fields = request.as_object_mut()?;
    match fields.get(ASK) {
        // What is none of DynamoDB's words stays, to be refused by the engine.
        Some(asked) if asked != "NONE" => Some(true),
        _ => {
            fields.insert(ASK.to_owned(), Value::from("TOTAL"));
            Some(false)
        }
    }
}

/// What a successful answer says it consumed.
pub(crate) fn consumed(answer: &Value, kind: Kind) -> Units {
    let units = |one: &Value| one.get("CapacityUnits").and_then(Value::as_f64).unwrap_or(0.0);
    let total = match answer.get(ANSWER) {
        Some(Value::Array(tables)) => tables.iter().map(units).sum(),
        Some(table) => units(table),
        None => 0.0,
    };
    let halves = (total * 2.0).round() as u64;
    match kind {
        Kind::Write => Units { write_halves: halves, read_halves: 0 },
        Kind::Read => Units { write_halves: 0, read_halves: halves },
        Kind::Management => Units::default(),
    }
}

/// What a refused request is billed: a condition that did not hold costs a write all the same. The
/// engine does not say how large the item was, so it is taken as one unit.
pub(crate) fn refused(answer: &Value, kind: Kind) -> Units {
    let code = answer.get("__type").and_then(Value::as_str).unwrap_or("");
    match kind {
        Kind::Write if code.ends_with("#ConditionalCheckFailedException") => {
            Units { write_halves: 2, read_halves: 0 }
        }
        _ => Units::default(),
    }
}

/// Takes out what only the front had asked for.
pub(crate) fn strip(answer: &mut Value) {
    if let Some(fields) = answer.as_object_mut() {
        fields.remove(ANSWER);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_clients_own_wish_is_kept() {
        let mut request = json!({"TableName": "hits"});
        assert_eq!(ask(&mut request), Some(false));
        assert_eq!(request[ASK], "TOTAL");
        let mut none = json!({ASK: "NONE"});
        assert_eq!(ask(&mut none), Some(false));
        assert_eq!(none[ASK], "TOTAL");
        let mut indexes = json!({ASK: "INDEXES"});
        assert_eq!(ask(&mut indexes), Some(true));
        assert_eq!(indexes[ASK], "INDEXES");
        assert_eq!(ask(&mut json!([1])), None);
    }

    #[test]
    fn units_are_counted_by_halves_and_by_kind() {
        let meter = Meter::default();
        meter.add(consumed(&json!({ANSWER: {"CapacityUnits": 0.5}}), Kind::Read));
        meter.add(consumed(&json!({ANSWER: {"CapacityUnits": 2.0}}), Kind::Write));
        let batch = json!({ANSWER: [{"CapacityUnits": 1.0}, {"CapacityUnits": 3.0}]});
        meter.add(consumed(&batch, Kind::Write));
        meter.add(consumed(&json!({}), Kind::Write));
        assert_eq!(meter.units(), (Decimal::from(6), Decimal::new(5, 1)));
    }

    #[test]
    fn a_condition_that_did_not_hold_is_billed_and_a_bad_request_is_not() {
        let answer =
            |code: &str| json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{code}")});
        let failed = refused(&answer("ConditionalCheckFailedException"), Kind::Write);
        assert_eq!(failed.write(), Decimal::ONE);
        assert_eq!(refused(&answer("ResourceNotFoundException"), Kind::Write), Units::default());
    }
}
