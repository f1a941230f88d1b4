//! A stand-in for DynamoDB that counts like it and fails on command.

use std::collections::VecDeque;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

use crate::wire::{Connection, Message};

/// What to do with the next request.
#[derive(Clone, Copy, Debug)]
pub enum Next {
    /// Apply it and answer.
    Serve,
    /// Apply it, then close the connection without an answer.
    ApplyAndHangUp,
    /// Apply it, then answer with this status.
    ApplyAndFail(u16),
    /// Apply it and never answer.
    ApplyAndFallSilent,
    /// Leave everything as it is and refuse with status 400 and this code.
    Refuse(&'static str),
}

#[derive(Default)]
struct State {
    hits: Option<u64>,
    plan: VecDeque<Next>,
    requests: Vec<(String, Value)>,
}

/// Listens until the test process ends.
pub struct Table {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Table {
    /// Follows `plan`, one entry per request, then serves.
    pub fn start(plan: &[Next]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let plan = plan.iter().copied().collect();
        let state = Arc::new(Mutex::new(State { plan, ..State::default() }));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                thread::spawn(move || serve(&state, Connection::over(stream)));
            }
        });
        Self { address, state }
    }

    /// The environment in which `hits` counts here.
    pub fn env(&self) -> Vec<(String, String)> {
        [
            ("HITS_TABLE", "latency"),
            ("AWS_REGION", "eu-west-2"),
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_ENDPOINT_URL_DYNAMODB", &format!("http://{}", self.address)),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// The stored count; nothing where there is no item.
    pub fn hits(&self) -> Option<u64> {
        self.state.lock().expect("no panics").hits
    }

    /// All requests so far: operation and body.
    pub fn requests(&self) -> Vec<(String, Value)> {
        self.state.lock().expect("no panics").requests.clone()
    }
}

fn serve(state: &Mutex<State>, mut connection: Connection) {
    while let Some(request) = connection.request() {
        let (next, answer) = {
            let mut state = state.lock().expect("no panics");
            let next = state.plan.pop_front().unwrap_or(Next::Serve);
            (next, state.take(&request, next))
        };
        match next {
            Next::Serve => reply(&mut connection, 200, &answer),
            Next::ApplyAndFail(status) => {
                let error =
                    json!({ "__type": "com.amazonaws.dynamodb.v20120810#InternalServerError" });
                reply(&mut connection, status, &error);
            }
            Next::Refuse(code) => {
                let error = json!({ "__type": format!("com.amazonaws.dynamodb.v20120810#{code}"),
                                    "message": "refused by the test" });
                reply(&mut connection, 400, &error);
            }
            Next::ApplyAndHangUp => return,
            Next::ApplyAndFallSilent => loop {
                thread::park();
            },
        }
    }
}

fn reply(connection: &mut Connection, status: u16, body: &Value) {
    connection.answer(status, "content-type: application/x-amz-json-1.0\r\n", &body.to_string());
}

impl State {
    fn take(&mut self, request: &Message, next: Next) -> Value {
        let target = request.header("x-amz-target").expect("DynamoDB's protocol has a target");
        let operation = target.rsplit('.').next().expect("at least one part").to_owned();
        let refused = matches!(next, Next::Refuse(_));
        let answer = match operation.as_str() {
            "UpdateItem" if !refused => {
                let hits = self.hits.unwrap_or(0) + 1;
                self.hits = Some(hits);
                json!({ "Attributes": { "hits": { "N": hits.to_string() } } })
            }
            "GetItem" => self.hits.map_or(
                json!({}),
                |hits| json!({ "Item": { "id": { "N": "0" }, "hits": { "N": hits.to_string() } } }),
            ),
            _ => json!({}),
        };
        self.requests.push((operation, request.json()));
        answer
    }
}
