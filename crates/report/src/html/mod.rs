//! stub
use crate::ReportError; use gearshift_compare::Results;
pub fn html(_r:&Results)->Result<String,ReportError>{Ok(String::new())}
