//! Where a name leads, looked up again while a run lasts: what stands behind a load balancer's name
//! changes.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use crate::LoadError;

/// Addresses that are being looked up.
pub(crate) type Found<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'a>>;

/// Finds addresses of a name.
pub(crate) trait Resolve: Send + Sync {
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> Found<'a>;
}

/// The machine's own resolver. It does not tell how long an answer holds.
pub(crate) struct System;

impl Resolve for System {
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> Found<'a> {
        Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) })
    }
}

/// The addresses of one service, as they were found last.
pub(crate) struct Addresses {
    host: String,
    port: u16,
    resolver: Box<dyn Resolve>,
    found: RwLock<Arc<[SocketAddr]>>,
    turn: AtomicUsize,
}

impl Addresses {
    /// Looks the name up for the first time.
    pub(crate) async fn of(
        host: &str,
        port: u16,
        resolver: Box<dyn Resolve>,
    ) -> Result<Self, LoadError> {
        let no_address = |why: String| LoadError::NoAddress { host: host.to_owned(), why };
        // A URL writes IPv6 addresses in brackets, the resolver does not.
        let name = host.trim_start_matches('[').trim_end_matches(']');
        let found =
            resolver.resolve(name, port).await.map_err(|why| no_address(why.to_string()))?;
        if found.is_empty() {
            return Err(no_address("the resolver knows none".to_owned()));
        }
        Ok(Self {
            host: name.to_owned(),
            port,
            resolver,
            found: RwLock::new(found.into()),
            turn: AtomicUsize::new(0),
        })
    }

    /// All addresses, to be tried in this order: each new connection begins with the next of them,
    /// so that load is spread as the name's owner means it.
    pub(crate) fn in_turn(&self) -> Vec<SocketAddr> {
        let found = self.found.read().expect("no panic while held").clone();
        let first = self.turn.fetch_add(1, Ordering::Relaxed) % found.len();
        found[first..].iter().chain(&found[..first]).copied().collect()
    }

    /// Looks the name up again and again, for ever. What was found before stays where a lookup fails
    /// or finds nothing.
    pub(crate) async fn keep_fresh(&self, every: Duration) {
        if every.is_zero() || self.host.parse::<IpAddr>().is_ok() {
            return std::future::pending().await;
        }
        loop {
            tokio::time::sleep(every).await;
            match self.resolver.resolve(&self.host, self.port).await {
                Ok(found) if !found.is_empty() => {
                    let mut kept = self.found.write().expect("no panic while held");
                    if kept[..] != found[..] {
                        tracing::debug!(host = self.host, ?found, "the name leads elsewhere");
                        *kept = found.into();
                    }
                }
                Ok(_) => tracing::debug!(host = self.host, "the name leads nowhere any more"),
                Err(error) => tracing::debug!(host = self.host, %error, "the lookup failed"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Gives one answer after the other, then the last one for ever.
    struct Script(Mutex<Vec<io::Result<Vec<SocketAddr>>>>);

    impl Resolve for Script {
        fn resolve<'a>(&'a self, _: &'a str, _: u16) -> Found<'a> {
            let mut answers = self.0.lock().unwrap();
            let answer = match answers.len() {
                1 => answers[0].as_ref().map(Clone::clone).map_err(|_| io::Error::other("down")),
                _ => answers.remove(0),
            };
            Box::pin(async move { answer })
        }
    }

    fn at(last: u8) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, last], 80))
    }

    async fn addresses(answers: Vec<io::Result<Vec<SocketAddr>>>) -> Addresses {
        Addresses::of("service.test", 80, Box::new(Script(Mutex::new(answers)))).await.unwrap()
    }

    #[tokio::test]
    async fn new_connections_go_to_each_address_in_turn() {
        let addresses = addresses(vec![Ok(vec![at(1), at(2), at(3)])]).await;
        let firsts: Vec<SocketAddr> = (0..4).map(|_| addresses.in_turn()[0]).collect();
        assert_eq!(firsts, [at(1), at(2), at(3), at(1)]);
        assert_eq!(addresses.in_turn(), [at(2), at(3), at(1)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_is_looked_up_again_and_old_addresses_stay_while_that_fails() {
        let failing = || Err(io::Error::other("the resolver is away"));
        let answers = vec![Ok(vec![at(1)]), failing(), Ok(Vec::new()), Ok(vec![at(2)])];
        let addresses = Arc::new(addresses(answers).await);
        let kept = addresses.clone();
        let every = Duration::from_secs(30);
        let refresher = tokio::spawn(async move { kept.keep_fresh(every).await });
        for (seconds, expected) in [(29, at(1)), (2, at(1)), (30, at(1)), (30, at(2))] {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            assert_eq!(addresses.in_turn(), [expected], "after {seconds} s more");
        }
        refresher.abort();
    }
}
