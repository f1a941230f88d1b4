//! One request, one answer.

use std::io;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::{Request, Response};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::error::RegistryError;

pub(super) type Body = BoxBody<Bytes, io::Error>;

/// Pieces that a file is sent in.
const PIECE: usize = 128 * 1024;

const CONNECT_PATIENCE: Duration = Duration::from_secs(10);

/// Slower than any line that is worth waiting for: what is sent may take its size over this.
const SLOWEST_BYTES_PER_S: u64 = 50_000;

/// What a request carries.
#[derive(Clone, Debug)]
pub(super) enum Content {
    Bytes(Bytes),
    /// A file from a place on to its end, `length` bytes in all.
    File {
        path: PathBuf,
        from: u64,
        length: u64,
    },
}

impl Content {
    pub const NOTHING: Self = Self::Bytes(Bytes::new());

    pub fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File { length, .. } => *length,
        }
    }

    async fn body(&self) -> io::Result<Body> {
        match self {
            Self::Bytes(bytes) => {
                Ok(Full::new(bytes.clone()).map_err(|never| match never {}).boxed())
            }
            Self::File { path, from, length } => {
                let mut file = tokio::fs::File::open(path).await?;
                file.seek(io::SeekFrom::Start(*from)).await?;
                let pieces = stream::try_unfold((file, *length), |(mut file, left)| async move {
                    if left == 0 {
                        return Ok(None);
                    }
                    let most = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
                    let mut piece = vec![0; most];
                    file.read_exact(&mut piece).await?;
                    Ok(Some((Frame::data(Bytes::from(piece)), (file, left - most as u64))))
                });
                Ok(BodyExt::boxed(StreamBody::new(pieces)))
            }
        }
    }
}

/// Why no answer came, for people.
#[derive(Debug)]
pub(super) struct NoAnswer {
    pub why: String,
    /// There was somebody.
    pub connected: bool,
}

/// Connections, kept between requests.
#[derive(Clone, Debug)]
pub(super) struct Http {
    client: Client<HttpsConnector<HttpConnector>, Body>,
    /// How long nothing may come.
    silence: Duration,
}

impl Http {
    pub fn new(authorities: Option<&Path>, silence: Duration) -> Result<Self, RegistryError> {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_connect_timeout(Some(CONNECT_PATIENCE));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls(authorities)?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        Ok(Self { client: Client::builder(TokioExecutor::new()).build(connector), silence })
    }

    pub fn silence(&self) -> Duration {
        self.silence
    }

    /// Sends one request once.
    pub async fn send(
        &self,
        request: hyper::http::request::Builder,
        content: &Content,
    ) -> Result<Response<Incoming>, NoAnswer> {
        let here = |why: String| NoAnswer { why, connected: true };
        let body = content.body().await.map_err(|error| here(error.to_string()))?;
        let request: Request<Body> = request.body(body).map_err(|error| here(error.to_string()))?;
        let sending = Duration::from_secs(content.length() / SLOWEST_BYTES_PER_S);
        let patience = self.silence + sending;
        match tokio::time::timeout(patience, self.client.request(request)).await {
            Ok(answer) => answer.map_err(|error| NoAnswer {
                why: whole_story(&error),
                connected: !error.is_connect(),
            }),
            Err(_) => Err(here(format!("no answer within {} s", patience.as_secs()))),
        }
    }
}

/// An error with what lies behind it: the outermost says little.
pub(super) fn whole_story(error: &dyn std::error::Error) -> String {
    let mut causes = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        causes.push(error.to_string());
        next = error.source();
    }
    causes.dedup();
    causes.join(": ")
}

/// A system's whole bundle of authorities has a quarter of a megabyte.
const AUTHORITIES_BYTES: u64 = 16 * 1024 * 1024;

fn tls(authorities: Option<&Path>) -> Result<ClientConfig, RegistryError> {
    let mut trusted = RootCertStore::empty();
    // A machine without any is told by the first certificate that nobody vouches for.
    trusted.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(file) = authorities {
        let unusable = |why: String| RegistryError::Authorities { file: file.to_owned(), why };
        let opened = gearshift_files::open(file).map_err(|error| unusable(error.to_string()))?;
        let opened = Read::take(opened, AUTHORITIES_BYTES);
        let own: Result<Vec<_>, _> = CertificateDer::pem_reader_iter(opened).collect();
        let own = own.map_err(|error| unusable(error.to_string()))?;
        if trusted.add_parsable_certificates(own).0 == 0 {
            return Err(unusable("it has no certificate".to_owned()));
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.expect("ring has the default versions of TLS");
    Ok(config.with_root_certificates(trusted).with_no_client_auth())
}
