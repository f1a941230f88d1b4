//! Registering as an internal extension. Only where one is registered does Lambda send SIGTERM before
//! it ends an environment, with 500 ms to follow it
//! (docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html, "Shutdown phase").

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::handshake;
use hyper::header::{HOST, HeaderValue};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::oneshot;

const VERSION: &str = "/2020-01-01/extension";
const NAME: &str = "gearshift-entry";

/// Longest to wait for the registration: it only matters at the end.
const PATIENCE: Duration = Duration::from_secs(1);

/// Registers in the background.
pub(crate) struct Registration(oneshot::Receiver<()>);

impl Registration {
    pub(crate) fn begin(runtime_api: &str) -> Self {
        let (done, registered) = oneshot::channel();
        let address = runtime_api.to_owned();
        // What has no Extensions API, such as an emulator, does without.
        tokio::spawn(async move { register(&address, done).await });
        Self(registered)
    }

    /// It must be done before the first event is asked for. What does not answer is not waited for.
    pub(crate) async fn done(self) {
        let _ = tokio::time::timeout(PATIENCE, self.0).await;
    }
}

/// Registers for no events and asks for the next one, which ends the extension's part of the init
/// phase and is never answered.
async fn register(address: &str, done: oneshot::Sender<()>) -> Option<()> {
    let stream = TcpStream::connect(address).await.ok()?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await.ok()?;
    tokio::spawn(connection);
    let registration = Request::post(format!("{VERSION}/register"))
        .header(HOST, address)
        .header("lambda-extension-name", NAME)
        .body(Full::new(Bytes::from_static(b"{\"events\":[]}")));
    let answer = sender.send_request(registration.ok()?).await.ok()?;
    let id: Option<HeaderValue> = answer.headers().get("lambda-extension-identifier").cloned();
    let id = id.filter(|_| answer.status() == StatusCode::OK)?;
    answer.into_body().collect().await.ok()?;
    sender.ready().await.ok()?;
    let next = Request::get(format!("{VERSION}/event/next"))
        .header(HOST, address)
        .header("lambda-extension-identifier", id)
        .body(Full::new(Bytes::new()));
    let pending = sender.send_request(next.ok()?);
    let _ = done.send(());
    pending.await.ok().map(drop)
}
