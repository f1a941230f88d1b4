//! What happens to one request.

mod support;

use std::net::Ipv4Addr;
use std::time::Duration;

use bytes::Bytes;
use gearshift_balance::{Arrival, Member, PoolConfig, Refusal, Scheme, State};
use http_body_util::BodyExt;
use hyper::{Request, Response, StatusCode};
use support::{Balanced, Server, config, empty, full, nobody, pieces, read, send, soon};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// Sends every piece back as it comes.
async fn echo() -> Server {
    Server::start("echo", |request| async move {
        let body = request.into_body().map_err(|error| panic!("{error}")).boxed_unsync();
        Response::new(body)
    })
    .await
}

#[tokio::test]
async fn pieces_go_through_in_both_directions_before_the_last_is_sent() {
    let echo = echo().await;
    let balanced = Balanced::healthy(&[&echo], config()).await;
    let (sender, body) = pieces();
    sender.send("first").unwrap();
    let mut answer = balanced.send(Request::post("/"), body).await;
    for piece in ["first", "second", "third"] {
        if piece != "first" {
            sender.send(piece).unwrap();
        }
        let frame = soon(answer.body_mut().frame()).await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), piece);
    }
    balanced.in_flight(1).await;
    drop(sender);
    assert!(soon(answer.body_mut().frame()).await.is_none());
    balanced.in_flight(0).await;
}

#[tokio::test]
async fn a_large_upload_arrives_whole_with_its_length() {
    let server = Server::start("a", |request| async move {
        let length = request.headers()["content-length"].to_str().unwrap().to_owned();
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let sum: u64 = body.iter().map(|&byte| u64::from(byte)).sum();
        Response::new(full(format!("{length} {} {sum}", body.len())))
    })
    .await;
    let balanced = Balanced::healthy(&[&server], config()).await;
    let upload: Vec<u8> = (0..32 << 20).map(|i: u32| (i % 251) as u8).collect();
    let sum: u64 = upload.iter().map(|&byte| u64::from(byte)).sum();
    let length = upload.len();
    let answer = balanced.send(Request::post("/"), full(upload)).await;
    assert_eq!(read(answer).await, (StatusCode::OK, format!("{length} {length} {sum}")));
}

#[tokio::test]
async fn status_headers_path_and_method_go_through() {
    let server = Server::start("a", |request| async move {
        let told = format!(
            "{} {} {}",
            request.method(),
            request.uri(),
            request.headers()["host"].to_str().unwrap()
        );
        Response::builder().status(418).header("x-pot", "tea").body(full(told)).unwrap()
    })
    .await;
    let balanced = Balanced::healthy(&[&server], config()).await;
    let answer = balanced.send(Request::delete("/a%20b?c=d&e"), empty()).await;
    assert_eq!(answer.headers()["x-pot"], "tea");
    let (status, text) = read(answer).await;
    assert_eq!((status.as_u16(), &*text), (418, "DELETE /a%20b?c=d&e service.example"));
}

#[tokio::test]
async fn hop_by_hop_headers_stay_on_their_connection() {
    let server = Server::start("a", |request| async move {
        let mut names: Vec<_> = request.headers().keys().map(|name| name.as_str()).collect();
        names.sort_unstable();
        let mut response = Response::new(full(names.join(" ")));
        for (name, value) in [
            ("connection", "x-secret"),
            ("x-secret", "1"),
            ("keep-alive", "timeout=5"),
            ("x-kept", "1"),
        ] {
            response.headers_mut().insert(name, value.parse().unwrap());
        }
        response
    })
    .await;
    let balanced = Balanced::healthy(&[&server], config()).await;
    let request = Request::get("/")
        .header("connection", "x-mine")
        .header("x-mine", "1")
        .header("te", "trailers")
        .header("upgrade", "websocket")
        .header("x-kept", "1");
    let answer = balanced.send(request, empty()).await;
    let headers = answer.headers().clone();
    assert!(headers.contains_key("x-kept"));
    for gone in ["x-secret", "keep-alive", "connection"] {
        assert!(!headers.contains_key(gone), "{headers:?}");
    }
    let told = "host x-forwarded-for x-forwarded-port x-forwarded-proto x-kept";
    assert_eq!(read(answer).await.1, told);
}

