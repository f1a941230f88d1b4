//! Members with one way of choosing among them.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use bytes::Bytes;
use hyper::body::Body;
use hyper::http::uri::{Parts, PathAndQuery, Scheme};
use hyper::{Method, Request, Response, Uri, Version};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

use crate::answer::Answer;
use crate::headers::{Arrival, add_forwarded, strip_hop_by_hop};
use crate::metrics::Counters;
use crate::refusal::Refusal;
use crate::roster::{MemberStatus, Roster, State};
use crate::slot::{Lease, Slot};
use crate::upload::{BoxError, Silent, Upload};
use crate::{Member, MemberId, Members, Pick, PoolConfig, Snapshot, check};

/// Members, what checks say of them, and one way of choosing among them.
///
/// Dropping it ends its checks and what waits for members to drain; answers on their way go on.
pub struct Pool {
    shared: Arc<Shared>,
    steward: AbortHandle,
}

/// An answer and who gave it.
pub struct Forwarded {
    pub response: Response<Answer>,
    pub member: MemberId,
}

struct Shared {
    config: PoolConfig,
    roster: Mutex<Roster>,
    /// Who takes requests, after the last change of the roster.
    taking: ArcSwap<Snapshot>,
    picker: Box<dyn Pick>,
    totals: Arc<Counters>,
    /// Told of every change of what [`Pool::states`] returns.
    changes: watch::Sender<()>,
}

impl Pool {
    /// Takes the members that are listed now, starts checking them and follows the list.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub fn new(members: &dyn Members, config: PoolConfig) -> Arc<Self> {
        let picker = config.routing.picker();
        Self::picking(members, config, picker)
    }

    /// Likewise, with a way of choosing of one's own; the config's routing is not looked at.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub fn picking(members: &dyn Members, config: PoolConfig, picker: Box<dyn Pick>) -> Arc<Self> {
        let mut wanted = members.watch();
        let shared = Arc::new(Shared {
            config,
            roster: Mutex::default(),
            taking: ArcSwap::default(),
            picker,
            totals: Arc::default(),
            changes: watch::Sender::new(()),
        });
        let mut lives = JoinSet::new();
        shared.clone().take(&wanted.borrow_and_update(), &mut lives);
        let steward = tokio::spawn(follow(shared.clone(), wanted, lives)).abort_handle();
        Arc::new(Self { shared, steward })
    }

    /// What the pool was told.
    pub fn config(&self) -> &PoolConfig {
        &self.shared.config
    }

    /// Every member that is not gone, in the order in which they joined. One that came back while it
    /// drains is there twice.
    pub fn states(&self) -> Vec<MemberStatus> {
        self.shared.states()
    }

    /// Every member as it stands, with its counters.
    pub(crate) fn counted(&self) -> Vec<(MemberStatus, Arc<Counters>)> {
        self.shared.roster.lock().expect("no panic while held").counted()
    }

    /// The counters of all members, those that are gone included.
    pub(crate) fn totals(&self) -> &Counters {
        &self.shared.totals
    }

    /// Returns the states as soon as they are as wanted.
    pub async fn until(&self, wanted: impl Fn(&[MemberStatus]) -> bool) -> Vec<MemberStatus> {
        let mut changes = self.shared.changes.subscribe();
        loop {
            let states = self.states();
            if wanted(&states) {
                return states;
            }
            // The sender is ours, so this ends only with a change.
            let _ = changes.changed().await;
        }
    }

    /// Returns as soon as some member is healthy.
    pub async fn healthy(&self) {
        self.until(|states| states.iter().any(|member| member.state == State::Healthy)).await;
    }

    /// Returns as soon as no member has this id: it left the list, and has drained or was cut.
    pub async fn gone(&self, id: &MemberId) {
        self.until(|states| states.iter().all(|status| status.member.id != *id)).await;
    }

    /// Sends a request to one member, once, and returns its answer as soon as the head is there.
    /// Both bodies are passed on as they come. Giving up (dropping this, or the answer's body)
    /// closes the connection to the member and frees its place.
    ///
    /// # Errors
    /// Where no member answered; [`Refusal`] says whether one may have carried the request out.
    pub async fn forward<B>(
        &self,
        request: Request<B>,
        arrival: &Arrival,
    ) -> Result<Forwarded, Refusal>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let method = request.method();
        if matches!(*method, Method::CONNECT | Method::TRACE) {
            return Err(Refusal::NotForwarded { method: method.clone() });
        }
        let PoolConfig { connect_timeout, idle_timeout, .. } = self.shared.config;
        let lease = self.shared.lease()?;
        let member = lease.member().id.clone();
        let (request, body) = outgoing(request, lease.member(), arrival).into_parts();
        let (body, activity) = Upload::new(body);
        let refused = |refusal| {
            lease.failed();
            Err(refusal)
        };
        let answer = tokio::select! {
            answer = lease.send(Request::from_parts(request, body)) => answer,
            () = lease.cut().cancelled() => return refused(Refusal::Cut { member }),
            silent = activity.silence(idle_timeout) => return refused(match silent {
                Silent::Client => Refusal::ClientSilent { after: idle_timeout },
                Silent::Member => Refusal::TimedOut { member, after: idle_timeout },
            }),
        };
        match answer {
            Ok(mut response) => {
                lease.answered(response.status().as_u16());
                strip_hop_by_hop(response.headers_mut());
                *response.version_mut() = Version::HTTP_11;
                let response =
                    response.map(|body| Answer::new(body, lease, idle_timeout, activity));
                Ok(Forwarded { response, member })
            }
            // Being cut closes the connection, which may be seen first.
            Err(_) if lease.cut().is_cancelled() => refused(Refusal::Cut { member }),
            Err(error) => refused(match activity.broken() {
                Some(why) => Refusal::ClientGone { why },
                None => Refusal::of_member(member, &error, connect_timeout),
            }),
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.steward.abort();
    }
}

