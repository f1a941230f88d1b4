//! Sending one blob, going on where the line broke.

use std::path::PathBuf;

use hyper::body::Incoming;
use hyper::header::{CONTENT_RANGE, CONTENT_TYPE, RANGE};
use hyper::{Method, Response, StatusCode};

use super::access::{Access, Again, Attempt, Call, location};
use super::error::RegistryError;
use super::http::Content;
use crate::spec::Descriptor;

/// One blob on its way.
pub(super) struct Upload<'a> {
    pub access: &'a Access,
    pub repository: &'a str,
    pub blob: &'a Descriptor,
    /// The blob's file.
    pub path: PathBuf,
}

/// Where an upload stands.
struct UploadState {
    /// Where to go on. The registry gives a new one with every answer.
    place: String,
    /// What the registry has, in bytes.
    sent: u64,
}

/// How an upload began.
enum Begun {
    /// The registry had the blob elsewhere.
    Mounted,
    UploadState(UploadState),
}

/// What an upload came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Uploaded {
    Mounted,
    /// So often it went on after it had been cut.
    Sent {
        resumed: u32,
    },
}

impl Upload<'_> {
    /// Sends the blob; `from` is a repository of this registry that may have it.
    pub async fn run(&self, from: Option<&str>) -> Result<Uploaded, RegistryError> {
        let mut standing = match self.begin(from).await? {
            Begun::Mounted => return Ok(Uploaded::Mounted),
            Begun::UploadState(standing) => standing,
        };
        let (mut attempt, mut resumed) = (1, 0);
        loop {
            let before = standing.sent;
            match self.advance(&mut standing).await? {
                None => return Ok(Uploaded::Sent { resumed }),
                Some(again) => {
                    let what =
                        format!("{}, {before} of {} bytes sent", self.what(), self.blob.size);
                    let kept = ": what arrived whole is not sent again";
                    self.access.wait(&mut attempt, again, &what, kept).await?;
                }
            }
            self.ask_standing(&mut standing).await?;
            if standing.sent > before {
                attempt = 1;
            }
            resumed += u32::from(standing.sent > 0);
        }
    }

    fn what(&self) -> String {
        format!("sending {}", self.blob.digest)
    }

    async fn begin(&self, from: Option<&str>) -> Result<Begun, RegistryError> {
        let mut url = self.access.url(&format!("{}/blobs/uploads/", self.repository));
        if let Some(from) = from {
            url = format!("{url}?mount={}&from={from}", self.blob.digest);
        }
        let call = Call::new(Method::POST, url, format!("writing to {}", self.repository));
        let answer = self.access.ask(&call).await?;
        match answer.status() {
            StatusCode::CREATED => Ok(Begun::Mounted),
            StatusCode::ACCEPTED => {
                let place = self.place(&answer, &call.url)?;
                Ok(Begun::UploadState(UploadState { place, sent: 0 }))
            }
            _ => Err(self.access.refused(answer, &call.what).await),
        }
    }

    /// Sends what is missing and closes the upload; none when that is done.
    async fn advance(&self, standing: &mut UploadState) -> Result<Option<Again>, RegistryError> {
        if standing.sent < self.blob.size {
            match self.access.once(&self.rest(standing)).await? {
                Attempt::Answer(answer) if answer.status() == StatusCode::ACCEPTED => {
                    standing.place = self.place(&answer, &standing.place)?;
                    standing.sent = self.has(&answer).unwrap_or(self.blob.size);
                }
                // It has another part than we think.
                Attempt::Answer(answer) if answer.status() == StatusCode::RANGE_NOT_SATISFIABLE => {
                    return Ok(Some(Again::cut("it has another part than was sent".to_owned())));
                }
                Attempt::Answer(answer) => return self.lost_or_refused(answer).await.map(Some),
                Attempt::Again(again) => return Ok(Some(again)),
            }
        }
        if standing.sent < self.blob.size {
            let why = format!("it took {} of {} bytes", standing.sent, self.blob.size);
            return Ok(Some(Again::cut(why)));
        }
        match self.access.once(&self.end(standing)).await? {
            Attempt::Answer(answer) if answer.status() == StatusCode::CREATED => Ok(None),
            Attempt::Answer(answer) => {
                // The end was heard, but its answer was cut the last time.
                if answer.status() == StatusCode::NOT_FOUND && self.is_there().await? {
                    return Ok(None);
                }
                self.lost_or_refused(answer).await.map(Some)
            }
            Attempt::Again(again) => Ok(Some(again)),
        }
    }

    /// All that the registry does not have. The first time without a range, as Docker sends it: not
    /// every registry takes parts.
    fn rest(&self, standing: &UploadState) -> Call {
        let (from, length) = (standing.sent, self.blob.size - standing.sent);
        let content = Content::File { path: self.path.clone(), from, length };
        let call = Call::new(Method::PATCH, &standing.place, self.what())
            .header(CONTENT_TYPE, "application/octet-stream")
            .content(content);
        if from == 0 {
            return call;
        }
        call.header(CONTENT_RANGE, format!("{from}-{}", self.blob.size - 1))
    }

    fn end(&self, standing: &UploadState) -> Call {
        let joint = if standing.place.contains('?') { '&' } else { '?' };
        let url = format!("{}{joint}digest={}", standing.place, self.blob.digest);
        Call::new(Method::PUT, url, self.what())
    }

    /// Asks what has arrived. An upload that the registry has lost begins anew.
    async fn ask_standing(&self, standing: &mut UploadState) -> Result<(), RegistryError> {
        let call = Call::new(Method::GET, &standing.place, self.what());
        let answer = self.access.ask(&call).await?;
        if answer.status() == StatusCode::NO_CONTENT {
            standing.place = self.place(&answer, &standing.place)?;
            standing.sent = self.has(&answer).unwrap_or(0).min(self.blob.size);
            return Ok(());
        }
        if let Begun::UploadState(anew) = self.begin(None).await? {
            *standing = anew;
        }
        Ok(())
    }

    async fn is_there(&self) -> Result<bool, RegistryError> {
        is_there(self.access, self.repository, self.blob).await
    }

    async fn lost_or_refused(&self, answer: Response<Incoming>) -> Result<Again, RegistryError> {
        let status = answer.status();
        let refusal = self.access.refused(answer, &self.what()).await;
        // Gone uploads begin anew; a digest that does not fit is what was cut in a way nobody saw.
        if [StatusCode::NOT_FOUND, StatusCode::BAD_REQUEST].contains(&status) {
            return Ok(Again::cut(refusal.to_string()));
        }
        Err(refusal)
    }

    fn place(&self, answer: &Response<Incoming>, asked: &str) -> Result<String, RegistryError> {
        location(answer, asked).ok_or_else(|| RegistryError::Strange {
            registry: self.access.registry.clone(),
            what: self.what(),
            why: "it does not say where to send the rest".to_owned(),
        })
    }

    /// `Range: 0-N`, of which N is the last byte it has. Nothing and one byte look alike.
    fn has(&self, answer: &Response<Incoming>) -> Option<u64> {
        let range = answer.headers().get(RANGE)?.to_str().ok()?;
        let range = range.strip_prefix("bytes=").unwrap_or(range);
        let last: u64 = range.strip_prefix("0-")?.parse().ok()?;
        Some(if last == 0 && self.blob.size > 1 { 0 } else { last + 1 })
    }
}

/// Whether the registry has this blob.
pub(super) async fn is_there(
    access: &Access,
    repository: &str,
    blob: &Descriptor,
) -> Result<bool, RegistryError> {
    let url = access.url(&format!("{repository}/blobs/{}", blob.digest));
    let call = Call::new(Method::HEAD, url, format!("reading {repository}"));
    let answer = access.ask(&call).await?;
    match answer.status() {
        StatusCode::OK => Ok(true),
        StatusCode::NOT_FOUND => Ok(false),
        _ => Err(access.refused(answer, &call.what).await),
    }
}
