//! How processes are found again: by what stands in their environment.

use std::ffi::OsStr;

use gearshift_gear::RunId;
use procfs::process::{Process, all_processes};

/// The variable that names the run a process belongs to.
pub const RUN_VARIABLE: &str = "GEARSHIFT_RUN";
/// The variable that names the member a process belongs to.
pub const MEMBER_VARIABLE: &str = "GEARSHIFT_MEMBER";
/// Set beside [`RUN_VARIABLE`] for the process that brings a run's rows up and down, and for no
/// other.
pub const ORCHESTRATOR_VARIABLE: &str = "GEARSHIFT_ORCHESTRATOR";
/// The cgroup directory everything of ours lies below.
pub(crate) const TREE: &str = "gearshift";

/// A process found by its environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marked {
    pub pid: i32,
    pub run: RunId,
    /// Empty where the process carries none.
    pub member: String,
    /// It brings the run's rows up and down.
    pub orchestrator: bool,
}

/// Every process that carries a run in its environment; this process and zombies left out.
pub fn marked_processes() -> Vec<Marked> {
    let own = std::process::id() as i32;
    let all = all_processes().into_iter().flatten().flatten();
    all.filter(|process| process.pid != own).filter_map(|process| marks_of(&process)).collect()
}

/// The processes of a run.
pub fn processes_of(run: &RunId) -> Vec<Marked> {
    marked_processes().into_iter().filter(|process| process.run == *run).collect()
}

fn marks_of(process: &Process) -> Option<Marked> {
    let environment = process.environ().ok()?;
    let text = |name: &str| environment.get(OsStr::new(name))?.to_str().map(str::to_owned);
    let run = text(RUN_VARIABLE)?.parse().ok()?;
    let alive = process.stat().ok()?.state != 'Z';
    let member = text(MEMBER_VARIABLE).unwrap_or_default();
    let orchestrator = text(ORCHESTRATOR_VARIABLE).is_some();
    alive.then_some(Marked { pid: process.pid, run, member, orchestrator })
}
