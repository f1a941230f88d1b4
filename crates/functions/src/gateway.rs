//! API Gateway before a function.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;
use gearshift_gear::ServerTiming;
use gearshift_laws::Laws;
use hyper::body::{Body, Incoming};
use hyper::http::HeaderValue;
use hyper::{Method, Request};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::http::{Answered, header_bytes, read_body};
use crate::{Api, FrontWaits, Function, Path};

/// Largest request of either kind of API, bytes.
/// Source: docs.aws.amazon.com/apigateway/latest/developerguide/limits.html (10 MB).
const PAYLOAD_BYTES: usize = 10 * 1024 * 1024;

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
    pub api: Api,
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
    /// Of an HTTP API in steps of 512 KB, at least one a request.
    pub requests: u64,
    /// Bytes sent to clients, headers included.
    pub bytes_out: u64,
}

/// A gateway before a function. It has no address of its own: whoever listens hands it requests.
pub struct Gateway {
    function: Arc<Function>,
    config: GatewayConfig,
    draws: Mutex<StdRng>,
    requests: AtomicU64,
    bytes_out: AtomicU64,
}

impl Gateway {
    /// A gateway before this function.
    pub fn new(function: Arc<Function>, config: GatewayConfig) -> Self {
        Self {
            function,
            draws: Mutex::new(StdRng::seed_from_u64(config.seed)),
            config,
            requests: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
        }
    }

    /// What AWS would meter so far.
    pub fn usage(&self) -> GatewayUsage {
        GatewayUsage {
            requests: self.requests.load(Ordering::Relaxed),
            bytes_out: self.bytes_out.load(Ordering::Relaxed),
        }
    }

    /// Answers a request of this client, with the laws' times waited out.
    pub async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Answered {
        let asked = Instant::now();
        let request_id = uuid::Uuid::new_v4().to_string();
        let (parts, body) = request.into_parts();
        let Ok(body) = read_body(body, PAYLOAD_BYTES).await else {
            return self.config.api.too_large();
        };
        let metered = self.config.api.metered(body.len());
        self.requests.fetch_add(metered, Ordering::Relaxed);
        let page = self.config.page.as_ref();
        let page = page.filter(|page| parts.method == Method::GET && parts.uri.path() == page.path);
        let (answered, timing) = match page {
            Some(page) => self.fetched_page(page, asked).await,
            None => {
                let event = self.config.api.event(&parts, &body, peer, &request_id).to_string();
                self.integrate(Bytes::from(event), asked).await
            }
        };
        self.leave(answered, &timing, &request_id)
    }

    async fn fetched_page(&self, page: &PageRoute, asked: Instant) -> (Answered, ServerTiming) {
        let mut waits = self.draw(&page.laws, asked);
        waits.inbound().await;
        let fetched = tokio::time::timeout(self.config.api.timeout(), (page.fetch)()).await;
        let answered_at = Instant::now();
        let answered = fetched.unwrap_or_else(|_| self.config.api.timed_out());
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
        let api = self.config.api;
        let invoked = tokio::time::timeout(api.timeout(), self.function.invoke(event)).await;
        let answered_at = Instant::now();
        let (answered, mut timing) = match invoked {
            Ok(Ok(answer)) => (api.answer(&answer), answer.timing),
            Ok(Err(refused)) => (api.refusal(&refused), ServerTiming::default()),
            Err(_) => (api.timed_out(), ServerTiming::default()),
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
            headers.insert(self.config.api.request_id_header(), value);
        }
        let body = answered.body().size_hint().exact().unwrap_or_default();
        let bytes = header_bytes(answered.headers()) + body;
        self.bytes_out.fetch_add(bytes, Ordering::Relaxed);
        answered
    }
}
