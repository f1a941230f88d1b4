//! API Gateway's HTTP API before a function.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use gearshift_gear::ServerTiming;
use gearshift_laws::Laws;
use hyper::body::{Body, Incoming};
use hyper::http::HeaderValue;
use hyper::{Method, Request, StatusCode};
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::json;

use crate::event::{event, http_answer, streamed_answer};
use crate::http::{Answered, Server, header_bytes, json as json_answer, read_body};
use crate::{Answer, FrontWaits, Function, Path, Refused};

/// Largest request, bytes. Source: API Gateway quotas for HTTP APIs (10 MB).
const PAYLOAD_BYTES: usize = 10 * 1024 * 1024;
/// Longest an integration may take. Source: API Gateway quotas for HTTP APIs (30 s).
const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(30);
/// Requests are metered in steps of this many bytes. Source: API Gateway pricing, HTTP APIs.
const METER_STEP_BYTES: u64 = 512 * 1024;

/// A page that is answered from elsewhere, such as an object store; its `Server-Timing` says what
/// was waited for there.
pub type Page = Pin<Box<dyn Future<Output = Answered> + Send>>;

/// `GET` of one path, taken to another place than the function.
#[derive(Clone)]
pub struct PageRoute {
    pub path: String,
    /// The laws between caller and gateway.
    pub laws: Path,
    pub fetch: Arc<dyn Fn() -> Page + Send + Sync>,
}

/// A gateway's settings.
#[derive(Clone)]
pub struct GatewayConfig {
    /// 0 lets the kernel choose.
    pub port: u16,
    pub laws: Arc<Laws>,
    /// The laws between caller and function.
    pub path: Path,
    pub seed: u64,
    /// Asked first; everything else goes to the function.
    pub page: Option<PageRoute>,
}

/// What AWS would meter of a gateway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GatewayUsage {
    /// In steps of 512 KB, at least one a request.
    pub requests: u64,
    /// Bytes sent to clients, headers included.
    pub bytes_out: u64,
}

/// A gateway; dropping it closes it.
pub struct Gateway {
    server: Server,
    desk: Arc<Desk>,
}

struct Desk {
    function: Arc<Function>,
    config: GatewayConfig,
    draws: Mutex<StdRng>,
    requests: AtomicU64,
    bytes_out: AtomicU64,
}

impl Gateway {
    /// Opens a gateway before the function.
    ///
    /// # Errors
    /// Where the port is taken.
    pub async fn open(function: Arc<Function>, config: GatewayConfig) -> std::io::Result<Self> {
        let desk = Arc::new(Desk {
            function,
            draws: Mutex::new(StdRng::seed_from_u64(config.seed)),
            config,
            requests: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
        });
        let serving = desk.clone();
        let server = Server::start(desk.config.port, move |request, peer| {
            let desk = serving.clone();
            async move { desk.answer(request, peer).await }
        })
        .await?;
        Ok(Self { server, desk })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// What AWS would meter so far.
    pub fn usage(&self) -> GatewayUsage {
        GatewayUsage {
            requests: self.desk.requests.load(Ordering::Relaxed),
            bytes_out: self.desk.bytes_out.load(Ordering::Relaxed),
        }
    }
}

impl Desk {
    async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Answered {
        let asked = Instant::now();
        let request_id = uuid::Uuid::new_v4().to_string();
        let (parts, body) = request.into_parts();
        let Ok(body) = read_body(body, PAYLOAD_BYTES).await else {
            return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
        };
        let steps = (body.len() as u64).div_ceil(METER_STEP_BYTES).max(1);
        self.requests.fetch_add(steps, Ordering::Relaxed);
        let page = self.config.page.as_ref();
        let page = page.filter(|page| parts.method == Method::GET && parts.uri.path() == page.path);
        let (answered, timing) = match page {
            Some(page) => self.fetched_page(page, asked).await,
            None => {
                let event = event(&parts, &body, peer, &request_id).to_string();
                self.integrate(Bytes::from(event), asked).await
            }
        };
        self.leave(answered, &timing, &request_id)
    }

    async fn fetched_page(&self, page: &PageRoute, asked: Instant) -> (Answered, ServerTiming) {
        let mut waits = self.draw(&page.laws, asked);
        waits.inbound().await;
        let fetched = tokio::time::timeout(INTEGRATION_TIMEOUT, (page.fetch)()).await;
        let answered_at = Instant::now();
        let answered = fetched.unwrap_or_else(|_| unavailable());
        let said = answered.headers().get(ServerTiming::HEADER);
        let said = said.and_then(|value| value.to_str().ok()).unwrap_or_default();
        let mut timing = ServerTiming::parse(said);
        waits.outbound(answered_at).await;
        waits.describe(&mut timing);
        (answered, timing)
    }

    async fn integrate(&self, event: Bytes, asked: Instant) -> (Answered, ServerTiming) {
        let mut waits = self.draw(&self.config.path, asked);
        waits.inbound().await;
        let invoked = tokio::time::timeout(INTEGRATION_TIMEOUT, self.function.invoke(event)).await;
        let answered_at = Instant::now();
        let (answered, mut timing) = match invoked {
            Ok(Ok(answer)) => (integration_answer(&answer), answer.timing),
            Ok(Err(refused)) => (refusal(&refused), ServerTiming::default()),
            Err(_) => (unavailable(), ServerTiming::default()),
        };
        waits.outbound(answered_at).await;
        waits.describe(&mut timing);
        (answered, timing)
    }

    fn draw(&self, path: &Path, asked: Instant) -> FrontWaits {
        let mut draws = self.draws.lock().expect("no panic while held");
        path.draw(&self.config.laws, asked, &mut *draws)
    }

    /// The answer as it leaves: marked, and its bytes counted.
    fn leave(&self, mut answered: Answered, timing: &ServerTiming, request_id: &str) -> Answered {
        let headers = answered.headers_mut();
        if let Ok(value) = HeaderValue::try_from(timing.format()) {
            headers.insert(ServerTiming::HEADER, value);
        }
        if let Ok(value) = HeaderValue::try_from(request_id) {
            headers.insert("apigw-requestid", value);
        }
        let body = answered.body().size_hint().exact().unwrap_or_default();
        let bytes = header_bytes(answered.headers()) + body;
        self.bytes_out.fetch_add(bytes, Ordering::Relaxed);
        answered
    }
}

fn integration_answer(answer: &Answer) -> Answered {
    let returned = answer.result.as_ref().ok();
    returned
        .and_then(|returned| match &answer.streamed {
            Some(content_type) => streamed_answer(content_type, returned),
            None => http_answer(returned),
        })
        .unwrap_or_else(|| message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"))
}

/// An HTTP API does not pass Lambda's own refusals on: its client sees 413, 503 or 500.
fn refusal(refused: &Refused) -> Answered {
    match refused {
        Refused::RequestTooLarge { .. } => {
            message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large")
        }
        Refused::TooManyRequests => unavailable(),
        Refused::Host(_) => message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
    }
}

fn unavailable() -> Answered {
    message(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable")
}

fn message(status: StatusCode, text: &str) -> Answered {
    json_answer(status, &json!({ "message": text }))
}
