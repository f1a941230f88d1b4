//! What the crate logs at debug level: each step with its run, environment and request, and nothing secret.
#![cfg(target_os = "linux")]

mod support;

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use support::{Hosted, bootstrap, environment, get, until};
use tracing::Level;

/// Not a test where it is started as a function's bootstrap.
#[test]
fn bootstrap() {
    bootstrap::serve();
}

/// What was logged, one JSON object a line.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl Logged {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).expect("UTF-8")
    }

    /// The fields of the lines with this message.
    fn fields(&self, message: &str) -> Vec<Value> {
        let text = self.text();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect(line));
        let fields = lines.map(|line| line["fields"].clone());
        fields.filter(|fields| fields["message"] == message).collect()
    }
}

impl Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

// On one thread, as the subscriber is this thread's.
#[tokio::test]
async fn an_environment_is_logged_from_its_start_to_its_end() {
    let logged = Logged::default();
    let writer = logged.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_max_level(Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);

    let hosted = Hosted::bootstrap(&[("PASSWORD", "a-variable's-value")]);
    let answer = hosted.invoke(get("/")).await;
    let (run, environment) = (hosted.run.to_string(), environment(&answer).to_string());
    hosted.rest().await;
    until("it is frozen", || !logged.fields("freezing").is_empty()).await;
    hosted.function.retire();
    drop(guard);

    for message in ["starting an environment", "an environment is ready", "stopping an environment"]
    {
        let fields = logged.fields(message);
        assert_eq!(fields.len(), 1, "{message}: {}", logged.text());
        assert_eq!(fields[0]["run"], run);
        assert_eq!(fields[0]["environment"], environment);
    }
    let invocations = logged.fields("invocation");
    assert_eq!(invocations.len(), 1, "{}", logged.text());
    assert_eq!(invocations[0]["request"], answer.request_id);
    assert_eq!(invocations[0]["environment"], environment);
    assert_eq!(invocations[0]["cold"], true);
    assert_eq!(invocations[0]["ending"], "response");
    assert_eq!(logged.fields("freezing")[0]["member"], environment);

    let text = logged.text();
    assert!(!text.contains(hosted.function.config().keys.secret_access_key()), "{text}");
    assert!(!text.contains("a-variable's-value"), "{text}");
    let levels = text.lines().map(|line| serde_json::from_str::<Value>(line).expect(line));
    assert!(levels.into_iter().all(|line| line["level"] == "DEBUG"), "{text}");
}
