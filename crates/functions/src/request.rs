//! What the events of both kinds of API take from a request.

use std::net::SocketAddr;

use hyper::HeaderMap;
use jiff::Timestamp;
use jiff::tz::TimeZone;

pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// What the gateway adds to the headers.
pub(crate) fn forwarded(peer: SocketAddr, host: &str) -> [(&'static str, String); 3] {
    let port = host.rsplit_once(':').map_or("80", |(_, port)| port);
    [
        ("x-forwarded-for", peer.ip().to_string()),
        ("x-forwarded-port", port.to_owned()),
        ("x-forwarded-proto", "http".to_owned()),
    ]
}

/// Names and values of a query, decoded, in order.
pub(crate) fn pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(&name.replace('+', " ")), decoded(&value.replace('+', " ")))
    })
}

pub(crate) fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// As in a web server's log, in UTC.
pub(crate) fn common_log_time(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%d/%b/%Y:%H:%M:%S %z").to_string()
}
