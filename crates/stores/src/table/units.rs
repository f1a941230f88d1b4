//! Write and read units, as AWS bills them: 1 write unit per started KB of the larger of the item's
//! two images; 1 read unit per started 4 KB, half when eventually consistent, double in
//! transactions.
//!
//! The table engine knows the sizes, so it is asked for them on every request
//! (`ReturnConsumedCapacity`), and the answer is taken out again unless the client asked too.

use gearshift_gear::Dimension;
use rust_decimal::Decimal;
use serde_json::Value;

use super::operation::Kind;
use crate::Metered;

const ASK: &str = "ReturnConsumedCapacity";
const ANSWER: &str = "ConsumedCapacity";

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
pub(crate) fn consumed(answer: &Value, kind: Kind) -> Metered {
    let units = |one: &Value| one.get("CapacityUnits").and_then(Value::as_f64).unwrap_or(0.0);
    let total = match answer.get(ANSWER) {
        Some(Value::Array(tables)) => tables.iter().map(units).sum(),
        Some(table) => units(table),
        None => 0.0,
    };
    metered(kind, total)
}

/// What a refused request is billed: a condition that did not hold costs a write all the same. The
/// engine does not say how large the item was, so it is taken as one unit.
pub(crate) fn refused(answer: &Value, kind: Kind) -> Metered {
    let code = answer.get("__type").and_then(Value::as_str).unwrap_or("");
    match kind {
        Kind::Write if code.ends_with("#ConditionalCheckFailedException") => metered(kind, 1.0),
        _ => Metered::new(),
    }
}

fn metered(kind: Kind, units: f64) -> Metered {
    let dimension = match kind {
        Kind::Write => Dimension::TableWriteUnit,
        Kind::Read => Dimension::TableReadUnit,
        Kind::Management => return Metered::new(),
    };
    // The smallest thing billed is half a read unit; units come as floating-point numbers.
    let halves = Decimal::from((units * 2.0).round() as u64);
    vec![(dimension, (halves / Decimal::TWO).normalize())]
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
        let half = consumed(&json!({ANSWER: {"CapacityUnits": 0.5}}), Kind::Read);
        assert_eq!(half, [(Dimension::TableReadUnit, Decimal::new(5, 1))]);
        let batch = json!({ANSWER: [{"CapacityUnits": 1.0}, {"CapacityUnits": 3.0}]});
        let four = consumed(&batch, Kind::Write);
        assert_eq!(four, [(Dimension::TableWriteUnit, Decimal::from(4))]);
        assert_eq!(consumed(&json!({}), Kind::Write)[0].1, Decimal::ZERO);
    }

    #[test]
    fn a_condition_that_did_not_hold_is_billed_and_a_bad_request_is_not() {
        let answer =
            |code: &str| json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{code}")});
        let failed = refused(&answer("ConditionalCheckFailedException"), Kind::Write);
        assert_eq!(failed, [(Dimension::TableWriteUnit, Decimal::ONE)]);
        assert_eq!(refused(&answer("ResourceNotFoundException"), Kind::Write), Metered::new());
    }
}
