//! Headers that concern one connection only (RFC 9110, 7.6.1).

use hyper::HeaderMap;
use hyper::header::CONNECTION;

const OF_A_CONNECTION: [&str; 7] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Takes them away, and those that `Connection` names.
pub(crate) fn remove(headers: &mut HeaderMap) {
    let named: Vec<String> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    for name in named.iter().map(String::as_str).chain(OF_A_CONNECTION) {
        headers.remove(name);
    }
}
