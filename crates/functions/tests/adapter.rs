//! The adapter as a function: an unchanged HTTP server behind every kind of event.
//!
//! Events have the fields that AWS documents:
//! - HTTP API, both formats: docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
//! - REST API: docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
//! - load balancer: docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
//! - function URL: docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html

mod support;

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use gearshift_functions::FunctionConfig;
use gearshift_sandbox::processes_of;
use serde_json::{Value, json};
use support::{Hosted, environment, failed, get, returned};

/// Written once, before any test starts a process: a file that is open for writing cannot be started,
/// and a process that is being started holds what its parent has open.
static ADAPTER: LazyLock<PathBuf> = LazyLock::new(|| {
    let adapter = gearshift_services::service("entry").expect("it is built in");
    adapter.place_in(Path::new(env!("CARGO_TARGET_TMPDIR"))).expect("room")
});

/// The test server behind the adapter, with these variables.
fn adapted(variables: &[(&str, &str)], change: impl FnOnce(&mut FunctionConfig)) -> Hosted {
    let server = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/handlers/service.py");
    let words = ["--", "python3", "-u"].map(PathBuf::from);
    let address = ["$HOST", "${PORT}"].map(PathBuf::from);
    let command = std::iter::once(ADAPTER.clone()).chain(words).chain([server]).chain(address);
    Hosted::start(command.collect(), |config| {
        config.variables.push(("PORT".to_owned(), "0".to_owned()));
        let owned = variables.iter().map(|(name, value)| (name.to_string(), value.to_string()));
        config.variables.extend(owned);
        change(config);
    })
}

fn plain() -> Hosted {
    adapted(&[], |_| {})
}

/// What the server was asked, as it tells in the answer's body.
fn asked(answer: &Value) -> Value {
    let body = answer["body"].as_str().expect("a body");
    serde_json::from_str(body).unwrap_or_else(|_| panic!("{body}"))
}

/// All values of a header that the server saw.
fn header(asked: &Value, name: &str) -> Vec<String> {
    let all = asked["headers"].as_array().expect("headers").iter();
    let of_name = all.filter(|pair| pair[0] == name);
    of_name.map(|pair| pair[1].as_str().unwrap_or_default().to_owned()).collect()
}

/// Format 1.0, as HTTP APIs and REST APIs send it.
fn v1(method: &str, path: &str) -> Value {
    json!({
        "resource": "/{proxy+}", "path": path, "httpMethod": method,
        "headers": { "Host": "abc.execute-api.eu-west-2.amazonaws.com", "X-Two": "2" },
        "multiValueHeaders": {
            "Host": ["abc.execute-api.eu-west-2.amazonaws.com"], "X-Two": ["1", "2"],
            "Cookie": ["a=1; b=2"],
        },
        "queryStringParameters": { "q": "y" },
        "multiValueQueryStringParameters": { "q": ["x z", "y"] },
        "requestContext": {
            "accountId": "0", "apiId": "abc", "httpMethod": method, "path": path, "stage": "prod",
            "requestId": "r", "protocol": "HTTP/1.1", "resourcePath": "/{proxy+}",
            "identity": { "sourceIp": "127.0.0.1", "userAgent": "test" },
        },
        "pathParameters": null, "stageVariables": null,
        "body": "hello", "isBase64Encoded": false,
    })
}

fn load_balancer(multi_value: bool) -> Value {
    let mut event = json!({
        "requestContext": { "elb": { "targetGroupArn":
            "arn:aws:elasticloadbalancing:eu-west-2:0:targetgroup/t/0" } },
        "httpMethod": "POST", "path": "/made",
        "body": "hello", "isBase64Encoded": false,
    });
    if multi_value {
        event["multiValueHeaders"] = json!({ "host": ["shop.example"], "x-two": ["1", "2"] });
        event["multiValueQueryStringParameters"] = json!({ "q": ["x%20z", "y"] });
    } else {
        event["headers"] = json!({ "host": "shop.example", "x-two": "2" });
        event["queryStringParameters"] = json!({ "q": "x%20z" });
    }
    event
}

#[tokio::test]
async fn http_api_format_2_and_function_urls_reach_the_service_and_back() {
    let hosted = plain();
    for domain in ["abc.execute-api.eu-west-2.amazonaws.com", "abc.lambda-url.eu-west-2.on.aws"] {
        let mut event = get("/made");
        event["requestContext"]["http"]["method"] = "POST".into();
        event["requestContext"]["domainName"] = domain.into();
        event["headers"] = json!({ "host": domain, "x-two": "1,2", "content-type": "text/plain" });
        event["rawQueryString"] = "q=x%20z&q=y".into();
        event["cookies"] = json!(["a=1", "b=2"]);
        event["body"] = "hello".into();
        let answer = returned(&hosted.invoke(event).await);
        assert_eq!(
            (&answer["statusCode"], &answer["isBase64Encoded"]),
            (&201.into(), &false.into())
        );
        assert_eq!(answer["headers"]["content-type"], "application/json", "{answer}");
        let asked = asked(&answer);
        assert_eq!(
            (&asked["method"], &asked["path"]),
            (&"POST".into(), &"/made?q=x%20z&q=y".into())
        );
        assert_eq!(asked["body"], "hello");
        assert_eq!(header(&asked, "host"), [domain]);
        assert_eq!(header(&asked, "cookie"), ["a=1; b=2"]);
        assert_eq!(header(&asked, "x-two"), ["1,2"]);
    }
}

