//! Asking a registry: with the credentials it wants, again where it fails.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, HeaderName, LOCATION, RETRY_AFTER, USER_AGENT};
use hyper::{Method, Response, StatusCode, Uri};
use serde::Deserialize;

use super::credentials::{self, Credentials};
use super::error::RegistryError;
use super::http::{Content, Http, NoAnswer, whole_story};
use super::{Patience, RegistryOptions};

/// Docker Hub's name and the host that serves it.
const DOCKER_HUB: (&str, &str) = ("docker.io", "registry-1.docker.io");

pub(super) const AGENT: &str = concat!("gearshift/", env!("CARGO_PKG_VERSION"));

/// Longer texts of errors are cut.
const LONGEST_ERROR: usize = 64 * 1024;

/// As many hosts as a download may be sent on to.
const MOST_REDIRECTIONS: usize = 5;

/// One question.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub method: Method,
    pub url: String,
    pub headers: Vec<(HeaderName, String)>,
    pub content: Content,
    /// What is asked, as a noun, for errors.
    pub what: String,
}

impl Call {
    pub fn new(method: Method, url: impl Into<String>, what: impl Into<String>) -> Self {
        let (url, what) = (url.into(), what.into());
        Self { method, url, headers: Vec::new(), content: Content::NOTHING, what }
    }

    pub fn header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub fn content(mut self, content: Content) -> Self {
        self.content = content;
        self
    }
}

/// How an attempt failed that may succeed when it is made again.
#[derive(Debug)]
pub(super) struct Again {
    pub why: String,
    /// As the registry asks for it.
    pub after: Option<Duration>,
    /// Nobody was there.
    pub unreachable: bool,
}

impl From<NoAnswer> for Again {
    fn from(none: NoAnswer) -> Self {
        Self { why: none.why, after: None, unreachable: !none.connected }
    }
}

impl Again {
    pub fn cut(why: String) -> Self {
        Self { why, after: None, unreachable: false }
    }
}

/// What one attempt came to.
pub(super) enum Attempt {
    Answer(Response<Incoming>),
    Again(Again),
}

#[derive(Debug)]
pub(super) struct Access {
    /// As the image's name has it.
    pub registry: String,
    /// `https://host[:port]`.
    pub base: String,
    pub http: Http,
    pub patience: Patience,
    pub credentials: Option<Credentials>,
    pub known: Mutex<Known>,
}

/// What was learned on the way.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The value of `Authorization` that worked.
    pub authorization: Option<String>,
    /// What tokens had to allow so far: the next one allows all of it.
    pub scopes: BTreeSet<String>,
}

impl Access {
    pub fn new(registry: &str, options: &RegistryOptions) -> Result<Self, RegistryError> {
        let host = if registry == DOCKER_HUB.0 { DOCKER_HUB.1 } else { registry };
        let scheme = if options.plain_http { "http" } else { "https" };
        let credentials = match (&options.credentials, &options.docker_folder) {
            (Some(given), _) => Some(given.clone()),
            (None, Some(folder)) => credentials::of(registry, folder)?,
            (None, None) => None,
        };
        Ok(Self {
            registry: registry.to_owned(),
            base: format!("{scheme}://{host}"),
            http: Http::new(options.authorities.as_deref(), options.patience.silence)?,
            patience: options.patience,
            credentials,
            known: Mutex::default(),
        })
    }

    /// The URL of a path of this registry's API, such as `library/hits/manifests/latest`.
    pub fn url(&self, path: &str) -> String {
        format!("{}/v2/{path}", self.base)
    }

    pub fn silence(&self) -> Duration {
        self.http.silence()
    }

    /// Asks until there is an answer that is not *later*. The answer may still be a refusal.
    pub async fn ask(&self, call: &Call) -> Result<Response<Incoming>, RegistryError> {
        let mut attempt = 1;
        loop {
            match self.once(call).await? {
                Attempt::Answer(answer) => return Ok(answer),
                Attempt::Again(again) => self.wait(&mut attempt, again, &call.what, "").await?,
            }
        }
    }

