//! How a connection is opened: plain TCP, or TLS over it.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::clock::Clock;
use crate::{ErrorKind, LoadError, Untrusted};

/// What the bytes of calls go through.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection on which nothing was sent yet.
pub(crate) struct Opened {
    pub(crate) stream: Box<dyn Stream>,
    /// How long the TLS handshake took, µs; none on a plain connection.
    pub(crate) tls_us: Option<u64>,
}

/// A connection that is being opened.
pub(crate) type Opening<'a> = Pin<Box<dyn Future<Output = Result<Opened, ErrorKind>> + Send + 'a>>;

/// Opens connections to one service.
pub(crate) trait Connector: Send + Sync {
    /// Connects to the first of these addresses at which somebody listens.
    fn open<'a>(&'a self, addresses: &'a [SocketAddr], clock: Clock) -> Opening<'a>;

    /// The first certificate that was not trusted, where there are certificates.
    fn untrusted(&self) -> Option<Untrusted> {
        None
    }
}

/// TCP without anything over it.
pub(crate) struct Plain;

impl Connector for Plain {
    fn open<'a>(&'a self, addresses: &'a [SocketAddr], _: Clock) -> Opening<'a> {
        Box::pin(async move {
            Ok(Opened { stream: Box::new(connected(addresses).await?), tls_us: None })
        })
    }
}

/// TLS 1.2 or 1.3, with HTTP/1.1 as the only protocol offered.
pub(crate) struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
    /// Kept once and not with every call: a server that is not trusted by one call is not by the others,
    /// and samples are many.
    untrusted: OnceLock<Untrusted>,
}

impl Tls {
    /// For this host, whose certificate is checked against these authorities (PEM), or against the
    /// machine's where none are given.
    pub(crate) fn new(host: &str, authorities_pem: Option<&str>) -> Result<Self, LoadError> {
        let name = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(name)
            .map_err(|why| LoadError::NoTlsName { host: host.to_owned(), why: why.to_string() })?;
        let roots = match authorities_pem {
            Some(pem) => given(pem)?,
            None => of_the_machine()?,
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring has TLS 1.2 and 1.3")
            .with_root_certificates(roots);
        let mut config = config.with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let connector = TlsConnector::from(Arc::new(config));
        Ok(Self { connector, name, untrusted: OnceLock::new() })
    }

    fn failed(&self, error: &io::Error) -> ErrorKind {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let Some(rustls::Error::InvalidCertificate(why)) = inner else {
            tracing::debug!(%error, "no TLS session");
            return ErrorKind::Tls;
        };
        tracing::debug!(?why, "the server's certificate is not trusted");
        self.untrusted
            .get_or_init(|| Untrusted { host: self.name.to_str().into_owned(), why: why.into() });
        ErrorKind::Certificate
    }
}

impl Connector for Tls {
    fn open<'a>(&'a self, addresses: &'a [SocketAddr], clock: Clock) -> Opening<'a> {
        Box::pin(async move {
            let plain = connected(addresses).await?;
            let began_us = clock.now_us();
            let stream = self.connector.connect(self.name.clone(), plain).await;
            let stream = stream.map_err(|error| self.failed(&error))?;
            Ok(Opened {
                stream: Box::new(stream),
                tls_us: Some(clock.now_us().saturating_sub(began_us)),
            })
        })
    }

    fn untrusted(&self) -> Option<Untrusted> {
        self.untrusted.get().cloned()
    }
}

fn given(pem: &str) -> Result<RootCertStore, LoadError> {
    let bad = |why: String| LoadError::BadAuthorities { why };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|why| bad(why.to_string()))?;
        roots.add(certificate).map_err(|why| bad(why.to_string()))?;
    }
    match roots.is_empty() {
        true => Err(bad("it has no certificate".to_owned())),
        false => Ok(roots),
    }
}

fn of_the_machine() -> Result<RootCertStore, LoadError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (added, _unreadable) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        let why = found.errors.first().map(ToString::to_string);
        let why = why.unwrap_or_else(|| "there are none".to_owned());
        return Err(LoadError::NoAuthorities { why });
    }
    Ok(roots)
}

async fn connected(addresses: &[SocketAddr]) -> Result<TcpStream, ErrorKind> {
    let stream = TcpStream::connect(addresses).await.map_err(|error| unconnected(&error))?;
    stream.set_nodelay(true).map_err(|error| unconnected(&error))?;
    Ok(stream)
}

fn unconnected(error: &io::Error) -> ErrorKind {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => ErrorKind::Refused,
        _ => ErrorKind::Unreachable,
    }
}
