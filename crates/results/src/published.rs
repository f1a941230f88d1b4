//! What the sources published, beside what a run measured.

use gearshift_gear::{Known, Origin};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::RowResult;

/// A step of the published table beside ours: both over `ec2`, since where the sources' client
/// stood is not stated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Published {
    pub row: String,
    /// Mean of sequential calls, ms.
    pub mean_ms: Known<f64>,
    /// The published mean less the published mean of `ec2` (their build: FastAPI).
    pub step_ms: Known<f64>,
    /// Our median less our median of `ec2`; none where either is missing.
    pub step_here_ms: Option<Known<f64>>,
}

/// The published table's means in ms; `ec2` ran FastAPI there.
/// Source: github.com/teticio/latency, README of December 2021.
const PUBLISHED_MS: [(&str, f64); 8] = [
    ("ec2", 13.0),
    ("ec2-fastapi", 13.0),
    ("lambda-python-s3", 120.0),
    ("lambda-python-dynamodb", 60.0),
    ("lambda-js-dynamodb", 105.0),
    ("lambda-cpp-dynamodb", 23.0),
    ("lambda-rust-dynamodb", 26.0),
    ("fargate-fastapi", 16.0),
];

/// The published steps for the rows that were measured, `ec2` itself left out.
pub fn published_2021(rows: &[RowResult]) -> Vec<Published> {
    let quoted = || Origin::Quoted("teticio/latency README, December 2021".into());
    let p50 = |name: &str| {
        let row = rows.iter().find(|row| row.row == name)?;
        row.latency.as_ref().map(|latency| latency.p50_ms.clone())
    };
    let base = PUBLISHED_MS[0].1;
    let published = |(row, mean): &(&str, f64)| {
        let here = p50(row).zip(p50("ec2")).map(|(row, ec2)| {
            Known::new(row.value - ec2.value, Origin::computed([row.origin, ec2.origin]))
        });
        Published {
            row: (*row).to_owned(),
            mean_ms: Known::new(*mean, quoted()),
            step_ms: Known::new(mean - base, Origin::computed([quoted()])),
            step_here_ms: here,
        }
    };
    let measured = |name: &str| rows.iter().any(|row| row.row == name && row.latency.is_some());
    PUBLISHED_MS[1..].iter().filter(|(name, _)| measured(name)).map(published).collect()
}