#[tokio::test]
async fn cookies_and_headers_of_many_values_come_back_as_each_front_wants_them() {
    let hosted = plain();
    let answer = returned(&hosted.invoke(get("/cookies")).await);
    assert_eq!(answer["cookies"], json!(["a=1; Path=/", "b=2"]), "{answer}");
    assert_eq!(answer["headers"]["x-two"], "1, 2", "{answer}");
    let answer = returned(&hosted.invoke(v1("GET", "/cookies")).await);
    let many = &answer["multiValueHeaders"];
    assert_eq!(many["set-cookie"], json!(["a=1; Path=/", "b=2"]), "{answer}");
    assert_eq!(many["x-two"], json!(["1", "2"]), "{answer}");
}

#[tokio::test]
async fn format_1_of_http_and_rest_apis_reaches_the_service_and_back() {
    let hosted = plain();
    let mut http = v1("PUT", "/made");
    http["version"] = "1.0".into();
    for event in [http, v1("PUT", "/made")] {
        let answer = returned(&hosted.invoke(event).await);
        assert_eq!(answer["statusCode"], 201, "{answer}");
        let asked = asked(&answer);
        assert_eq!((&asked["method"], &asked["body"]), (&"PUT".into(), &"hello".into()));
        assert_eq!(asked["path"], "/made?q=x%20z&q=y");
        assert_eq!(header(&asked, "x-two"), ["1", "2"]);
        assert_eq!(header(&asked, "cookie"), ["a=1; b=2"]);
    }
}

#[tokio::test]
async fn a_load_balancers_events_are_answered_in_their_own_mode() {
    let hosted = plain();
    for (multi_value, query, two) in
        [(true, "/made?q=x%20z&q=y", &["1", "2"][..]), (false, "/made?q=x%20z", &["2"])]
    {
        let answer = returned(&hosted.invoke(load_balancer(multi_value)).await);
        assert_eq!(answer["statusDescription"], "201 Created", "{answer}");
        assert_eq!(answer["multiValueHeaders"].is_object(), multi_value, "{answer}");
        assert_eq!(answer["headers"].is_object(), !multi_value, "{answer}");
        let asked = asked(&answer);
        assert_eq!(asked["path"], query);
        assert_eq!(header(&asked, "x-two"), two);
        assert_eq!(header(&asked, "host"), ["shop.example"]);
    }
}

#[tokio::test]
async fn events_that_are_no_requests_are_posted_to_the_pass_through_path() {
    let hosted = adapted(&[("GEARSHIFT_PASS_THROUGH_PATH", "/queue")], |_| {});
    let event =
        json!({ "Records": [{ "eventSource": "aws:sqs", "messageId": "m", "body": "hello" }] });
    let told = returned(&hosted.invoke(event.clone()).await);
    assert_eq!((&told["method"], &told["path"]), (&"POST".into(), &"/queue".into()), "{told}");
    let body: Value = serde_json::from_str(told["body"].as_str().unwrap()).unwrap();
    assert_eq!(body, event);
}

#[tokio::test]
async fn bytes_of_every_value_go_there_and_back() {
    let hosted = plain();
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let mut event = get("/bytes");
    event["requestContext"]["http"]["method"] = "POST".into();
    event["body"] = BASE64_STANDARD.encode(&bytes).into();
    event["isBase64Encoded"] = true.into();
    let answer = returned(&hosted.invoke(event).await);
    assert_eq!(answer["isBase64Encoded"], true);
    assert_eq!(BASE64_STANDARD.decode(answer["body"].as_str().unwrap()).unwrap(), bytes);
}

#[tokio::test]
async fn an_answer_above_six_megabytes_is_refused_by_name_and_the_next_one_passes() {
    let hosted = adapted(&[], |config| config.memory_mb = 512);
    let big = async |bytes: usize| {
        let mut event = get("/big");
        event["rawQueryString"] = format!("n={bytes}").into();
        returned(&hosted.invoke(event).await)
    };
    let fits = big(6_000_000).await;
    assert_eq!(
        (fits["statusCode"].as_u64(), fits["body"].as_str().map(str::len)),
        (Some(200), Some(6_000_000))
    );
    let refused = big(7_000_000).await;
    assert_eq!(refused["statusCode"], 502);
    let said = refused["body"].as_str().unwrap();
    assert!(said.contains("7000000") || said.contains("6291556"), "no size in {said}");
    assert_eq!(big(10).await["statusCode"], 200);
}

#[tokio::test]
async fn the_service_sees_no_request_and_no_connection_that_nobody_caused() {
    let hosted = adapted(&[("START_DELAY", "0.3")], |_| {});
    for nth in 1..=3 {
        let seen = asked(&returned(&hosted.invoke(get("/seen")).await));
        assert_eq!((&seen["requests"], &seen["connections"]), (&nth.into(), &1.into()), "{seen}");
    }
}

