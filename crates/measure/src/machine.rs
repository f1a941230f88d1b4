//! The machine a run runs on.

use std::time::Duration;

use gearshift_calibrate::drift_probe;
use gearshift_deploy::Shaping;
use gearshift_sandbox::Cores;

use gearshift_results::Machine;

/// Reads what the kernel says of itself.
pub fn machine(shaping: Option<&Shaping>) -> Machine {
    let cores = Cores::split();
    let shared = cores.system == cores.services;
    Machine {
        system: system(),
        cpu_model: cpu_model().unwrap_or_else(|| "unknown CPU".to_owned()),
        cores: cores.services.len() + if shared { 0 } else { cores.system.len() },
        shaped_by: match shaping {
            Some(Shaping::Shaped { by }) => Some(by.clone()),
            _ => None,
        },
    }
}

#[cfg(target_os = "linux")]
fn system() -> String {
    format!("Linux {}", read("/proc/sys/kernel/osrelease").trim())
}

#[cfg(target_os = "linux")]
fn cpu_model() -> Option<String> {
    let cpu_info = read("/proc/cpuinfo");
    let model = cpu_info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    model.map(|(_, model)| model.to_owned())
}

#[cfg(target_os = "linux")]
fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// The kernel's version, not the system's: macOS counts them apart.
#[cfg(not(target_os = "linux"))]
fn system() -> String {
    let name = std::env::consts::OS;
    gearshift_calibrate::kernel()
        .map_or_else(|_| name.to_owned(), |kernel| format!("{name}, kernel {kernel}"))
}

#[cfg(not(target_os = "linux"))]
fn cpu_model() -> Option<String> {
    gearshift_calibrate::cpu_model().ok()
}

/// The time of a fixed loop, ms: the best of five over a third of a second, since a neighbour's
/// burst is no change of the machine.
pub async fn loop_ms() -> f64 {
    let mut best = drift_probe();
    for _ in 0..4 {
        tokio::time::sleep(BETWEEN_LOOPS).await;
        best = best.min(drift_probe());
    }
    best.as_secs_f64() * 1e3
}

const BETWEEN_LOOPS: Duration = Duration::from_millis(60);
