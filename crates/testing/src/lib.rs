//! For tests alone: what a test needs of the machine, and saying aloud what was left out.
//!
//! A test whose needs are not met is skipped with one line on standard error that `cargo test` does
//! not swallow, naming the test, what is missing and the script that installs it. Where `CI` is set
//! it fails instead: there `scripts/setup` has run, and a suite must not be lost in silence.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Leaves the test where the machine lacks one of these: names of programs, or one of the special
/// names that [`here`] lists.
#[macro_export]
macro_rules! needs {
    ($($what:expr),+ $(,)?) => {
        if !$crate::here(&[$($what),+]) {
            return;
        }
    };
}

/// Whether all of these are here: programs on the path, and
///
/// - `pip`: for the `python3` on the path
/// - `libcurl`: its headers, for the C++ compiler on the path
/// - `chromium`: under any of its names
/// - `root`: this process is root
///
/// # Panics
/// Where one is missing and `CI` is set.
pub fn here(needs: &[&str]) -> bool {
    let missing: Vec<&str> = needs.iter().copied().filter(|need| !is_here(need)).collect();
    missing.is_empty() || !skip(&format!("{} missing", missing.join(", ")))
}

/// Says that the test that runs on this thread is skipped, and why; true, for `if skip(…) { return }`.
///
/// # Panics
/// Where `CI` is set.
pub fn skip(why: &str) -> bool {
    assert!(std::env::var_os("CI").is_none(), "{why}; scripts/setup installs what tests need");
    say(&format!("{}: {why} → scripts/setup", this_test()));
    true
}

/// True where `GEARSHIFT_SUITES=ci` leaves this suite out, since it does not fit CI's hour; unset or
/// `all`, everything runs.
pub fn left_out(suite: &str) -> bool {
    let left_out = std::env::var("GEARSHIFT_SUITES").is_ok_and(|suites| suites == "ci");
    if left_out {
        say(&format!("{suite}, under GEARSHIFT_SUITES=ci → GEARSHIFT_SUITES=all cargo test"));
    }
    left_out
}

/// In spite of captured output.
fn say(what: &str) {
    let _ = writeln!(std::io::stderr(), "\nSKIPPED: {what}");
}

/// The test runner names a test's thread after it.
fn this_test() -> String {
    std::thread::current().name().unwrap_or("a test").to_owned()
}

fn is_here(need: &str) -> bool {
    match need {
        "pip" => succeeds(Command::new("python3").args(["-m", "pip", "--version"])),
        "libcurl" => {
            on_path("c++") && {
                let mut preprocess = Command::new("sh");
                let script = "echo '#include <curl/curl.h>' | c++ -E -x c++ -";
                succeeds(preprocess.args(["-c", script]))
            }
        }
        "chromium" => ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
            .iter()
            .any(|name| on_path(name)),
        "root" => nix::unistd::Uid::effective().is_root(),
        program => on_path(program),
    }
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| Path::new(&directory).join(program).is_file())
}

fn succeeds(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}