#[tokio::test]
async fn ten_thousand_calls_one_after_the_other_leave_it_as_it_was() {
    let hosted = plain();
    let mut event = get("/hello");
    event["body"] = "x".repeat(1_000).into();
    let grown = async |calls: usize| {
        for _ in 0..calls {
            assert_eq!(returned(&hosted.invoke(event.clone()).await)["statusCode"], 200);
        }
        let adapter = processes_of(&hosted.run).into_iter().find(|process| {
            std::fs::read_to_string(format!("/proc/{}/comm", process.pid))
                .is_ok_and(|name| name.starts_with("gearshift-entr") || name.starts_with("entry"))
        });
        let at = PathBuf::from(format!("/proc/{}", adapter.expect("an adapter").pid));
        let status = std::fs::read_to_string(at.join("status")).expect("it lives");
        let kb = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
        let kb: u64 = kb.trim().trim_end_matches(" kB").parse().expect("a number");
        (kb, std::fs::read_dir(at.join("fd")).expect("it lives").count())
    };
    let (kb, files) = grown(500).await;
    let (kb_after, files_after) = grown(9_500).await;
    assert_eq!(files_after, files, "descriptors");
    assert!(kb_after <= kb + 512, "{kb} kB before, {kb_after} kB after");
}

#[tokio::test]
async fn a_service_that_dies_fails_its_request_by_name_and_the_next_finds_a_new_one() {
    let hosted = plain();
    let before = hosted.invoke(get("/hello")).await;
    let died = hosted.invoke(get("/die")).await;
    let (body, _) = failed(&died);
    assert_eq!(body["errorType"], "Service.Exited", "{body}");
    let said = body["errorMessage"].as_str().unwrap();
    assert!(said.contains('3') && said.contains("about to end"), "{said}");
    let after = hosted.invoke(get("/hello")).await;
    assert_eq!(returned(&after)["statusCode"], 200);
    assert_ne!(environment(&before), environment(&after));
}

#[tokio::test]
async fn a_service_that_hangs_ends_with_the_functions_timeout() {
    let hosted = adapted(&[], |config| config.timeout = Duration::from_secs(1));
    assert_eq!(returned(&hosted.invoke(get("/hello")).await)["statusCode"], 200);
    let hung = hosted.invoke(get("/hang")).await;
    let (body, error) = failed(&hung);
    assert_eq!(error.platform, Some("Sandbox.Timedout"), "{body}");
    assert_eq!(returned(&hosted.invoke(get("/hello")).await)["statusCode"], 200);
}

#[tokio::test]
async fn a_service_that_starts_slowly_is_waited_for() {
    let hosted = adapted(&[("START_DELAY", "1.5")], |_| {});
    let answer = hosted.invoke(get("/hello")).await;
    assert_eq!(returned(&answer)["statusCode"], 200);
    assert!(answer.init >= Some(Duration::from_millis(1_500)), "{:?}", answer.init);
}

#[tokio::test]
async fn a_service_that_ends_before_it_listens_fails_the_init_with_its_last_words() {
    let hosted = adapted(&[("END_AT_START", "1")], |_| {});
    let answer = hosted.invoke(get("/hello")).await;
    let (body, _) = failed(&answer);
    let said = body.to_string();
    assert!(said.contains('5') && said.contains("no configuration"), "{said}");
}

#[tokio::test]
async fn a_service_that_closes_connections_answers_the_next_on_a_new_one() {
    let hosted = plain();
    for _ in 0..3 {
        assert_eq!(returned(&hosted.invoke(get("/close")).await)["body"], "bye");
    }
    // Sent and not answered: it may have been carried out, so it is not sent again.
    let before = asked(&returned(&hosted.invoke(get("/seen")).await));
    let dropped = returned(&hosted.invoke(get("/drop")).await);
    assert_eq!(dropped["statusCode"], 502, "{dropped}");
    let after = asked(&returned(&hosted.invoke(get("/seen")).await));
    let requests = |seen: &Value| seen["requests"].as_u64().unwrap();
    assert_eq!(requests(&after), requests(&before) + 2, "the dropped one and this");
}

#[tokio::test]
async fn a_stream_begins_with_status_and_headers() {
    let hosted = adapted(&[("GEARSHIFT_INVOKE_MODE", "response_stream")], |_| {});
    let answer = hosted.invoke(get("/cookies")).await;
    let kind = answer.streamed.as_deref();
    assert_eq!(kind, Some("application/vnd.awslambda.http-integration-response"));
    let whole = answer.result.expect("an answer");
    let end = whole.windows(8).position(|eight| eight == [0; 8]).expect("eight NULs");
    let prelude: Value = serde_json::from_slice(&whole[..end]).expect("JSON");
    assert_eq!(prelude["statusCode"], 200, "{prelude}");
    assert_eq!(prelude["cookies"], json!(["a=1; Path=/", "b=2"]), "{prelude}");
    assert_eq!(&whole[end + 8..], b"hello");
}
