//! Calibrating this machine, and keeping the result. No timing is asserted beyond its plausibility.

use std::time::Duration;

use gearshift_calibrate::{
    CacheRead, CalibrateError, CoreSpeed, MAX_SPREAD, Provider, cached, calibrate, drift_probe,
    factor, read_cache, write_cache,
};

/// This machine's identity with made-up times, so that the cache can be tested on a noisy machine.
fn here() -> CoreSpeed {
    let (cpu_model, kernel) = identity();
    CoreSpeed {
        k1_ms: 64.0,
        k2_ms: Some(364.0),
        k2_missing: None,
        cpu_model,
        kernel,
        arch: std::env::consts::ARCH.to_owned(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        steal: 0.0,
        measured_at_unix_s: now_s(),
    }
}

/// CPU model and kernel version, read without the crate's help.
#[cfg(target_os = "linux")]
fn identity() -> (String, String) {
    let text = |path: &str| std::fs::read_to_string(path).unwrap();
    let cpu_model = text("/proc/cpuinfo")
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or_else(|| "unnamed CPU".to_owned(), |(_, model)| model.trim().to_owned());
    (cpu_model, text("/proc/sys/kernel/osrelease").trim().to_owned())
}

/// CPU model and kernel version.
#[cfg(not(target_os = "linux"))]
fn identity() -> (String, String) {
    use gearshift_calibrate::{cpu_model, kernel};
    (cpu_model().unwrap(), kernel().unwrap())
}

fn now_s() -> u64 {
    std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()
}

fn stale_because(path: &std::path::Path) -> String {
    match read_cache(path) {
        CacheRead::Stale { why } => why,
        CacheRead::Fresh(speed) => panic!("believed {speed:?}"),
    }
}

#[test]
fn this_machine_is_measured_or_refused_as_noisy() {
    match calibrate() {
        Ok(speed) => {
            assert!((10.0..1000.0).contains(&speed.k1_ms), "{speed:?}");
            assert_eq!(speed.k2_ms.is_none(), speed.k2_missing.is_some());
            println!("{speed:?}");
            println!("{}", factor(&speed, Provider::LambdaX86).sentence);
            println!("{}", factor(&speed, Provider::T2).sentence);
        }
        Err(noisy @ CalibrateError::TooNoisy { spread, steal_percent, shared_percent, .. }) => {
            assert!(spread > MAX_SPREAD || steal_percent > 2.0 || shared_percent > 2.0, "{noisy}");
            println!("{noisy}");
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_drift_probe_is_quick_and_not_empty() {
    let probe = drift_probe();
    println!("one piece of the drift probe: {probe:?}");
    assert!(probe > Duration::from_micros(100), "{probe:?}");
}

#[test]
fn a_kept_measurement_is_read_back_and_not_measured_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new").join("core.json");
    assert!(stale_because(&path).contains("core.json"));
    let kept = here();
    write_cache(&path, &kept).unwrap();
    assert_eq!(read_cache(&path), CacheRead::Fresh(kept));
    let (speed, unkept) = cached(&path).unwrap();
    assert!(speed.k1_ms == 64.0 && unkept.is_none());
    let names: Vec<_> = path.parent().unwrap().read_dir().unwrap().collect();
    assert_eq!(names.len(), 1, "nothing but the cache is left behind");
}

#[test]
fn a_measurement_of_another_machine_version_or_time_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("core.json");
    let day_s = 86_400;
    for (other, reason) in [
        (CoreSpeed { cpu_model: "another".to_owned(), ..here() }, "another CPU"),
        (CoreSpeed { kernel: "2.6".to_owned(), ..here() }, "another kernel"),
        (CoreSpeed { tool_version: "0.0.0".to_owned(), ..here() }, "another version"),
        (CoreSpeed { arch: "m68k".to_owned(), ..here() }, "another architecture"),
        (CoreSpeed { measured_at_unix_s: now_s() - 31 * day_s, ..here() }, "30 days"),
        (CoreSpeed { measured_at_unix_s: now_s() + day_s, ..here() }, "future"),
    ] {
        write_cache(&path, &other).unwrap();
        let why = stale_because(&path);
        assert!(why.contains(reason), "{why}");
    }
    let in_time = CoreSpeed { measured_at_unix_s: now_s() - 29 * day_s, ..here() };
    write_cache(&path, &in_time).unwrap();
    assert_eq!(read_cache(&path), CacheRead::Fresh(in_time));
}

#[test]
fn a_damaged_file_only_means_measuring_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("core.json");
    std::fs::write(&path, "{\"k1_ms\": 64").unwrap();
    assert!(stale_because(&path).contains("damaged"));
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = write_cache(&file.join("core.json"), &here()).unwrap_err().to_string();
    assert!(error.contains("core.json") && error.contains("measures again"), "{error}");
}
