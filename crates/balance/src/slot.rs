//! What a pool keeps for one member: its connections and what is in flight on them.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use hyper::Request;
use hyper::rt::Executor;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, ResponseFuture};
use hyper_util::rt::TokioTimer;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::metrics::Counters;
use crate::upload::Upload;
use crate::{Member, PoolConfig};

/// One member from joining the list to being gone. Dropping it closes its idle connections.
pub(crate) struct Slot {
    pub(crate) member: Member,
    client: Client<HttpConnector, Upload>,
    in_flight: AtomicUsize,
    pub(crate) counters: Arc<Counters>,
    /// It left the list. Set before `in_flight` is looked at for the last time, and looked at after
    /// `in_flight` is raised: of a request and a member that leaves, one always sees the other.
    leaving: AtomicBool,
    idle: Notify,
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
        Self {
            member,
            client,
            in_flight: AtomicUsize::new(0),
            counters: Arc::default(),
            leaving: AtomicBool::new(false),
            idle: Notify::new(),
            removed,
            cut,
        }
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::SeqCst)
    }

    /// It left the list: it gets no new request from now on.
    pub(crate) fn leave(&self) {
        self.leaving.store(true, Ordering::SeqCst);
        self.removed.cancel();
    }

    /// Returns when nothing is in flight.
    pub(crate) async fn idle(&self) {
        loop {
            let mut told = pin!(self.idle.notified());
            // From here on it is told of the last request's end.
            told.as_mut().enable();
            if self.in_flight() == 0 {
                return;
            }
            told.await;
        }
    }
}

/// A request in flight: counted until dropped.
pub(crate) struct Lease {
    slot: Arc<Slot>,
    /// Of the whole pool.
    totals: Arc<Counters>,
    begun: Instant,
    changes: watch::Sender<()>,
}

impl Lease {
    /// None where the member has left.
    pub(crate) fn take(
        slot: Arc<Slot>,
        totals: Arc<Counters>,
        changes: watch::Sender<()>,
    ) -> Option<Self> {
        slot.in_flight.fetch_add(1, Ordering::SeqCst);
        let lease = Self { slot, totals, begun: Instant::now(), changes };
        // Dropped where it has left: that takes the count back.
        let taken = !lease.slot.leaving.load(Ordering::SeqCst);
        tell(&lease.changes);
        if taken {
            lease.both().for_each(Counters::begun);
        }
        taken.then_some(lease)
    }

    pub(crate) fn member(&self) -> &Member {
        &self.slot.member
    }

    /// The member's counters, and the pool's.
    fn both(&self) -> impl Iterator<Item = &Counters> {
        [&*self.slot.counters, &*self.totals].into_iter()
    }

    /// The member has answered with this status.
    pub(crate) fn answered(&self, status: u16) {
        self.both().for_each(|counters| counters.answered(status));
    }

    /// No answer of the member has come.
    pub(crate) fn failed(&self) {
        self.both().for_each(Counters::failed);
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
        let after = self.begun.elapsed();
        self.both().for_each(|counters| counters.ended(after));
        if self.slot.in_flight.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.slot.idle.notify_waiters();
        }
        tell(&self.changes);
    }
}

/// Most of the time nobody waits for a change.
fn tell(changes: &watch::Sender<()>) {
    if changes.receiver_count() > 0 {
        changes.send_replace(());
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
