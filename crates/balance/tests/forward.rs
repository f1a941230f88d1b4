//! What happens to one request that is answered.

mod support;

use std::time::Duration;

use gearshift_balance::{Member, PoolConfig};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper::{Request, Response, StatusCode};
use support::{Balanced, Server, config, empty, full, pieces, read, send, soon, whole};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

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

const IDLE: Duration = Duration::from_millis(100);

#[tokio::test]
async fn an_answer_to_head_keeps_the_length_of_what_it_does_not_carry() {
    let a = Server::start("a", |_| async { Response::new(full("twelve bytes")) }).await;
    let balanced = Balanced::healthy(&[&a], config()).await;
    let answer = balanced.send(Request::head("/"), empty()).await;
    assert_eq!(answer.headers()["content-length"], "12");
    assert_eq!(read(answer).await, (StatusCode::OK, String::new()));
    balanced.in_flight(0).await;
}

#[tokio::test]
async fn a_client_that_waits_to_be_asked_for_its_body_is_asked() {
    let a = Server::start("a", |request| async move { Response::new(full(whole(request).await)) });
    let a = a.await;
    let balanced = Balanced::healthy(&[&a], config()).await;
    let mut client = TcpStream::connect(balanced.address).await.unwrap();
    let head = b"POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n";
    client.write_all(head).await.unwrap();
    let mut asked = [0; 25];
    soon(client.read_exact(&mut asked)).await.unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
    client.write_all(b"abc").await.unwrap();
    let mut answer = vec![0; 15];
    soon(client.read_exact(&mut answer)).await.unwrap();
    assert_eq!(answer, b"HTTP/1.1 200 OK");
}

#[tokio::test]
async fn a_transfer_that_goes_on_may_outlast_the_idle_timeout() {
    let head_last =
        Server::start("a", |request| async move { Response::new(full(whole(request).await)) });
    let head_first = Server::start("a", |request| async move {
        let piece = async move { Ok(Frame::data(whole(request).await)) };
        let body = StreamBody::new(futures_util::stream::once(piece));
        Response::new(body.boxed_unsync())
    });
    let (head_last, head_first, echo) = (head_last.await, head_first.await, echo().await);
    let outlast = async |server: &Server| {
        let config = PoolConfig { idle_timeout: 20 * IDLE, ..config() };
        let balanced = Balanced::healthy(&[server], config).await;
        let (sender, body) = pieces();
        let feed = async {
            for _ in 0..25 {
                tokio::time::sleep(IDLE).await;
                sender.send("x").unwrap();
            }
            drop(sender);
        };
        let request = async { read(balanced.send(Request::post("/"), body).await).await };
        let (answer, ()) = tokio::join!(request, feed);
        assert_eq!(answer, (StatusCode::OK, "x".repeat(25)));
    };
    tokio::join!(outlast(&head_last), outlast(&head_first), outlast(&echo));
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
