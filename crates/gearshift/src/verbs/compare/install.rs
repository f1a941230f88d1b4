//! `compare --install`: what the chosen rows need and only the system's package manager has.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use gearshift_gear::{Row, Store};

use crate::builds::Builds;
use crate::note;
use crate::verbs::Usage;

/// Lets an ordinary user mount; root needs the device alone.
const MOUNTING: (&str, &str) = ("fusermount3", "fuse3");

/// Has `apt-get` install what these rows lack, and says so before. Does nothing where they lack
/// nothing.
///
/// # Errors
/// Without root, without `apt-get`, or where it fails: with the line to type instead.
pub fn what_rows_lack(rows: &[Row], builds: &Builds) -> Result<()> {
    let mut packages: BTreeSet<&str> = rows
        .iter()
        .filter(|row| row.built)
        .flat_map(|row| builds.preparer.lacking_packages(builds.prepared_as(&row.build.name)))
        .collect();
    let files = rows.iter().any(|row| row.gear().store == Store::File);
    if files && which::which(MOUNTING.0).is_err() {
        packages.insert(MOUNTING.1);
    }
    if packages.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = packages.into_iter().collect();
    let listed = packages.join(" ");
    if which::which("apt-get").is_err() {
        bail!(Usage(format!(
            "--install: apt-get is not here → install what Debian calls {listed}, then again without --install"
        )));
    }
    let line = format!("apt-get install -y --no-install-recommends {listed}");
    if !nix::unistd::geteuid().is_root() {
        bail!(Usage(format!("--install needs root → sudo {line}, then again without --install")));
    }
    note!("installing: {line}");
    // Lists of packages may be too old to find anything; whether that matters shows below.
    let _ = apt(&["update", "-qq"]);
    let arguments = [&["install", "-y", "-qq", "--no-install-recommends"][..], &packages].concat();
    apt(&arguments).with_context(|| format!("{line} → see its words above"))
}

fn apt(arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("apt-get");
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
    // Its words are for people, and standard output may be read as JSON.
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status()?;
    if status.success() { Ok(()) } else { bail!("it ended with {status}") }
}
