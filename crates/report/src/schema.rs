//! The schema of `results.json`.

use gearshift_results::Results;

/// The JSON schema (draft 2020-12) of [`Results`]. The copy in `crates/report/schema/` is kept
/// equal by a test.
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(Results).to_value()
}
