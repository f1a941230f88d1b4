//! A member that is a process of its own, killed.

mod support;

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, ChildStdout, Command, Stdio};

use gearshift_balance::{Member, State};
use hyper::{Request, StatusCode};
use support::{Balanced, Server, config, empty, read};

const ANNOUNCEMENT: &str = "member process listens on ";
const HANGING: &str = "a request hangs";

/// The process that [`a_killed_process_gets_no_more_requests_once_checks_tell`] starts and kills:
/// it answers everything but `/hang`.
#[test]
#[ignore = "it is a member, not a test; it ends with its standard input"]
fn member_process() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    println!("\n{ANNOUNCEMENT}{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                let mut head = String::new();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                while !head.ends_with("\r\n\r\n") {
                    if reader.read_line(&mut head).unwrap_or(0) == 0 {
                        return;
                    }
                }
                if head.starts_with("GET /hang") {
                    println!("{HANGING}");
                    std::thread::park();
                }
                let ok = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 7\r\n\r\nprocess";
                let _ = stream.write_all(ok.as_bytes());
            });
        }
    });
    let _ = std::io::stdin().read(&mut [0]);
}

struct Process {
    child: Child,
    says: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// Starts [`member_process`].
    fn start() -> (Self, Member) {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["member_process", "--exact", "--ignored", "--nocapture"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let says = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut process = Self { child, says };
        let address = process.hear(ANNOUNCEMENT).parse().unwrap();
        (process, Member { id: "process".into(), address })
    }

    /// The rest of the next line that starts so.
    fn hear(&mut self, start: &str) -> String {
        let rest =
            |line: std::io::Result<String>| Some(line.unwrap().strip_prefix(start)?.to_owned());
        self.says.find_map(rest).expect("it ended without saying so")
    }

    /// SIGKILL.
    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

#[tokio::test]
async fn a_killed_process_gets_no_more_requests_once_checks_tell() {
    let (mut process, member) = Process::start();
    let other = Server::named("other").await;
    let balanced = Balanced::start(vec![member, other.member.clone()], config()).await;
    balanced.until(|states| states.iter().all(|m| m.state == State::Healthy)).await;
    let mut answers = [balanced.get("/").await.1, balanced.get("/").await.1];
    answers.sort();
    assert_eq!(answers, ["other", "process"]);

    // Round robin: the third request is the process's again.
    let killed = tokio::task::spawn_blocking(move || {
        process.hear(HANGING);
        process.kill();
    });
    let first = balanced.send(Request::get("/hang"), empty()).await;
    killed.await.unwrap();
    let (status, text) = read(first).await;
    assert_eq!(status, StatusCode::BAD_GATEWAY, "{text}");
    assert!(text.contains("may have been carried out"), "{text}");

    balanced.until(|states| matches!(states[0].state, State::Unhealthy { .. })).await;
    for _ in 0..20 {
        assert_eq!(balanced.get("/").await, (StatusCode::OK, "other".into()));
    }
}
