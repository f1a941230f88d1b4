//! The function with the wrong counter, built as `services/bundle` describes.

use std::path::{Path, PathBuf};
use std::process::Command;

use gearshift_services::Linkage;

/// Builds it beside the shipped services, whose dependencies it shares, unless it is there already.
pub fn lost_update_function() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("a workspace");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("a target directory");
    let target = target.join("services");
    let shipped = gearshift_services::service("function-rust").expect("it is built in");
    let rustflags = match shipped.linkage {
        Linkage::Static => "-C target-feature=+crt-static",
        Linkage::Dynamic => "",
    };
    let mut cargo = Command::new(env!("CARGO"));
    for (name, _) in std::env::vars_os() {
        if describes_this_build(&name.to_string_lossy()) {
            cargo.env_remove(&name);
        }
    }
    let output = cargo
        .current_dir(workspace)
        .args(["build", "--locked", "--profile", "service", "-p", "function-rust"])
        .args(["--features", "lost-update", "--bin", "function-rust-lost-update"])
        .args(["--target", shipped.triple])
        .arg("--target-dir")
        .arg(&target)
        .env("RUSTFLAGS", rustflags)
        .output()
        .expect("cargo starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the wrong counter does not build: {said}");
    target.join(shipped.triple).join("service").join("function-rust-lost-update")
}

/// Variables that the cargo around this test set for its own work; build scripts look at some, and
/// would be built again for each change.
fn describes_this_build(name: &str) -> bool {
    const STORAGE_AND_NETWORK: [&str; 6] =
        ["CARGO_HOME", "CARGO_NET_", "CARGO_HTTP_", "CARGO_REGISTR", "CARGO_SOURCE_", "RUSTUP_"];
    let of_cargo = name.starts_with("CARGO") || name.starts_with("RUST");
    of_cargo && !STORAGE_AND_NETWORK.iter().any(|kept| name.starts_with(kept))
}
