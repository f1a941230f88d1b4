//! Functions that go wrong, and what a caller and a bill see of it.

mod support;

use std::time::Duration;

use bytes::Bytes;
use gearshift_functions::{Answer, FunctionConfig, InvokeApi, Refused};
use serde_json::{Value, json};
use support::client::{invoke, post};
use support::{Hosted, bootstrap, enforced, environment, failed, get, returned, until};

/// Not a test where it is started as a function's bootstrap.
#[test]
fn bootstrap() {
    bootstrap::serve();
}

const INVOKE: &str = "/2015-03-31/functions/tested/invocations";

/// The fields of an invocation's REPORT line, which must be its log's last.
fn report(answer: &Answer) -> Vec<&str> {
    let (start, end) = (
        format!("START RequestId: {} Version: $LATEST", answer.request_id),
        format!("END RequestId: {}", answer.request_id),
    );
    let lines: Vec<&str> = answer.log_tail.lines().collect();
    let [first, .., before, last] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!((*first, *before), (start.as_str(), end.as_str()));
    let fields: Vec<&str> = last.split('\t').filter(|field| !field.is_empty()).collect();
    assert_eq!(fields[0], format!("REPORT RequestId: {}", answer.request_id));
    assert_eq!(fields[1], format!("Duration: {:.2} ms", answer.duration.as_secs_f64() * 1e3));
    assert_eq!(fields[2], format!("Billed Duration: {} ms", answer.billed_ms));
    fields
}

