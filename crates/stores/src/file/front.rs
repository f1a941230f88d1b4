//! Holds each request to its laws, puts faults in and tells the hook.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fuser::Errno;
use gearshift_laws::{Law, Laws, sleep_until};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::runtime::Handle;

use super::{FileCall, FileConfig, FileHook};
use crate::faults::Injector;
use crate::front::{LATE, millis};
use crate::{DeclaredWait, Fault, StoreError};

/// A way to the server and back, by what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RoundTrip {
    Read,
    Write,
    Create,
    Stat,
    /// Of metadata.
    Change,
    Lock,
}

/// One request as the front sees it.
pub(super) struct Request {
    pub(super) client: Arc<str>,
    pub(super) operation: &'static str,
    pub(super) began: Instant,
    pub(super) fault: Option<Fault>,
    pub(super) trips: Vec<RoundTrip>,
}

impl Request {
    /// One that began now, without a fault and without trips.
    pub(super) fn of(client: &Arc<str>, operation: &'static str) -> Self {
        let began = Instant::now();
        Self { client: Arc::clone(client), operation, began, fault: None, trips: Vec::new() }
    }

    /// The same with a trip if that is needed.
    pub(super) fn with(mut self, trip: RoundTrip, needed: bool) -> Self {
        self.trips.extend(needed.then_some(trip));
        self
    }
}

pub(super) struct FileServer {
    read: Law,
    write: Law,
    create: Law,
    stat: Law,
    change: Law,
    lock: Law,
    /// With physics off nothing is declared.
    off: bool,
    rng: Mutex<StdRng>,
    pub(super) faults: Injector,
    hook: Option<FileHook>,
    /// Where replies wait.
    pub(super) waits: Handle,
}

impl FileServer {
    pub(super) fn new(config: FileConfig, waits: Handle) -> Result<Self, StoreError> {
        let named = |id| config.laws.named(id).cloned();
        let laws: &Laws = &config.laws;
        Ok(Self {
            read: named("efs.read")?,
            write: named("efs.write")?,
            create: named("efs.create")?,
            stat: named("efs.stat")?,
            change: named("efs.unlink")?,
            lock: named("efs.lock")?,
            off: laws.are_off(),
            rng: Mutex::new(StdRng::seed_from_u64(config.seed)),
            // Another stream than the laws', so that a fault plan does not move their draws.
            faults: Injector::new(config.seed.wrapping_add(0x9e37_79b9_7f4a_7c15)),
            hook: config.hook,
            waits,
        })
    }

    /// Lets `reply` happen when the laws of this request say so, counted from its arrival.
    pub(super) fn answer(
        self: &Arc<Self>,
        request: Request,
        reply: impl FnOnce() + Send + 'static,
    ) {
        let (declared, drawn) = self.declare(&request.trips);
        let due = request.began + drawn;
        if declared.is_empty() {
            self.tell(request, declared, due);
            return reply();
        }
        let front = Arc::clone(self);
        self.waits.spawn(async move {
            sleep_until(due).await;
            front.tell(request, declared, due);
            reply();
        });
    }

    /// The same for a request that had to wait for others until now: this is no lateness.
    pub(super) async fn answer_contended(&self, request: Request, reply: impl FnOnce()) {
        let (declared, drawn) = self.declare(&request.trips);
        let due = (request.began + drawn).max(Instant::now());
        sleep_until(due).await;
        self.tell(request, declared, due);
        reply();
    }

    fn declare(&self, trips: &[RoundTrip]) -> (Vec<DeclaredWait>, Duration) {
        if self.off || trips.is_empty() {
            return (Vec::new(), Duration::ZERO);
        }
        let mut rng = self.rng.lock().expect("no holder of this lock panics");
        let mut total = Duration::ZERO;
        let declared = trips
            .iter()
            .map(|trip| {
                let law = self.law(*trip);
                let drawn = law.draw(&mut *rng);
                total += drawn;
                DeclaredWait { law: law.id.clone(), ms: millis(drawn) }
            })
            .collect();
        (declared, total)
    }

    fn law(&self, trip: RoundTrip) -> &Law {
        match trip {
            RoundTrip::Read => &self.read,
            RoundTrip::Write => &self.write,
            RoundTrip::Create => &self.create,
            RoundTrip::Stat => &self.stat,
            RoundTrip::Change => &self.change,
            RoundTrip::Lock => &self.lock,
        }
    }

    fn tell(&self, request: Request, declared: Vec<DeclaredWait>, due: Instant) {
        let Some(hook) = &self.hook else { return };
        if declared.is_empty() && request.fault.is_none() {
            return;
        }
        let ended = Instant::now();
        let late = ended.saturating_duration_since(due);
        hook(FileCall {
            client: request.client.to_string(),
            operation: request.operation,
            late_ms: (late > LATE && !declared.is_empty()).then(|| millis(late)),
            declared,
            began: request.began,
            ended,
            fault: request.fault,
        });
    }
}

/// What the caller of a faulted request is told.
pub(super) fn errno_of(fault: Fault) -> Errno {
    match fault {
        Fault::Throttle => Errno::ENOSPC,
        Fault::AppliedThen500 | Fault::NotApplied500 | Fault::Reset => Errno::EIO,
    }
}
