//! The body of a member's answer on its way to the client.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::refusal::root_cause;
use crate::slot::Lease;
use crate::upload::Activity;

/// Why an answer ended before it was complete. The client has its head already, so all that is left
/// is to close its connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrokenAnswer {
    #[error("the member broke off: {why} → look into its log")]
    BrokeOff { why: String },
    #[error(
        "the member left and had not finished within the deregistration delay → raise the delay, or \
         let answers be shorter"
    )]
    Cut,
    #[error("the member was silent for {after:?} → raise the idle timeout")]
    TimedOut { after: Duration },
}

/// An answer's body, passed on piece by piece. It is in flight until it has ended or is dropped.
pub struct Answer {
    /// Nothing once it has ended.
    open: Option<Open>,
}

struct Open {
    body: Incoming,
    cut: CancellationToken,
    when_cut: Pin<Box<WaitForCancellationFutureOwned>>,
    silence: Silence,
    _lease: Lease,
}

impl Answer {
    pub(crate) fn new(
        body: Incoming,
        lease: Lease,
        idle_timeout: Duration,
        upload: Activity,
    ) -> Self {
        let cut = lease.cut().clone();
        let when_cut = Box::pin(cut.clone().cancelled_owned());
        let silence = Silence { limit: idle_timeout, upload, until: None };
        Self { open: Some(Open { body, cut, when_cut, silence, _lease: lease }) }
    }
}

impl Open {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenAnswer>>> {
        if self.when_cut.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Some(Err(BrokenAnswer::Cut)));
        }
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Pending => {
                self.silence.poll(cx).map(|after| Some(Err(BrokenAnswer::TimedOut { after })))
            }
            Poll::Ready(Some(Ok(frame))) => {
                self.silence.until = None;
                Poll::Ready(Some(Ok(frame)))
            }
            // A connection that was cut looks like the end of a body without a length.
            Poll::Ready(_) if self.cut.is_cancelled() => Poll::Ready(Some(Err(BrokenAnswer::Cut))),
            Poll::Ready(Some(Err(error))) => {
                let why = root_cause(&error).to_string();
                Poll::Ready(Some(Err(BrokenAnswer::BrokeOff { why })))
            }
            Poll::Ready(None) => Poll::Ready(None),
        }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = BrokenAnswer;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenAnswer>>> {
        let Some(open) = &mut self.open else { return Poll::Ready(None) };
        let polled = open.poll(cx);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.open = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.open.as_ref().is_none_or(|open| open.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.open.as_ref().map_or_else(|| SizeHint::with_exact(0), |open| open.body.size_hint())
    }
}

/// How long the member has been waited for. A client that does not read is not the member's silence,
/// so this runs only while the body has been asked for more; nor is one that still sends.
struct Silence {
    limit: Duration,
    upload: Activity,
    until: Option<Pin<Box<Sleep>>>,
}

impl Silence {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Duration> {
        let limit = self.limit;
        let until = self.until.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        while until.as_mut().poll(cx).is_ready() {
            let end = self.upload.last() + limit;
            if end <= Instant::now() {
                return Poll::Ready(limit);
            }
            until.as_mut().reset(end);
        }
        Poll::Pending
    }
}
