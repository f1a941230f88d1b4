//! It holds when "a hostile local user … tries the above as another uid and finds nothing": other
//! users of the machine have made Gearshift's directories before it, have put links and programs of
//! their own there, and read along while a row is up.

mod common;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::{Folder, Up};

/// Who tries. Not `nobody`, as whom other tests run Gearshift.
const HOSTILE: u32 = 64_321;

/// False, loudly, where this user cannot act as another one.
fn as_root() -> bool {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        assert!(std::env::var_os("CI").is_none(), "CI runs as root");
        eprintln!("SKIPPED: acting as another user needs root");
    }
    root
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("it is ours");
}

/// A directory as /tmp is: all may write, each only takes its own away.
fn shared(folder: &Folder) -> PathBuf {
    set_mode(folder.path(), 0o755);
    let shared = folder.path().join("tmp");
    fs::create_dir(&shared).unwrap();
    set_mode(&shared, 0o1777);
    shared
}

/// The hostile user types this; what is printed on standard output.
fn hostile(line: &str) -> String {
    type_as(HOSTILE, line)
}

fn type_as(user: u32, line: &str) -> String {
    let mut typed = Command::new("sh");
    typed.args(["-c", line]).uid(user).gid(user).current_dir("/");
    let output = typed.output().expect("a shell");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Everything below a directory with its owner, mode and content, for comparing.
fn everything(directory: &Path) -> Vec<(PathBuf, u32, u32, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let metadata = entry.path().symlink_metadata().unwrap();
        let content = if metadata.is_file() { fs::read(entry.path()).unwrap() } else { Vec::new() };
        found.push((entry.path(), metadata.uid(), metadata.mode(), content));
        if metadata.is_dir() {
            found.extend(everything(&entry.path()));
        }
    }
    found.sort();
    found
}

/// A run of `ec2` as Gearshift up to 0.1 kept it, with a program of the hostile user's as its service,
/// and a program under the digest of the built-in one.
fn plant(place: &Path, proof: &Path) {
    let digest = &gearshift_services::service("hits").unwrap().digest[..16];
    let planted = hostile(&format!(
        r##"set -e; umask 0
        mkdir -p {place}/0badbee5/ec2 {place}/services/{digest}
        printf '#!/bin/sh\nid -u > {proof}\n' > {place}/services/{digest}/hits
        chmod 755 {place}/services/{digest}/hits
        cat > {place}/0badbee5/ec2/wanted.json <<END
        {{"run":"0badbee5","program":{{"command":["{place}/services/{digest}/hits"]}}}}
END
        : > {place}/ledger; echo planted"##,
        place = place.display(),
        proof = proof.display(),
    ));
    assert_eq!(planted, "planted\n");
}

#[test]
fn a_hostile_local_user_who_made_roots_directories_beforehand_finds_nothing_started_or_changed() {
    if !as_root() {
        return;
    }
    let folder = Folder::new();
    let shared = shared(&folder);
    let proof = shared.join("proof");
    let names = ["gearshift", "gearshift-0"].map(|name| shared.join(name));
    names.iter().for_each(|place| plant(place, &proof));
    let before = everything(&shared);
    let shared = shared.to_str().unwrap();

    // Where a variable leads there, it is refused with owner and variable.
    for (variable, others) in [
        ("XDG_RUNTIME_DIR", &[][..]),
        ("XDG_CACHE_HOME", &[("XDG_RUNTIME_DIR", folder.path().to_str().unwrap())]),
    ] {
        for verb in [&["up", "ec2"][..], &["compare", "--quick", "--rows", "ec2"]] {
            let mut command = folder.gearshift(verb);
            command.env("TMPDIR", shared).env(variable, shared).envs(others.iter().copied());
            let output = command.output().unwrap();
            let said = said(&output);
            assert_eq!(output.status.code(), Some(1), "{verb:?}: {said}");
            let refused = format!("{variable} leads to {shared}/gearshift: it belongs to uid");
            assert!(said.contains(&refused) && said.contains(" → "), "{verb:?}: {said}");
            assert_eq!(said.lines().count(), 1, "{said}");
        }
    }
    // Where none does, a shared directory is not fallen back to.
    let mut nowhere = folder.gearshift(&["up", "ec2"]);
    nowhere.env("TMPDIR", shared).env_remove("XDG_CACHE_HOME").env_remove("HOME");
    let nowhere = nowhere.output().unwrap();
    assert_eq!(nowhere.status.code(), Some(1), "{nowhere:?}");
    let told = said(&nowhere);
    assert!(told.contains("HOME is not set → export XDG_CACHE_HOME=/"), "{told}");
    let mut up = folder.gearshift(&["up", "ec2", "--json"]);
    let up = up.env("TMPDIR", shared).env_remove("XDG_RUNTIME_DIR").output().unwrap();
    let up: Up = serde_json::from_slice(&up.stdout).unwrap_or_else(|_| panic!("{up:?}"));
    let down = folder.gearshift(&["down", &up.run]).env("TMPDIR", shared).output().unwrap();
    assert!(down.status.success(), "{down:?}");

    assert!(!proof.exists(), "a hostile program ran as uid {:?}", fs::read_to_string(&proof));
    assert_eq!(everything(Path::new(shared)), before, "something was changed there");
}

