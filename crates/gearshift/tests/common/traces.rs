//! What a run has on this machine, read from the kernel without any of Gearshift's own code.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::common::Folder;

/// A living process that carries a run in its environment.
#[derive(Debug)]
pub struct Marked {
    pub pid: u32,
    pub parent: u32,
    pub run: String,
    pub member: String,
}

/// Every such process.
pub fn marked() -> Vec<Marked> {
    let entries = std::fs::read_dir("/proc").expect("Linux").flatten();
    entries.filter_map(|entry| marks_of(entry.file_name().to_str()?.parse().ok()?)).collect()
}

fn marks_of(pid: u32) -> Option<Marked> {
    let environment = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
    let value = |name: &str| {
        let entries = environment.split(|byte| *byte == 0);
        let text = entries.filter_map(|entry| std::str::from_utf8(entry).ok());
        text.filter_map(|entry| entry.split_once('=')).find(|(key, _)| *key == name)
    };
    let run = value("GEARSHIFT_RUN")?.1.to_owned();
    let member = value("GEARSHIFT_MEMBER").map(|(_, member)| member.to_owned());
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // Behind the command's name in parentheses: state, parent.
    let mut fields = stat.rsplit(") ").next()?.split(' ');
    let (state, parent) = (fields.next()?, fields.next()?.parse().ok()?);
    (state != "Z").then(|| Marked { pid, parent, run, member: member.unwrap_or_default() })
}

/// The control groups of runs, in every tree, by run.
pub fn groups() -> Vec<(String, PathBuf)> {
    let mounts = std::fs::read_to_string("/proc/mounts").expect("Linux");
    let mounts = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let (path, kind) = (fields.next()?, fields.next()?);
        kind.starts_with("cgroup").then(|| Path::new(path).join("gearshift"))
    });
    let mut found = Vec::new();
    for tree in mounts {
        for entry in std::fs::read_dir(tree).into_iter().flatten().flatten() {
            if let (true, Ok(run)) = (entry.path().is_dir(), entry.file_name().into_string()) {
                found.push((run, entry.path()));
            }
        }
    }
    found
}

/// Every run that has a process or a control group on this machine.
pub fn runs() -> BTreeSet<String> {
    let processes = marked().into_iter().map(|process| process.run);
    processes.chain(groups().into_iter().map(|(run, _)| run)).collect()
}

/// The inodes of the sockets on which these processes listen.
pub fn listening(pids: &[u32]) -> BTreeSet<String> {
    let sockets = sockets_in_state_listen();
    let mut found = BTreeSet::new();
    for pid in pids {
        for entry in std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten() {
            let target = std::fs::read_link(entry.path()).unwrap_or_default();
            let inode = target.to_str().and_then(|text| text.strip_prefix("socket:["));
            let inode = inode.and_then(|text| text.strip_suffix(']')).unwrap_or_default();
            found.extend(sockets.contains(inode).then(|| inode.to_owned()));
        }
    }
    found
}

/// The inodes of all TCP sockets that listen.
pub fn sockets_in_state_listen() -> BTreeSet<String> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    let lines = tables.map(|table| std::fs::read_to_string(table).unwrap_or_default());
    let lines = lines.iter().flat_map(|table| table.lines().skip(1));
    let fields = lines.map(|line| line.split_whitespace().collect::<Vec<_>>());
    let listen = fields.filter(|fields| fields.get(3) == Some(&"0A"));
    listen.filter_map(|fields| fields.get(9).map(|inode| (*inode).to_owned())).collect()
}

/// Everything there is of this run; empty where nothing is.
pub fn of(run: &str, folder: &Folder) -> Vec<String> {
    let processes = marked().into_iter().filter(|process| process.run == run);
    let processes = processes.map(|process| format!("{process:?}"));
    let groups = groups().into_iter().filter(|(of, _)| of == run);
    let groups = groups.map(|(_, path)| path.display().to_string());
    let directory = folder.base().join(run);
    let directory = directory.exists().then(|| directory.display().to_string());
    processes.chain(groups).chain(directory).collect()
}

/// Every file and folder below this folder but the results of runs that ended well, and the lock
/// of the ledger that all runs share.
pub fn stray_files(folder: &Folder) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let ledger = folder.base().join("ledger");
    let expected = [folder.base(), folder.path().join(".gearshift"), ledger];
    let runs = folder.path().join(".gearshift/runs");
    for directory in [folder.path().to_owned(), folder.base(), expected[1].clone(), runs.clone()] {
        for entry in std::fs::read_dir(&directory).into_iter().flatten().flatten() {
            let path = entry.path();
            let complete = directory == runs && path.join("results.json").exists();
            if !expected.contains(&path) && path != runs && !complete {
                found.push(path);
            }
        }
    }
    found
}
