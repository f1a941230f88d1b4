//! Builds the services, compresses them and lists them in `artefacts.rs`.

mod nested;

use std::env;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// The binaries that go in: the name in here, and that of the package and its program.
const SERVICES: [(&str, &str); 3] =
    [("hits", "hits"), ("function-rust", "function-rust"), ("entry", "gearshift-entry")];

/// What they are made from, seen from the workspace's root.
const SOURCES: [&str; 5] =
    ["services/entry", "services/hits", "services/functions/rust", "Cargo.lock", "Cargo.toml"];

/// Measured on `hits` with an optimised zstd: 9 makes it 10 % smaller than the default, 3, for 0.1 s
/// more; 19 another 10 % for 3.5 s more, and many times that in a debug build of zstd.
const COMPRESSION_LEVEL: i32 = 9;

fn main() {
    let workspace = workspace();
    println!("cargo:rerun-if-changed=build");
    for source in SOURCES {
        println!("cargo:rerun-if-changed={}", workspace.join(source).display());
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let packages = SERVICES.map(|(_, package)| package);
    let built = nested::build(&workspace, &out, &packages).unwrap_or_else(|why| {
        eprintln!("{why}");
        panic!("the built-in services did not build; the reason stands above");
    });
    println!("cargo:rustc-env=LAMBDA_RUNTIME_VERSION={}", locked("lambda_runtime", &workspace));
    let artefacts = SERVICES.iter().map(|(name, program)| artefact(name, program, &built, &out));
    let list = artefacts.collect::<String>();
    fs::write(out.join("artefacts.rs"), format!("static ARTEFACTS: &[Artefact] = &[{list}];\n"))
        .expect("OUT_DIR is writable");
}

fn workspace() -> PathBuf {
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    manifest.ancestors().nth(2).expect("this crate is services/bundle").to_owned()
}

/// The version that the lock file gives for this package.
fn locked(package: &str, workspace: &Path) -> String {
    let lock =
        fs::read_to_string(workspace.join("Cargo.lock")).expect("the lock file is in the tree");
    let mut lines = lock.lines().skip_while(|line| *line != format!("name = {package:?}"));
    let version = lines.nth(1).and_then(|line| line.strip_prefix("version = "));
    version.expect("a package has a version").trim_matches('"').to_owned()
}

/// Compresses one binary into `out` and returns its entry in the list.
fn artefact(name: &str, program: &str, built: &nested::Built, out: &Path) -> String {
    let path = built.directory.join(program);
    let binary = fs::read(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
    let compressed = zstd::bulk::compress(&binary, COMPRESSION_LEVEL).expect("memory to compress");
    fs::write(out.join(format!("{name}.zst")), compressed).expect("OUT_DIR is writable");
    let crates = nested::crates(&workspace(), program, &built.triple)
        .unwrap_or_else(|why| panic!("what {program} consists of: {why}"));
    fs::write(out.join(format!("{name}.crates")), crates).expect("OUT_DIR is writable");
    let mut entry = String::new();
    write!(
        entry,
        "Artefact {{ name: {name:?}, digest: \"{:x}\", size: {}, linkage: Linkage::{}, triple: {:?}, \
         crates: include_str!(concat!(env!(\"OUT_DIR\"), \"/{name}.crates\")), \
         compressed: include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{name}.zst\")) }},",
        Sha256::digest(&binary),
        binary.len(),
        if built.is_static { "Static" } else { "Dynamic" },
        built.triple,
    )
    .expect("writing to a string");
    entry
}
