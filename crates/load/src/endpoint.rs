//! Where calls go and what is sent, worked out once per run.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Uri};

use crate::mix::Turns;
use crate::{Expect, Job, LoadError, Request};

pub(crate) struct Endpoint {
    /// All addresses of the host, to be tried in this order.
    pub(crate) addresses: Vec<SocketAddr>,
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
        match url.scheme_str() {
            Some("http") => {}
            Some(_) => return Err(LoadError::NotHttp { url: job.url.clone() }),
            None => return Err(bad_url("it does not begin with http://".to_owned())),
        }
        let authority = url.authority().ok_or_else(|| bad_url("it has no host".to_owned()))?;
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
            addresses: addresses(authority.host(), authority.port_u16().unwrap_or(80)).await?,
            timeout: Duration::from_millis(job.timeout_ms),
            weights: kinds.iter().map(|kind| kind.weight).collect(),
            kinds: kinds
                .iter()
                .map(|kind| Kind::of(kind, authority.as_str(), &bad_url))
                .collect::<Result<_, _>>()?,
        })
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

async fn addresses(host: &str, port: u16) -> Result<Vec<SocketAddr>, LoadError> {
    let no_address = |why: String| LoadError::NoAddress { host: host.to_owned(), why };
    // A URL writes IPv6 addresses in brackets, the resolver does not.
    let name = host.trim_start_matches('[').trim_end_matches(']');
    let found =
        tokio::net::lookup_host((name, port)).await.map_err(|why| no_address(why.to_string()))?;
    let addresses: Vec<SocketAddr> = found.collect();
    if addresses.is_empty() {
        return Err(no_address("the resolver knows none".to_owned()));
    }
    Ok(addresses)
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
