//! The measured speed, kept in a file.

use std::fs;
use std::io;
use std::path::Path;

use crate::measure::unix_now_s;
use crate::{CalibrateError, CoreSpeed, calibrate, host};

const EXPIRES_AFTER_S: u64 = 30 * 86_400;

/// What the file held.
#[derive(Clone, Debug, PartialEq)]
pub enum CacheRead {
    /// A measurement of this CPU, kernel and version, younger than 30 days.
    Fresh(CoreSpeed),
    /// Measure again, because of this.
    Stale { why: String },
}

/// Why a measurement was not kept.
#[derive(Debug, thiserror::Error)]
#[error("{path} cannot be written: {source} → the next run measures again")]
pub struct CacheError {
    path: String,
    source: io::Error,
}

/// Reads a kept measurement. Whatever is wrong with the file only means measuring again.
pub fn read_cache(path: &Path) -> CacheRead {
    let stale = |why: String| CacheRead::Stale { why };
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => return stale(format!("{}: {error}", path.display())),
    };
    let kept: CoreSpeed = match serde_json::from_str(&text) {
        Ok(kept) => kept,
        Err(error) => return stale(format!("{} is damaged: {error}", path.display())),
    };
    let (cpu_model, kernel) = match (host::cpu_model(), host::kernel()) {
        (Ok(cpu_model), Ok(kernel)) => (cpu_model, kernel),
        (Err(error), _) | (_, Err(error)) => return stale(error.to_string()),
    };
    let here = [
        ("CPU", &kept.cpu_model, cpu_model.as_str()),
        ("kernel", &kept.kernel, kernel.as_str()),
        ("version", &kept.tool_version, env!("CARGO_PKG_VERSION")),
        ("architecture", &kept.arch, std::env::consts::ARCH),
    ];
    if let Some((what, then, now)) = here.into_iter().find(|(_, then, now)| then != now) {
        return stale(format!("another {what}: {then} then, {now} now"));
    }
    match unix_now_s().checked_sub(kept.measured_at_unix_s) {
        Some(age) if age <= EXPIRES_AFTER_S => CacheRead::Fresh(kept),
        Some(_) => stale("measured more than 30 days ago".to_owned()),
        None => stale("measured in the future".to_owned()),
    }
}

/// Keeps a measurement; the file is whole or as before, whatever happens meanwhile.
pub fn write_cache(path: &Path, speed: &CoreSpeed) -> Result<(), CacheError> {
    let failed = |source| CacheError { path: path.display().to_string(), source };
    let text = serde_json::to_string_pretty(speed).map_err(|error| failed(error.into()))?;
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    let fresh = path.with_extension(format!("{}.new", std::process::id()));
    fs::write(&fresh, text).and_then(|()| fs::rename(&fresh, path)).map_err(failed)
}

/// The kept measurement, or a new one that is kept then. A file that cannot be written is not an
/// error: the second part says so.
pub fn cached(path: &Path) -> Result<(CoreSpeed, Option<CacheError>), CalibrateError> {
    match read_cache(path) {
        CacheRead::Fresh(speed) => Ok((speed, None)),
        CacheRead::Stale { .. } => {
            let speed = calibrate()?;
            let unkept = write_cache(path, &speed).err();
            Ok((speed, unkept))
        }
    }
}
