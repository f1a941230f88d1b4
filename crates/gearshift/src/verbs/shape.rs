//! How traffic is spread, as a flag names it.

use std::path::Path;

use anyhow::{Result, bail};
use gearshift_demand::Reading;
use gearshift_plan::Shape;

use super::Usage;

/// Steady, office, or a trace's file.
pub fn shape(named: &str) -> Result<Shape> {
    match named {
        "steady" => Ok(Shape::Steady),
        "office" => Ok(Shape::Office),
        path if Path::new(path).is_file() => {
            let trace = gearshift_demand::read(Path::new(path), &Reading::default(), |_| {})
                .map_err(|error| Usage(error.to_string()))?;
            let name = Path::new(path).file_name().unwrap_or_default().to_string_lossy();
            Ok(Shape::of(&name, trace))
        }
        other => {
            bail!(Usage(format!("--shape {other}: neither steady, office nor a file → choose one")))
        }
    }
}
