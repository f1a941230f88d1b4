//! The routes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, Method, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::burn::burn;
use crate::problem::Problem;
use crate::store::{HitStore, StoreError};

/// The OpenAPI 3.1 document of these routes, as served at `/openapi.json`.
pub const OPENAPI: &str = include_str!("openapi.json");

const PAGE: &str = include_str!("page.html");

/// Of [`OPENAPI`]; a test keeps it so.
const DOCS: &str = include_str!("docs.html");

/// Longest sleep or burn: an API Gateway gives up at 30 s, a load balancer at 60 s by default.
const LONGEST_MS: u64 = 60_000;

/// A count is good for one answer, though `GET` fetches it.
const NEVER_CACHED: (HeaderName, &str) = (header::CACHE_CONTROL, "no-store");

#[derive(Clone)]
struct App {
    store: Arc<dyn HitStore>,
    instance: Arc<str>,
}

/// All routes over this store. `instance` is what `/cluster1` and `/cluster2` answer with.
pub fn router(store: Arc<dyn HitStore>, instance: impl Into<Arc<str>>) -> Router {
    Router::new()
        .route("/", get(async || Html(PAGE)))
        // HEAD must not count: it asks what a GET would look like.
        .route("/hits", get(add).post(add).head(count))
        .route("/hits/count", get(count))
        .route("/hello", get(async || Json(json!({ "hello": "world" }))))
        .route("/sleep/{ms}", get(sleep_for))
        .route("/burn/{ms}", get(burn_for))
        .route("/healthz", get(async || Json(json!({ "status": "pass" }))))
        .route("/cluster1", get(async |State(app): State<App>| cluster(1, &app)))
        .route("/cluster2", get(async |State(app): State<App>| cluster(2, &app)))
        .route(
            "/openapi.json",
            get(async || ([(header::CONTENT_TYPE, "application/json")], OPENAPI)),
        )
        .route("/docs", get(async || Html(DOCS)))
        .fallback(no_such_route)
        .method_not_allowed_fallback(wrong_method)
        .with_state(App { store, instance: instance.into() })
}

async fn add(State(app): State<App>, uri: Uri) -> Result<Response, Problem> {
    number(app.store.add().await, &uri)
}

async fn count(State(app): State<App>, uri: Uri) -> Result<Response, Problem> {
    number(app.store.count().await, &uri)
}

fn number(hits: Result<u64, StoreError>, uri: &Uri) -> Result<Response, Problem> {
    match hits {
        Ok(hits) => Ok(([NEVER_CACHED], hits.to_string()).into_response()),
        Err(why) => Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, uri, why.to_string())),
    }
}

async fn sleep_for(Milliseconds(asked): Milliseconds) -> Json<Value> {
    let began = Instant::now();
    tokio::time::sleep(asked).await;
    Json(json!({ "slept_ms": milliseconds(began.elapsed()) }))
}

async fn burn_for(Milliseconds(asked): Milliseconds) -> Json<Value> {
    let began = Instant::now();
    let spent = burn(asked).await;
    Json(json!({ "cpu_ms": milliseconds(spent), "wall_ms": milliseconds(began.elapsed()) }))
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn cluster(number: u8, app: &App) -> Json<Value> {
    Json(json!({ "cluster": number, "instance": &*app.instance }))
}

async fn no_such_route(uri: Uri) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, &uri, "there is no such route; GET /docs lists them")
}

async fn wrong_method(method: Method, uri: Uri) -> Problem {
    let detail = format!("this route does not take {method}; the header Allow lists what it takes");
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, &uri, detail)
}

/// The `{ms}` of a path: a whole number from 0 to [`LONGEST_MS`].
struct Milliseconds(Duration);

impl<S: Send + Sync> FromRequestParts<S> for Milliseconds {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let asked = path.ok().and_then(|Path(text)| text.parse().ok());
        match asked {
            Some(ms) if ms <= LONGEST_MS => Ok(Self(Duration::from_millis(ms))),
            _ => Err(Problem::new(
                StatusCode::BAD_REQUEST,
                &parts.uri,
                format!("milliseconds must be a whole number from 0 to {LONGEST_MS}"),
            )),
        }
    }
}
