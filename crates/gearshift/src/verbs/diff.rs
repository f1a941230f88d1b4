use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use gearshift_files::ReadError;
use gearshift_results::{Results, ResultsError, diff};

use super::{Ended, Usage};
use crate::{here, terminal};

#[derive(Args)]
pub struct Diff {
    /// A run's id, or the path of a results.json
    before: String,
    /// Another one
    after: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Diff {
    pub fn run(self) -> Result<Ended> {
        let diff = diff(&read(&self.before)?, &read(&self.after)?);
        if self.json {
            terminal::print_json(&diff)?;
        } else {
            terminal::print(format_args!("{}", gearshift_report::diff_table(&diff)));
        }
        Ok(Ended::Well)
    }
}

/// Results of twelve rows take half a megabyte.
const RESULTS_BYTES: u64 = 64 * 1024 * 1024;

/// The results of a run, by its id or the path of its file.
pub(super) fn read(run: &str) -> Result<Results> {
    let path = match Path::new(run) {
        file if file.is_file() => file.to_owned(),
        _ => Path::new(here::RESULTS).join(run).join("results.json"),
    };
    let text = gearshift_files::read_text(&path, RESULTS_BYTES).map_err(|error| match error {
        ReadError::Unreadable { path, source } => {
            Usage(format!("{run}: {} ({source}) → {}", path.display(), known_runs()))
        }
        other => Usage(other.to_string()),
    })?;
    Results::parse(&text).map_err(|error| {
        let path = path.display();
        let sentence = match error {
            ResultsError::NotResults(why) => {
                format!("{path} is not a results file: {why} → {}", known_runs())
            }
            ResultsError::Schema { .. } => {
                format!("{path} has {error} → use the version that wrote it")
            }
        };
        Usage(sentence).into()
    })
}

fn known_runs() -> String {
    let entries = std::fs::read_dir(here::RESULTS).into_iter().flatten().flatten();
    let mut runs: Vec<(std::time::SystemTime, PathBuf)> = entries
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .filter(|(_, path)| path.join("results.json").is_file())
        .collect();
    runs.sort();
    let names: Vec<_> =
        runs.iter().rev().filter_map(|(_, path)| path.file_name()?.to_str()).collect();
    match names.as_slice() {
        [] => "name a results.json, or make one with gearshift compare: no run in this folder"
            .to_owned(),
        names => format!("runs in this folder: {}", names.join(", ")),
    }
}
