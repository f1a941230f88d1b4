//! An L7 proxy: pools, health checks, draining. Members come from a trait; it never looks up.
//!
//! A [`Pool`] follows a list of members ([`Members`]), checks their health and forwards each request
//! to one of them ([`Pool::forward`]). [`Routes`] send requests to pools by host, path and weight; [`serve`] makes them a
//! proxy of its own, and [`prometheus`] tells what it has done. Its defaults are those
//! of an Application Load Balancer; every duration is the caller's, in real time.
//!
//! Invariants:
//! - A request is sent at most once.
//! - It is in flight, and counted, until its answer has ended or was given up.
//! - A member gets no request before its first passed check, and none after it left the list.
//! - Bodies are passed on as they come, in both directions, and never kept.
//! - Nothing polls: who waits for a member is told.
//! - A request takes no lock: who takes requests is a snapshot, and what is in flight are counters.
//!
//! Plain HTTP/1.1 only: no upgrades (so no WebSockets), no trailers.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use gearshift_balance::{Member, Pool, PoolConfig, serve};
//! use tokio::{net::TcpListener, sync::watch};
//!
//! let a = Member { id: "a".into(), address: ([127, 0, 0, 1], 9001).into() };
//! let members = watch::Sender::new(vec![a]);
//! let pool = Pool::new(&members, PoolConfig::default());
//! pool.healthy().await;
//! serve(TcpListener::bind("127.0.0.1:8000").await?, pool).await;
//! # Ok(())
//! # }
//! ```

mod answer;
mod check;
mod config;
mod headers;
mod health;
mod member;
mod metrics;
mod pick;
mod pool;
mod refusal;
mod roster;
mod routes;
mod serve;
mod slot;
mod upload;
mod weights;

pub use answer::{Answer, BrokenAnswer};
pub use config::{HealthCheck, PoolConfig, Routing};
pub use headers::Arrival;
pub use health::CheckFailure;
pub use hyper::http::uri::Scheme;
pub use member::{Member, MemberId, Members};
pub use metrics::prometheus;
pub use pick::{LeastOutstanding, Pick, RoundRobin, Snapshot};
pub use pool::{Forwarded, Pool};
pub use refusal::Refusal;
pub use roster::{MemberStatus, State};
pub use routes::{FULL_WEIGHT, Route, RouteError, Routes, Weighted, begins_with};
pub use serve::serve;
pub use weights::by_weight;
