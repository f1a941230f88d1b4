//! `function-rust` behind a Runtime API.

use std::net::TcpListener;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use serde_json::{Value, json};

use crate::server::{command, spawn};
use crate::table::Table;
use crate::wire::{Connection, PATIENCE};

/// A function's process that has answered some events; ends with the test.
struct Function {
    child: Child,
    answers: mpsc::Receiver<Value>,
}

impl Function {
    /// Starts the function behind a Runtime API that hands out `events` in turn.
    fn start(events: Vec<Value>, env: &[(String, String)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        let (sender, answers) = mpsc::channel();
        thread::spawn(move || runtime_api(&listener, events, &sender));
        let settings = [
            ("AWS_LAMBDA_RUNTIME_API", address.as_str()),
            ("AWS_LAMBDA_FUNCTION_NAME", "hits"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/01/02/[$LATEST]0123"),
        ];
        let mut command = command("function-rust", &settings);
        let child = spawn(command.envs(env.iter().cloned()));
        Self { child, answers }
    }

    fn answer(&self) -> Value {
        self.answers.recv_timeout(PATIENCE).expect("an answer")
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// A client may open a further connection while it still reads from another.
fn runtime_api(listener: &TcpListener, events: Vec<Value>, answers: &mpsc::Sender<Value>) {
    let events = Arc::new(Mutex::new(events.into_iter()));
    for stream in listener.incoming().flatten() {
        let (events, answers) = (events.clone(), answers.clone());
        thread::spawn(move || serve(Connection::over(stream), &events, &answers));
    }
}

fn serve(
    mut connection: Connection,
    events: &Mutex<std::vec::IntoIter<Value>>,
    answers: &mpsc::Sender<Value>,
) {
    while let Some(request) = connection.request() {
        if request.first_line.starts_with("GET") {
            let Some(event) = events.lock().expect("no panic while held").next() else {
                // Frozen: no event ever comes.
                thread::park();
                return;
            };
            let headers = "lambda-runtime-aws-request-id: 8476a536\r\n\
                lambda-runtime-deadline-ms: 4102444800000\r\n\
                lambda-runtime-invoked-function-arn: arn:aws:lambda:eu-west-2:0:function:hits\r\n";
            connection.answer(200, headers, &event.to_string());
        } else {
            _ = answers.send(request.json());
            connection.answer(202, "", "");
        }
    }
}

/// An HTTP API event in payload format 2.0.
fn event(method: &str, path: &str, stage: &str) -> Value {
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "",
        "headers": { "host": "abc.execute-api.eu-west-2.amazonaws.com" },
        "requestContext": {
            "accountId": "0", "apiId": "abc", "domainName": "abc.execute-api.eu-west-2.amazonaws.com",
            "domainPrefix": "abc", "requestId": "id", "routeKey": "$default", "stage": stage,
            "time": "01/Jan/2026:00:00:00 +0000", "timeEpoch": 1767225600000_u64,
            "http": { "method": method, "path": path, "protocol": "HTTP/1.1",
                      "sourceIp": "127.0.0.1", "userAgent": "test" }
        },
        "isBase64Encoded": false
    })
}

#[test]
fn the_routes_are_the_same_with_and_without_a_stage_in_the_path() {
    let cases = [
        ("/hits", "$default", 200),
        ("/prod/hits", "prod", 200),
        ("/prod/hits/count", "prod", 200),
        ("/prod", "prod", 200),
        ("/hello", "$default", 200),
        ("/nothing", "$default", 404),
        ("/products", "prod", 404),
    ];
    let events = cases.map(|(path, stage, _)| event("GET", path, stage)).to_vec();
    let function = Function::start(events, &[]);
    let answers = cases.map(|(path, _, status)| {
        let answer = function.answer();
        assert_eq!(answer["statusCode"], status, "{path}: {answer}");
        assert_eq!(answer["isBase64Encoded"], false, "{path}: {answer}");
        answer
    });
    assert_eq!([&answers[0]["body"], &answers[1]["body"], &answers[2]["body"]], ["1", "2", "2"]);
    assert!(answers[3]["body"].as_str().is_some_and(|page| page.contains("<button")));
    let problem = &answers[5];
    assert_eq!(problem["headers"]["content-type"], "application/problem+json");
    assert!(
        problem["body"].as_str().is_some_and(|body| body.contains("\"instance\":\"/nothing\""))
    );
}

#[test]
fn an_environment_counts_in_the_table_and_is_called_by_its_log_stream() {
    let table = Table::start(&[]);
    let events = vec![
        event("POST", "/hits", "$default"),
        event("GET", "/hits", "$default"),
        event("GET", "/cluster1", "$default"),
    ];
    let function = Function::start(events, &table.env());
    assert_eq!([&function.answer()["body"], &function.answer()["body"]], ["1", "2"]);
    assert_eq!(table.hits(), Some(2));
    let body = function.answer()["body"].to_string();
    assert!(body.contains("2026/01/02/[$LATEST]0123"), "{body}");
}

#[test]
fn outside_lambda_the_function_says_what_to_run_instead() {
    let child = spawn(command("function-rust", &[]).stderr(Stdio::piped()));
    let ended = child.wait_with_output().expect("it is our child");
    assert_eq!(ended.status.code(), Some(2));
    let said = String::from_utf8(ended.stderr).expect("text");
    assert!(said.contains("run `hits`") && said.lines().count() == 1, "{said}");
}
