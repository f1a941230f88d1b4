//! Requests that get no proper answer, and who is told what.

mod support;

use std::net::Ipv4Addr;
use std::time::Duration;

use bytes::Bytes;
use gearshift_balance::{Arrival, Member, PoolConfig, Refusal, Scheme, State};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper::{Request, Response, StatusCode};
use support::{Balanced, Server, config, empty, full, nobody, pieces, read, soon, whole};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

#[tokio::test]
async fn nobody_to_ask_is_503() {
    let balanced = Balanced::start(Vec::new(), config()).await;
    let answer = balanced.send(Request::get("/"), empty()).await;
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let (status, text) = read(answer).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(text.contains(r#""status":503"#), "{text}");
}

/// A raw member that reads the head of each request, says these bytes and closes. It is unhealthy
/// and alone, so it gets requests.
async fn saying(answer: &'static [u8]) -> (Balanced, tokio::sync::watch::Receiver<usize>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let member = Member { id: "raw".into(), address: listener.local_addr().unwrap() };
    let (count, requests) = tokio::sync::watch::channel(0);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let count = count.clone();
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let Ok(byte) = stream.read_u8().await else { return };
                    head.push(byte);
                }
                if !head.starts_with(b"GET /health") {
                    count.send_modify(|requests| *requests += 1);
                    let _ = stream.write_all(answer).await;
                }
            });
        }
    });
    let balanced = Balanced::start(vec![member], config()).await;
    balanced.until(|states| matches!(states[0].state, State::Unhealthy { .. })).await;
    (balanced, requests)
}

#[tokio::test]
async fn a_member_that_hangs_up_or_talks_nonsense_is_502_and_is_asked_once() {
    for answer in [&b""[..], b"220 smtp.example ESMTP\r\n", b"HTTP/1.1 200 OK\r\ncontent-le"] {
        let (balanced, requests) = saying(answer).await;
        for count in 1..=5 {
            let (status, text) = balanced.get("/").await;
            assert_eq!(status, StatusCode::BAD_GATEWAY);
            assert!(text.contains("`raw` gave no proper answer"), "{text}");
            assert_eq!(*requests.borrow(), count);
        }
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_not_passed_on_as_complete() {
    for answer in [
        &b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"[..],
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ] {
        let (balanced, _) = saying(answer).await;
        let answer = balanced.send(Request::get("/"), empty()).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert!(soon(answer.into_body().collect()).await.is_err());
        balanced.in_flight(0).await;
    }
}

#[tokio::test]
async fn a_kept_connection_that_dies_under_a_request_is_502_and_not_tried_again() {
    // Answers the first request of a connection and closes it on the second, unanswered.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let member = Member { id: "raw".into(), address: listener.local_addr().unwrap() };
    let (count, requests) = tokio::sync::watch::channel(0);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let count = count.clone();
            tokio::spawn(async move {
                for answered in [true, false] {
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        let Ok(byte) = stream.read_u8().await else { return };
                        head.push(byte);
                    }
                    if !head.starts_with(b"GET /health") {
                        count.send_modify(|requests| *requests += 1);
                    }
                    if answered {
                        let ok = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
                        stream.write_all(ok).await.unwrap();
                    }
                }
            });
        }
    });
    let balanced = Balanced::start(vec![member], config()).await;
    soon(balanced.pool.healthy()).await;
    assert_eq!(balanced.get("/").await.0, StatusCode::OK);
    balanced.in_flight(0).await;
    assert_eq!(balanced.get("/").await.0, StatusCode::BAD_GATEWAY);
    assert_eq!(*requests.borrow(), 2);
}

/// Closing a kept connection races with the next request on it. The library would try again unseen
/// where it knows the request unsent; here the client is told.
#[tokio::test]
async fn a_kept_connection_that_closes_before_a_request_is_not_replaced_unseen() {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let member = Member { id: "raw".into(), address: listener.local_addr().unwrap() };
    let (close, closing) = std::sync::mpsc::channel::<()>();
    let (close_done, closed) = std::sync::mpsc::channel::<()>();
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                std::io::Read::read_exact(&mut stream, &mut byte).unwrap();
                head.push(byte[0]);
            }
            let ok = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
            std::io::Write::write_all(&mut stream, ok).unwrap();
            if head.starts_with(b"GET /kept") {
                kept.push(stream);
                closing.recv().unwrap();
                kept.clear();
                close_done.send(()).unwrap();
            }
        }
    });
    let mut config = config();
    config.health.interval = support::LONG;
    let balanced = Balanced::start(vec![member], config).await;
    soon(balanced.pool.healthy()).await;
    let arrival = Arrival { client: Ipv4Addr::LOCALHOST.into(), port: 80, scheme: Scheme::HTTP };
    let ask = async |path: &str| {
        let request = Request::get(path).body(empty()).unwrap();
        let forwarded = soon(balanced.pool.forward(request, &arrival)).await?;
        soon(forwarded.response.into_body().collect()).await.unwrap();
        Ok::<_, Refusal>(())
    };
    let mut refusals = Vec::new();
    for _ in 0..20 {
        ask("/kept").await.unwrap();
        // The connection goes back to the others.
        tokio::time::sleep(Duration::from_millis(5)).await;
        // Blocks the runtime on purpose: the closed connection and this test are woken together.
        close.send(()).unwrap();
        closed.recv().unwrap();
        tokio::task::yield_now().await;
        refusals.extend(ask("/next").await.err());
    }
    assert!(!refusals.is_empty());
    assert!(refusals.iter().all(|r| matches!(r, Refusal::BadAnswer { .. })), "{refusals:?}");
}

