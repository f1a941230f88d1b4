//! What a proxy takes out of and puts into the head of a message.

use std::net::IpAddr;

use hyper::HeaderMap;
use hyper::header::{
    CONNECTION, CONTENT_LENGTH, HeaderName, HeaderValue, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION,
    TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use hyper::http::uri::Scheme;

/// How a request came to the balancer; members read it in the `X-Forwarded-` headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The client's address, without its port.
    pub client: IpAddr,
    /// The port the client connected to.
    pub port: u16,
    /// What the client spoke.
    pub scheme: Scheme,
}

/// Headers that concern one connection only (RFC 9110, section 7.6.1), beside those that
/// `Connection` names. The two for proxies are ours too: they speak to the next hop.
const HOP_BY_HOP: [HeaderName; 9] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");

/// Takes out what was meant for this connection.
pub(crate) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    // A length beside a transfer coding is a lie about where the message ends.
    if headers.contains_key(TRANSFER_ENCODING) {
        headers.remove(CONTENT_LENGTH);
    }
    for name in HOP_BY_HOP.iter().chain(&named) {
        headers.remove(name);
    }
}

/// Adds where the request came from, as ALB does by default: the client is appended to who is named
/// already, protocol and port are replaced
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/application/x-forwarded-headers.html>).
pub(crate) fn add_forwarded(headers: &mut HeaderMap, arrival: &Arrival) {
    let client = arrival.client.to_string();
    let mut hops: Vec<&[u8]> =
        headers.get_all(FORWARDED_FOR).iter().map(HeaderValue::as_bytes).collect();
    hops.push(client.as_bytes());
    let hops = hops.join(&b", "[..]);
    // Header values and an address joined are a header value.
    if let Ok(hops) = HeaderValue::from_bytes(&hops) {
        headers.insert(FORWARDED_FOR, hops);
    }
    if let Ok(scheme) = HeaderValue::from_str(arrival.scheme.as_str()) {
        headers.insert(FORWARDED_PROTO, scheme);
    }
    headers.insert(FORWARDED_PORT, HeaderValue::from(arrival.port));
}

#[cfg(test)]
#[path = "headers_tests.rs"]
mod tests;