/// The request as the member gets it.
fn outgoing<B>(mut request: Request<B>, member: &Member, arrival: &Arrival) -> Request<B> {
    strip_hop_by_hop(request.headers_mut());
    add_forwarded(request.headers_mut(), arrival);
    let path = request.uri().path_and_query().cloned();
    *request.uri_mut() = uri(member, path.unwrap_or_else(|| PathAndQuery::from_static("/")));
    *request.version_mut() = Version::HTTP_11;
    request
}

fn uri(member: &Member, path: PathAndQuery) -> Uri {
    let authority = member.address.to_string();
    let mut parts = Parts::default();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(authority.parse().expect("a socket address is an authority"));
    parts.path_and_query = Some(path);
    Uri::from_parts(parts).expect("scheme, authority and path are a URI")
}

/// Makes the pool's members those that are wanted, until the pool is dropped.
async fn follow(
    shared: Arc<Shared>,
    mut wanted: watch::Receiver<Vec<Member>>,
    mut lives: JoinSet<()>,
) {
    let mut listing = true;
    while listing || !lives.is_empty() {
        tokio::select! {
            changed = wanted.changed(), if listing => match changed {
                Ok(()) => shared.clone().take(&wanted.borrow_and_update(), &mut lives),
                Err(_) => listing = false,
            },
            Some(_) = lives.join_next() => {}
        }
    }
}

/// A member's life: checked while listed, then drained or cut, then gone.
async fn live(shared: Arc<Shared>, slot: Arc<Slot>) {
    tokio::select! {
        () = slot.removed.cancelled() => {}
        never = keep_checking(&shared, &slot) => match never {},
    }
    // At its end this closes what is still open.
    let _ = tokio::time::timeout(shared.config.deregistration_delay, slot.idle()).await;
    slot.cut.cancel();
    shared.change(|roster| roster.remove(&slot));
}

async fn keep_checking(shared: &Shared, slot: &Arc<Slot>) -> Infallible {
    let mut due = Instant::now();
    loop {
        tokio::time::sleep_until(due).await;
        let check = check::ask(slot.member.address, &shared.config.health).await;
        shared.change(|roster| roster.record(slot, check, &shared.config));
        due = (due + shared.config.health.interval).max(Instant::now());
    }
}

impl Shared {
    /// Makes the list of members this one; those who are new begin their lives.
    fn take(self: Arc<Self>, list: &[Member], lives: &mut JoinSet<()>) {
        for slot in self.change(|roster| roster.apply(list, &self.config)) {
            lives.spawn(live(self.clone(), slot));
        }
    }

    /// Chooses a member. One that has just left is still in the snapshot for a moment and is not taken.
    fn lease(&self) -> Result<Lease, Refusal> {
        loop {
            let taking = self.taking.load();
            let picked = self.picker.pick(&taking).and_then(|index| taking.slots.get(index));
            let Some(slot) = picked else {
                return Err(Refusal::NoMembers { initial: taking.initial });
            };
            if let Some(lease) =
                Lease::take(slot.clone(), self.totals.clone(), self.changes.clone())
            {
                return Ok(lease);
            }
            std::thread::yield_now();
        }
    }

    fn states(&self) -> Vec<MemberStatus> {
        self.roster.lock().expect("no panic while held").states()
    }

    fn change<T>(&self, change: impl FnOnce(&mut Roster) -> T) -> T {
        let mut roster = self.roster.lock().expect("no panic while held");
        let result = change(&mut roster);
        self.taking.store(Arc::new(roster.snapshot()));
        drop(roster);
        self.changes.send_replace(());
        result
    }
}
