//! What a pool keeps for one member: its connections and what is in flight on them.

use std::sync::Arc;

use hyper::Request;
use hyper::rt::Executor;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, ResponseFuture};
use hyper_util::rt::TokioTimer;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::upload::Upload;
use crate::{Member, PoolConfig};

/// One member from joining the list to being gone. Dropping it closes its idle connections.
pub(crate) struct Slot {
    pub(crate) member: Member,
    client: Client<HttpConnector, Upload>,
    in_flight: watch::Sender<usize>,
    /// It left the list.
    pub(crate) removed: CancellationToken,
    /// It is gone: its connections are closed whatever they are doing.
    pub(crate) cut: CancellationToken,
}

impl Slot {
    pub(crate) fn new(member: Member, config: &PoolConfig) -> Self {
        let cut = CancellationToken::new();
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(config.connect_timeout));
        let client = Client::builder(UntilCut(cut.clone()))
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(config.idle_timeout)
            // Only who asked can know whether asking twice is harmless.
            .retry_canceled_requests(false)
            .build(connector);
        let removed = CancellationToken::new();
        Self { member, client, in_flight: watch::Sender::new(0), removed, cut }
    }

    pub(crate) fn in_flight(&self) -> usize {
        *self.in_flight.borrow()
    }

    /// Returns when nothing is in flight.
    pub(crate) async fn idle(&self) {
        // The sender is ours, so this ends only as wanted.
        let _ = self.in_flight.subscribe().wait_for(|&requests| requests == 0).await;
    }
}

/// A request in flight: counted until dropped.
pub(crate) struct Lease {
    slot: Arc<Slot>,
    changes: watch::Sender<()>,
}

impl Lease {
    pub(crate) fn new(slot: Arc<Slot>, changes: watch::Sender<()>) -> Self {
        slot.in_flight.send_modify(|requests| *requests += 1);
        changes.send_replace(());
        Self { slot, changes }
    }

    pub(crate) fn member(&self) -> &Member {
        &self.slot.member
    }

    pub(crate) fn cut(&self) -> &CancellationToken {
        &self.slot.cut
    }

    pub(crate) fn send(&self, request: Request<Upload>) -> ResponseFuture {
        self.slot.client.request(request)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.slot.in_flight.send_modify(|requests| *requests -= 1);
        self.changes.send_replace(());
    }
}

/// Runs connections until they are cut: a body nobody reads would not notice otherwise.
#[derive(Clone)]
struct UntilCut(CancellationToken);

impl<F> Executor<F> for UntilCut
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, connection: F) {
        tokio::spawn(self.0.clone().run_until_cancelled_owned(connection));
    }
}
