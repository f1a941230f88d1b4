//! One event after the other.

use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::{Method, Request, Response, StatusCode};

use super::api::{Api, Invocation, Report};
use super::link::{Link, NoAnswer};
use super::ready::Readiness;
use super::service::Service;
use crate::EntryError;
use crate::http::{Answer, Asked, Front, TooLarge, limit_of, prelude, read, refusal};
use crate::settings::Settings;

/// A broken connection and the end of a process are seen in no order: so long is waited for the other.
const TOGETHER: Duration = Duration::from_millis(100);

pub(crate) struct Worker {
    pub(crate) settings: Arc<Settings>,
    pub(crate) service: Arc<Service>,
    pub(crate) readiness: Readiness,
    pub(crate) api: Api,
}

/// What an event came to.
enum Outcome {
    Payload(Vec<u8>),
    Streamed { prelude: Bytes, body: Incoming },
    Failed(Report),
    Exited(ExitStatus),
}

impl Worker {
    /// Handles events until the service ends or Lambda does; never returns otherwise.
    pub(crate) async fn run(mut self) -> EntryError {
        match self.handle_all().await {
            Ok(never) => match never {},
            Err(error) => error,
        }
    }

    async fn handle_all(&mut self) -> Result<std::convert::Infallible, EntryError> {
        let mut link = None;
        loop {
            let service = self.service.clone();
            let invocation = tokio::select! {
                biased;
                invocation = self.api.next() => invocation?,
                status = service.ended() => return Err(service.exited(status, "between requests")),
            };
            self.handle(invocation, &mut link).await?;
        }
    }

    async fn handle(
        &mut self,
        invocation: Invocation,
        link: &mut Option<Link>,
    ) -> Result<(), EntryError> {
        let id = invocation.context.request_id.clone();
        let service = self.service.clone();
        let outcome = {
            let asking = self.ask(invocation, link);
            tokio::pin!(asking);
            tokio::select! {
                biased;
                outcome = &mut asking => outcome,
                status = service.ended() => {
                    // What it sent before it ended may still be on its way.
                    let late = tokio::time::timeout(TOGETHER, asking).await;
                    late.unwrap_or(Outcome::Exited(status))
                }
            }
        };
        self.service.catch_up();
        match outcome {
            Outcome::Payload(payload) => self.api.respond(&id, payload).await,
            Outcome::Streamed { prelude, body } => {
                self.api.stream(&id, prelude, body).await?;
                self.service.catch_up();
                link.iter_mut().for_each(Link::rest);
                Ok(())
            }
            Outcome::Failed(report) => self.api.fail(&id, &report).await,
            Outcome::Exited(status) => {
                let error = self.service.exited(status, "while it handled a request");
                self.api.fail(&id, &Report::from(&error)).await?;
                Err(error)
            }
        }
    }

    async fn ask(&self, invocation: Invocation, link: &mut Option<Link>) -> Outcome {
        let settings = &*self.settings;
        let asked = read(
            &invocation.payload,
            &invocation.context,
            settings.base_path.as_deref(),
            &settings.pass_through_path,
        );
        let Asked { front, request } = match asked {
            Ok(asked) => asked,
            Err((front, why)) => return own(Some(front), StatusCode::BAD_REQUEST, &why),
        };
        let link = match link {
            Some(link) => link,
            None => link.insert(self.readiness.link().await),
        };
        self.ask_service(front, request, link).await
    }

    async fn ask_service(
        &self,
        front: Option<Front>,
        request: Request<Bytes>,
        link: &mut Link,
    ) -> Outcome {
        let to_head = request.method() == Method::HEAD;
        let response = match link.ask(request).await {
            Ok(response) => response,
            Err(why) => return self.no_answer(front, &why).await,
        };
        if self.is_error(front, response.status()) {
            let message = format!("the service answered {}", response.status());
            return Outcome::Failed(Report { kind: "Service.Status", message });
        }
        match front {
            Some(front @ (Front::V1 | Front::V2)) if self.settings.streaming => {
                let (head, body) = response.into_parts();
                Outcome::Streamed { prelude: prelude(head, front), body }
            }
            _ => match whole(front, response, to_head).await {
                Ok(Ok(answer)) => {
                    link.rest();
                    payload(front, answer)
                }
                Ok(Err(too_large)) => own(front, StatusCode::BAD_GATEWAY, &too_large.to_string()),
                Err(why) => self.no_answer(front, &NoAnswer::BrokeOff(why)).await,
            },
        }
    }

    async fn no_answer(&self, front: Option<Front>, why: &NoAnswer) -> Outcome {
        match tokio::time::timeout(TOGETHER, self.service.ended()).await {
            Ok(status) => Outcome::Exited(status),
            Err(_) => own(front, StatusCode::BAD_GATEWAY, &why.to_string()),
        }
    }

    /// A queue or a bus tries again what has failed, and takes whatever is answered for done.
    fn is_error(&self, front: Option<Front>, status: StatusCode) -> bool {
        match &self.settings.error_statuses {
            Some(statuses) => statuses.iter().any(|range| range.contains(&status.as_u16())),
            None => front.is_none() && status.is_server_error(),
        }
    }
}

fn payload(front: Option<Front>, answer: Answer) -> Outcome {
    match answer.payload(front) {
        Ok(payload) => Outcome::Payload(payload),
        Err(too_large) => own(front, StatusCode::BAD_GATEWAY, &too_large.to_string()),
    }
}

/// An answer of the adapter's own, or an error for who has no status to look at.
fn own(front: Option<Front>, status: StatusCode, why: &str) -> Outcome {
    eprintln!("gearshift-entry: {why}");
    match front.map(|front| refusal(status, why).payload(Some(front))) {
        Some(Ok(payload)) => Outcome::Payload(payload),
        _ => Outcome::Failed(Report { kind: "Service.NoAnswer", message: why.to_owned() }),
    }
}

/// Reads the answer to its end, or until it is larger than it may be.
async fn whole(
    front: Option<Front>,
    response: Response<Incoming>,
    to_head: bool,
) -> hyper::Result<Result<Answer, TooLarge>> {
    let (head, mut body) = response.into_parts();
    let limit = limit_of(front);
    let announced = body.size_hint().exact();
    if let Some(bytes) = announced.filter(|bytes| *bytes > limit as u64) {
        return Ok(Err(TooLarge::new(front, format!("its body alone {bytes} bytes"))));
    }
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        // Nearly every body is one frame, which need not be copied.
        if first.is_empty() && all.is_empty() {
            first = data;
            continue;
        }
        if all.is_empty() {
            all.reserve(announced.unwrap_or_default() as usize);
            all.extend_from_slice(&first);
        }
        all.extend_from_slice(&data);
        if all.len() > limit {
            return Ok(Err(TooLarge::new(front, format!("more than {limit} bytes"))));
        }
    }
    let body = if all.is_empty() { first } else { all.freeze() };
    Ok(Ok(Answer { head, body, to_head }))
}