#[test]
fn a_hostile_local_user_who_planted_links_finds_no_file_of_roots_changed() {
    if !as_root() {
        return;
    }
    let folder = Folder::new();
    let shared = shared(&folder);
    let precious = folder.path().join("precious");
    fs::create_dir(&precious).unwrap();
    for name in ["ledger", "fence", "core-speed.json", "wanted.json"] {
        fs::write(precious.join(name), "precious").unwrap();
    }
    let before = everything(&precious);
    let planted = hostile(&format!(
        "cd {} && ln -s {} gearshift && ln -s gearshift gearshift-0 && echo planted",
        shared.display(),
        precious.display()
    ));
    assert_eq!(planted, "planted\n");
    for variable in ["XDG_RUNTIME_DIR", "XDG_CACHE_HOME"] {
        let output = folder.gearshift(&["up", "ec2"]).env(variable, &shared).output().unwrap();
        let said = said(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("gearshift: it is a symbolic link → "), "{said}");
    }
    // As a folder to work in: results are new files, and code is unpacked into no link.
    let there = shared.join("project");
    fs::create_dir(&there).unwrap();
    symlink(&precious, there.join(".gearshift")).unwrap();
    let down = folder.gearshift(&["down", "0badbee5"]).env("XDG_RUNTIME_DIR", &shared).output();
    assert!(said(&down.unwrap()).contains("symbolic link"), "down says what it does not see");
    assert_eq!(everything(&precious), before, "something was changed behind a link");
}