#[tokio::test]
async fn members_are_told_where_a_request_came_from() {
    let server = Server::start("a", |request| async move {
        let value = |name| request.headers()[name].to_str().unwrap();
        let told =
            [value("x-forwarded-for"), value("x-forwarded-proto"), value("x-forwarded-port")];
        Response::new(full(told.join("|")))
    })
    .await;
    let balanced = Balanced::healthy(&[&server], config()).await;
    let request = Request::get("/").header("x-forwarded-for", "203.0.113.9");
    let told = read(balanced.send(request, empty()).await).await.1;
    assert_eq!(told, format!("203.0.113.9, 127.0.0.1|http|{}", balanced.address.port()));
}

#[tokio::test]
async fn connections_to_members_are_kept() {
    let a = Server::named("a").await;
    let config = PoolConfig {
        // One check only: they have connections of their own.
        health: gearshift_balance::HealthCheck { interval: support::LONG, ..config().health },
        ..config()
    };
    let balanced = Balanced::healthy(&[&a], config).await;
    let mut connections = a.connections.clone();
    soon(connections.wait_for(|&open| open == 0)).await.unwrap();
    for _ in 0..10 {
        balanced.get("/").await;
        balanced.in_flight(0).await;
    }
    assert_eq!(*connections.borrow(), 1);
}

#[tokio::test]
async fn a_client_that_goes_away_frees_its_place() {
    let hanging = Server::start("a", |_| std::future::pending()).await;
    let balanced = Balanced::healthy(&[&hanging], config()).await;
    let mut client = TcpStream::connect(balanced.address).await.unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let mut requests = hanging.requests.clone();
    soon(requests.wait_for(|&requests| requests == 1)).await.unwrap();
    assert_eq!(balanced.pool.states()[0].in_flight, 1);

    drop(client);
    balanced.in_flight(0).await;
    balanced.members.send_replace(Vec::new());
    // The member sees it too.
    let mut connections = hanging.connections.clone();
    soon(connections.wait_for(|&open| open == 0)).await.unwrap();
}

#[tokio::test]
async fn a_client_that_goes_away_in_its_upload_or_download_frees_its_place() {
    let echo = echo().await;
    let balanced = Balanced::healthy(&[&echo], config()).await;
    let mut client = TcpStream::connect(balanced.address).await.unwrap();
    client.write_all(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nabc").await.unwrap();
    client.read_u8().await.unwrap();
    balanced.in_flight(1).await;
    drop(client);
    balanced.in_flight(0).await;
}

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
async fn a_transfer_that_goes_on_may_outlast_the_idle_timeout() {
    let late = Server::start("a", |request| async move {
        let body = request.into_body().collect().await.unwrap().to_bytes();
        Response::new(full(body))
    })
    .await;
    let early = echo().await;
    for server in [&late, &early] {
        let balanced =
            Balanced::healthy(&[server], PoolConfig { idle_timeout: 4 * IDLE, ..config() }).await;
        let (sender, body) = pieces();
        let feed = async {
            for _ in 0..12 {
                tokio::time::sleep(IDLE).await;
                sender.send("x").unwrap();
            }
            drop(sender);
        };
        let request = async { read(balanced.send(Request::post("/"), body).await).await };
        let (answer, ()) = tokio::join!(request, feed);
        assert_eq!(answer, (StatusCode::OK, "x".repeat(12)));
    }
}

#[tokio::test]
async fn a_client_that_owes_its_body_is_408() {
    let late = Server::start("a", |request| async move {
        Response::new(full(
            request.into_body().collect().await.map_or(Bytes::new(), |b| b.to_bytes()),
        ))
    })
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
    let broken = http_body_util::StreamBody::new(broken);
    let broken = broken.map_frame(|data: hyper::body::Frame<Bytes>| data);
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

#[tokio::test]
async fn a_balancer_in_front_of_a_balancer_names_both_clients() {
    let server = Server::start("a", |request| async move {
        let value = request.headers()["x-forwarded-for"].to_str().unwrap().to_owned();
        Response::new(full(value))
    })
    .await;
    let inner = Balanced::healthy(&[&server], config()).await;
    let member = Member { id: "inner".into(), address: inner.address };
    let mut outer_config = config();
    outer_config.health.path = "/".into();
    let outer = Balanced::start(vec![member], outer_config).await;
    soon(outer.pool.healthy()).await;
    let answer = soon(send(outer.address, Request::get("/").body(empty()).unwrap())).await;
    assert_eq!(read(answer).await.1, "127.0.0.1, 127.0.0.1");
}
