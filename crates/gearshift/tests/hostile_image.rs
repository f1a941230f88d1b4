//! An image that does not mean well: what it finds while it runs, and while it is unpacked.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};

use common::Folder;

/// `nobody` everywhere that matters.
const NOBODY: u32 = 65534;
/// What a container's root keeps: capabilities(7), by number 0, 1, 3 to 8, 10, 18 and 31.
const CONTAINERS_ROOT: u64 = 0x8004_05fb;

/// The program that tries everything, static; none where this machine cannot compile it.
fn probe(into: &Path) -> bool {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile/probe.c");
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let compiled =
        Command::new(compiler).args(["-static", "-w", "-o"]).arg(into).arg(source).output();
    let fine = compiled.as_ref().is_ok_and(|output| output.status.success());
    if !fine {
        eprintln!("SKIPPED: no static C program can be made here: {compiled:?}");
        assert!(std::env::var_os("CI").is_none(), "CI has a C compiler with a static library");
    }
    fine
}

/// Who runs Gearshift.
#[derive(Clone, Copy)]
enum Who {
    Me,
    Nobody,
}

struct Machine {
    folder: Folder,
    who: Who,
}

impl Machine {
    fn new(who: Who) -> Self {
        let folder = Folder::new();
        if matches!(who, Who::Nobody) {
            chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
            fs::copy(env!("CARGO_BIN_EXE_gearshift"), folder.path().join("bin")).unwrap();
        }
        Self { folder, who }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let Who::Nobody = self.who else { return self.folder.run(arguments) };
        let home = self.folder.path();
        let mut command = Command::new(home.join("bin"));
        command.args(arguments).current_dir(home).env("HOME", home).env("XDG_RUNTIME_DIR", home);
        command.env("XDG_CACHE_HOME", home.join("cache")).uid(NOBODY).gid(NOBODY);
        command.output().expect("gearshift starts")
    }

    fn text(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "gearshift {arguments:?}: {}: {said}", output.status);
        String::from_utf8(output.stdout).expect("text")
    }

    /// Builds the probe as an image for this user and returns what it found on this row.
    fn found(&self, user: &str, row: &str) -> BTreeMap<String, String> {
        let path = self.folder.path();
        let secret = path.join("secret");
        fs::write(&secret, "of the machine").unwrap();
        let built =
            ["image", "build", "--add", "probe:/probe:755", "--add", "probe:/set-user-id:4755"];
        self.text(&[&built[..], &["--user", user, "-o", "image", "--", "/probe"]].concat());
        let manifest = format!(
            "name = \"a\"\n[service]\nimage = \"image\"\nhealth = \"/\"\n[service.environment]\n\
             PROBE_SECRET = {:?}\nPROBE_PLACE = {:?}\n",
            secret, path
        );
        fs::write(path.join("gearshift.toml"), manifest).unwrap();
        let up: serde_json::Value =
            serde_json::from_str(&self.text(&["up", row, "--json"])).expect("JSON");
        let url = up["url"].as_str().unwrap_or_else(|| panic!("{up}")).to_owned();
        let output = Command::new("curl").args(["-sf", &url]).output().expect("curl");
        self.text(&["down", up["run"].as_str().unwrap()]);
        assert!(!path.join("written").exists());
        let text = String::from_utf8(output.stdout).expect("text");
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        pairs.map(|(attempt, came)| (attempt.to_owned(), came.to_owned())).collect()
    }
}

/// What every image finds, whoever runs it: its own processes, process 1 and a container's devices.
fn nothing(mut found: BTreeMap<String, String>, user: u32, own_processes: u32) {
    let mut take = |name: &str| found.remove(name).unwrap_or_else(|| panic!("{name}: {found:?}"));
    let number = |text: String| u64::from_str_radix(&text, 16).expect("capabilities");
    assert_eq!(take("uid"), user.to_string());
    assert_eq!((take("NoNewPrivs"), take("Seccomp")), ("1".to_owned(), "2".to_owned()));
    let kept = if user == 0 { CONTAINERS_ROOT } else { 0 };
    assert_eq!((number(take("CapEff")), number(take("CapPrm"))), (kept, kept));
    assert_eq!(number(take("CapBnd")), CONTAINERS_ROOT);
    assert_eq!(take("set-user-id"), user.to_string(), "nobody becomes somebody else");
    let map = take("map");
    let outside: Vec<&str> = map.split_whitespace().collect();
    assert_ne!(outside[1], "0", "its root is this machine's: {map}");
    assert_eq!(take("processes"), (1 + own_processes).to_string());
    assert_eq!(take("descriptors"), "4");
    assert_eq!(take("devices"), "13");
    assert_eq!(take("killed"), "0");
    let open: Vec<_> = found.iter().filter(|(_, came)| *came != "refused").collect();
    assert!(open.is_empty() && found.len() > 45, "{open:?} of {found:?}");
}

