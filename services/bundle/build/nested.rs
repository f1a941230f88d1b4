//! The cargo inside cargo.

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where the binaries are and what they are.
pub struct Built {
    pub directory: PathBuf,
    pub triple: String,
    pub is_static: bool,
}

const PROFILE: &str = "service";

/// What of cargo's own environment the inner cargo may see: where things are stored, whether it may
/// reach the network and how, and the job tokens it shares with the outer one. All else that starts
/// with CARGO or RUST describes *this* build (its profile, flags, wrapper, target directory).
const KEPT: [&str; 8] = [
    "CARGO_HOME",
    "CARGO_MAKEFLAGS",
    "CARGO_NET_",
    "CARGO_HTTP_",
    "CARGO_REGISTR",
    "CARGO_SOURCE_",
    "RUSTUP_",
    "RUST_BACKTRACE",
];

/// Set for build scripts by cargo without such a prefix.
const OURS: [&str; 9] = [
    "OUT_DIR",
    "TARGET",
    "HOST",
    "NUM_JOBS",
    "OPT_LEVEL",
    "PROFILE",
    "DEBUG",
    "CLIPPY_ARGS",
    "CLIPPY_TERMINAL_WIDTH",
];

/// Builds these packages' binaries, statically if this toolchain can.
pub fn build(workspace: &Path, out: &Path, packages: &[&str]) -> Result<Built, String> {
    let choice = Choice::for_this_toolchain(out);
    if !choice.is_static && on_linux(&choice.triple) {
        println!(
            "cargo:warning=no static C library for this toolchain (libc6-dev, or rustup target add \
             {0} with musl-tools): the built-in services are linked dynamically",
            choice.triple.replace("-gnu", "-musl"),
        );
    }
    let target_dir = target_directory(out).join("services");
    let mut cargo = Command::new(env::var_os("CARGO").expect("cargo sets CARGO"));
    clean(&mut cargo);
    cargo
        .current_dir(workspace)
        .args(["build", "--locked", "--profile", PROFILE])
        .args(["--target", &choice.triple])
        .arg("--target-dir")
        .arg(&target_dir)
        .args(packages.iter().flat_map(|package| ["-p", package]))
        .env("RUSTFLAGS", choice.rustflags())
        // Standard output belongs to this script's directives.
        .stdout(Stdio::null());
    let ended = cargo.status().map_err(|why| format!("cannot start {cargo:?}: {why}"))?;
    if !ended.success() {
        return Err(format!("{cargo:?} ended with {ended}"));
    }
    let directory = target_dir.join(&choice.triple).join(PROFILE);
    Ok(Built { directory, triple: choice.triple, is_static: choice.is_static })
}

/// The crates that are linked into a package's binary, itself among them: `name version` a line.
pub fn crates(workspace: &Path, package: &str, triple: &str) -> Result<String, String> {
    let mut cargo = Command::new(env::var_os("CARGO").expect("cargo sets CARGO"));
    clean(&mut cargo);
    cargo
        .current_dir(workspace)
        .args(["tree", "--locked", "--package", package, "--target", triple])
        .args(["--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}"]);
    let listed = cargo.output().map_err(|why| format!("cannot start {cargo:?}: {why}"))?;
    if !listed.status.success() {
        let said = String::from_utf8_lossy(&listed.stderr);
        return Err(format!("{cargo:?} ended with {}: {said}", listed.status));
    }
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    // A line is `name v1.2.3`, and more for a path or what was listed before.
    let crates: BTreeSet<String> = text
        .lines()
        .filter_map(|line| {
            let (name, rest) = line.split_once(" v")?;
            Some(format!("{name} {}\n", rest.split(' ').next()?))
        })
        .collect();
    Ok(crates.into_iter().collect())
}

fn clean(cargo: &mut Command) {
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        let kept = KEPT.iter().any(|kept| text.starts_with(kept));
        let describes_this_build = text.starts_with("CARGO")
            || text.starts_with("RUST")
            || text.starts_with("DEP_")
            || OURS.contains(&text.as_ref());
        if describes_this_build && !kept {
            cargo.env_remove(&name);
        }
    }
}

/// The directory above `OUT_DIR` that cargo marked as its target directory. Counting levels would
/// depend on whether the outer build has a `--target`.
fn target_directory(out: &Path) -> PathBuf {
    out.ancestors()
        .find(|directory| directory.join("CACHEDIR.TAG").is_file())
        .or_else(|| out.ancestors().nth(4))
        .expect("OUT_DIR lies inside the target directory")
        .to_owned()
}

/// What to build for.
struct Choice {
    triple: String,
    is_static: bool,
}

impl Choice {
    fn for_this_toolchain(out: &Path) -> Self {
        let host = env::var("TARGET").expect("cargo sets TARGET");
        let musl = host.replace("-gnu", "-musl");
        if musl != host && has_standard_library(&musl) && has_musl_compiler(&musl) {
            return Self { triple: musl, is_static: true };
        }
        let is_static = on_linux(&host) && links_statically(&host, out);
        Self { triple: host, is_static }
    }

    fn rustflags(&self) -> &'static str {
        if self.is_static { "-C target-feature=+crt-static" } else { "" }
    }
}

/// Elsewhere the C library is always the system's own, and rustc ignores the wish for a static one.
fn on_linux(triple: &str) -> bool {
    triple.contains("-linux-")
}

fn rustc() -> Command {
    Command::new(env::var_os("RUSTC").expect("cargo sets RUSTC"))
}

fn has_standard_library(triple: &str) -> bool {
    let printed = rustc().args(["--print", "target-libdir", "--target", triple]).output();
    printed.is_ok_and(|printed| {
        printed.status.success()
            && Path::new(String::from_utf8_lossy(&printed.stdout).trim()).is_dir()
    })
}

/// `ring` has C in it, so the standard library for musl alone is not enough.
fn has_musl_compiler(triple: &str) -> bool {
    let chosen = format!("CC_{}", triple.replace('-', "_"));
    let answers = |compiler: &OsStr| {
        let asked = Command::new(compiler).arg("--version").stdout(Stdio::null()).status();
        asked.is_ok_and(|ended| ended.success())
    };
    env::var_os(chosen).is_some_and(|compiler| answers(&compiler))
        || answers(OsStr::new("musl-gcc"))
}

/// Whether an empty program links: cheaper than finding out at the end of a long build.
fn links_statically(triple: &str, out: &Path) -> bool {
    let source = out.join("probe.rs");
    std::fs::write(&source, "fn main() {}\n").expect("OUT_DIR is writable");
    let ended = rustc()
        .args(["--edition", "2024", "-C", "target-feature=+crt-static", "--target", triple, "-o"])
        .arg(out.join("probe"))
        .arg(&source)
        .stderr(Stdio::null())
        .status();
    ended.is_ok_and(|ended| ended.success())
}