#[tokio::test]
async fn a_member_that_does_not_listen_is_502() {
    let balanced = Balanced::start(vec![nobody("a").await], config()).await;
    balanced.until(|states| matches!(states[0].state, State::Unhealthy { .. })).await;
    let (status, text) = balanced.get("/").await;
    assert_eq!(status, StatusCode::BAD_GATEWAY);
    assert!(text.contains("cannot be reached") && text.contains("refused"), "{text}");
}

const IDLE: Duration = Duration::from_millis(100);

#[tokio::test]
async fn a_member_that_stays_silent_is_504() {
    let hanging = Server::start("a", |_| std::future::pending()).await;
    let balanced =
        Balanced::healthy(&[&hanging], PoolConfig { idle_timeout: IDLE, ..config() }).await;
    let (status, text) = balanced.get("/").await;
    assert_eq!(status, StatusCode::GATEWAY_TIMEOUT);
    assert!(text.contains("`a` was silent for 100ms"), "{text}");
    assert_eq!(hanging.count(), 1);
    balanced.in_flight(0).await;
}

#[tokio::test]
async fn a_member_that_takes_no_connection_is_504() {
    // Nobody accepts and its queue is full, so the kernel answers nothing.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queue = Vec::new();
    while let Ok(stream) =
        tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(address)).await
    {
        queue.push(stream.unwrap());
    }
    let mut config = PoolConfig { connect_timeout: IDLE, ..config() };
    config.health.timeout = Duration::from_millis(5);
    let balanced = Balanced::start(vec![Member { id: "a".into(), address }], config).await;
    balanced.until(|states| matches!(states[0].state, State::Unhealthy { .. })).await;
    let (status, text) = balanced.get("/").await;
    assert_eq!(status, StatusCode::GATEWAY_TIMEOUT);
    assert!(text.contains("took no connection within 100ms"), "{text}");
}

#[tokio::test]
async fn an_answer_that_falls_silent_breaks_off() {
    let (more, body) = pieces();
    let body = std::sync::Mutex::new(Some(body));
    let a = Server::start("a", move |_| {
        let body = body.lock().unwrap().take().unwrap();
        async move { Response::new(body) }
    })
    .await;
    let balanced = Balanced::healthy(&[&a], PoolConfig { idle_timeout: IDLE, ..config() }).await;
    more.send("first").unwrap();
    let answer = balanced.send(Request::get("/"), empty()).await;
    assert!(soon(answer.into_body().collect()).await.is_err());
    balanced.in_flight(0).await;
}

#[tokio::test]
async fn a_client_that_owes_its_body_is_408() {
    let late =
        Server::start("a", |request| async move { Response::new(full(whole(request).await)) })
            .await;
    let balanced = Balanced::healthy(&[&late], PoolConfig { idle_timeout: IDLE, ..config() }).await;
    let (_sender, body) = pieces();
    let (status, text) = read(balanced.send(Request::post("/"), body).await).await;
    assert_eq!(status, StatusCode::REQUEST_TIMEOUT);
    assert!(text.contains("the client sent nothing"), "{text}");
}

#[tokio::test]
async fn a_body_that_breaks_off_blames_the_client() {
    let a = Server::named("a").await;
    let balanced = Balanced::healthy(&[&a], config()).await;
    let broken = futures_util::stream::iter([Err(std::io::Error::other("torn"))]);
    let broken = StreamBody::new(broken);
    let broken = broken.map_frame(|data: Frame<Bytes>| data);
    let arrival = Arrival { client: Ipv4Addr::LOCALHOST.into(), port: 80, scheme: Scheme::HTTP };
    let request = Request::post("/").body(broken).unwrap();
    let refusal = soon(balanced.pool.forward(request, &arrival)).await.err().unwrap();
    assert_eq!(refusal, Refusal::ClientGone { why: "torn".into() });
    assert_eq!(refusal.status().as_u16(), 460);
    balanced.in_flight(0).await;
}

#[tokio::test]
async fn trace_is_not_forwarded() {
    let a = Server::named("a").await;
    let balanced = Balanced::healthy(&[&a], config()).await;
    let answer = balanced.send(Request::builder().method("TRACE").uri("/"), empty()).await;
    assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(a.count(), 0);
}
