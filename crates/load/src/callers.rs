//! The callers of a run: tasks that live as long as their connection and are handed one call at a time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::caller::Caller;
use crate::clock::Clock;
use crate::endpoint::Endpoint;
use crate::{ErrorKind, Mode, Sample};

/// A call for a caller to make.
pub(crate) struct Call {
    /// Which kind of request.
    pub(crate) turn: usize,
    pub(crate) intended_us: u64,
    /// How long to rest after it where nobody listens.
    pub(crate) rest: Option<Duration>,
}

/// All callers, those that fell idle last on top.
pub(crate) struct Callers {
    endpoint: Arc<Endpoint>,
    clock: Clock,
    /// How each caller is handed its next call.
    hands: Vec<mpsc::Sender<Call>>,
    idle: Vec<usize>,
    max: usize,
    /// Whether every call gets a connection of its own.
    fresh: bool,
    /// Holds at most one sample of each caller, which is handed no other call before it was taken.
    over: mpsc::UnboundedReceiver<(usize, Sample)>,
    tells: mpsc::UnboundedSender<(usize, Sample)>,
    /// Ended with this.
    tasks: JoinSet<()>,
}

impl Callers {
    /// At most this many, each begun when it is first needed.
    pub(crate) fn new(mode: &Mode, max: usize, endpoint: Arc<Endpoint>, clock: Clock) -> Self {
        let (tells, over) = mpsc::unbounded_channel();
        Self {
            endpoint,
            clock,
            hands: Vec::new(),
            idle: Vec::new(),
            max,
            fresh: matches!(mode, Mode::Probe { .. }),
            over,
            tells,
            tasks: JoinSet::new(),
        }
    }

    pub(crate) fn any_free(&self) -> bool {
        !self.idle.is_empty() || self.hands.len() < self.max
    }

    /// Callers that make a call now.
    pub(crate) fn busy(&self) -> usize {
        self.hands.len() - self.idle.len()
    }

    /// Hands a call to the caller that fell idle last, or to a new one. Somebody must be free.
    pub(crate) fn make(&mut self, call: Call) {
        let caller = self.idle.pop().unwrap_or_else(|| self.begin());
        // An idle caller waits for a call, so there is room for one.
        self.hands[caller].try_send(call).unwrap_or_else(|_| panic!("caller {caller} has ended"));
    }

    fn begin(&mut self) -> usize {
        let number = self.hands.len();
        let (hand, mut calls) = mpsc::channel::<Call>(1);
        let (endpoint, clock, fresh) = (self.endpoint.clone(), self.clock, self.fresh);
        let tells = self.tells.clone();
        self.tasks.spawn(async move {
            let mut caller = Caller::default();
            while let Some(Call { turn, intended_us, rest }) = calls.recv().await {
                let sample = caller.call(&endpoint, turn, clock, intended_us).await;
                if fresh {
                    caller.hang_up();
                }
                let nobody =
                    matches!(sample.error, Some(ErrorKind::Refused | ErrorKind::Unreachable));
                if let Some(rest) = rest.filter(|_| nobody) {
                    tokio::time::sleep(rest).await;
                }
                if tells.send((number, sample)).is_err() {
                    return;
                }
            }
        });
        self.hands.push(hand);
        number
    }

    /// Waits for a call to be over. May be cancelled.
    ///
    /// # Panics
    /// Where a caller has: its call would never be over.
    pub(crate) async fn next_over(&mut self) -> Sample {
        tokio::select! {
            biased;
            over = self.over.recv() => {
                let (caller, sample) = over.expect("this has a sender, too");
                self.idle.push(caller);
                sample
            }
            Some(Err(ended)) = self.tasks.join_next() => match ended.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => unreachable!("callers are aborted only together with the run"),
            }
        }
    }
}
