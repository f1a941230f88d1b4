//! What stays behind after `up` holds nothing that its caller had open.

use std::fs;
use std::process::Command;

use crate::common::{Folder, Up};
use crate::traces;

/// A shell that holds a lock on `L` by descriptor 9 and the writing end of a pipe by 8 starts a row.
fn up_from_a_shell_with_open_descriptors(folder: &Folder, row: &str) -> Up {
    let command = folder.gearshift(&["up", row, "--json"]);
    let gearshift = command.get_program().to_str().expect("a path").to_owned();
    let script = "exec 9>L; flock 9; mkfifo P; exec 7<>P 8>P; exec \"$0\" \"$@\"";
    let mut shell = Command::new("sh");
    shell.args(["-c", script, &gearshift]).args(command.get_args()).current_dir(folder.path());
    for (name, value) in command.get_envs() {
        shell.env(name, value.expect("set"));
    }
    let output = shell.output().expect("a shell");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON of up")
}

/// Case G01.
#[test]
fn what_stays_behind_holds_none_of_the_callers_descriptors() {
    for row in ["ec2", "lambda-rust-dynamodb"] {
        let folder = Folder::new();
        let up = up_from_a_shell_with_open_descriptors(&folder, row);
        let lock = Command::new("flock")
            .args(["-w", "3", "L", "true"])
            .current_dir(folder.path())
            .status()
            .expect("flock");
        let own = [folder.path().join("L"), folder.path().join("P")];
        let mut held = Vec::new();
        for process in traces::marked().into_iter().filter(|process| process.run == up.run) {
            let open = fs::read_dir(format!("/proc/{}/fd", process.pid)).into_iter().flatten();
            let open = open.flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
            held.extend(open.filter(|to| own.contains(to)).map(|to| (process.member.clone(), to)));
        }
        folder.text(&["down", &up.run]);
        assert!(lock.success(), "{row}: the lock is still held");
        assert!(held.is_empty(), "{row}: {held:?}");
    }
}
