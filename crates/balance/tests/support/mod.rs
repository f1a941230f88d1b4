//! Members, clients and a balancer between them, all over loopback.

#![allow(dead_code, reason = "no test uses all of it")]

use std::convert::Infallible;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gearshift_balance::{
    HealthCheck, Member, MemberId, MemberStatus, Pool, PoolConfig, Routing, State, serve,
};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};

pub type Body = UnsyncBoxBody<Bytes, Infallible>;

/// Longer than anything here takes; reached only where something hangs.
pub const LONG: Duration = Duration::from_secs(20);

/// Ends the wait for what never comes.
pub async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, what).await.expect("takes too long")
}

pub fn full(text: impl Into<Bytes>) -> Body {
    Full::new(text.into()).boxed_unsync()
}

pub fn empty() -> Body {
    Empty::new().boxed_unsync()
}

/// A body whose pieces are sent one by one; it ends when the sender is dropped.
pub fn pieces() -> (mpsc::UnboundedSender<&'static str>, Body) {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let pieces = futures_util::stream::poll_fn(move |cx| {
        receiver.poll_recv(cx).map(|piece| {
            piece.map(|piece: &str| Ok(Frame::data(Bytes::from_static(piece.as_bytes()))))
        })
    });
    (sender, http_body_util::StreamBody::new(pieces).boxed_unsync())
}

/// A member's server.
pub struct Server {
    pub member: Member,
    /// Requests that came in, checks left out.
    pub requests: watch::Receiver<usize>,
    /// Connections that are open.
    pub connections: watch::Receiver<usize>,
    task: AbortHandle,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Says what a member's checks get.
pub struct Script {
    statuses: mpsc::UnboundedSender<u16>,
    started: watch::Receiver<usize>,
}

impl Script {
    /// Answers one check, and returns when the result was taken down: the next check has started.
    pub async fn answer(&mut self, status: u16) {
        soon(self.started.wait_for(|&started| started > 0)).await.unwrap();
        let before = *self.started.borrow();
        self.statuses.send(status).unwrap();
        soon(self.started.wait_for(|&started| started > before)).await.unwrap();
    }
}

struct Checks {
    started: watch::Sender<usize>,
    statuses: Option<Mutex<mpsc::UnboundedReceiver<u16>>>,
}

impl Checks {
    async fn answer(&self) -> Response<Body> {
        self.started.send_modify(|started| *started += 1);
        let status = match &self.statuses {
            None => 200,
            Some(statuses) => match statuses.lock().await.recv().await {
                Some(status) => status,
                None => std::future::pending().await,
            },
        };
        let mut response = Response::new(empty());
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        response
    }
}

impl Server {
    /// A member that passes every check.
    pub async fn start<H, F>(id: &str, handler: H) -> Self
    where
        H: Fn(Request<Incoming>) -> F + Send + Sync + 'static,
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let checks = Checks { started: watch::Sender::new(0), statuses: None };
        Self::run(id, handler, checks).await
    }

    /// A member that answers its own id and passes the checks that the script passes.
    pub async fn scripted(id: &'static str) -> (Self, Script) {
        let (statuses, receiver) = mpsc::unbounded_channel();
        let (started, starts) = watch::channel(0);
        let checks = Checks { started, statuses: Some(Mutex::new(receiver)) };
        let server = Self::run(id, move |_| async move { Response::new(full(id)) }, checks).await;
        (server, Script { statuses, started: starts })
    }

    /// A member that answers its own id.
    pub async fn named(id: &'static str) -> Self {
        Self::start(id, move |_| async move { Response::new(full(id)) }).await
    }

