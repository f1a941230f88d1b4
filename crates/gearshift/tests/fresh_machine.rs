//! The README's two commands on a machine that has nothing but Rust, a C and C++ compiler, Python and
//! Node.js: a view of this machine in which everything else that `scripts/setup` would install is
//! hidden.
#![cfg(target_os = "linux")]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use gearshift_testing::needs;
use tempfile::TempDir;

/// What the machine has of what `scripts/setup` asks for; Rust is there anyhow.
const HAS: [&str; 4] = ["python3", "node", "npm", "c++"];
/// Programs that the script asks for in other words, or installs with.
const HIDDEN: [&str; 7] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "apt-get",
    "apt-cache",
    "sudo",
];
/// Where Debian has headers that are hidden, too: an empty folder lies over each.
const HIDDEN_HEADERS: [&str; 3] =
    ["/usr/include/x86_64-linux-gnu/curl", "/usr/include/curl", "/usr/include/nlohmann"];

/// The machine as somebody sees it who has just installed Rust.
struct Machine {
    path: TempDir,
    home: TempDir,
}

impl Machine {
    fn new() -> Self {
        let machine = Self {
            path: TempDir::new().expect("a folder"),
            home: TempDir::new().expect("a folder"),
        };
        let hidden = hidden_programs();
        let path = std::env::var_os("PATH").expect("a path");
        for directory in std::env::split_paths(&path) {
            for program in fs::read_dir(directory).into_iter().flatten().flatten() {
                let name = program.file_name();
                let link = machine.path.path().join(&name);
                if !hidden.contains(&*name.to_string_lossy()) && link.symlink_metadata().is_err() {
                    symlink(program.path(), link).expect("a link");
                }
            }
        }
        machine
    }

    /// Runs a shell line at the top of the checkout, in the same build folder as this test.
    fn run(&self, line: &str) -> Output {
        let covered: String = HIDDEN_HEADERS
            .iter()
            .filter(|folder| Path::new(folder).is_dir())
            .map(|folder| format!("mount -t tmpfs tmpfs {folder}; "))
            .collect();
        let mut shell = Command::new("unshare");
        shell.args(["--mount", "sh", "-c", &format!("set -e; {covered}{line}")]);
        for (name, _) in std::env::vars_os() {
            if of_this_test(&name.to_string_lossy()) {
                shell.env_remove(&name);
            }
        }
        shell
            .current_dir(workspace())
            .env("PATH", self.path.path())
            .env("XDG_CACHE_HOME", self.home.path())
            .env("XDG_RUNTIME_DIR", self.home.path())
            .output()
            .expect("unshare")
    }
}

/// The programs that `scripts/setup` would install, without those that the machine has.
fn hidden_programs() -> BTreeSet<String> {
    let script = fs::read_to_string(workspace().join("scripts/setup")).expect("the script");
    let asked = script.lines().filter_map(|line| line.strip_prefix("need "));
    let asked = asked.filter_map(|rest| rest.split(' ').next());
    let hidden = asked.filter(|name| !HAS.contains(name)).chain(HIDDEN);
    let hidden: BTreeSet<String> = hidden.map(str::to_owned).collect();
    assert!(hidden.contains("qemu-system-x86_64") && hidden.len() > 15, "{hidden:?}");
    hidden
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("a workspace").to_owned()
}

/// Variables that the cargo around this test set for its own work, and those by which CI is told.
fn of_this_test(name: &str) -> bool {
    let of_cargo = name.starts_with("CARGO") && name != "CARGO_HOME";
    let of_rust = name.starts_with("RUST") && !name.starts_with("RUSTUP_HOME");
    of_cargo || of_rust || name == "CI" || name == "LD_LIBRARY_PATH"
}

fn said(output: &Output) -> String {
    let all = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8_lossy(&all).into_owned()
}

/// The first command with every row, the second with every test, on the profile they have there.
fn whole() -> (&'static str, &'static str) {
    ("cargo run --release -- compare --builtin --quick --json", "scripts/test")
}

/// The same on the finished build: the row that used to be skipped, one of each kind of gear beside
/// it, and one test of each target that used to fail.
fn short() -> (&'static str, &'static str) {
    (
        "cargo run -q -- compare --builtin --quick --calls 20 --json \
         --rows ec2,fargate,lambda-rust-dynamodb,lambda-cpp-dynamodb",
        "scripts/test --test emulated --test browser --test languages --test image -- \
         cpu_shares_memory_kill_and_freeze_on_cgroup_v2_as_root every_chart_has_a_text_alternative \
         a_cpp_handler_that_goes_wrong skopeo_and_umoci",
    )
}

#[test]
fn both_readme_commands_pass_in_a_root_with_only_rust_c_python_and_node() {
    needs!("root", "unshare");
    let machine = Machine::new();
    let in_short =
        gearshift_testing::left_out("both commands from nothing, with every row and test");
    let (first, second) = if in_short { short() } else { whole() };

    let compared = machine.run(first);
    // A noisy machine (exit code 3) is no failure here.
    assert!(matches!(compared.status.code(), Some(0 | 3)), "{}", said(&compared));
    let results: serde_json::Value = serde_json::from_slice(&compared.stdout).expect("results");
    let rows = results["rows"].as_array().expect("rows");
    assert!(rows.len() >= 4, "{results}");
    for row in rows {
        assert_ne!(row["state"], "skipped", "{row}");
        assert!(!row["latency"].is_null(), "{row}");
    }
    let cpp = rows.iter().find(|row| row["row"] == "lambda-cpp-dynamodb").expect("the C++ row");
    assert_eq!(cpp["runtime"]["official"], true, "{cpp}");

    let tested = machine.run(second);
    let said = said(&tested);
    assert!(tested.status.success(), "{said}");
    assert!(said.contains("setup: no apt-get here"), "{said}");
    for missing in ["qemu-system-x86_64", "chromium", "libcurl"] {
        let skipped = said.lines().filter(|line| line.starts_with("SKIPPED: "));
        let mut of_it = skipped.filter(|line| line.contains(missing));
        assert!(
            of_it.next().is_some_and(|line| line.contains("scripts/setup")),
            "{missing}: {said}"
        );
    }
}