    /// Waits before the next attempt, or says that this was the last.
    pub async fn wait(
        &self,
        attempt: &mut u32,
        again: Again,
        what: &str,
        resumes: &str,
    ) -> Result<(), RegistryError> {
        let Patience { attempts, first_wait, longest_wait, .. } = self.patience;
        let doubled = first_wait.saturating_mul(1 << (*attempt - 1).min(16));
        let wait = again.after.unwrap_or(doubled.min(longest_wait));
        if *attempt >= attempts || wait > longest_wait {
            return Err(self.given_up(*attempt, again, what, resumes));
        }
        let Again { why, .. } = &again;
        tracing::debug!(registry = self.registry, what, why, attempt, ?wait, "asking again");
        tokio::time::sleep(wait).await;
        *attempt += 1;
        Ok(())
    }

    fn given_up(&self, attempts: u32, again: Again, what: &str, resumes: &str) -> RegistryError {
        let registry = self.registry.clone();
        if again.unreachable {
            let next = self.next_of(&again.why);
            return RegistryError::Unreachable { registry, why: again.why, next };
        }
        let asked = again.after.map(|after| format!(" (it asks for {} s)", after.as_secs()));
        let why = format!("{}{}", again.why, asked.unwrap_or_default());
        let (what, resumes) = (what.to_owned(), resumes.to_owned());
        RegistryError::Failed { registry, what, why, attempts, resumes }
    }

    fn next_of(&self, why: &str) -> String {
        let no_tls = why.contains("InvalidContentType") || why.contains("corrupt message");
        let unknown = why.contains("UnknownIssuer") || why.contains("invalid peer certificate");
        let next = match (no_tls, unknown) {
            (true, _) => "it speaks no TLS: give --plain-http if that is as it should be",
            (_, true) => "give the authority that vouches for it: --ca FILE",
            _ => "check its name and port, and whether this machine may reach it",
        };
        next.to_owned()
    }

    /// Asks once, and once more where the registry wants to know who asks.
    pub async fn once(&self, call: &Call) -> Result<Attempt, RegistryError> {
        let tried = self.known.lock().expect("no holder panics").authorization.clone();
        let first = self.send(call, tried.as_deref()).await;
        let answer = match first {
            Attempt::Answer(answer) if answer.status() == StatusCode::UNAUTHORIZED => answer,
            other => return Ok(other),
        };
        let authorization = match self.authorize(&answer, call).await? {
            Ok(authorization) => authorization,
            Err(again) => return Ok(Attempt::Again(again)),
        };
        drain(answer).await;
        let second = self.send(call, Some(&authorization)).await;
        if let Attempt::Answer(answer) = &second
            && answer.status() != StatusCode::UNAUTHORIZED
        {
            self.known.lock().expect("no holder panics").authorization = Some(authorization);
        }
        Ok(second)
    }

    /// Sends a request, and follows where the answer lies elsewhere. What says who asks goes to the
    /// registry's own host only.
    async fn send(&self, call: &Call, authorization: Option<&str>) -> Attempt {
        let mut url = call.url.clone();
        for _ in 0..=MOST_REDIRECTIONS {
            let mut request = hyper::Request::builder().method(call.method.clone()).uri(&url);
            request =
                request.header(USER_AGENT, AGENT).header(CONTENT_LENGTH, call.content.length());
            for (name, value) in &call.headers {
                request = request.header(name, value);
            }
            if let Some(authorization) = authorization.filter(|_| self.is_own(&url)) {
                request = request.header(AUTHORIZATION, authorization);
            }
            let answer = match self.http.send(request, &call.content).await {
                Ok(answer) => answer,
                Err(none) => return Attempt::Again(none.into()),
            };
            tracing::debug!(
                registry = self.registry,
                method = %call.method,
                what = call.what,
                status = answer.status().as_u16(),
                "the registry answered"
            );
            let moved = answer.status().is_redirection() && call.method == Method::GET;
            match location(&answer, &url).filter(|_| moved) {
                Some(place) => url = place,
                None => return judged(answer).await,
            }
        }
        Attempt::Again(Again::cut("it sends from one place to the next".to_owned()))
    }

