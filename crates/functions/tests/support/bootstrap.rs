//! A custom runtime that does as it is told, right or wrong: the test program itself, started
//! again. It speaks the Runtime API over plain sockets, so that it may break its rules.
//!
//! What to do stands in the payload (`{"do": "echo"}`) or, where the payload is not the test's
//! own, in the variable `DO`. `INIT` does it before the first request.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

/// Starts this test program as a bootstrap; it must have a test named `bootstrap` that calls
/// [`serve`].
pub fn command() -> Vec<PathBuf> {
    let this = std::env::current_exe().expect("a program has a path");
    [this, "bootstrap".into(), "--exact".into(), "--nocapture".into()].into()
}

/// Serves until ended where this process was started as a bootstrap; otherwise nothing.
pub fn serve() {
    let Ok(api) = std::env::var("AWS_LAMBDA_RUNTIME_API") else { return };
    let api = Api(api);
    initialise(&api);
    let mut last_status = 0;
    loop {
        let (id, payload) = api.next();
        let asked: Value = serde_json::from_slice(&payload).unwrap_or_default();
        let told = std::env::var("DO").ok();
        let what = told.as_deref().or(asked["do"].as_str()).unwrap_or("echo");
        last_status = handle(&api, &id, what, &payload, &asked, last_status);
    }
}

fn initialise(api: &Api) {
    let what = std::env::var("INIT").unwrap_or_default();
    // Wrong once only where there is a file to remember it by.
    let once = std::env::var("ONCE").unwrap_or_default();
    if !once.is_empty() && Path::new(&once).exists() {
        return;
    }
    if !once.is_empty() {
        std::fs::write(&once, "done").expect("a writable path");
    }
    match what.as_str() {
        "error" => {
            let why = json!({ "errorType": "Init.NoKettle", "errorMessage": "no kettle here" });
            api.post("init/error", why.to_string().as_bytes());
            std::process::exit(1);
        }
        "exit" => std::process::exit(3),
        _ => {}
    }
}

/// Does it and returns the status the Runtime API gave for the answer.
fn handle(api: &Api, id: &str, what: &str, payload: &[u8], asked: &Value, last: u16) -> u16 {
    let respond = |body: &[u8]| api.post(&format!("invocation/{id}/response"), body);
    match what {
        "echo" => respond(payload),
        // What the caller sent as its body is what the function returns.
        "body" => respond(asked["body"].as_str().unwrap_or_default().as_bytes()),
        // Longer than any gateway waits.
        "nap" => {
            thread::sleep(Duration::from_secs(40));
            respond(payload)
        }
        // The event as the body of an answer.
        "wrap" => {
            let event = String::from_utf8_lossy(payload);
            respond(json!({ "statusCode": 200, "body": event }).to_string().as_bytes())
        }
        "last-status" => respond(last.to_string().as_bytes()),
        "stamp" => {
            let began = now_us();
            thread::sleep(Duration::from_millis(asked["ms"].as_u64().unwrap_or(0)));
            respond(json!({ "began_us": began, "ended_us": now_us() }).to_string().as_bytes())
        }
        "spin" => {
            thread::spawn(|| while std::hint::black_box(true) {});
            respond(payload)
        }
        "error" => {
            let why = json!({ "errorType": "Teapot", "errorMessage": "short and stout" });
            api.post(&format!("invocation/{id}/error"), why.to_string().as_bytes())
        }
        "exit-0" => std::process::exit(0),
        "exit-1" => std::process::exit(1),
        "abort" => std::process::abort(),
        "exit-after" => {
            respond(payload);
            std::process::exit(0)
        }
        "hang" => loop {
            thread::park();
        },
        "eat" => {
            let mut eaten = Vec::new();
            // Written, so that the kernel must give it; bounded, should nobody stop it.
            while eaten.len() < 1024 {
                eaten.push(vec![1_u8; 1 << 20]);
            }
            respond(eaten.len().to_string().as_bytes())
        }
        "print" => {
            let mut out = std::io::stdout().lock();
            for line in 0..16_384 {
                writeln!(out, "this line is made sixty-four bytes long with its number {line:08}")
                    .expect("a reader");
            }
            respond(payload)
        }
        "large" => respond(&vec![b' '; 7 << 20]),
        "not-json" => respond(b"{\"oops"),
        other => panic!("the bootstrap cannot do `{other}`"),
    }
}

fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    u64::try_from(since.as_micros()).expect("before the year 500,000")
}

struct Api(String);

impl Api {
    /// The next request's id and payload.
    fn next(&self) -> (String, Vec<u8>) {
        let (head, body) = self.exchange("GET", "invocation/next", b"").expect("the API answers");
        let id = head.lines().find_map(|line| line.strip_prefix("lambda-runtime-aws-request-id: "));
        (id.expect("every request has an id").to_owned(), body)
    }

    /// The status; 0 where the API hung up instead.
    fn post(&self, path: &str, body: &[u8]) -> u16 {
        let answered = self.exchange("POST", path, body);
        let status = answered.and_then(|(head, _)| head.split(' ').nth(1)?.parse().ok());
        status.unwrap_or(0)
    }

    fn exchange(&self, method: &str, path: &str, body: &[u8]) -> Option<(String, Vec<u8>)> {
        let mut stream = TcpStream::connect(&self.0).ok()?;
        let head = format!(
            "{method} /2018-06-01/runtime/{path} HTTP/1.1\r\nhost: {}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            self.0,
            body.len()
        );
        stream.write_all(head.as_bytes()).ok()?;
        stream.write_all(body).ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head = String::from_utf8(answer[..end].to_vec()).ok()?;
        Some((head, answer.split_off(end + 4)))
    }
}
