//! The counter invariant against a real server that counts well, and ones that do not.

mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::thread;

use axum::Router;
use axum::routing::post;
use gearshift_load::{Expect, ExpectBody, Job, Outcome};
use support::{Act, Server, closed, run};
use tokio::sync::oneshot;

/// A counter behind axum, on a runtime and thread of its own; ends when dropped.
struct Counter {
    address: SocketAddr,
    counter: Arc<AtomicU64>,
    _stop: oneshot::Sender<()>,
}

impl Counter {
    fn start(from: u64) -> Self {
        let counter = Arc::new(AtomicU64::new(from));
        let counted = Arc::clone(&counter);
        let (stop, stopped) = oneshot::channel::<()>();
        let (tell, told) = std::sync::mpsc::channel();
        thread::spawn(move || {
            let hit = move |body: String| async move {
                assert_eq!(body, "+1");
                (counted.fetch_add(1, SeqCst) + 1).to_string()
            };
            let app = Router::new().route("/hit", post(hit));
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                tokio::select! {
                    served = async { axum::serve(listener, app).await } => served.unwrap(),
                    _ = stopped => {}
                }
            });
        });
        Self { address: told.recv().unwrap(), counter, _stop: stop }
    }
}

fn counting(url: String, connections: usize, calls: u64) -> Outcome {
    let expect = Expect { status: 200, body: ExpectBody::Count };
    run(&Job { expect, ..Job::new(url, closed(connections, calls)) })
}

#[test]
fn a_real_counter_holds_for_many_callers() {
    let counter = Counter::start(41);
    let job = Job {
        method: "POST".to_owned(),
        body: Some("+1".to_owned()),
        expect: Expect { status: 200, body: ExpectBody::Count },
        ..Job::new(format!("http://{}/hit", counter.address), closed(8, 2_000))
    };
    let outcome = run(&job);
    let check = outcome.count_check_between(41, counter.counter.load(SeqCst));
    assert_eq!((check.acknowledged, check.unacknowledged, check.gaps), (2_000, 0, 0));
    assert_eq!((check.lowest, check.highest), (Some(42), Some(2_041)));
    assert!(check.holds(), "{:?}", check.reasons());
}

#[test]
fn counts_whose_answers_were_lost_are_explained_by_the_unacknowledged() {
    let server = Server::start(|number| match number % 7 {
        0 => Act::RawThenClose(Vec::new()),
        _ => Act::Answer(200, number.to_string()),
    });
    let outcome = counting(server.url(), 4, 300);
    assert_eq!(outcome.unacknowledged, 300 / 7);
    let check = outcome.count_check_between(0, server.requests());
    assert!(check.holds() && check.gaps > 0, "{:?}", check.reasons());
}

#[test]
fn a_counter_that_repeats_itself_is_found_out() {
    let server = Server::start(|number| Act::Answer(200, number.min(99).to_string()));
    let check = counting(server.url(), 1, 100).count_check();
    assert_eq!((check.duplicates, check.duplicated.as_slice()), (1, [99].as_slice()));
    assert!(!check.holds());
}

#[test]
fn a_counter_that_skips_is_found_out() {
    let server = Server::start(|number| Act::Answer(200, (number + number / 50).to_string()));
    let outcome = counting(server.url(), 1, 100);
    assert!(!outcome.count_check().holds());
    assert!(!outcome.count_check_between(0, 102).holds());
}