#[test]
fn a_hostile_image_that_root_runs_finds_nothing() {
    gearshift_testing::needs!("curl");
    if !nix::unistd::geteuid().is_root() {
        eprintln!("SKIPPED: running as root needs root");
        assert!(std::env::var_os("CI").is_none(), "CI runs as root");
        return;
    }
    let machine = Machine::new(Who::Me);
    if !probe(&machine.folder.path().join("probe")) {
        return;
    }
    nothing(machine.found("0:0", "ec2"), 0, 1);
    // Behind the adapter.
    nothing(machine.found("0:0", "lambda"), 0, 2);
    nothing(machine.found("65532", "fargate"), 65532, 1);
    nothing(machine.found("3000000", "ec2"), 3_000_000, 1);
}

#[test]
fn a_hostile_image_that_an_ordinary_user_runs_finds_nothing() {
    gearshift_testing::needs!("curl");
    let root = nix::unistd::geteuid().is_root();
    let machine = Machine::new(if root { Who::Nobody } else { Who::Me });
    if !probe(&machine.folder.path().join("probe")) {
        return;
    }
    let able = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "true"])
        .uid(if root { NOBODY } else { nix::unistd::geteuid().as_raw() })
        .status();
    if !able.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: this machine lets no ordinary user make user namespaces");
        return;
    }
    for user in ["0:0", "65532"] {
        nothing(machine.found(user, "ec2"), user.trim_end_matches(":0").parse().unwrap(), 1);
    }
}

#[test]
fn a_hostile_image_is_unpacked_without_rights_where_nobody_else_looks() {
    let machine = Machine::new(Who::Me);
    let path = machine.folder.path();
    if !probe(&path.join("probe")) {
        return;
    }
    machine.found("65532", "ec2");
    let images = path.join(".gearshift/image");
    assert_eq!(fs::metadata(&images).unwrap().permissions().mode() & 0o777, 0o700);
    let image = fs::read_dir(&images).unwrap().next().unwrap().unwrap().path();
    let program = fs::metadata(image.join("root/set-user-id")).unwrap();
    assert_eq!(program.permissions().mode() & 0o7777, 0o755);
}

#[test]
fn links_of_a_hostile_image_are_resolved_inside_it() {
    gearshift_testing::needs!("curl");
    let machine = Machine::new(Who::Me);
    let path = machine.folder.path();
    if !probe(&path.join("probe")) {
        return;
    }
    let outside = path.join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("passwd"), "web:x:4711:4711::/:/\n").unwrap();
    // `etc` leads to a directory of this machine, and others to what must not be mounted over.
    let tree = path.join("tree");
    fs::create_dir(&tree).unwrap();
    for name in ["etc", "proc", "dev", "sys", ".gearshift"] {
        symlink(&outside, tree.join(name)).unwrap();
    }
    let build = ["image", "build", "--add", "probe:/probe:755", "--add", "tree:/"];
    let base = [&build[..], &["-o", "base", "--user", "0", "--", "/probe"]].concat();
    let refused = machine.run(&base);
    assert!(refused.status.success(), "{}", String::from_utf8_lossy(&refused.stderr));
    let manifest = |image: &str| {
        format!(
            "name = \"a\"\n[service]\nimage = \"{image}\"\nhealth = \"/\"\n[service.environment]\nPROBE_SECRET = \"/s\"\nPROBE_PLACE = \"/\"\n"
        )
    };
    fs::write(path.join("gearshift.toml"), manifest("base")).unwrap();
    let up: serde_json::Value =
        serde_json::from_str(&machine.text(&["up", "lambda", "--json"])).unwrap();
    let output = Command::new("curl").args(["-sf", up["url"].as_str().unwrap()]).output().unwrap();
    machine.text(&["down", up["run"].as_str().unwrap()]);
    assert!(output.status.success(), "it runs all the same");
    let left: Vec<_> = fs::read_dir(&outside).unwrap().flatten().map(|e| e.file_name()).collect();
    assert_eq!(left, ["passwd"], "nothing was put there");

    // A name of this machine's list is no user of the image, and an endless file is no list.
    for target in [outside.join("passwd"), "/dev/zero".into()] {
        let tree = path.join("users");
        let _ = fs::remove_dir_all(&tree);
        fs::create_dir_all(tree.join("etc")).unwrap();
        symlink(&target, tree.join("etc/passwd")).unwrap();
        let on_base =
            ["image", "build", "--base", "base", "--add", "users:/users", "--user", "web"];
        let _ = fs::remove_dir_all(path.join("image"));
        machine.text(&[&on_base[..], &["-o", "image", "--", "/probe"]].concat());
        fs::write(path.join("gearshift.toml"), manifest("image")).unwrap();
        let up = machine.run(&["up", "ec2"]);
        let said = String::from_utf8_lossy(&up.stderr);
        assert!(said.contains("it has no user `web`"), "{said}");
    }
}
