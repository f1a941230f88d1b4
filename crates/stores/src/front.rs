//! The reverse proxy before the table engine: holds each request to its law, meters it, puts faults
//! in and tells the hook.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use bytes::Bytes;
use gearshift_laws::sleep_until;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use rand::rngs::StdRng;
use rust_decimal::Decimal;
use serde_json::Value;

use crate::answer::{self, Answer};
use crate::engine::Engine;
use crate::faults::Injector;
use crate::meter::{self, Meter, Units};
use crate::operation::{Kind, Operation, TableLaws, access_key};
use crate::{DeclaredWait, Fault, Hook, StoreCall};

/// DynamoDB accepts bodies up to 16 MB.
const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;

/// By how much an answer may leave after its deadline before the hook is told. A wake-up takes
/// about a tenth of this; tables in ms show nothing finer.
const LATE: Duration = Duration::from_millis(1);

/// What all connections share.
pub(crate) struct Front {
    /// Where the table engine listens.
    pub(crate) engine: SocketAddr,
    pub(crate) laws: TableLaws,
    pub(crate) rng: Mutex<StdRng>,
    pub(crate) faults: Injector,
    pub(crate) meter: Meter,
    pub(crate) hook: Option<Hook>,
}

/// The connection is to be reset instead of answered: on purpose, or because serving it panicked.
#[derive(Debug, thiserror::Error)]
#[error("this connection is reset without an answer")]
pub(crate) struct NoAnswer;

impl Front {
    /// Serves one request that arrived at `asked`.
    pub(crate) async fn serve(
        &self,
        engine: &Engine,
        new_connection: bool,
        asked: Instant,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, NoAnswer> {
        let (head, body) = request.into_parts();
        let body = match Limited::new(body, MAX_BODY_BYTES).collect().await {
            Ok(body) => body.to_bytes(),
            Err(_) => return Ok(answer::too_large().into_response()),
        };
        let json: Option<Value> = serde_json::from_slice(&body).ok();
        let operation = Operation::of(&head.headers, json.as_ref());
        let fault = match operation.kind {
            Kind::Management => None,
            Kind::Read | Kind::Write => self.faults.draw(),
        };
        let (declared, drawn) = self.declare(&operation, new_connection);
        let deadline = asked + drawn;

        let caller = access_key(&head.headers);
        let (answer, units) = if fault.is_none_or(Fault::applies) {
            self.apply(engine, &operation, Request::from_parts(head, body), json).await
        } else {
            (answer::not_applied(fault), Units::default())
        };
        sleep_until(deadline).await;
        // Looked at after the wait: the work before it and the wake-up may both come late.
        let late = Some(deadline.elapsed()).filter(|late| *late > LATE);

        self.meter.add(units);
        if let Some(hook) = &self.hook {
            let late = late.filter(|_| !declared.is_empty());
            hook(StoreCall {
                access_key: caller,
                operation: operation.name,
                declared,
                late_ms: late.map(millis),
                write_units: units.write(),
                read_units: units.read(),
                fault,
            });
        }
        match fault {
            Some(Fault::Reset) => Err(NoAnswer),
            Some(Fault::AppliedThen500) => Ok(answer::internal_error().into_response()),
            Some(Fault::NotApplied500 | Fault::Throttle) | None => Ok(answer.into_response()),
        }
    }

    /// The laws of this request, and the time they take together.
    fn declare(
        &self,
        operation: &Operation,
        new_connection: bool,
    ) -> (Vec<DeclaredWait>, Duration) {
        if self.laws.off {
            return (Vec::new(), Duration::ZERO);
        }
        let connecting = new_connection.then_some(&self.laws.new_connection);
        let laws = connecting.into_iter().chain(self.laws.of_operation(operation));
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

    /// Lets the engine do it, and reads off what it consumed.
    async fn apply(
        &self,
        engine: &Engine,
        operation: &Operation,
        request: Request<Bytes>,
        json: Option<Value>,
    ) -> (Answer, Units) {
        let (head, body) = request.into_parts();
        let mut json = json.filter(|_| operation.kind != Kind::Management);
        let client_asked = json.as_mut().and_then(meter::ask);
        let body = match (&json, client_asked) {
            (Some(json), Some(false)) => Bytes::from(json.to_string()),
            _ => body,
        };
        let mut answer = match engine.send(Request::from_parts(head, body)).await {
            Ok(answer) => answer,
            Err(why) => return (answer::engine_gone(&why), Units::default()),
        };
        let Some(client_asked) = client_asked else { return (answer, Units::default()) };
        let Ok(mut said) = serde_json::from_slice::<Value>(&answer.body) else {
            return (answer, Units::default());
        };
        if answer.status != StatusCode::OK {
            return (answer, meter::refused(&said, operation.kind));
        }
        let units = meter::consumed(&said, operation.kind);
        if !client_asked {
            meter::strip(&mut said);
            answer.replace_body(said.to_string());
        }
        (answer, units)
    }

    /// Write and read units since the start.
    pub(crate) fn units(&self) -> (Decimal, Decimal) {
        self.meter.units()
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
