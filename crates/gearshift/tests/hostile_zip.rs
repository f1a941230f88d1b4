//! A function's code that does not mean well: what it finds while it runs, and while it is unpacked.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use common::Folder;

/// A custom runtime that answers every event with what the probe found, one string.
const BOOTSTRAP: &str = r#"#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
mkdir -p /tmp/seen
while :; do
  curl -sS -D /tmp/seen/head "$api/next" > /tmp/seen/event || exit 1
  id=$(tr -d '\r' < /tmp/seen/head | sed -n 's/^[Ll]ambda-[Rr]untime-[Aa]ws-[Rr]equest-[Ii]d: //p')
  "$LAMBDA_TASK_ROOT/probe" print > /tmp/seen/found
  (printf '"'; tr '\n' ';' < /tmp/seen/found | tr '\t' ' ' | tr -d '"\\'; printf '"') > /tmp/seen/answer
  curl -sS -o /dev/null --data-binary @/tmp/seen/answer "$api/$id/response"
done
"#;

/// Makes a `.zip`: (name, mode with its kind, content) each, by Python's library.
fn zip(folder: &Folder, entries: &str) {
    let script = format!(
        "import os, zipfile\nz = zipfile.ZipFile('code.zip', 'w', zipfile.ZIP_DEFLATED)\n\
         for name, mode, content in {entries}:\n    \
             i = zipfile.ZipInfo(name); i.external_attr = mode << 16; i.create_system = 3\n    \
             i.compress_type = zipfile.ZIP_DEFLATED\n    \
             z.writestr(i, open(content[1:], 'rb').read() if content[:1] == '@' else content)\nz.close()\n"
    );
    let mut python = Command::new("python3");
    python.args(["-W", "ignore", "-c", &script]).current_dir(folder.path());
    let made = python.output().expect("python3");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

fn manifest(folder: &Folder, more: &str) {
    let text = format!(
        "name = \"a\"\n[function]\nruntime = \"provided.al2023\"\ncode = \"code.zip\"\ntimeout = 20\n{more}"
    );
    fs::write(folder.path().join("gearshift.toml"), text).unwrap();
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_hostile_zip_that_root_runs_finds_nothing() {
    gearshift_testing::needs!("curl");
    if !nix::unistd::geteuid().is_root() {
        eprintln!("SKIPPED: as an ordinary user a function has that user's rights (docs/trust.md)");
        assert!(std::env::var_os("CI").is_none(), "CI runs as root");
        return;
    }
    let folder = Folder::new();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile/probe.c");
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let mut compile = Command::new(compiler);
    compile.args(["-static", "-w", "-o"]).arg(folder.path().join("probe")).arg(source);
    if !compile.status().is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: no static C program can be made here");
        assert!(std::env::var_os("CI").is_none(), "CI has a C compiler with a static library");
        return;
    }
    fs::write(folder.path().join("bootstrap"), BOOTSTRAP).unwrap();
    zip(
        &folder,
        "[('bootstrap', 0o100755, '@bootstrap'), ('probe', 0o100755, '@probe'), \
         ('set-user-id', 0o104755, '@probe')]",
    );
    // Of users: one file that only root reads, and one that everybody might.
    let secrets = folder.path().join("secrets");
    fs::create_dir(&secrets).unwrap();
    fs::write(secrets.join("secret"), "of the machine").unwrap();
    fs::set_permissions(&secrets, fs::Permissions::from_mode(0o777)).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let at = folder.path().join(".gearshift/function/a/set-user-id");
    manifest(
        &folder,
        &format!(
            "[function.environment]\nPROBE_SECRET = {:?}\nPROBE_PLACE = {:?}\nPROBE_SET_USER_ID = {at:?}\n",
            secrets.join("secret"),
            secrets
        ),
    );
    let invoked = folder.text(&["invoke", "lambda", "--json"]);
    let invoked: serde_json::Value = serde_json::from_str(&invoked).expect("JSON");
    let text = invoked["payload"].as_str().unwrap_or_else(|| panic!("{invoked}"));
    let pairs = text.split(';').filter_map(|line| line.rsplit_once('='));
    let mut found: BTreeMap<_, _> =
        pairs.map(|(name, came)| (name.trim_matches(['"', ' ']), came)).collect();
    let mut take = |name: &str| found.remove(name).unwrap_or_else(|| panic!("{name}: {text}"));
    assert_eq!((take("NoNewPrivs"), take("Seccomp")), ("1", "2"));
    for set in ["CapEff", "CapPrm", "CapBnd"] {
        assert_eq!(take(set), "0000000000000000", "{set}");
    }
    assert_eq!(take("set-user-id"), take("uid"));
    assert_ne!(take("map").split_whitespace().nth(1), Some("0"), "its root is this machine's");
    // Process 1, the runtime, and what that starts.
    assert!(take("processes").parse::<u32>().unwrap() <= 4);
    assert_eq!(take("killed"), "0");
    for of_everybody in ["descriptors", "devices", "kernel log"] {
        take(of_everybody);
    }
    found.retain(|name, came| *came != "refused" && !name.starts_with("descriptor "));
    assert!(found.is_empty(), "{found:?} of {text}");
    assert_eq!(fs::read_dir(&secrets).unwrap().count(), 1, "nothing was written");
    // What it brought gives nobody rights, and nobody else reaches it.
    assert_eq!(fs::metadata(&at).unwrap().permissions().mode() & 0o7777, 0o755);
    let above = fs::metadata(folder.path().join(".gearshift/function")).unwrap();
    assert_eq!(above.permissions().mode() & 0o777, 0o700);
}

#[test]
fn a_hostile_zip_that_leads_out_or_has_no_end_is_refused_by_the_entry() {
    let folder = Folder::new();
    fs::write(folder.path().join("outside"), "outside").unwrap();
    manifest(&folder, "");
    let file = "0o100644";
    let cases = [
        (format!("[('../../../outside', {file}, 'x')]"), "leads out"),
        (format!("[('{}', {file}, 'x')]", folder.path().join("outside").display()), "leads out"),
        (format!("[('a/../../x', {file}, 'x')]"), "leads out"),
        ("[('etc', 0o120777, '/etc'), ('etc/x', 0o100644, 'x')]".to_owned(), "out of the archive"),
        ("[('a/up', 0o120777, '../..')]".to_owned(), "out of the archive"),
        ("[('dot', 0o120777, '.'), ('up', 0o120777, 'dot/../x')]".to_owned(), "out of the archive"),
        ("[('link', 0o120777, 'here'), ('link/x', 0o100644, 'x')]".to_owned(), "comes twice"),
        (format!("[('a', {file}, 'x'), ('./a', {file}, 'y')]"), "comes twice"),
        ("[('pipe', 0o010644, '')]".to_owned(), "neither a file"),
        ("[('disk', 0o060644, '')]".to_owned(), "neither a file"),
        (format!("[('zeros', {file}, '@zeros')]"), "250 MB"),
    ];
    fs::write(folder.path().join("zeros"), vec![0; 251 << 20]).unwrap();
    for (entries, why) in cases {
        zip(&folder, &entries);
        let refused = folder.run(&["invoke", "lambda"]);
        assert_eq!(refused.status.code(), Some(2), "{entries}: {}", said(&refused));
        assert!(said(&refused).contains(why), "{entries}: {}", said(&refused));
        assert!(
            !folder.path().join(".gearshift/function/a").exists(),
            "{entries}: something is left"
        );
        assert_eq!(fs::read_to_string(folder.path().join("outside")).unwrap(), "outside");
    }
}
