//! Programs that the tests are given by the system.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Runs a tool in `folder`; it must succeed. Returns what it printed.
pub fn run(folder: &Path, words: &[&str]) -> String {
    let output = output(folder, words);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {}: {said}", output.status);
    String::from_utf8(output.stdout).expect("text")
}

pub fn output(folder: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).current_dir(folder);
    command.output().unwrap_or_else(|error| panic!("{words:?}: {error}"))
}

/// A process that is ended with this value.
pub struct Running(Child);

impl Running {
    pub fn start(command: &mut Command) -> Self {
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(quiet.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let pid = Pid::from_raw(i32::try_from(self.0.id()).expect("process ids fit"));
        let _ = kill(pid, Signal::SIGTERM);
        let _ = self.0.wait();
    }
}

/// A port of this machine that nobody listens on.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// Waits for `ready`, as long as a busy machine may take.
pub fn wait_until(what: &str, mut ready: impl FnMut() -> bool) {
    for _ in 0..600 {
        if ready() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("waited for a minute: {what}");
}

/// The body of an answer of status 200, once there is one.
pub fn get(port: u16, path: &str) -> String {
    let mut body = String::new();
    wait_until(&format!("127.0.0.1:{port}{path}"), || match asked(port, path) {
        Ok(answer) if answer.starts_with("HTTP/1.1 200") => {
            body = answer.split_once("\r\n\r\n").expect("a body").1.to_owned();
            true
        }
        _ => false,
    });
    body
}

fn asked(port: u16, path: &str) -> std::io::Result<String> {
    use std::io::{Read, Write};
    let mut connection = std::net::TcpStream::connect(("127.0.0.1", port))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes())?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    Ok(answer)
}
