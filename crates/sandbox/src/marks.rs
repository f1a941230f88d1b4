//! How processes are found again: by what stands in their environment.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};

use gearshift_gear::RunId;

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
    /// Whose it is.
    pub user: u32,
}

/// Every process that carries a run in its environment; this process and zombies left out.
pub fn marked_processes() -> Vec<Marked> {
    let own = std::process::id() as i32;
    environments()
        .filter(|(pid, ..)| *pid != own)
        .filter_map(|(pid, user, read)| marks(pid, user, read))
        .collect()
}

/// The processes of a run.
pub fn processes_of(run: &RunId) -> Vec<Marked> {
    marked_processes().into_iter().filter(|process| process.run == *run).collect()
}

type Environment = HashMap<OsString, OsString>;

fn marks(pid: i32, user: u32, environment: Environment) -> Option<Marked> {
    let text = |name: &str| environment.get(OsStr::new(name))?.to_str().map(str::to_owned);
    let run = text(RUN_VARIABLE)?.parse().ok()?;
    let member = text(MEMBER_VARIABLE).unwrap_or_default();
    let orchestrator = text(ORCHESTRATOR_VARIABLE).is_some();
    Some(Marked { pid, run, member, orchestrator, user })
}

/// Of every process whose environment may be read; a zombie has none left.
#[cfg(target_os = "linux")]
fn environments() -> impl Iterator<Item = (i32, u32, Environment)> {
    let all = procfs::process::all_processes().into_iter().flatten().flatten();
    all.filter_map(|process| Some((process.pid, process.uid().ok()?, process.environ().ok()?)))
}

/// Of every living process whose environment may be read.
#[cfg(not(target_os = "linux"))]
fn environments() -> impl Iterator<Item = (i32, u32, Environment)> {
    use sysinfo::{
        Process, ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, System, UpdateKind,
    };
    let wanted = ProcessRefreshKind::nothing()
        .with_environ(UpdateKind::Always)
        .with_user(UpdateKind::Always);
    let system = System::new().map(|mut system| {
        system.refresh_processes_specifics(ProcessesToUpdate::All, true, wanted);
        system
    });
    let pair = |entry: &OsString| {
        let (name, value) = entry.to_str()?.split_once('=')?;
        Some((name.into(), value.into()))
    };
    let read = |process: &Process| {
        let environment = process.environ().iter().filter_map(pair).collect();
        // One whose user is not known is nobody's that could ask here.
        let user = process.user_id().map_or(u32::MAX, |user| **user);
        (process.pid().as_u32() as i32, user, environment)
    };
    let processes = system.iter().flat_map(|system| system.processes().values());
    let alive = processes.filter(|process| process.status() != ProcessStatus::Zombie);
    alive.map(read).collect::<Vec<_>>().into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;
    use std::time::{Duration, Instant};

    /// Looks until it is so, at most ten seconds.
    fn until(so: impl Fn() -> bool) {
        let began = Instant::now();
        while !so() {
            assert!(began.elapsed() < Duration::from_secs(10));
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn a_process_is_found_by_its_marks_until_it_has_ended() {
        let run: RunId = format!("{:08x}", std::process::id()).parse().expect("eight hex digits");
        let mut command = Command::new("sleep");
        command.arg("600").env(RUN_VARIABLE, run.as_str()).env(MEMBER_VARIABLE, "row.member");
        let mut child = command.spawn().expect("sleep");
        until(|| !processes_of(&run).is_empty());
        let member = "row.member".to_owned();
        let pid = child.id() as i32;
        let user = nix::unistd::geteuid().as_raw();
        let marked = Marked { pid, run: run.clone(), member, orchestrator: false, user };
        assert_eq!(processes_of(&run), [marked]);
        child.kill().expect("killed");
        // Not waited for yet: a zombie.
        until(|| processes_of(&run).is_empty());
        child.wait().expect("ended");
    }
}