    /// Whether a URL is this registry's own.
    pub fn is_own(&self, url: &str) -> bool {
        url.strip_prefix(&self.base).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The error of an answer that is none of those expected.
    pub async fn refused(&self, answer: Response<Incoming>, what: &str) -> RegistryError {
        let status = answer.status();
        let body = text(answer).await;
        let (registry, what) = (self.registry.clone(), what.to_owned());
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                self.denied(status, &said(&body), &what)
            }
            StatusCode::NOT_FOUND => RegistryError::NotFound { registry, what, said: said(&body) },
            status => {
                let why = format!("status {}{}", status.as_u16(), said(&body));
                RegistryError::Strange { registry, what, why }
            }
        }
    }

    pub(super) fn denied(&self, status: StatusCode, said: &str, what: &str) -> RegistryError {
        let registry = self.registry.clone();
        let next = match &self.credentials {
            Some(Credentials::Password { username, .. }) => {
                format!("check the password of {username}, and what {username} may do there")
            }
            Some(Credentials::Identity(_)) => format!("log in anew: docker login {registry}"),
            None => {
                "give --username NAME --password-stdin, or log in with `docker login`".to_owned()
            }
        };
        let status = status.as_u16();
        RegistryError::Denied {
            registry,
            what: what.to_owned(),
            status,
            said: said.to_owned(),
            next,
        }
    }
}

/// Tells answers that will be others later from those that stand.
pub(super) async fn judged(answer: Response<Incoming>) -> Attempt {
    let status = answer.status();
    let later = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
    if !later {
        return Attempt::Answer(answer);
    }
    let after =
        answer.headers().get(RETRY_AFTER).and_then(|value| retry_after(value.to_str().ok()?));
    let said = said(&text(answer).await);
    Attempt::Again(Again {
        why: format!("status {}{said}", status.as_u16()),
        after,
        unreachable: false,
    })
}

/// Seconds, or a date (RFC 9110, 10.2.3).
fn retry_after(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}

/// Where an answer points to, as a whole URL.
pub(super) fn location(answer: &Response<Incoming>, asked: &str) -> Option<String> {
    let place = answer.headers().get(LOCATION)?.to_str().ok()?;
    if place.contains("://") {
        return Some(place.to_owned());
    }
    let asked: Uri = asked.parse().ok()?;
    let slash = if place.starts_with('/') { "" } else { "/" };
    Some(format!("{}://{}{slash}{place}", asked.scheme_str()?, asked.authority()?))
}

/// Reads what is left, so that the connection can be used again.
async fn drain(answer: Response<Incoming>) {
    text(answer).await;
}

pub(super) async fn text(answer: Response<Incoming>) -> String {
    let body = Limited::new(answer.into_body(), LONGEST_ERROR);
    match tokio::time::timeout(Duration::from_secs(5), body.collect()).await {
        Ok(Ok(body)) => String::from_utf8_lossy(&body.to_bytes()).into_owned(),
        _ => String::new(),
    }
}

#[derive(Deserialize)]
struct Errors {
    errors: Vec<OneError>,
}

#[derive(Deserialize)]
struct OneError {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

/// What a registry says in its errors, with `: ` before it; or nothing.
pub(super) fn said(body: &str) -> String {
    let Ok(Errors { errors }) = serde_json::from_str(body) else { return String::new() };
    let told = errors.iter().map(|error| match error.message.trim() {
        "" => error.code.clone(),
        message => message.to_owned(),
    });
    let told = told.collect::<Vec<_>>().join(", ");
    // A registry is somebody else: nothing of it may reach a terminal as a control character.
    let plain: String =
        told.chars().filter(|character| !character.is_control()).take(300).collect();
    if plain.is_empty() { plain } else { format!(": {plain}") }
}

/// The error of a body that broke off.
pub(super) fn broken(error: &hyper::Error) -> Again {
    Again::cut(whole_story(error))
}
