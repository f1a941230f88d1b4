//! HTTP API: request → event, response → answer.

mod support;

use std::time::Duration;

use gearshift_functions::Api;
use hyper::Request;
use serde_json::{Value, json};
use support::client::{get, post, send, send_and_leave};
use support::fronted::Fronted;
use support::{Hosted, bootstrap, until};

/// Not a test where it is started as a function's bootstrap.
#[test]
fn bootstrap() {
    bootstrap::serve();
}

/// The function returns its event, which is no HTTP response: the gateway makes it the body.
async fn echoing() -> Fronted {
    Fronted::by(Api::Http, Hosted::bootstrap(&[("DO", "echo")])).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_holds_the_request() {
    let fronted = echoing().await;
    let request = Request::put("/a/b%20c?x=1&y=%26+2&x=3&empty=")
        .header("user-agent", "tester/1")
        .header("X-Many", "one")
        .header("x-many", "two")
        .header("cookie", "a=1; b=2")
        .header("cookie", "c=3")
        .header("content-type", "application/json; charset=utf-8");
    let answer = send(fronted.address(), request, "{\"ü\": 1}").await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/json"));
    let event = answer.json();
    assert_eq!(event["version"], "2.0");
    assert_eq!(event["routeKey"], "$default");
    assert_eq!(event["rawPath"], "/a/b c");
    assert_eq!(event["rawQueryString"], "x=1&y=%26+2&x=3&empty=");
    let parameters = json!({ "x": "1,3", "y": "& 2", "empty": "" });
    assert_eq!(event["queryStringParameters"], parameters);
    assert_eq!(event["cookies"], json!(["a=1", "b=2", "c=3"]));
    assert_eq!(event["headers"]["x-many"], "one,two");
    assert_eq!(event["headers"]["host"], "tested.example");
    assert_eq!(event["headers"]["cookie"], Value::Null, "cookies have a field of their own");
    assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("{\"ü\": 1}"), &json!(false)));
    let context = &event["requestContext"];
    assert_eq!(
        (&context["stage"], &context["domainName"]),
        (&json!("$default"), &json!("tested.example"))
    );
    assert_eq!(context["domainPrefix"], "tested");
    let http = json!({
        "method": "PUT", "path": "/a/b c", "protocol": "HTTP/1.1",
        "sourceIp": "127.0.0.1", "userAgent": "tester/1",
    });
    assert_eq!(context["http"], http);
    assert_eq!(context["requestId"], answer.header("apigw-requestid"));
    let epoch_ms = context["timeEpoch"].as_i64().expect("a number");
    let time = context["time"].as_str().expect("text");
    let told =
        jiff::fmt::strtime::parse("%d/%b/%Y:%H:%M:%S %z", time).and_then(|t| t.to_timestamp());
    assert_eq!(told.expect(time).as_second(), epoch_ms / 1000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_leaves_out_what_the_request_does_not_have() {
    let fronted = echoing().await;
    let event = send(fronted.address(), get("/"), "").await.json();
    for absent in ["body", "cookies", "queryStringParameters"] {
        assert_eq!(event.get(absent), None, "{event}");
    }
    assert_eq!((&event["rawQueryString"], &event["isBase64Encoded"]), (&json!(""), &json!(false)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_is_not_text_goes_in_base64() {
    let fronted = echoing().await;
    let cases: [(&str, &[u8], &str, bool); 5] = [
        ("image/png", b"\x89PNG\xff", "iVBOR/8=", true),
        ("application/octet-stream", b"abc", "YWJj", true),
        ("text/plain", b"\xff\xfe", "//4=", true),
        ("text/html", b"<p>", "<p>", false),
        ("application/problem+json", b"{}", "{}", false),
    ];
    for (kind, sent, body, encoded) in cases {
        let request = post("/").header("content-type", kind);
        let event = send(fronted.address(), request, sent.to_vec()).await.json();
        assert_eq!(
            (&event["body"], &event["isBase64Encoded"]),
            (&json!(body), &json!(encoded)),
            "{kind}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_response_becomes_the_answer() {
    let fronted = Fronted::by(Api::Http, Hosted::bootstrap(&[("DO", "body")])).await;
    let returned = json!({
        "statusCode": 201,
        "headers": { "Content-Type": "image/png", "X-Number": 7, "content-length": "9999" },
        "cookies": ["a=1; HttpOnly", "b=2"],
        "body": "iVBOR/8=",
        "isBase64Encoded": true,
    });
    let answer = fronted.answer_to(&returned.to_string()).await;
    assert_eq!((answer.status.as_u16(), &answer.body[..]), (201, &b"\x89PNG\xff"[..]));
    assert_eq!((answer.header("content-type"), answer.header("x-number")), ("image/png", "7"));
    assert_eq!(answer.header("content-length"), "5", "the gateway counts for itself");
    let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1; HttpOnly", "b=2"]);
    let answer = fronted.answer_to(r#"{"statusCode":204}"#).await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (204, 0));
    let answer = fronted.answer_to(r#"{"statusCode":200,"body":"hello"}"#).await;
    assert_eq!(answer.header("content-type"), "text/plain;charset=UTF-8");
    assert!(answer.timing().environment.is_some(), "{:?}", answer.headers);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_response_without_a_status_is_the_body_of_a_200() {
    let fronted = Fronted::by(Api::Http, Hosted::bootstrap(&[("DO", "body")])).await;
    for returned in [r#"{"hello":"world"}"#, r#"[1,2]"#, r#""text""#, "7"] {
        let answer = fronted.answer_to(returned).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("content-type")),
            (200, "application/json")
        );
        assert_eq!(answer.json(), serde_json::from_str::<Value>(returned).expect("JSON"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_malformed_response_or_a_failed_function_is_a_500() {
    let fronted = Fronted::by(Api::Http, Hosted::bootstrap(&[("DO", "body")])).await;
    let malformed = [
        "{\"oops",
        "",
        r#"{"statusCode":"many"}"#,
        r#"{"statusCode":99}"#,
        r#"{"statusCode":200,"headers":{"a b":"c"}}"#,
        r#"{"statusCode":200,"headers":{"a":"b\nc"}}"#,
        r#"{"statusCode":200,"body":"***","isBase64Encoded":true}"#,
        r#"{"statusCode":200,"body":{"not":"text"}}"#,
    ];
    for returned in malformed {
        let answer = fronted.answer_to(returned).await;
        assert_eq!(answer.status, 500, "{returned}");
        assert_eq!(answer.json(), json!({ "message": "Internal Server Error" }), "{returned}");
    }
    assert_eq!(fronted.answer_to("{}").await.status, 200, "the next call works");
    assert_eq!(fronted.hosted.function.environments().len(), 1);
    for what in ["exit-1", "error"] {
        let failing = self::Fronted::by(Api::Http, Hosted::bootstrap(&[("DO", what)])).await;
        let answer = failing.answer_to("").await;
        assert_eq!(answer.status, 500, "{what}");
        assert_eq!(answer.json(), json!({ "message": "Internal Server Error" }), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_too_large_is_a_413_and_never_reaches_the_function() {
    let fronted = echoing().await;
    // Beyond the gateway's 10 MB; within them, but beyond the 6 MB of a function.
    for megabytes in [11, 7] {
        let request = post("/").header("content-type", "text/plain");
        let answer = send(fronted.address(), request, vec![b'x'; megabytes << 20]).await;
        assert_eq!(answer.status, 413, "{megabytes} MB");
        assert_eq!(answer.json(), json!({ "message": "Request Entity Too Large" }));
    }
    assert_eq!(fronted.hosted.function.usage().requests, 0);
    assert!(fronted.hosted.function.environments().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beyond_the_concurrency_limit_a_client_sees_503() {
    let fronted = Fronted::by(Api::Http, Hosted::rust(|config| config.concurrency = 1)).await;
    let to = fronted.address();
    let first = tokio::spawn(send(to, get("/sleep/400"), ""));
    until("the first is taken", || !fronted.hosted.function.environments().is_empty()).await;
    let answer = send(to, get("/hello"), "").await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()),
        (503, json!({ "message": "Service Unavailable" }))
    );
    assert_eq!(first.await.expect("no panic").status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_goes_away_does_not_break_the_environment() {
    let fronted = Fronted::by(Api::Http, Hosted::rust(|_| {})).await;
    let to = fronted.address();
    let first = send(to, get("/hello"), "").await;
    assert!(first.timing().cold);
    fronted.hosted.rest().await;
    let function = &fronted.hosted.function;
    let busy = until("it is busy", || function.environments().iter().any(|(_, busy)| *busy));
    send_and_leave(to, get("/sleep/300"), busy).await;
    until("the call is counted", || function.usage().requests == 2).await;
    fronted.hosted.rest().await;
    let next = send(to, get("/hello"), "").await;
    assert_eq!((next.status.as_u16(), next.json()), (200, json!({ "hello": "world" })));
    assert!(!next.timing().cold, "{:?}", next.headers);
    assert_eq!(next.timing().environment, first.timing().environment);
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(function.environments().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_gateway_meters_requests_in_steps_and_bytes_sent() {
    let fronted = Fronted::by(Api::Http, Hosted::bootstrap(&[("DO", "body")])).await;
    assert_eq!(fronted.answer_to(r#"{"statusCode":200,"body":"12345"}"#).await.body.len(), 5);
    let padded = format!(r#"{{"statusCode":200,"body":"x"}}{}"#, " ".repeat(1 << 20));
    assert_eq!(fronted.answer_to(&padded).await.body.len(), 1);
    // One, and three begun steps of 512 KB for a body a little over 1 MB.
    let usage = fronted.gateway.usage();
    assert_eq!(usage.requests, 4);
    // Six bytes of bodies, and two heads of some hundred bytes each.
    assert!((6 + 2 * 100..6 + 2 * 500).contains(&usage.bytes_out), "{}", usage.bytes_out);
}
