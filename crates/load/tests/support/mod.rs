//! Badly behaved servers, on threads of their own.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use gearshift_load::{Job, LoadError, Mode, Outcome};

/// What the server does with one request.
pub enum Act {
    /// Answers with this status and body.
    Answer(u16, String),
    /// Answers with these bytes, whatever they are, and keeps the connection.
    Raw(Vec<u8>),
    /// Answers with these bytes and closes the connection.
    RawThenClose(Vec<u8>),
    /// Closes the connection with the request unread, which resets it.
    Reset,
    /// Never answers.
    Hang,
}

/// A whole answer with a body.
pub fn answer(status: u16, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\n\r\n{body}").into_bytes()
}

#[derive(Default)]
struct Shared {
    stopping: AtomicBool,
    connections: AtomicU64,
    requests: AtomicU64,
    open: Mutex<Vec<TcpStream>>,
}

/// Ends when dropped.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
}

impl Server {
    /// `act` is given the number of the request, from 1, over all connections.
    pub fn start(act: impl Fn(u64) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let of_thread = Arc::clone(&shared);
        let act = Arc::new(act);
        let listener = thread::spawn(move || {
            for stream in listener.incoming() {
                if of_thread.stopping.load(SeqCst) {
                    break;
                }
                let stream = stream.unwrap();
                of_thread.connections.fetch_add(1, SeqCst);
                of_thread.open.lock().unwrap().push(stream.try_clone().unwrap());
                let (shared, act) = (Arc::clone(&of_thread), Arc::clone(&act));
                thread::spawn(move || serve(stream, &shared, &*act));
            }
        });
        Self { address, shared, listener: Some(listener) }
    }

    pub fn url(&self) -> String {
        format!("http://{}/path?q=1", self.address)
    }

    /// Connections accepted.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(SeqCst)
    }

    /// Requests that arrived.
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopping.store(true, SeqCst);
        let _wakes_the_listener = TcpStream::connect(self.address);
        for stream in self.shared.open.lock().unwrap().drain(..) {
            let _already_closed = stream.shutdown(Shutdown::Both);
        }
        let _panicked = self.listener.take().map(JoinHandle::join);
    }
}

fn serve(mut stream: TcpStream, shared: &Shared, act: &dyn Fn(u64) -> Act) {
    stream.set_nodelay(true).unwrap();
    // Clones kept for the end hold the socket open, so closing is always by shutdown; a reset needs
    // the last handle gone.
    while matches!(stream.peek(&mut [0]), Ok(1)) {
        let number = shared.requests.fetch_add(1, SeqCst) + 1;
        let act = act(number);
        if !matches!(act, Act::Reset) && read_head(&mut stream).is_none() {
            return;
        }
        let written = match act {
            Act::Answer(status, body) => stream.write_all(&answer(status, "", &body)),
            Act::Raw(bytes) => stream.write_all(&bytes),
            Act::RawThenClose(bytes) => {
                let _client_gone = stream.write_all(&bytes);
                let _client_gone = stream.shutdown(Shutdown::Both);
                return;
            }
            Act::Reset => {
                let peer = stream.peer_addr().ok();
                shared.open.lock().unwrap().retain(|open| open.peer_addr().ok() != peer);
                return;
            }
            Act::Hang => {
                while !shared.stopping.load(SeqCst) {
                    thread::sleep(Duration::from_millis(5));
                }
                return;
            }
        };
        if written.is_err() {
            return;
        }
    }
}

/// Reads a request without body up to its empty line.
fn read_head(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return None,
        }
    }
    Some(head)
}

/// Runs a job on one thread, as a load worker does.
pub fn try_run(job: &Job) -> Result<Outcome, LoadError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(gearshift_load::run(job, |_| {}))
}

pub fn run(job: &Job) -> Outcome {
    try_run(job).unwrap()
}

pub fn closed(connections: usize, calls: u64) -> Mode {
    Mode::Closed { connections, calls: Some(calls), duration_ms: None }
}

pub fn open(rate_per_s: f64, calls: u64, connections_max: usize) -> Mode {
    Mode::Open { rate_per_s, calls, connections_max }
}