/// The platform put an end to this invocation with this error; it is in AWS's words everywhere.
fn assert_platform_error(answer: &Answer, kind: &str, message: &str) {
    let (body, error) = failed(answer);
    let message = format!("RequestId: {} Error: {message}", answer.request_id);
    assert_eq!(body, json!({ "errorType": kind, "errorMessage": message }));
    assert_eq!(error.platform, Some(kind));
    let status = format!("Status: error|Error Type: {kind}");
    assert_eq!(report(answer)[5..].join("|"), status, "{}", answer.log_tail);
    let billed = answer.duration.as_secs_f64() * 1e3;
    assert_eq!(answer.billed_ms, billed.ceil() as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_timeout_ends_the_environment_and_bills_the_timeout() {
    let hosted = Hosted::rust(|config| config.timeout = Duration::from_millis(300));
    let warm = environment(&hosted.invoke(get("/hello")).await);
    hosted.rest().await;
    let answer = hosted.invoke(get("/sleep/2000")).await;
    let (body, error) = failed(&answer);
    let message =
        format!("RequestId: {} Error: Task timed out after 0.30 seconds", answer.request_id);
    assert_eq!(body, json!({ "errorType": "Sandbox.Timedout", "errorMessage": message }));
    assert_eq!(error.platform, Some("Sandbox.Timedout"));
    assert_eq!((answer.duration, answer.billed_ms), (Duration::from_millis(300), 300));
    assert_eq!(report(&answer)[5..], ["Status: timeout"], "{}", answer.log_tail);
    until("the environment is gone", || hosted.remains_of(&warm) == (0, 0)).await;
    let next = hosted.invoke(get("/hello")).await;
    assert!(returned(&next)["statusCode"] == 200 && next.timing.cold, "{next:?}");
    assert_ne!(environment(&next), warm);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_runtime_that_exits_is_reported_and_the_next_call_gets_a_new_one() {
    let cases = [
        ("exit-0", "Runtime exited without providing a reason"),
        ("exit-1", "Runtime exited with error: exit status 1"),
        ("abort", "Runtime exited with error: signal: aborted"),
    ];
    let hosted = Hosted::bootstrap(&[]);
    for (what, message) in cases {
        let before = environment(&hosted.invoke(json!({})).await);
        hosted.rest().await;
        let answer = hosted.invoke(json!({ "do": what })).await;
        assert_eq!(environment(&answer), before);
        assert_platform_error(&answer, "Runtime.ExitError", message);
        until("nothing is left of it", || hosted.remains_of(&before) == (0, 0)).await;
        let next = hosted.invoke(json!({ "do": "echo" })).await;
        assert!(next.result.is_ok() && next.timing.cold, "after {what}: {next:?}");
        hosted.rest().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_beyond_the_limit_kills_the_runtime() {
    if !enforced() {
        return;
    }
    let hosted = Hosted::bootstrap(&[]);
    hosted.invoke(json!({})).await;
    hosted.rest().await;
    let answer = hosted.invoke(json!({ "do": "eat" })).await;
    let message = "Runtime exited with error: signal: killed";
    assert_platform_error(&answer, "Runtime.OutOfMemory", message);
    assert_eq!(report(&answer)[3..5], ["Memory Size: 128 MB", "Max Memory Used: 128 MB"]);
    let next = hosted.invoke(json!({})).await;
    assert!(next.result.is_ok() && next.timing.cold, "{next:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_runtime_that_hangs_is_timed_out() {
    let hosted = Hosted::start(bootstrap::command(), |config: &mut FunctionConfig| {
        config.timeout = Duration::from_millis(1250);
    });
    let answer = hosted.invoke(json!({ "do": "hang" })).await;
    let (body, error) = failed(&answer);
    assert_eq!(error.platform, Some("Sandbox.Timedout"));
    let message = body["errorMessage"].as_str().expect("text");
    assert!(message.ends_with("Task timed out after 1.25 seconds"), "{message}");
    let init_ms = answer.init.expect("cold").as_secs_f64() * 1e3;
    assert_eq!(answer.billed_ms, (1250.0 + init_ms).ceil() as u64, "a cold call's init is billed");
    assert!(hosted.invoke(json!({})).await.result.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_of_the_function_itself_is_passed_on_as_it_is() {
    let hosted = Hosted::bootstrap(&[]);
    let first = environment(&hosted.invoke(json!({})).await);
    hosted.rest().await;
    let answer = hosted.invoke(json!({ "do": "error" })).await;
    let (body, error) = failed(&answer);
    assert_eq!(body, json!({ "errorType": "Teapot", "errorMessage": "short and stout" }));
    assert_eq!(error.platform, None);
    assert_eq!(report(&answer).len(), 5, "no status: {}", answer.log_tail);
    hosted.rest().await;
    let next = hosted.invoke(json!({})).await;
    assert_eq!(environment(&next), first, "an error of the function costs no environment");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_init_that_fails_is_tried_again_by_the_next_call() {
    let memory = tempfile::tempdir().expect("a folder");
    for (what, kind, message) in [
        ("error", "Init.NoKettle", "no kettle here"),
        ("exit", "Runtime.ExitError", "Runtime exited with error: exit status 3"),
    ] {
        let once = memory.path().join(what);
        let hosted = Hosted::bootstrap(&[("INIT", what), ("ONCE", once.to_str().expect("text"))]);
        let answer = hosted.invoke(json!({})).await;
        let (body, _) = failed(&answer);
        assert_eq!(body["errorType"], kind);
        let said = body["errorMessage"].as_str().expect("text");
        assert!(said.ends_with(message), "{said}");
        assert!(answer.timing.cold && answer.duration.is_zero(), "{answer:?}");
        let init_ms = answer.init.expect("it began").as_secs_f64() * 1e3;
        assert_eq!(answer.billed_ms, init_ms.ceil() as u64);
        let log = &answer.log_tail;
        // The test program says so itself when it starts.
        assert!(log.contains("running 1 test") && log.contains("REPORT RequestId: "), "{log}");
        let gone = environment(&answer);
        until("nothing is left of it", || hosted.remains_of(&gone) == (0, 0)).await;
        let next = hosted.invoke(json!({})).await;
        assert!(next.result.is_ok() && environment(&next) != gone, "{next:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_response_beyond_six_megabytes_is_refused() {
    let hosted = Hosted::bootstrap(&[]);
    let first = environment(&hosted.invoke(json!({})).await);
    hosted.rest().await;
    let answer = hosted.invoke(json!({ "do": "large" })).await;
    let (body, error) = failed(&answer);
    assert_eq!(error.platform, Some("Function.ResponseSizeTooLarge"));
    assert_eq!(body["errorType"], "Function.ResponseSizeTooLarge");
    let said = body["errorMessage"].as_str().expect("text");
    let limit = "Response payload size exceeded maximum allowed payload size (6291556 bytes).";
    assert_eq!(said, limit);
    assert!(answer.log_tail.contains("Error Type: Function.ResponseSizeTooLarge"));
    hosted.rest().await;
    let next = hosted.invoke(json!({ "do": "last-status" })).await;
    assert_eq!(environment(&next), first, "its runtime lives");
    assert_eq!(returned(&next), 413, "and was told why");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_megabyte_of_log_is_metered_and_its_end_is_kept() {
    let hosted = Hosted::bootstrap(&[]);
    hosted.invoke(json!({})).await;
    let before = hosted.function.usage().log_bytes;
    let answer = hosted.invoke(json!({ "do": "print" })).await;
    assert!(hosted.function.usage().log_bytes - before >= 1 << 20);
    let tail = &answer.log_tail;
    assert!(tail.len() <= 4096, "{}", tail.len());
    let lines: Vec<&str> = tail.lines().collect();
    let [.., printed, end, report] = lines.as_slice() else { panic!("{tail}") };
    assert!(printed.ends_with("with its number 00016383"), "{printed}");
    assert!(end.starts_with("END ") && report.starts_with("REPORT "), "{tail}");
    let next = hosted.invoke(json!({})).await;
    assert!(!next.log_tail.contains("sixty-four"), "{}", next.log_tail);
}

/// One Invoke over the wire: status, body, whether it is marked as an error, the log's last line.
async fn invoked(hosted: &Hosted, payload: Value) -> (u16, Bytes, String, String) {
    let api = InvokeApi::open(hosted.function.clone(), 0).await.expect("a free port");
    let request = post(INVOKE).header("x-amz-log-type", "Tail");
    let answer = invoke(&api, &hosted.function.config().keys, request, payload.to_string()).await;
    let error = answer.header("x-amz-function-error").to_owned();
    let log = answer.log();
    let last = log.lines().last().unwrap_or_default().to_owned();
    (answer.status.as_u16(), answer.body, error, last)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_the_wire_an_error_of_a_function_is_a_200_marked_as_such() {
    let hosted = Hosted::bootstrap(&[]);
    let (status, body, error, log) = invoked(&hosted, json!({ "do": "exit-1" })).await;
    assert_eq!((status, error.as_str()), (200, "Unhandled"));
    let body: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(body["errorType"], "Runtime.ExitError");
    assert!(log.starts_with("REPORT ") && log.contains("Error Type: Runtime.ExitError"), "{log}");
    let (status, body, error, log) = invoked(&hosted, json!({ "do": "echo" })).await;
    assert_eq!((status, error.as_str()), (200, ""));
    assert_eq!(body, json!({ "do": "echo" }).to_string());
    assert!(log.starts_with("REPORT ") && log.contains("Init Duration: "), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_the_wire_what_the_function_returns_is_not_read() {
    let hosted = Hosted::bootstrap(&[]);
    let (status, body, error, _) = invoked(&hosted, json!({ "do": "not-json" })).await;
    assert_eq!((status, error.as_str(), &body[..]), (200, "", &b"{\"oops"[..]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_the_wire_a_bad_request_never_reaches_the_function() {
    let hosted = Hosted::bootstrap(&[]);
    let api = InvokeApi::open(hosted.function.clone(), 0).await.expect("a free port");
    let large = format!("\"{}\"", "x".repeat(6 << 20));
    let elsewhere = "/2015-03-31/functions/elsewhere/invocations";
    for (path, payload, status, kind) in [
        (INVOKE, "{\"oops".to_owned(), 400, "InvalidRequestContentException"),
        (INVOKE, large.clone(), 413, "RequestTooLargeException"),
        (elsewhere, "{}".to_owned(), 404, "ResourceNotFoundException"),
    ] {
        let answer = invoke(&api, &hosted.function.config().keys, post(path), payload).await;
        assert_eq!((answer.status.as_u16(), answer.header("x-amzn-errortype")), (status, kind));
    }
    let bytes = large.len();
    let refused = hosted.function.invoke(Bytes::from(large)).await.expect_err("too large");
    assert_eq!(refused, Refused::RequestTooLarge { bytes });
    assert!(refused.to_string().starts_with(&format!("{bytes} byte payload is too large")));
    assert_eq!(hosted.function.usage().requests, 0);
    assert!(hosted.function.environments().is_empty());
}
