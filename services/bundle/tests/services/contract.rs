//! What the routes promise.

use std::time::Duration;

use serde_json::Value;

use crate::server::Server;
use crate::wire::Message;

/// A table store whose endpoint nobody listens on: port 1 is reserved.
const UNREACHABLE_TABLE: [(&str, &str); 5] = [
    ("HITS_TABLE", "latency"),
    ("AWS_REGION", "eu-west-2"),
    ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "secret"),
    ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
];

#[test]
fn every_path_method_and_status_of_the_openapi_document_is_answered_as_it_says() {
    let (server, broken) = (Server::start(&[]), Server::start(&UNREACHABLE_TABLE));
    let document = server.ask("GET", "/openapi.json").json();
    let mut walked = Vec::new();
    for (path, item) in members(&document["paths"]) {
        for (method, operation) in members(item).filter(|(name, _)| *name != "parameters") {
            for (status, response) in members(&operation["responses"]) {
                let good = path.replace("{ms}", &item["parameters"][0]["example"].to_string());
                let method = method.to_uppercase();
                let (answer, expected) = match status {
                    "200" => (server.ask(&method, &good), 200),
                    "400" => (server.ask(&method, &path.replace("{ms}", "60001")), 400),
                    "503" => (broken.ask(&method, &good), 503),
                    "default" => (server.ask("DELETE", &good), 405),
                    other => {
                        panic!("{method} {path} lists {other}, which this test cannot bring about")
                    }
                };
                assert_eq!(answer.status(), expected, "{method} {path}: {answer:?}");
                check(&answer, resolve(&document, response), &document);
                walked.push(format!("{method} {path} {status}"));
            }
        }
    }
    for route in ["GET / 200", "POST /hits 503", "GET /burn/{ms} 400", "GET /docs 200"] {
        assert!(walked.iter().any(|walked| walked == route), "{route} is not in {walked:?}");
    }
    assert_eq!(walked.len(), 29, "{walked:?}");
}

/// The answer's content type is the listed one and its body fits the listed schema.
fn check(answer: &Message, response: &Value, document: &Value) {
    let (content_type, media) = members(&response["content"]).next().expect("one content type");
    assert_eq!(answer.header("content-type"), Some(content_type), "{answer:?}");
    let schema = resolve(document, &media["schema"]);
    if content_type.contains("json") {
        fits(&answer.json(), schema);
    } else if schema["pattern"] == "^[0-9]+$" {
        assert!(answer.body.bytes().all(|byte| byte.is_ascii_digit()), "{answer:?}");
        assert!(!answer.body.is_empty());
    } else {
        assert!(answer.body.starts_with("<!doctype html>"), "{answer:?}");
    }
}

/// As much of JSON Schema as the document uses.
fn fits(value: &Value, schema: &Value) {
    let right_type = match schema["type"].as_str().expect("every schema has a type") {
        "object" => value.is_object(),
        "string" => value.is_string(),
        "integer" => value.is_u64(),
        "number" => value.is_number(),
        other => panic!("unknown type {other}"),
    };
    assert!(right_type, "{value} does not fit {schema}");
    if let Some(only) = schema.get("const") {
        assert_eq!(value, only);
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        let name = name.as_str().expect("names are strings");
        assert!(value.get(name).is_some(), "{value} lacks {name}");
    }
    for (name, schema) in members(&schema["properties"]) {
        fits(&value[name], schema);
    }
}

fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => {
            document.pointer(&reference[1..]).expect("the reference leads somewhere")
        }
        None => value,
    }
}

fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(key, value)| (key.as_str(), value))
}

#[test]
fn an_error_is_a_problem_document_that_names_status_path_and_reason() {
    let server = Server::start(&[]);
    for (method, path, status, title) in [
        ("GET", "/nothing/here", 404, "Not Found"),
        ("DELETE", "/hits", 405, "Method Not Allowed"),
        ("GET", "/sleep/abc", 400, "Bad Request"),
        ("GET", "/sleep/-5", 400, "Bad Request"),
        ("GET", "/burn/1.5", 400, "Bad Request"),
        ("GET", "/burn/%ff", 400, "Bad Request"),
        ("GET", "/sleep/99999999999999999999", 400, "Bad Request"),
    ] {
        let answer = server.ask(method, path);
        assert_eq!(answer.status(), status, "{method} {path}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        let problem = answer.json();
        assert_eq!(problem["status"], status);
        assert_eq!(problem["title"], title);
        assert_eq!(problem["type"], "about:blank");
        assert_eq!(problem["instance"], path);
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.len() > 10), "{problem}");
    }
    let allow = server.ask("DELETE", "/hits");
    let allow = allow.header("allow").expect("405 says what is allowed (RFC 9110, 15.5.6)");
    assert!(allow.contains("GET") && allow.contains("POST"), "{allow}");
}

#[test]
fn the_page_and_the_docs_need_nothing_from_elsewhere() {
    let server = Server::start(&[]);
    for path in ["/", "/docs"] {
        let page = server.ask("GET", path).body;
        for outside in ["http:", "https:", "src=", "@import", "//cdn"] {
            assert!(!page.contains(outside), "{path} has {outside}");
        }
        assert!(page.contains("color-scheme") && page.contains("viewport"), "{path}");
    }
    let docs = server.ask("GET", "/docs").body;
    let document = server.ask("GET", "/openapi.json").json();
    for (path, _) in members(&document["paths"]) {
        assert!(docs.contains(&format!(" {path}</code>")), "{path} is not on the page");
    }
}

#[test]
fn burning_spends_the_asked_cpu_time_and_leaves_other_requests_alone() {
    let server = Server::start_on_one_processor();
    let mut burning = server.connect();
    burning.send("GET", "/burn/1500");
    let mut sleeping = server.connect();
    sleeping.send("GET", "/sleep/100");
    // One thread that burned itself would answer in the order of asking, and sleep after burning.
    assert_eq!(sleeping.answer_to("GET").expect("an answer").status(), 200);
    assert!(!burning.has_answer(), "the burn was over before a short sleep was");
    let burned = burning.answer_to("GET").expect("an answer").json();
    let (cpu_ms, wall_ms) = (&burned["cpu_ms"], &burned["wall_ms"]);
    assert!(cpu_ms.as_f64() >= Some(1500.0), "{burned}");
    assert!(wall_ms.as_f64() >= cpu_ms.as_f64(), "{burned}");
}

#[test]
fn a_burn_ends_when_its_caller_has_left() {
    let server = Server::start_on_one_processor();
    let mut left = server.connect();
    left.send("GET", "/burn/60000");
    server.ask("GET", "/hello");
    drop(left);
    let idle = (0..40).any(|_| {
        let before = server.cpu_ticks();
        std::thread::sleep(Duration::from_millis(500));
        server.cpu_ticks() == before
    });
    assert!(idle, "the burn goes on");
}

#[test]
fn a_sleep_lasts_at_least_as_long_as_asked() {
    let slept = Server::start(&[]).ask("GET", "/sleep/120").json();
    assert!(slept["slept_ms"].as_f64() >= Some(120.0), "{slept}");
}

#[test]
fn the_clusters_tell_the_instance_that_answered() {
    let server = Server::start(&[("INSTANCE_ID", "i-0123456789abcdef0")]);
    let answer = server.ask("GET", "/cluster2").json();
    assert_eq!(answer["cluster"], 2);
    assert_eq!(answer["instance"], "i-0123456789abcdef0");
}