#[test]
fn a_hostile_local_user_who_resealed_a_program_in_the_cache_finds_it_replaced_before_it_runs() {
    if !as_root() {
        return;
    }
    let folder = Folder::new();
    let (cache, proof) = (folder.path().join("cache"), folder.path().join("proof"));
    let hits = gearshift_services::service("hits").unwrap();
    let home = cache.join("gearshift/services").join(&hits.digest[..16]);
    fs::create_dir_all(&home).unwrap();
    let program = home.join("hits");
    // As long as the right one, and of its mode: size and mode prove nothing.
    let mut script = format!("#!/bin/sh\nid -u > {}\nexit 1\n", proof.display()).into_bytes();
    script.resize(usize::try_from(hits.size).unwrap(), b'\n');
    for owner in [0, HOSTILE] {
        fs::write(&program, &script).unwrap();
        set_mode(&program, 0o755);
        chown(&program, Some(owner), None).unwrap();
        let up: Up = serde_json::from_str(&folder.isolated(&["up", "ec2", "--json"])).unwrap();
        assert_eq!(fs::metadata(&program).unwrap().uid(), 0);
        assert_eq!(fs::read(&program).unwrap(), hits.bytes());
        folder.isolated(&["down", &up.run]);
    }
    // A directory in which the program could be exchanged is refused.
    chown(&home, Some(HOSTILE), None).unwrap();
    let output = folder.run_isolated(&["up", "ec2"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(said(&output).contains("not a directory of this user's"), "{}", said(&output));
    assert!(!proof.exists(), "a hostile program ran");
}

/// A small service that is told a secret by its environment.
const SERVICE: &str = r#"
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header("content-length", "2"); self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *_): print("called", file=sys.stderr)
assert os.environ["SUITE_SECRET"]
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"#;

/// A folder that others may look into, with that service.
fn project() -> Folder {
    let folder = Folder::new();
    set_mode(folder.path(), 0o755);
    fs::write(folder.path().join("app.py"), SERVICE).unwrap();
    let manifest = "name = \"shop\"\n[service]\ncommand = \"python3 app.py\"\n\
                    pass = [\"SUITE_SECRET\"]\n[[requests]]\npath = \"/\"\n";
    fs::write(folder.path().join("gearshift.toml"), manifest).unwrap();
    folder
}

#[test]
fn a_hostile_local_user_reads_no_secret_state_log_or_result_while_a_row_is_up() {
    if !as_root() {
        return;
    }
    if which("python3").is_none() {
        eprintln!("SKIPPED: python3 is not on the path");
        return;
    }
    let folder = project();
    // Made here and now, so that no file of the test's has it, and given to grep by a file of root's.
    let secret = format!("secret-{:032x}", rand::random::<u128>());
    let pattern = tempfile::NamedTempFile::new().unwrap();
    fs::write(pattern.path(), &secret).unwrap();
    set_mode(pattern.path(), 0o644);
    let search = |below: &str| {
        format!("grep -rls --binary-files=text -f {} {below} 2>/dev/null", pattern.path().display())
    };
    let (here, cache) = (folder.path().display().to_string(), folder.path().join("cache"));
    let told = |arguments: &[&str]| {
        let mut command = folder.gearshift(arguments);
        command.env("XDG_CACHE_HOME", &cache).env("SUITE_SECRET", &secret);
        let output = command.output().expect("gearshift starts");
        assert!(matches!(output.status.code(), Some(0 | 3)), "{}", said(&output));
        output
    };
    told(&["compare", "--quick", "--calls", "20", "--rows", "ec2"]);
    let up = told(&["up", "ec2", "--json"]);
    let up: Up = serde_json::from_slice(&up.stdout).expect("JSON of up");

    // The row was told it: root finds it where the kernel keeps environments, and in no file.
    let proc = "/proc/[0-9]*/environ /proc/[0-9]*/cmdline";
    assert!(type_as(0, &search(proc)).contains("environ"), "the service was told the secret");
    assert_eq!(
        type_as(0, &search(&format!("{here} /run/gearshift"))),
        "",
        "a file holds the secret"
    );
    // The hostile user reads what is meant for all, which shows that looking works, and not more.
    assert!(hostile(&format!("cat {here}/app.py")).contains("SUITE_SECRET"));
    assert_eq!(hostile(&search(&format!("{proc} {here} /run/gearshift"))), "");
    let ours = "gearshift cache .gearshift/runs";
    let readable = hostile(&format!("cd {here} && find {ours} -readable 2>/dev/null"));
    assert_eq!(readable, "", "another user may read this");
    let inside = hostile(&format!("cd {here} && find {ours} -mindepth 1 2>/dev/null"));
    assert_eq!(inside, "", "another user may list this");
    // Each by itself, whatever the directories above it are.
    let runs = folder.path().join(".gearshift/runs");
    for (path, _, mode, _) in everything(&folder.base()).iter().chain(&everything(&runs)) {
        assert_eq!(mode & 0o7077 & !0o1000, 0, "{} has mode {mode:o}", path.display());
    }
    let wanted = folder.base().join(&up.run).join("ec2/wanted.json");
    assert!(wanted.is_file() && runs.is_dir(), "there was something to read");
    told(&["down", &up.run]);
    assert!(!folder.base().join(&up.run).exists());
}

#[test]
fn a_hostile_local_user_ends_no_run_of_another_user_and_is_told_whose_it_is() {
    if !as_root() {
        return;
    }
    let folder = Folder::new();
    let up = folder.up("ec2", &["--physics", "off"]);
    let home = tempfile::tempdir().unwrap();
    let program = home.path().join("gearshift");
    fs::copy(env!("CARGO_BIN_EXE_gearshift"), &program).unwrap();
    chown(home.path(), Some(HOSTILE), Some(HOSTILE)).unwrap();
    let hostile = |arguments: &[&str], runtime: &Path| {
        let mut command = Command::new(&program);
        command.args(arguments).current_dir(home.path()).env_clear().env("HOME", home.path());
        command.env("PATH", "/usr/bin:/bin").env("XDG_RUNTIME_DIR", runtime);
        command.uid(HOSTILE).gid(HOSTILE).output().expect("gearshift starts")
    };
    let whose = format!("run {} belongs to uid 0: not ours to end", up.run);
    for runtime in [home.path(), folder.path()] {
        let one = hostile(&["down", &up.run], runtime);
        assert_eq!(one.status.code(), Some(1), "{one:?}");
        assert!(said(&one).contains(&whose), "{}", said(&one));
        let all = hostile(&["down", "--all"], runtime);
        assert!(all.status.success() && said(&all).contains(&whose), "{all:?}");
        assert!(String::from_utf8_lossy(&all.stdout).contains("nothing is running"), "{all:?}");
    }
    let down = folder.text(&["down", &up.run]);
    assert!(
        !down.contains(" 0 processes") && down.contains("0 left"),
        "it stood until now: {down}"
    );
}

fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|at| at.join(program)).find(|at| at.is_file())
}
