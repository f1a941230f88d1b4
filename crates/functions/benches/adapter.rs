//! What the adapter costs: `cargo bench -p gearshift-functions --bench adapter`.
//!
//! The peer is `function-rust`: the same routes behind AWS's own runtime client, without an HTTP
//! server between. What a call through the adapter takes longer is what running an unchanged server
//! costs: the adapter and one request over loopback, which is measured alone, too. All in the same
//! run and in turns. Prints medians and their ratio to the bar; asserts nothing, for a shared machine
//! is no judge.

#[path = "../tests/support/mod.rs"]
mod support;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use support::{Hosted, get};

const CALLS: usize = 2_000;
const STARTS: usize = 40;
/// The bars: what the adapter may add to a call, and to a start.
const CALL_BAR_US: f64 = 100.0;
const START_BAR_MS: f64 = 5.0;

fn main() {
    // `cargo test --all-targets` builds and starts benchmarks too, without this.
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("measures only under cargo bench -p gearshift-functions --bench adapter");
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        calls().await;
        starts().await;
    });
}

fn service(name: &str) -> PathBuf {
    let service = gearshift_services::service(name).expect("it is built in");
    service.place_in(Path::new(env!("CARGO_TARGET_TMPDIR"))).expect("room")
}

fn adapted(hits: &Path) -> Hosted {
    let command = vec![service("entry"), "--".into(), hits.to_owned()];
    Hosted::start(command, |config| {
        config.variables.push(("PORT".to_owned(), "0".to_owned()));
    })
}

/// `hits` by itself, on a port of its own.
struct Plain {
    process: Child,
    address: SocketAddr,
}

impl Plain {
    /// Starts it and waits until it listens: how long that took, looked at every 50 µs.
    fn start(hits: &Path) -> (Self, Duration) {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
        let address = port.expect("a free port");
        let began = Instant::now();
        let mut command = Command::new(hits);
        command.env("PORT", address.port().to_string()).env("BIND", "127.0.0.1");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let plain = Self { process: command.spawn().expect("it starts"), address };
        while TcpStream::connect(address).is_err() {
            std::thread::sleep(Duration::from_micros(50));
        }
        (plain, began.elapsed())
    }

    async fn connect(&self) -> SendRequest<Empty<Bytes>> {
        let stream = tokio::net::TcpStream::connect(self.address).await.expect("it listens");
        stream.set_nodelay(true).expect("TCP");
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("HTTP");
        tokio::spawn(connection);
        sender
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn asked(client: &mut SendRequest<Empty<Bytes>>) -> Duration {
    let request = Request::get("/hello").header("host", "x").body(Empty::new()).expect("valid");
    let began = Instant::now();
    let answer = client.send_request(request).await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 200);
    answer.into_body().collect().await.expect("a body");
    began.elapsed()
}

async fn calls() {
    let hits = service("hits");
    let (adapted, peer) = (adapted(&hits), Hosted::rust(|_| {}));
    let (plain, _) = Plain::start(&hits);
    let mut client = plain.connect().await;
    let (mut through, mut inside, mut requests) = (Vec::new(), Vec::new(), Vec::new());
    for call in 0..CALLS + 100 {
        let one = [adapted.invoke(get("/hello")).await, peer.invoke(get("/hello")).await];
        let request = asked(&mut client).await;
        assert!(one.iter().all(|answer| answer.result.is_ok()), "{one:?}");
        if call >= 100 {
            through.push(one[0].duration);
            inside.push(one[1].duration);
            requests.push(request);
        }
    }
    let us = |times: Vec<Duration>| median(times).as_secs_f64() * 1e6;
    let (through, inside, requests) = (us(through), us(inside), us(requests));
    let added = through - inside;
    println!(
        "a call, p50 of {CALLS}: {through:.0} us through the adapter, {inside:.0} us inside the peer"
    );
    println!("  {added:.0} us more: {:.2} of the bar", added / CALL_BAR_US);
    println!("  of which a request to the server alone, with this client: {requests:.0} us");
}

async fn starts() {
    let hits = service("hits");
    let (mut own, mut through) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        own.push(Plain::start(&hits).1);
        let answer = adapted(&hits).invoke(get("/hello")).await;
        through.push(answer.init.expect("its first call"));
    }
    let ms = |times: Vec<Duration>| median(times).as_secs_f64() * 1e3;
    let (own, through) = (ms(own), ms(through));
    let added = through - own;
    println!("a start, p50 of {STARTS}: {through:.1} ms through the adapter, {own:.1} ms without");
    println!("  {added:.1} ms more: {:.2} of the bar", added / START_BAR_MS);
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
