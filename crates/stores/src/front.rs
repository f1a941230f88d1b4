//! The front before a store's engine: holds each request to its law, meters it, puts faults in and
//! tells the hook.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use gearshift_access::{Denied, Door, Stranger};
use gearshift_gear::{Dimension, PartKind, ServerTiming};
use gearshift_laws::{Law, Laws, sleep_until};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::ORIGIN;
use hyper::http::HeaderValue;
use hyper::http::request::Parts;
use hyper::{HeaderMap, Request, Response};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::answer::Answer;
use crate::faults::Injector;
use crate::meter::Meter;
use crate::{DeclaredWait, Fault, Hook, Metered, StoreCall, StoreError};

/// By how much an answer may leave after its deadline before the hook is told. A wake-up takes
/// about a tenth of this; tables in ms show nothing finer.
pub(crate) const LATE: Duration = Duration::from_millis(1);
/// Or this share of what its laws took, where that is more: less than they differ from call to call.
const LATE_SHARE: f64 = 0.1;

/// One request as the front sees it.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    /// The provider's name for it.
    pub(crate) name: String,
    /// None: management, which is neither delayed nor faulted.
    pub(crate) law: Option<Arc<Law>>,
}

/// Why a request is refused without having been applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The provider's own failure, status 5xx.
    Failed,
    Throttled,
    /// The body was cut off or is larger than the provider takes.
    TooLarge,
}

/// What does the work behind a front, in the provider's protocol.
#[async_trait]
pub(crate) trait Engine: Send + Sync + 'static {
    /// What is kept per client connection.
    type Link: Send + Sync + 'static;
    /// What was read of a request beside its [`Operation`].
    type Read: Send;
    /// Whether a request is billed that was applied and answered with 5xx all the same.
    const BILLS_5XX: bool;

    /// Bodies beyond this are refused.
    fn max_body_bytes(&self) -> usize;
    fn link(&self) -> Self::Link;
    fn read(&self, head: &Parts, body: &Bytes) -> (Operation, Self::Read);
    /// Lets the request take effect; what it is billed.
    async fn apply(
        &self,
        link: &Self::Link,
        operation: &Operation,
        read: Self::Read,
        request: Request<Bytes>,
    ) -> (Answer, Metered);
    /// Whether the request was signed with this store's keys.
    fn verify(&self, head: &Parts, body: &Bytes) -> Result<(), Denied>;
    /// The answer to one that was not.
    fn deny(&self, why: &Denied) -> Answer;
    /// The answer to one that is not for this server.
    fn turn_away(&self, why: Stranger) -> Answer;
    fn refuse(&self, why: Refusal) -> Answer;
}

/// What all connections to one store share.
pub(crate) struct StoreServer<E> {
    pub(crate) engine: E,
    pub(crate) faults: Injector,
    pub(crate) meter: Meter,
    door: Door,
    new_connection: Law,
    /// With physics off nothing is declared.
    off: bool,
    rng: Mutex<StdRng>,
    hook: Option<Hook>,
}

/// The connection is to be reset instead of answered: on purpose, or because serving it panicked.
#[derive(Debug, thiserror::Error)]
#[error("this connection is reset without an answer")]
pub(crate) struct NoAnswer;

impl<E: Engine> StoreServer<E> {
    pub(crate) fn new(
        engine: E,
        at: SocketAddr,
        laws: &Laws,
        seed: u64,
        hook: Option<Hook>,
        billed: &[Dimension],
    ) -> Result<Self, StoreError> {
        Ok(Self {
            engine,
            // Another stream than the laws', so that a fault plan does not move their draws.
            faults: Injector::new(seed.wrapping_add(0x9e37_79b9_7f4a_7c15)),
            meter: Meter::of(billed),
            door: Door::at(at.port()),
            new_connection: laws.named("tls.new_conn_in_region_wire")?.clone(),
            off: laws.are_off(),
            rng: Mutex::new(StdRng::seed_from_u64(seed)),
            hook,
        })
    }

