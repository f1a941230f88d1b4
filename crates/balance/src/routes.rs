//! Which pool gets a request: by host and path, and of several pools by weight.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use bytes::Bytes;
use hyper::Request;
use hyper::body::Body;
use hyper::header::HOST;

use crate::headers::Arrival;
use crate::pool::{Forwarded, Pool};
use crate::refusal::Refusal;
use crate::upload::BoxError;
use crate::weights::by_weight;

/// Weights are from 0 to this.
pub const FULL_WEIGHT: u16 = 1000;

/// Requests that belong together, and who gets them.
#[derive(Clone)]
pub struct Route {
    /// The host that they ask for, in lower case and without a port; none: any.
    pub host: Option<String>,
    /// What their path begins with, by whole segments: `/a` takes `/a` and `/a/b`, not `/ab`. `/` takes all.
    pub path: String,
    /// At least one.
    pub pools: Vec<Weighted>,
}

/// A pool's part of a route's requests.
#[derive(Clone)]
pub struct Weighted {
    pub pool: Arc<Pool>,
    /// From 0 to [`FULL_WEIGHT`]; at 0 it gets no new request and finishes those it has.
    pub weight: u16,
}

/// Why a table of routes is refused. What was there before stays.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    #[error("route `{path}`: a path begins with / → /{path}")]
    NotAPath { path: String },
    #[error("route `{path}` has no pool that gets requests → give one a weight above 0")]
    NoPool { path: String },
    #[error("route `{path}`: weight {weight} → 0 to {FULL_WEIGHT}")]
    Weight { path: String, weight: u16 },
    #[error("route `{path}` is there twice → once, with several pools")]
    Twice { path: String },
}

/// A table of routes, which may be replaced while requests pass. Clones share it.
#[derive(Clone)]
pub struct Routes {
    table: Arc<ArcSwap<Vec<Entry>>>,
}

struct Entry {
    route: Route,
    /// Requests so far, from which weights take their turns.
    taken: AtomicU64,
}

impl Routes {
    /// Routes in any order: of those that fit a request the one with its host, then with the longest path,
    /// takes it.
    ///
    /// # Errors
    /// What is wrong with one of them.
    pub fn new(routes: Vec<Route>) -> Result<Self, RouteError> {
        Ok(Self { table: Arc::new(ArcSwap::from_pointee(entries(routes)?)) })
    }

    /// Replaces all routes at once. Requests that have chosen a pool before stay with it.
    ///
    /// # Errors
    /// What is wrong with one of them; then nothing changes.
    pub fn set(&self, routes: Vec<Route>) -> Result<(), RouteError> {
        self.table.store(Arc::new(entries(routes)?));
        Ok(())
    }

    /// The pool of a request's turn; none where no route fits.
    pub fn choose(&self, host: Option<&str>, path: &str) -> Option<Arc<Pool>> {
        let table = self.table.load();
        let entry = table.iter().find(|entry| entry.route.takes(host, path))?;
        let turn = entry.taken.fetch_add(1, Ordering::Relaxed);
        let pools = &entry.route.pools;
        let index = by_weight(turn, pools.iter().map(|pool| u64::from(pool.weight)))?;
        Some(pools[index].pool.clone())
    }

    /// Sends a request to its pool, as [`Pool::forward`] does.
    ///
    /// # Errors
    /// Likewise, or where no route fits.
    pub async fn forward<B>(
        &self,
        request: Request<B>,
        arrival: &Arrival,
    ) -> Result<Forwarded, Refusal>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
        let path = request.uri().path();
        let pool = self.choose(host, path);
        let pool = pool.ok_or_else(|| Refusal::NoRoute { path: path.to_owned() })?;
        pool.forward(request, arrival).await
    }

    /// Every pool of the table, once.
    pub fn pools(&self) -> Vec<Arc<Pool>> {
        let table = self.table.load();
        let mut pools: Vec<Arc<Pool>> = Vec::new();
        for weighted in table.iter().flat_map(|entry| &entry.route.pools) {
            if !pools.iter().any(|pool| Arc::ptr_eq(pool, &weighted.pool)) {
                pools.push(weighted.pool.clone());
            }
        }
        pools
    }
}

/// Everything to one pool.
impl From<Arc<Pool>> for Routes {
    fn from(pool: Arc<Pool>) -> Self {
        let pools = vec![Weighted { pool, weight: FULL_WEIGHT }];
        Self::new(vec![Route { host: None, path: "/".to_owned(), pools }]).expect("a valid route")
    }
}

impl Route {
    fn takes(&self, host: Option<&str>, path: &str) -> bool {
        let of_host = self.host.as_deref().is_none_or(|wanted| {
            let name = host.and_then(|host| host.split(':').next()).unwrap_or_default();
            name.eq_ignore_ascii_case(wanted)
        });
        of_host && begins_with(path, &self.path)
    }
}

/// Whether a path begins with another one, by whole segments.
pub fn begins_with(path: &str, prefix: &str) -> bool {
    let rest = path.strip_prefix(prefix.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Checked, those first that are tried first.
fn entries(mut routes: Vec<Route>) -> Result<Vec<Entry>, RouteError> {
    routes.sort_by_key(|route| (route.host.is_none(), usize::MAX - route.path.len()));
    for (index, route) in routes.iter().enumerate() {
        let path = || route.path.clone();
        if !route.path.starts_with('/') {
            return Err(RouteError::NotAPath { path: path() });
        }
        if let Some(pool) = route.pools.iter().find(|pool| pool.weight > FULL_WEIGHT) {
            return Err(RouteError::Weight { path: path(), weight: pool.weight });
        }
        if route.pools.iter().all(|pool| pool.weight == 0) {
            return Err(RouteError::NoPool { path: path() });
        }
        let same = |other: &Route| (&other.host, &other.path) == (&route.host, &route.path);
        if routes[..index].iter().any(same) {
            return Err(RouteError::Twice { path: path() });
        }
    }
    let entry = |route| Entry { route, taken: AtomicU64::new(0) };
    Ok(routes.into_iter().map(entry).collect())
}
