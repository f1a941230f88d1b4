//! Which environments there are, and who gets one.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::Refused;
use crate::config::{NEW_ENVIRONMENTS_BURST, NEW_ENVIRONMENTS_PER_SECOND};
use crate::environment::Environment;

/// How long a request waits for an environment that has answered but not yet asked for work
/// again, before a new one is started.
const SETTLING: Duration = Duration::from_millis(2);

/// What a request gets.
pub(crate) enum Slot {
    /// A warm environment.
    Taken(Arc<Environment>),
    /// Room for a new one of this generation; to be given back with [`EnvironmentPool::filled`].
    Room { generation: u64 },
}

pub(crate) struct EnvironmentPool {
    limit: usize,
    inner: Mutex<Inner>,
}

struct Inner {
    idle: Vec<Arc<Environment>>,
    busy: Vec<Arc<Environment>>,
    starting: usize,
    /// Busy ones that have answered already.
    settling: usize,
    /// Requests that wait for one of these; at most as many.
    waiting: VecDeque<oneshot::Sender<Arc<Environment>>>,
    generation: u64,
    tokens: f64,
    refilled: Instant,
}

impl EnvironmentPool {
    pub(crate) fn new(limit: usize) -> Self {
        let inner = Inner {
            idle: Vec::new(),
            busy: Vec::new(),
            starting: 0,
            settling: 0,
            waiting: VecDeque::new(),
            generation: 0,
            tokens: NEW_ENVIRONMENTS_BURST,
            refilled: Instant::now(),
        };
        Self { limit, inner: Mutex::new(inner) }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().expect("no panic while held")
    }

    /// The warm environment used last, or room for a new one.
    pub(crate) async fn acquire(&self) -> Result<Slot, Refused> {
        let mut handed = {
            let mut inner = self.lock();
            // One that died while idle is left to the reclaimer.
            let alive = inner.idle.iter().rposition(|environment| !environment.exited());
            if let Some(environment) = alive.map(|index| inner.idle.remove(index)) {
                inner.busy.push(environment.clone());
                return Ok(Slot::Taken(environment));
            }
            if inner.settling <= inner.waiting() {
                return inner.room(self.limit);
            }
            let (hand, handed) = oneshot::channel();
            inner.waiting.push_back(hand);
            handed
        };
        let waited = tokio::time::timeout(SETTLING, &mut handed).await;
        if let Ok(Ok(environment)) = waited {
            return Ok(Slot::Taken(environment));
        }
        // None is handed over from here on; one may have been just before.
        handed.close();
        match handed.try_recv() {
            Ok(environment) => Ok(Slot::Taken(environment)),
            Err(_) => self.lock().room(self.limit),
        }
    }

    /// The room was filled, or not.
    pub(crate) fn filled(&self, environment: Option<&Arc<Environment>>) {
        let mut inner = self.lock();
        inner.starting -= 1;
        inner.busy.extend(environment.cloned());
    }

    /// The environment has answered and will soon ask for work again.
    pub(crate) fn settling(&self) {
        self.lock().settling += 1;
    }

    /// The environment is ready again, for a request that waits or for a later one; or (`usable`
    /// false, or of an old generation) to be dropped. True: it was kept.
    pub(crate) fn settled(&self, environment: &Arc<Environment>, usable: bool) -> bool {
        let mut inner = self.lock();
        if usable && inner.hand_over(environment) {
            return true;
        }
        inner.settling -= 1;
        inner.busy.retain(|busy| !Arc::ptr_eq(busy, environment));
        let kept = usable && environment.generation == inner.generation;
        if kept {
            inner.idle.push(environment.clone());
        }
        // Whoever waits for one that does not come back need not wait for the time to pass.
        while inner.waiting.len() > inner.settling {
            inner.waiting.pop_back();
        }
        kept
    }

    /// Freezes the environment where no request has got it meanwhile.
    pub(crate) fn freeze_if_idle(&self, environment: &Weak<Environment>) {
        // No request gets one while the lock is held.
        let inner = self.lock();
        let found = inner.idle.iter().find(|idle| Arc::as_ptr(idle) == environment.as_ptr());
        if let Some(environment) = found {
            environment.freeze();
        }
    }

    /// Takes every idle environment out; busy ones leave when they have answered.
    pub(crate) fn retire(&self) -> Vec<Arc<Environment>> {
        let mut inner = self.lock();
        inner.generation += 1;
        std::mem::take(&mut inner.idle)
    }

    /// Takes out the idle environments that are past their time or gone.
    pub(crate) fn reclaim(&self) -> Vec<Arc<Environment>> {
        let mut inner = self.lock();
        let past = |environment: &mut Arc<Environment>| {
            environment.exited() || environment.idle_for() >= environment.idle_limit
        };
        inner.idle.extract_if(.., past).collect()
    }

    /// Idle and busy environments, and how many are starting.
    pub(crate) fn members(&self) -> (Vec<Arc<Environment>>, Vec<Arc<Environment>>, usize) {
        let inner = self.lock();
        (inner.idle.clone(), inner.busy.clone(), inner.starting)
    }

    pub(crate) fn find(&self, access_key: &str) -> Option<Arc<Environment>> {
        let inner = self.lock();
        inner.busy.iter().find(|environment| environment.access_key() == access_key).cloned()
    }
}

impl Inner {
    /// Requests that still wait.
    fn waiting(&mut self) -> usize {
        self.waiting.retain(|waiting| !waiting.is_closed());
        self.waiting.len()
    }

    fn hand_over(&mut self, environment: &Arc<Environment>) -> bool {
        if environment.generation != self.generation {
            return false;
        }
        while let Some(waiting) = self.waiting.pop_front() {
            if waiting.send(environment.clone()).is_ok() {
                // It was busy and stays so, with another request.
                self.settling -= 1;
                return true;
            }
        }
        false
    }

    fn room(&mut self, limit: usize) -> Result<Slot, Refused> {
        let now = Instant::now();
        let refill = (now - self.refilled).as_secs_f64() * NEW_ENVIRONMENTS_PER_SECOND;
        self.tokens = (self.tokens + refill).min(NEW_ENVIRONMENTS_BURST);
        self.refilled = now;
        if self.busy.len() + self.starting >= limit || self.tokens < 1.0 {
            return Err(Refused::TooManyRequests);
        }
        self.tokens -= 1.0;
        self.starting += 1;
        Ok(Slot::Room { generation: self.generation })
    }
}
