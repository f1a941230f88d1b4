//! Members that leave.

mod support;

use std::time::{Duration, Instant};

use gearshift_balance::{PoolConfig, State};
use http_body_util::BodyExt;
use hyper::{Request, Response, StatusCode};
use support::{Balanced, Server, config, empty, full, pieces, read, soon};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

/// A member that answers only when told to.
async fn holding(id: &'static str) -> (Server, watch::Sender<bool>) {
    let (release, released) = watch::channel(false);
    let server = Server::start(id, move |_| {
        let mut released = released.clone();
        async move {
            let _ = released.wait_for(|&released| released).await;
            Response::new(full(id))
        }
    })
    .await;
    (server, release)
}

async fn arrived(server: &Server, wanted: usize) {
    let mut requests = server.requests.clone();
    soon(requests.wait_for(|&requests| requests == wanted)).await.unwrap();
}

#[tokio::test]
async fn what_is_in_flight_finishes_and_nothing_new_is_sent() {
    let (a, release) = holding("a").await;
    let b = Server::named("b").await;
    let balanced = Balanced::healthy(&[&a], config()).await;
    let leaving = async {
        arrived(&a, 1).await;
        balanced.members.send_replace(vec![b.member.clone()]);
        balanced.until(|states| states.len() == 2 && states[1].state == State::Healthy).await;
        assert_eq!(balanced.state("a"), State::Draining);
        for _ in 0..10 {
            assert_eq!(balanced.get("/").await.1, "b");
        }
        assert_eq!(balanced.state("a"), State::Draining);
        release.send_replace(true);
        soon(balanced.pool.gone(&a.id())).await;
    };
    let (answer, ()) = tokio::join!(balanced.send(Request::get("/"), empty()), leaving);
    assert_eq!(read(answer).await, (StatusCode::OK, "a".into()));
    assert_eq!((a.count(), b.count()), (1, 10));
}

#[tokio::test]
async fn an_idle_member_is_gone_at_once_and_its_connections_with_it() {
    let a = Server::named("a").await;
    let balanced = Balanced::healthy(&[&a], config()).await;
    assert_eq!(balanced.get("/").await.1, "a");
    balanced.in_flight(0).await;

    let start = Instant::now();
    balanced.members.send_replace(Vec::new());
    soon(balanced.pool.gone(&a.id())).await;
    assert!(start.elapsed() < config().deregistration_delay);
    let mut connections = a.connections.clone();
    soon(connections.wait_for(|&open| open == 0)).await.unwrap();
    let (status, text) = balanced.get("/").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(text.contains("add members"), "{text}");
}

const DELAY: Duration = Duration::from_millis(100);

#[tokio::test]
async fn a_request_that_outlasts_the_delay_is_cut() {
    let (a, _release) = holding("a").await;
    let config = PoolConfig { deregistration_delay: DELAY, ..config() };
    let balanced = Balanced::healthy(&[&a], config).await;
    let leaving = async {
        arrived(&a, 1).await;
        let start = Instant::now();
        balanced.members.send_replace(Vec::new());
        soon(balanced.pool.gone(&a.id())).await;
        assert!(start.elapsed() >= DELAY, "{:?}", start.elapsed());
    };
    let (answer, ()) = tokio::join!(balanced.send(Request::get("/"), empty()), leaving);
    let (status, text) = read(answer).await;
    assert_eq!(status, StatusCode::BAD_GATEWAY);
    assert!(text.contains("deregistration delay"), "{text}");
    let mut connections = a.connections.clone();
    soon(connections.wait_for(|&open| open == 0)).await.unwrap();
}

#[tokio::test]
async fn an_answer_that_outlasts_the_delay_breaks_off() {
    let (more, body) = pieces();
    let body = std::sync::Mutex::new(Some(body));
    let a = Server::start("a", move |_| {
        let body = body.lock().unwrap().take().unwrap();
        async move { Response::new(body) }
    })
    .await;
    let config = PoolConfig { deregistration_delay: DELAY, ..config() };
    let balanced = Balanced::healthy(&[&a], config).await;
    more.send("first").unwrap();
    let mut answer = balanced.send(Request::get("/"), empty()).await;
    let first = soon(answer.body_mut().frame()).await.unwrap().unwrap();
    assert_eq!(first.into_data().unwrap(), "first");

    balanced.members.send_replace(Vec::new());
    soon(balanced.pool.gone(&a.id())).await;
    // Not as if it were complete: it has no length, so only an error can tell.
    assert!(soon(answer.body_mut().frame()).await.unwrap().is_err());
    balanced.in_flight(0).await;
}

#[tokio::test]
async fn a_client_that_does_not_read_does_not_keep_a_member() {
    let huge = vec![b'x'; 64 << 20];
    let a = Server::start("a", move |_| {
        let huge = huge.clone();
        async move { Response::new(full(huge)) }
    })
    .await;
    let config = PoolConfig { deregistration_delay: DELAY, ..config() };
    let balanced = Balanced::healthy(&[&a], config).await;
    let mut client = TcpStream::connect(balanced.address).await.unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    client.read_u8().await.unwrap();

    balanced.members.send_replace(Vec::new());
    soon(balanced.pool.gone(&a.id())).await;
    let mut connections = a.connections.clone();
    soon(connections.wait_for(|&open| open == 0)).await.unwrap();
}

#[tokio::test]
async fn a_member_that_comes_back_while_it_drains_starts_anew() {
    let (a, release) = holding("a").await;
    let balanced = Balanced::healthy(&[&a], config()).await;
    let leaving = async {
        arrived(&a, 1).await;
        balanced.members.send_replace(Vec::new());
        balanced.until(|states| states[0].state == State::Draining).await;
        balanced.members.send_replace(vec![a.member.clone()]);
        let states =
            balanced.until(|states| states.len() == 2 && states[1].state == State::Healthy).await;
        assert_eq!((&states[0].state, states[0].in_flight), (&State::Draining, 1));
        assert_eq!(states[1].in_flight, 0);
        release.send_replace(true);
        balanced.until(|states| states.len() == 1 && states[0].state == State::Healthy).await;
    };
    let (answer, ()) = tokio::join!(balanced.send(Request::get("/"), empty()), leaving);
    assert_eq!(read(answer).await, (StatusCode::OK, "a".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replacing_every_member_under_load_loses_no_request() {
    let mut servers = vec![Server::named("old").await, Server::named("old").await];
    let balanced =
        std::sync::Arc::new(Balanced::healthy(&[&servers[0], &servers[1]], config()).await);
    let stop = watch::Sender::new(false);
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (balanced, stop) = (balanced.clone(), stop.subscribe());
        clients.spawn(async move {
            while !*stop.borrow() {
                let (status, text) = balanced.get("/").await;
                assert_eq!(status, StatusCode::OK, "{text}");
            }
        });
    }
    for _ in 0..10 {
        let new = Server::named("new").await;
        let list = vec![servers[1].member.clone(), new.member.clone()];
        servers.push(new);
        balanced.members.send_modify(|members| members.push(list[1].clone()));
        balanced.until(|states| states.iter().all(|m| m.state == State::Healthy)).await;
        balanced.members.send_replace(list);
        let old = servers.remove(0);
        balanced.until(|states| states.iter().all(|m| m.member != old.member)).await;
        drop(old);
    }
    stop.send_replace(true);
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
}
