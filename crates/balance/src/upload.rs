//! A request's body on its way to a member, and who is silent meanwhile.

use std::error::Error;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::Instant;

pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// Passes a body on piece by piece.
pub(crate) struct Upload {
    body: UnsyncBoxBody<Bytes, BoxError>,
    activity: Activity,
}

/// The signs of life of an upload.
#[derive(Clone)]
pub(crate) struct Activity(Arc<Mutex<Beat>>);

struct Beat {
    /// When the client last sent a piece; the start, if it never did.
    at: Instant,
    /// The member wants more and the client has not sent it.
    client_owes: bool,
    /// Why the client's body broke off.
    broken: Option<String>,
}

/// Who was silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Silent {
    Client,
    Member,
}

impl Upload {
    pub(crate) fn new<B>(body: B) -> (Self, Activity)
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let beat = Beat { at: Instant::now(), client_owes: false, broken: None };
        let activity = Activity(Arc::new(Mutex::new(beat)));
        (
            Self { body: body.map_err(Into::into).boxed_unsync(), activity: activity.clone() },
            activity,
        )
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        self.activity.with(|beat| {
            beat.client_owes = polled.is_pending();
            match &polled {
                Poll::Pending => {}
                Poll::Ready(Some(Err(error))) => beat.broken = Some(error.to_string()),
                Poll::Ready(_) => beat.at = Instant::now(),
            }
        });
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Activity {
    /// Returns when nothing was sent for this long.
    pub(crate) async fn silence(&self, limit: Duration) -> Silent {
        loop {
            let seen = self.last();
            tokio::time::sleep_until(seen + limit).await;
            let (last, client_owes) = self.with(|beat| (beat.at, beat.client_owes));
            if last == seen {
                return if client_owes { Silent::Client } else { Silent::Member };
            }
        }
    }

    /// When the client last sent a piece.
    pub(crate) fn last(&self) -> Instant {
        self.with(|beat| beat.at)
    }

    /// Why the client's body broke off, if it did.
    pub(crate) fn broken(&self) -> Option<String> {
        self.with(|beat| beat.broken.clone())
    }

    fn with<T>(&self, look: impl FnOnce(&mut Beat) -> T) -> T {
        look(&mut self.0.lock().expect("no panic while held"))
    }
}
