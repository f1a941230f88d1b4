//! Under what conditions a run ran, in one block that can be copied.

use std::collections::BTreeSet;

use gearshift_results::Results;

use crate::numbers::{count, run_time};
use crate::sentences as say;

/// `label  what`, a line each: the run, versions, machine, cores, runtimes, seed, caller, region.
pub(super) fn block(results: &Results) -> String {
    let machine = &results.machine;
    let shaped = match &machine.shaped_by {
        Some(by) => format!("shares by {by}"),
        None => "unshaped: nothing enforces shares".to_owned(),
    };
    let mut lines = vec![
        (
            "run",
            format!("{}, begun {}, {}", results.run, results.started, run_time(results.seconds)),
        ),
        ("gearshift", format!("{}, results as {}", results.version, results.schema)),
        (
            "on",
            format!(
                "{}, {}",
                results.on,
                if results.physics { "physics on" } else { "physics off" }
            ),
        ),
        ("machine", format!("{}, {} cores", machine.cpu_model, machine.cores)),
        ("system", format!("{}, {shaped}", machine.system)),
    ];
    lines.extend(
        results.cores.iter().map(|core| ("core", core.sentence.replacen("core = ", "", 1))),
    );
    lines.extend(runtimes(results).into_iter().map(|runtime| ("runtime", runtime)));
    lines.extend([
        ("service", results.service.clone()),
        ("seed", results.seed.to_string()),
        ("calls", format!("{} a row", count(results.calls))),
        ("caller", say::caller(results)),
        ("region", format!("{}, prices of {}", results.region, results.prices_of)),
        ("again", say::again(results)),
    ]);
    let line = |(label, what): &(&str, String)| format!("{label:<10} {what}");
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn runtimes(results: &Results) -> BTreeSet<String> {
    let runtimes = results.rows.iter().filter_map(|row| row.runtime.as_ref());
    runtimes
        .map(|runtime| format!("{} {} on {}", runtime.name, runtime.version, runtime.on))
        .collect()
}