    /// Serves one request that arrived at `asked`.
    pub(crate) async fn serve(
        &self,
        link: &E::Link,
        new_connection: bool,
        asked: Instant,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, NoAnswer> {
        let (mut head, body) = request.into_parts();
        if let Err(stranger) = self.door.admit(&head.headers) {
            return Ok(self.engine.turn_away(stranger).into_response());
        }
        // No engine behind this says that pages of other origins may read its answers.
        head.headers.remove(ORIGIN);
        let body = match Limited::new(body, self.engine.max_body_bytes()).collect().await {
            Ok(body) => body.to_bytes(),
            Err(_) => return Ok(self.engine.refuse(Refusal::TooLarge).into_response()),
        };
        if let Err(denied) = self.engine.verify(&head, &body) {
            return Ok(self.engine.deny(&denied).into_response());
        }
        let (operation, read) = self.engine.read(&head, &body);
        let fault = operation.law.as_ref().and_then(|_| self.faults.draw());
        if let Some(fault) = fault {
            tracing::debug!(?fault, operation = operation.name, "a fault is injected");
        }
        let (declared, drawn) = self.declare(&operation, new_connection);
        let deadline = asked + drawn;

        let caller = access_key(&head.headers);
        let (answer, mut metered) = if fault.is_none_or(Fault::applies) {
            self.engine.apply(link, &operation, read, Request::from_parts(head, body)).await
        } else {
            (self.engine.refuse(refusal(fault)), Metered::new())
        };
        sleep_until(deadline).await;
        // Looked at after the wait: the work before it and the wake-up may both come late.
        let tolerated = LATE.max(drawn.mul_f64(LATE_SHARE));
        let late = Some(deadline.elapsed()).filter(|late| *late > tolerated);
        let late = late.filter(|_| !declared.is_empty());

        if fault == Some(Fault::AppliedThen500) && !E::BILLS_5XX {
            metered.clear();
        }
        self.meter.add(&metered);
        let anonymous = caller.is_none();
        let call = StoreCall {
            access_key: caller,
            operation: operation.name,
            declared,
            late_ms: late.map(millis),
            metered,
            fault,
        };
        let mut answer = match fault {
            Some(Fault::AppliedThen500) => self.engine.refuse(Refusal::Failed),
            _ => answer,
        };
        if anonymous {
            tell(&mut answer, &call);
        }
        if let Some(hook) = &self.hook {
            hook(call);
        }
        if fault == Some(Fault::Reset) { Err(NoAnswer) } else { Ok(answer.into_response()) }
    }

    /// The laws of this request, and the time they take together.
    fn declare(
        &self,
        operation: &Operation,
        new_connection: bool,
    ) -> (Vec<DeclaredWait>, Duration) {
        if self.off {
            return (Vec::new(), Duration::ZERO);
        }
        let connecting = new_connection.then_some(&self.new_connection);
        let laws = connecting.into_iter().chain(operation.law.as_deref());
        let mut rng = self.rng.lock().expect("no holder of this lock panics");
        let mut total = Duration::ZERO;
        let declared = laws
            .map(|law| {
                let drawn = law.draw(&mut *rng);
                total += drawn;
                DeclaredWait { law: law.id.clone(), ms: millis(drawn) }
            })
            .collect();
        (declared, total)
    }
}

fn refusal(fault: Option<Fault>) -> Refusal {
    match fault {
        Some(Fault::Throttle) => Refusal::Throttled,
        _ => Refusal::Failed,
    }
}

/// No host of an anonymous caller learns what was declared, so the answer itself says it.
fn tell(answer: &mut Answer, call: &StoreCall) {
    let mut timing = ServerTiming::default();
    for wait in &call.declared {
        timing.push(wait.law.0.clone(), wait.ms, PartKind::Declared);
    }
    if let Some(late_ms) = call.late_ms {
        timing.push("store", late_ms, PartKind::Late);
    }
    if let Ok(value) = HeaderValue::try_from(timing.format()) {
        answer.headers.insert(ServerTiming::HEADER, value);
    }
}

/// The access key id in `Authorization: AWS4-HMAC-SHA256 Credential=ID/date/region/…`.
fn access_key(headers: &HeaderMap) -> Option<String> {
    let authorization = headers.get(hyper::header::AUTHORIZATION)?.to_str().ok()?;
    let (_, credential) = authorization.split_once("Credential=")?;
    let id = credential.split(['/', ',', ' ']).next()?;
    (!id.is_empty()).then(|| id.to_owned())
}

pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_access_key_names_the_caller() {
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("authorization", text.parse().expect("a header"));
            access_key(&headers)
        };
        let signed = "AWS4-HMAC-SHA256 Credential=env-7/20260101/eu-west-2/dynamodb/aws4_request, \
                      SignedHeaders=host, Signature=0";
        assert_eq!(of(signed).as_deref(), Some("env-7"));
        assert_eq!(of("Bearer x"), None);
        assert_eq!(of("AWS4-HMAC-SHA256 Credential=/2026"), None);
        assert_eq!(access_key(&HeaderMap::new()), None);
    }
}
