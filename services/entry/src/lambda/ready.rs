//! Whether the service takes connections.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::Request;
use hyper::header::HOST;
use socket2::SockRef;
use tokio::sync::{oneshot, watch};

use super::link::Link;

/// Looks come this often at first, and later each time a 500th of the time waited has passed: a
/// service that took a second waits 2 ms more at most, and looking takes little from it.
const FIRST_STEP: Duration = Duration::from_micros(500);
const LAST_STEP: Duration = Duration::from_millis(5);
const STEPS: u32 = 500;

/// Longest a connection to loopback may take: a full backlog drops what comes.
const CONNECT_PATIENCE: Duration = Duration::from_secs(1);

/// A readiness path that answers less than this is ready: the rest is a server's own failure.
const UNREADY_STATUS: u16 = 500;

/// What there is to know about it.
#[derive(Clone)]
pub(crate) struct Readiness {
    address: watch::Receiver<Option<SocketAddr>>,
    first: Arc<Mutex<Option<Link>>>,
}

impl Readiness {
    /// Begins to look. `keep` the connection that found it listening for the first request, where
    /// that follows at once.
    pub(crate) fn watch(port: u16, path: Option<String>, keep: bool) -> Self {
        let (found, address) = watch::channel(None);
        let first = Arc::new(Mutex::new(None));
        let kept = first.clone();
        tokio::spawn(async move {
            let Ok((stream, address)) = listening(port).await else { return };
            let mut link = Link::over(stream, address).await.ok();
            if let Some(path) = path {
                let asking = link.get_or_insert_with(|| Link::to(address));
                until_ready(asking, &path).await;
            }
            *kept.lock().expect("no panic while held") = link.filter(|_| keep);
            let _ = found.send(Some(address));
        });
        Self { address, first }
    }

    /// Waits until it is ready.
    pub(crate) async fn wait(&self) -> SocketAddr {
        let mut address = self.address.clone();
        match address.wait_for(Option::is_some).await.ok().and_then(|address| *address) {
            Some(address) => address,
            None => std::future::pending().await,
        }
    }

    /// A link to it, once it is ready; the first one is the connection that found it so.
    pub(crate) async fn link(&self) -> Link {
        let address = self.wait().await;
        let first = self.first.lock().expect("no panic while held").take();
        first.unwrap_or_else(|| Link::to(address))
    }
}

/// On a thread of its own: the runtime's timer is too coarse.
fn listening(port: u16) -> oneshot::Receiver<(TcpStream, SocketAddr)> {
    let (found, listening) = oneshot::channel();
    let addresses = [
        SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        SocketAddr::from((Ipv6Addr::LOCALHOST, port)),
    ];
    thread::spawn(move || {
        let began = Instant::now();
        while !found.is_closed() {
            if let Some(connected) = addresses.into_iter().find_map(connect) {
                let _ = found.send(connected);
                return;
            }
            thread::sleep((began.elapsed() / STEPS).clamp(FIRST_STEP, LAST_STEP));
        }
    });
    listening
}

fn connect(address: SocketAddr) -> Option<(TcpStream, SocketAddr)> {
    let stream = TcpStream::connect_timeout(&address, CONNECT_PATIENCE).ok()?;
    if stream.local_addr().ok()? == address {
        // A port of the range for outgoing connections was given to this one, which found itself.
        // Closed at once it leaves nothing behind that would keep the service from its port.
        let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        return None;
    }
    Some((stream, address))
}

async fn until_ready(link: &mut Link, path: &str) {
    loop {
        let request = Request::get(path).header(HOST, "localhost").body(Bytes::new());
        let answer = link.ask(request.expect("a path that was checked when it was set")).await;
        if let Ok(answer) = answer {
            let is_ready = answer.status().as_u16() < UNREADY_STATUS;
            let _ = http_body_util::BodyExt::collect(answer.into_body()).await;
            link.rest();
            if is_ready {
                return;
            }
        }
        tokio::time::sleep(LAST_STEP).await;
    }
}
