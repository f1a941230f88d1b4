//! The functions with wrong counters, each beside what its right one was prepared with.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use gearshift_gear::Program;

use super::standing::shipped;

const HANDLER: &str = "lost_update.handler";

pub fn python() -> Program {
    shipped("function-python").with_code(sources("python"), HANDLER)
}

/// Node.js looks for packages above the code, so the code lies beside a link to them.
pub fn javascript() -> Program {
    let right = shipped("function-js");
    let home = scratch("wrong-js");
    let packages = right.root.parent().expect("an entry").join("node_modules");
    symlink(packages, home.join("node_modules")).expect("a link");
    let root = home.join("task");
    fs::create_dir(&root).expect("a directory");
    for file in fs::read_dir(sources("javascript")).expect("sources").flatten() {
        fs::copy(file.path(), root.join(file.file_name())).expect("a copy");
    }
    right.with_code(root, HANDLER)
}

/// Compiled with our own runtime client: what is wrong here is the counter.
pub fn cpp() -> Program {
    let (sources, home) = (sources("cpp"), scratch("wrong-cpp"));
    let program = home.join("bootstrap");
    let right = |path: &PathBuf| {
        path.extension().is_some_and(|kind| kind == "cpp") && !path.ends_with("main.cpp")
    };
    let files = fs::read_dir(&sources).expect("sources").flatten().map(|file| file.path());
    let output = Command::new("c++")
        .args(["-std=c++17", "-O1", "-I"])
        .arg(sources.join("fallback"))
        .args(files.filter(right))
        .arg("-o")
        .arg(&program)
        .args(["-pthread", "-lcurl"])
        .output()
        .expect("a compiler");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Program::of_executable(program, 1_000_000)
}

fn sources(language: &str) -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("a workspace");
    workspace.join("services/functions").join(language)
}

/// An empty directory of that name, below the target directory.
fn scratch(name: &str) -> PathBuf {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&home);
    fs::create_dir_all(&home).expect("a directory");
    home
}
