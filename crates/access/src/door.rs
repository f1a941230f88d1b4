//! What a browser says about itself: whose name it looked up, and whose page is asking.

use hyper::HeaderMap;
use hyper::header::{HOST, ORIGIN};
use std::net::IpAddr;

/// The address a server listens on, as requests must name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Door {
    port: u16,
}

/// Why a request is not for this server, whatever it asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stranger {
    /// `Host` is missing, another port, or a name that anybody may point at loopback: a page under
    /// such a name would otherwise count as this server's own (DNS rebinding).
    #[error("the request's Host is not this server's address → http://127.0.0.1 and the port")]
    Host,
    /// `Origin` says that a page of another site is asking.
    #[error("requests from pages of another origin are refused → ask without a browser")]
    Origin,
}

impl Door {
    /// Of a server on this port of loopback.
    pub fn at(port: u16) -> Self {
        Self { port }
    }

    /// Whether a request with these headers may come in.
    ///
    /// # Errors
    /// Where it names another host than this one, or comes from a page of another origin.
    pub fn admit(self, headers: &HeaderMap) -> Result<(), Stranger> {
        let mut hosts = headers.get_all(HOST).iter();
        let host = hosts.next().and_then(|host| host.to_str().ok()).ok_or(Stranger::Host)?;
        if hosts.next().is_some() || !self.is_own(host) {
            return Err(Stranger::Host);
        }
        let own = |origin: &str| origin.strip_prefix("http://").is_some_and(|at| at == host);
        let mut origins = headers.get_all(ORIGIN).iter();
        match origins.all(|origin| origin.to_str().is_ok_and(own)) {
            true => Ok(()),
            false => Err(Stranger::Origin),
        }
    }

    /// `127.0.0.1:PORT`, another loopback literal, or `localhost`, which browsers and resolvers
    /// take to loopback without asking anybody (RFC 6761, section 6.3).
    fn is_own(self, authority: &str) -> bool {
        let Some((name, port)) = authority.rsplit_once(':') else { return false };
        let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
        let loopback = name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        port.parse() == Ok(self.port) && (loopback || name.eq_ignore_ascii_case("localhost"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(host: Option<&str>, origin: Option<&str>) -> Result<(), Stranger> {
        let mut headers = HeaderMap::new();
        host.map(|host| headers.insert(HOST, host.parse().expect("a header")));
        origin.map(|origin| headers.insert(ORIGIN, origin.parse().expect("a header")));
        Door::at(8080).admit(&headers)
    }

    #[test]
    fn only_this_address_is_let_in_and_only_its_own_pages() {
        for own in
            ["127.0.0.1:8080", "localhost:8080", "LOCALHOST:8080", "127.0.0.2:8080", "[::1]:8080"]
        {
            assert_eq!(admitted(Some(own), None), Ok(()), "{own}");
            assert_eq!(admitted(Some(own), Some(&format!("http://{own}"))), Ok(()), "{own}");
        }
        for other in [
            "127.0.0.1",
            "127.0.0.1:8081",
            "evil.example:8080",
            "127.0.0.1.evil.example:8080",
            ":8080",
            "10.0.0.1:8080",
            "",
        ] {
            assert_eq!(admitted(Some(other), None), Err(Stranger::Host), "{other}");
        }
        assert_eq!(admitted(None, None), Err(Stranger::Host));
        for origin in
            ["null", "http://evil.example", "http://127.0.0.1:8081", "https://127.0.0.1:8080", ""]
        {
            let answer = admitted(Some("127.0.0.1:8080"), Some(origin));
            assert_eq!(answer, Err(Stranger::Origin), "{origin}");
        }
    }
}
