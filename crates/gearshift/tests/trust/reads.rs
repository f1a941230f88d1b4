//! A file or an answer that never ends, or never begins, ends no patience and fills no memory.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::common::Folder;

/// Longer than any refusal takes on a busy machine; what waits for a pipe waits for ever.
const PATIENCE: Duration = Duration::from_secs(60);
/// Beyond what any refusal needs, within what the machine has.
const MEMORY_KIB: &str = "4000000";

/// Runs it in so much address space, and ends it where it does not end by itself.
fn ends(mut command: Command) -> Output {
    let limited = "ulimit -v $0; exec \"$@\"";
    let mut shell = Command::new("sh");
    shell.args(["-c", limited, MEMORY_KIB]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        shell.env(name, value.expect("set"));
    }
    shell.current_dir(command.get_current_dir().expect("a folder"));
    shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command = shell;
    let mut child: Child = command.spawn().expect("it starts");
    let began = Instant::now();
    while child.try_wait().expect("a child").is_none() {
        if began.elapsed() > PATIENCE {
            let _ = child.kill();
            panic!("it waits: {command:?}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.wait_with_output().expect("it ended")
}

/// Refused, with these words.
fn refused(folder: &Folder, arguments: &[&str], words: &[&str]) {
    let output = ends(folder.gearshift(arguments));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        matches!(output.status.code(), Some(1 | 2)),
        "{arguments:?}: {}: {said}",
        output.status
    );
    for word in words {
        assert!(said.contains(word), "{arguments:?}: `{word}` is missing: {said}");
    }
}

fn pipe(folder: &Folder, name: &str) {
    nix::unistd::mkfifo(&folder.path().join(name), nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
}

#[test]
fn pipes_and_devices_are_refused_by_name_wherever_a_file_is_read() {
    let folder = Folder::new();
    pipe(&folder, "pipe");
    for (file, what) in [("pipe", "a named pipe"), ("/dev/zero", "a device")] {
        refused(&folder, &["up", "ec2", "--config", file], &[file, what]);
        refused(&folder, &["plan", file, "--no-page"], &[file, what, "gearshift plan -"]);
        refused(&folder, &["invoke", "lambda-rust-dynamodb", "--payload", file], &[file, what]);
    }
    pipe(&folder, "results.json");
    let runs = folder.path().join(".gearshift/runs/0badcafe");
    fs::create_dir_all(&runs).unwrap();
    fs::rename(folder.path().join("results.json"), runs.join("results.json")).unwrap();
    refused(&folder, &["diff", "0badcafe", "0badcafe"], &["results.json", "a named pipe"]);
    let price = ["price", "--calls", "5M", "--service", "0badcafe"];
    refused(&folder, &price, &["results.json", "a named pipe"]);
    pipe(&folder, "gearshift.toml");
    refused(&folder, &["up", "ec2"], &["gearshift.toml", "a named pipe"]);
    fs::remove_file(folder.path().join("gearshift.toml")).unwrap();
    let toml = "name = \"x\"\n[service]\ncommand = [\"true\"]\n\
                [[requests]]\npath = \"/\"\nmethod = \"POST\"\nbody_file = \"pipe\"\n";
    fs::write(folder.path().join("gearshift.toml"), toml).unwrap();
    refused(&folder, &["compare"], &["body_file", "pipe", "a named pipe"]);
}

#[test]
fn init_looks_at_a_folder_of_pipes_without_waiting() {
    let folder = Folder::new();
    for name in ["package.json", "Cargo.toml", "Dockerfile", "app.py", "requirements.txt", "go.mod"]
    {
        pipe(&folder, name);
    }
    let output = ends(folder.gearshift(&["init"]));
    assert!(matches!(output.status.code(), Some(0..=2)), "{output:?}");
}

#[test]
fn what_is_larger_than_its_kind_can_be_is_refused_by_name() {
    let folder = Folder::new();
    let large = fs::File::create(folder.path().join("large")).unwrap();
    // A hole: it takes no room.
    large.set_len(1 << 40).unwrap();
    refused(&folder, &["up", "ec2", "--config", "large"], &["large", "larger than"]);
    refused(
        &folder,
        &["invoke", "lambda-rust-dynamodb", "--payload", "large"],
        &["large", "larger"],
    );
}

/// Answers every request with a head that promises more, and then what `body` writes.
fn server(body: fn(&mut dyn Write) -> std::io::Result<()>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            std::thread::spawn(move || {
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{");
                // Whoever asked goes.
                let _ = body(&mut stream);
            });
        }
    });
    format!("http://{address}")
}

#[test]
fn a_price_list_that_never_ends_ends_the_refresh_with_its_name() {
    let endless = server(|out| {
        let chunk = [b' '; 65_536];
        loop {
            out.write_all(&chunk)?;
        }
    });
    let dripping = server(|out| {
        loop {
            out.write_all(b" ")?;
            std::thread::sleep(Duration::from_millis(200));
        }
    });
    for (base, why) in [(endless, "more than"), (dripping, "timeout")] {
        let folder = Folder::new();
        let refresh = ["price", "refresh", "--region", "eu-west-2", "--no-ec2", "--timeout", "2"];
        let refresh = [&refresh[..], &["--base-url", &base]].concat();
        let mut command = folder.gearshift(&refresh);
        command.env("XDG_DATA_HOME", folder.path().join("data"));
        let output = ends(command);
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("region_index.json"), "{said}");
        assert!(said.contains(why) || said.contains("timeout"), "{said}");
    }
}
