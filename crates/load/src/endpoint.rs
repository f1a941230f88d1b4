//! Where calls go and what is sent, worked out once per run.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Uri};

use crate::clock::Clock;
use crate::connect::{Connector, Opened, Plain, Tls};
use crate::mix::Turns;
use crate::names::{Addresses, System};
use crate::{ErrorKind, Expect, Job, LoadError, Request, Untrusted};

pub(crate) struct Endpoint {
    addresses: Addresses,
    connector: Box<dyn Connector>,
    look_up_every: Duration,
    pub(crate) timeout: Duration,
    /// At least one.
    kinds: Vec<Kind>,
    weights: Vec<u32>,
}

/// One kind of request, ready to be sent.
pub(crate) struct Kind {
    pub(crate) expect: Expect,
    method: Method,
    /// Origin form: path and query.
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

impl Endpoint {
    pub(crate) async fn of(job: &Job) -> Result<Self, LoadError> {
        let bad_url = |why: String| LoadError::BadUrl { url: job.url.clone(), why };
        let url: Uri = job.url.parse().map_err(|why| bad_url(format!("{why}")))?;
        let authority = url.authority().ok_or_else(|| bad_url("it has no host".to_owned()));
        let (port, connector): (u16, Box<dyn Connector>) = match url.scheme_str() {
            Some("http") => (80, Box::new(Plain)),
            Some("https") => (
                443,
                Box::new(Tls::new(
                    authority.as_ref().map_or("", |of| of.host()),
                    job.ca_pem.as_deref(),
                )?),
            ),
            Some(_) => return Err(LoadError::NotHttp { url: job.url.clone() }),
            None => {
                return Err(bad_url("it begins neither with http:// nor with https://".to_owned()));
            }
        };
        let authority = authority?;
        let port = authority.port_u16().unwrap_or(port);
        let path = url.path_and_query().map_or("/", |path| path.as_str());
        let alone = Request {
            path: path.to_owned(),
            method: job.method.clone(),
            headers: job.headers.clone(),
            body: job.body.clone().unwrap_or_default().into_bytes(),
            weight: 1,
            expect: job.expect.clone(),
        };
        let kinds = if job.mix.is_empty() { std::slice::from_ref(&alone) } else { &job.mix };
        Ok(Self {
            addresses: Addresses::of(authority.host(), port, Box::new(System)).await?,
            connector,
            look_up_every: Duration::from_millis(job.look_up_every_ms),
            timeout: Duration::from_millis(job.timeout_ms),
            weights: kinds.iter().map(|kind| kind.weight).collect(),
            kinds: kinds
                .iter()
                .map(|kind| Kind::of(kind, authority.as_str(), &bad_url))
                .collect::<Result<_, _>>()?,
        })
    }

    /// Opens a connection.
    pub(crate) async fn open(&self, clock: Clock) -> Result<Opened, ErrorKind> {
        self.connector.open(&self.addresses.in_turn(), clock).await
    }

    /// The first certificate that was not trusted.
    pub(crate) fn untrusted(&self) -> Option<Untrusted> {
        self.connector.untrusted()
    }

    /// Looks the host's name up again and again, for ever.
    pub(crate) async fn keep_fresh(&self) {
        self.addresses.keep_fresh(self.look_up_every).await;
    }

    pub(crate) fn turns(&self) -> Turns {
        Turns::of(self.weights.iter().copied())
    }

    pub(crate) fn kind(&self, turn: usize) -> &Kind {
        &self.kinds[turn]
    }
}

impl Kind {
    fn of(
        request: &Request,
        authority: &str,
        bad_url: &dyn Fn(String) -> LoadError,
    ) -> Result<Self, LoadError> {
        Ok(Self {
            expect: request.expect.clone(),
            method: method(&request.method)?,
            uri: request.path.parse().map_err(|why| bad_url(format!("{}: {why}", request.path)))?,
            headers: headers(authority, &request.headers)?,
            body: request.body.clone().into(),
        })
    }

    pub(crate) fn request(&self) -> hyper::Request<Full<Bytes>> {
        let mut request = hyper::Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        request
    }
}

fn method(text: &str) -> Result<Method, LoadError> {
    let bad = |why| LoadError::BadJob { field: "method", value: format!("`{text}`"), why };
    match text.parse() {
        // Its answer is no HTTP message but a tunnel.
        Ok(Method::CONNECT) => Err(bad("a tunnel cannot be measured")),
        Ok(method) => Ok(method),
        Err(_) => Err(bad("it is no HTTP method")),
    }
}

fn headers(authority: &str, given: &[(String, String)]) -> Result<HeaderMap, LoadError> {
    let bad =
        |name: &str, why| LoadError::BadJob { field: "headers", value: format!("`{name}`"), why };
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let header: HeaderName =
            name.parse().map_err(|_| bad(name, "it is no HTTP header name"))?;
        let value = HeaderValue::from_str(value)
            .map_err(|_| bad(name, "its value has characters that no header may have"))?;
        headers.append(header, value);
    }
    if !headers.contains_key(HOST) {
        let host = authority.rsplit('@').next().unwrap_or(authority);
        let value = HeaderValue::from_str(host)
            .map_err(|_| bad("host", "the URL's host cannot be sent as a header"))?;
        headers.insert(HOST, value);
    }
    Ok(headers)
}
