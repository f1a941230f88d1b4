//! Anything as a `results.json`: it is read or refused in words, and whatever was read can be shown as
//! a table, as Markdown, as a page, and beside itself.
#![no_main]

use gearshift_results::Results;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(results) = Results::parse(text) else { return };
    let artefacts = gearshift_report::Footer { report: "report.html", next: &[] };
    let _ = gearshift_report::table(&results, 100, &artefacts);
    let _ = gearshift_report::markdown(&results);
    let _ = gearshift_report::html(&results);
    let _ = gearshift_report::diff_table(&gearshift_results::diff(&results, &results));
});