    async fn run<H, F>(id: &str, handler: H, checks: Checks) -> Self
    where
        H: Fn(Request<Incoming>) -> F + Send + Sync + 'static,
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let member = Member { id: id.into(), address: listener.local_addr().unwrap() };
        let (count, requests) = watch::channel(0);
        let (open, connections) = watch::channel(0);
        let (handler, checks, count) = (Arc::new(handler), Arc::new(checks), Arc::new(count));
        let task = tokio::spawn(async move {
            let mut tasks = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (handler, checks, count) = (handler.clone(), checks.clone(), count.clone());
                let open = open.clone();
                let service = service_fn(move |request: Request<Incoming>| {
                    let (handler, checks, count) = (handler.clone(), checks.clone(), count.clone());
                    async move {
                        if request.uri().path() == "/health" {
                            return Ok::<_, Infallible>(checks.answer().await);
                        }
                        count.send_modify(|requests| *requests += 1);
                        Ok(handler(request).await)
                    }
                });
                tasks.spawn(async move {
                    open.send_modify(|open| *open += 1);
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                    open.send_modify(|open| *open -= 1);
                });
            }
        })
        .abort_handle();
        Self { member, requests, connections, task }
    }

    pub fn id(&self) -> MemberId {
        self.member.id.clone()
    }

    /// How many requests came in so far, checks left out.
    pub fn count(&self) -> usize {
        *self.requests.borrow()
    }
}

/// Checks every 5 ms at `/health`; what takes longer than [`LONG`] is broken.
pub fn config() -> PoolConfig {
    PoolConfig {
        health: HealthCheck {
            path: "/health".into(),
            interval: Duration::from_millis(5),
            timeout: LONG,
            healthy_after: 3,
            unhealthy_after: 2,
            statuses: 200..=200,
        },
        routing: Routing::RoundRobin,
        deregistration_delay: LONG,
        connect_timeout: LONG,
        idle_timeout: LONG,
    }
}

/// A balancer on a port of its own.
pub struct Balanced {
    pub members: watch::Sender<Vec<Member>>,
    pub pool: Arc<Pool>,
    pub address: SocketAddr,
    task: AbortHandle,
}

impl Drop for Balanced {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Balanced {
    pub async fn start(members: Vec<Member>, config: PoolConfig) -> Self {
        let members = watch::Sender::new(members);
        let pool = Pool::new(&members, config);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(serve(listener, pool.clone())).abort_handle();
        Self { members, pool, address, task }
    }

    /// A balancer whose members are all healthy.
    pub async fn healthy(servers: &[&Server], config: PoolConfig) -> Self {
        let members = servers.iter().map(|server| server.member.clone()).collect();
        let balanced = Self::start(members, config).await;
        balanced.until(|states| states.iter().all(|member| member.state == State::Healthy)).await;
        balanced
    }

    pub async fn until(&self, wanted: impl Fn(&[MemberStatus]) -> bool) -> Vec<MemberStatus> {
        soon(self.pool.until(wanted)).await
    }

    /// Returns when this many requests are in flight.
    pub async fn in_flight(&self, wanted: usize) {
        self.until(|states| states.iter().map(|m| m.in_flight).sum::<usize>() == wanted).await;
    }

    pub fn state(&self, id: &str) -> State {
        let states = self.pool.states();
        states.into_iter().find(|status| status.member.id.as_str() == id).unwrap().state
    }

    /// A GET on a connection of its own.
    pub async fn get(&self, path: &str) -> (StatusCode, String) {
        read(self.send(Request::get(path), empty()).await).await
    }

    /// A request on a connection of its own; the answer's head is there.
    pub async fn send(
        &self,
        head: hyper::http::request::Builder,
        body: Body,
    ) -> Response<Incoming> {
        soon(send(self.address, head.body(body).unwrap())).await
    }
}

/// A request on a connection of its own.
pub async fn send(address: SocketAddr, mut request: Request<Body>) -> Response<Incoming> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    request.headers_mut().entry("host").or_insert("service.example".parse().unwrap());
    sender.send_request(request).await.unwrap()
}

pub async fn read(response: Response<Incoming>) -> (StatusCode, String) {
    let status = response.status();
    let body = soon(response.into_body().collect()).await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

/// All of a request's body.
pub async fn whole(request: Request<Incoming>) -> Bytes {
    soon(request.into_body().collect()).await.unwrap().to_bytes()
}

/// A port of loopback that nothing listens at.
pub async fn nobody(id: &str) -> Member {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    Member { id: id.into(), address: listener.local_addr().unwrap() }
}
