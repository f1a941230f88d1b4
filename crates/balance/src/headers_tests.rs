use hyper::header::{CONTENT_TYPE, HOST};

use super::*;

fn map(pairs: &[(&str, &str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()))
        .collect()
}

fn arrival() -> Arrival {
    Arrival { client: "203.0.113.7".parse().unwrap(), port: 443, scheme: Scheme::HTTPS }
}

#[test]
fn what_connection_names_goes_too() {
    let mut headers = map(&[
        ("host", "a"),
        ("connection", "close, X-Secret"),
        ("connection", "x-other"),
        ("x-secret", "1"),
        ("x-other", "2"),
        ("keep-alive", "timeout=5"),
        ("te", "trailers"),
        ("upgrade", "websocket"),
        ("content-type", "text/plain"),
    ]);
    strip_hop_by_hop(&mut headers);
    let mut left: Vec<_> = headers.keys().collect();
    left.sort_by_key(|name| name.as_str());
    assert_eq!(left, [&CONTENT_TYPE, &HOST]);
}

#[test]
fn a_length_beside_a_transfer_coding_goes() {
    let mut headers = map(&[("transfer-encoding", "chunked"), ("content-length", "4")]);
    strip_hop_by_hop(&mut headers);
    assert!(headers.is_empty(), "{headers:?}");
    let mut headers = map(&[("content-length", "4")]);
    strip_hop_by_hop(&mut headers);
    assert_eq!(headers["content-length"], "4");
}

#[test]
fn the_client_is_appended_and_the_rest_replaced() {
    let mut headers = map(&[
        ("x-forwarded-for", "198.51.100.1"),
        ("x-forwarded-for", "198.51.100.2, 198.51.100.3"),
        ("x-forwarded-proto", "gopher"),
        ("x-forwarded-port", "70"),
    ]);
    add_forwarded(&mut headers, &arrival());
    let all: Vec<_> = headers.get_all("x-forwarded-for").iter().collect();
    assert_eq!(all, ["198.51.100.1, 198.51.100.2, 198.51.100.3, 203.0.113.7"]);
    assert_eq!(headers["x-forwarded-proto"], "https");
    assert_eq!(headers["x-forwarded-port"], "443");
    assert_eq!(headers.len(), 3);
}
