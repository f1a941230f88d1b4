//! REST API: request → event, response → answer. What is expected stands in
//! docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html.

mod support;

use std::time::{Duration, Instant};

use gearshift_functions::Api;
use hyper::Request;
use serde_json::{Value, json};
use support::client::{get, post, send};
use support::fronted::Fronted;
use support::{Hosted, bootstrap};

/// Not a test where it is started as a function's bootstrap.
#[test]
fn bootstrap() {
    bootstrap::serve();
}

/// The function answers with its event as the body.
async fn wrapping() -> Fronted {
    Fronted::by(Api::Rest, Hosted::bootstrap(&[("DO", "wrap")])).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_of_format_1_holds_the_request() {
    let fronted = wrapping().await;
    let request = Request::put("/a/b%20c?x=1&y=%26+2&x=3&empty=")
        .header("user-agent", "tester/1")
        .header("X-Many", "one")
        .header("x-many", "two")
        .header("cookie", "a=1; b=2")
        .header("content-type", "application/json");
    let answer = send(fronted.address(), request, "{\"ü\": 1}").await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/json"));
    let event = answer.json();
    assert_eq!(event["resource"], "/{proxy+}");
    assert_eq!((&event["path"], &event["httpMethod"]), (&json!("/a/b c"), &json!("PUT")));
    assert_eq!(event["pathParameters"], json!({ "proxy": "a/b c" }));
    assert_eq!(event["queryStringParameters"], json!({ "x": "3", "y": "& 2", "empty": "" }));
    let many = json!({ "x": ["1", "3"], "y": ["& 2"], "empty": [""] });
    assert_eq!(event["multiValueQueryStringParameters"], many);
    assert_eq!(event["headers"]["X-Many"], "two", "the last one wins");
    assert_eq!(event["multiValueHeaders"]["X-Many"], json!(["one", "two"]));
    assert_eq!(event["headers"]["Host"], "tested.example");
    assert_eq!(event["headers"]["Cookie"], "a=1; b=2");
    assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("{\"ü\": 1}"), &json!(false)));
    assert_eq!(event["stageVariables"], Value::Null);
    let context = &event["requestContext"];
    assert_eq!(context["path"], "/prod/a/b%20c");
    assert_eq!((&context["stage"], &context["resourcePath"]), (&json!("prod"), &event["resource"]));
    assert_eq!(context["identity"]["sourceIp"], "127.0.0.1");
    assert_eq!(context["identity"]["userAgent"], "tester/1");
    assert_eq!(context["requestId"], answer.header("x-amzn-requestid"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_request_does_not_have_is_null() {
    let fronted = wrapping().await;
    let event = send(fronted.address(), get("/"), "").await.json();
    assert_eq!(event["resource"], "/");
    for absent in
        ["body", "queryStringParameters", "multiValueQueryStringParameters", "pathParameters"]
    {
        assert_eq!(event.get(absent), Some(&Value::Null), "{absent}: {event}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_are_text_both_ways_without_binary_media_types() {
    let fronted = wrapping().await;
    let request = post("/").header("content-type", "image/png");
    let event = send(fronted.address(), request, b"\x89PNG".to_vec()).await.json();
    assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("\u{fffd}PNG"), &json!(false)));
    let fronted = Fronted::by(Api::Rest, Hosted::bootstrap(&[("DO", "body")])).await;
    let returned = r#"{"statusCode":200,"isBase64Encoded":true,"body":"iVBORw=="}"#;
    assert_eq!(fronted.answer_to(returned).await.body, "iVBORw==");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_of_one_and_of_many_values_are_joined() {
    let fronted = Fronted::by(Api::Rest, Hosted::bootstrap(&[("DO", "body")])).await;
    let returned = json!({
        "statusCode": 201,
        "headers": { "X-One": 1, "set-cookie": "lost=1", "content-type": "text/plain" },
        "multiValueHeaders": { "Set-Cookie": ["a=1", "b=2"] },
        "body": "made",
    });
    let answer = fronted.answer_to(&returned.to_string()).await;
    assert_eq!((answer.status.as_u16(), &answer.body[..]), (201, &b"made"[..]));
    assert_eq!((answer.header("x-one"), answer.header("content-type")), ("1", "text/plain"));
    let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1", "b=2"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_malformed_response_or_a_failed_function_is_a_502() {
    let fronted = Fronted::by(Api::Rest, Hosted::bootstrap(&[("DO", "body")])).await;
    let malformed = [
        "\"hello\"",
        r#"{"body":"no status"}"#,
        r#"{"statusCode":200,"body":{"a":1}}"#,
        r#"{"statusCode":200,"multiValueHeaders":{"x-power":"not a list"}}"#,
    ];
    for returned in malformed {
        let answer = fronted.answer_to(returned).await;
        assert_eq!(answer.status.as_u16(), 502, "{returned}");
        assert_eq!(answer.json(), json!({ "message": "Internal server error" }), "{returned}");
    }
    let failing = Fronted::by(Api::Rest, Hosted::bootstrap(&[("DO", "error")])).await;
    assert_eq!(failing.answer_to("{}").await.status.as_u16(), 502);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_large_is_a_413_of_the_gateway_or_of_lambda() {
    let fronted = wrapping().await;
    let request = || post("/").header("content-type", "text/plain");
    let beyond_gateway = vec![b'x'; 10 * 1024 * 1024 + 1];
    let answer = send(fronted.address(), request(), beyond_gateway).await;
    assert_eq!(answer.status.as_u16(), 413);
    assert_eq!(answer.body, "HTTP content length exceeded 10485760 bytes.");
    let beyond_lambda = vec![b'x'; 7 * 1024 * 1024];
    let answer = send(fronted.address(), request(), beyond_lambda).await;
    assert_eq!(answer.status.as_u16(), 413);
    assert_eq!(answer.json(), json!({ "message": "Request Too Long" }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beyond_the_concurrency_limit_a_client_sees_500() {
    let hosted = Hosted::start(bootstrap::command(), |config| config.concurrency = 0);
    let fronted = Fronted::by(Api::Rest, hosted).await;
    assert_eq!(fronted.answer_to("{}").await.status.as_u16(), 500);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_counted_once_whatever_its_size() {
    let fronted = wrapping().await;
    let body = vec![b'x'; 2 * 1024 * 1024];
    send(fronted.address(), post("/").header("content-type", "text/plain"), body).await;
    fronted.hosted.rest().await;
    assert_eq!(fronted.gateway.usage().requests, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_that_takes_longer_than_its_gateway_waits_is_a_504_or_a_503() {
    if gearshift_testing::left_out("half a minute for the timeouts of API Gateway") {
        return;
    }
    let slow = |api| async move {
        let hosted = Hosted::start(bootstrap::command(), |config| {
            config.variables.push(("DO".to_owned(), "nap".to_owned()));
            config.timeout = Duration::from_secs(60);
        });
        let fronted = Fronted::by(api, hosted).await;
        let began = Instant::now();
        let answer = send(fronted.address(), get("/"), "").await;
        (answer.status.as_u16(), answer.json(), began.elapsed().as_secs())
    };
    let (rest, http) = tokio::join!(slow(Api::Rest), slow(Api::Http));
    assert_eq!(rest, (504, json!({ "message": "Endpoint request timed out" }), 29));
    assert_eq!(http, (503, json!({ "message": "Service Unavailable" }), 30));
}
