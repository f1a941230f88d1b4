//! Calls over TLS, against a server with a certificate of its own.

mod support;

use std::sync::Arc;

use gearshift_load::{Distrust, ErrorKind, Job, LoadError, Mode, Untrusted};
use rcgen::{CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use support::{Act, Server, closed, run, try_run};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A certificate authority and a server that it vouches for under the name `localhost`.
struct Secure {
    port: u16,
    authority_pem: String,
    _runtime: tokio::runtime::Runtime,
}

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

impl Secure {
    fn start() -> Self {
        Self::with(|_| {})
    }

    /// `changes` its certificate before it is signed.
    fn with(changes: impl FnOnce(&mut CertificateParams)) -> Self {
        let issuer = authority("tests");
        let key = KeyPair::generate().unwrap();
        let mut certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        changes(&mut certificate);
        let certificate = certificate.signed_by(&key, &issuer).unwrap();
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        let chain = vec![CertificateDer::from(certificate.der().to_vec())];
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key.into())
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    let mut request = [0; 4096];
                    while matches!(stream.read(&mut request).await, Ok(n) if n > 0) {
                        let answer = support::answer(200, "", "hello");
                        if stream.write_all(&answer).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Self { port, authority_pem: issuer.pem(), _runtime: runtime }
    }

    fn job(&self, host: &str, authority_pem: Option<&str>) -> Job {
        let url = format!("https://{host}:{}/", self.port);
        Job { ca_pem: authority_pem.map(str::to_owned), ..Job::new(url, closed(2, 20)) }
    }
}

#[test]
fn calls_go_over_tls_where_the_certificate_is_vouched_for() {
    let server = Secure::start();
    let outcome = run(&server.job("localhost", Some(&server.authority_pem)));
    assert_eq!((outcome.acknowledged, outcome.connect.n), (20, 2), "{:?}", outcome.errors);
    let opened: Vec<_> = outcome.samples.iter().filter(|s| s.connect_us.is_some()).collect();
    assert_eq!(opened.len(), 2);
    for sample in opened {
        assert!(sample.tls_us.unwrap() > 0 && sample.tls_us <= sample.connect_us, "{sample:?}");
    }
    assert_eq!(outcome.samples.iter().filter(|sample| sample.tls_us.is_some()).count(), 2);
}

#[test]
fn a_certificate_that_is_not_trusted_names_the_host_and_the_reason() {
    let good = Secure::start();
    let expired = Secure::with(|certificate| certificate.not_after = date_time_ymd(2001, 1, 1));
    let early = Secure::with(|certificate| certificate.not_before = date_time_ymd(3000, 1, 1));
    let other = authority("others").pem();
    for (server, host, authority_pem, why) in [
        (&good, "localhost", &other, Distrust::UnknownIssuer),
        (&good, "127.0.0.1", &good.authority_pem, Distrust::OtherName),
        (&expired, "localhost", &expired.authority_pem, Distrust::Expired),
        (&early, "localhost", &early.authority_pem, Distrust::NotYetValid),
    ] {
        let outcome = run(&server.job(host, Some(authority_pem)));
        assert_eq!(outcome.errors[&ErrorKind::Certificate], 20, "{host}: {:?}", outcome.errors);
        assert_eq!(outcome.acknowledged, 0);
        let untrusted = outcome.untrusted.expect("it says why");
        assert_eq!(untrusted, Untrusted { host: host.to_owned(), why });
        let text = untrusted.to_string();
        assert!(text.contains(&format!("`{host}`")) && text.contains(" → "), "{text}");
    }
}

#[test]
fn every_thread_tells_of_a_certificate_and_a_good_one_is_not_spoken_of() {
    let server = Secure::start();
    let other = authority("others").pem();
    let job = Job { threads: 2, ..server.job("localhost", Some(&other)) };
    assert_eq!(run(&job).untrusted.unwrap().why, Distrust::UnknownIssuer);
    let job = Job { threads: 2, ..server.job("localhost", Some(&server.authority_pem)) };
    assert_eq!(run(&job).untrusted, None);
}

#[test]
fn a_server_without_tls_is_told_apart() {
    let plain =
        Server::start(|_| Act::Raw(b"HTTP/1.1 400 X\r\ncontent-length: 0\r\n\r\n".to_vec()));
    let url = plain.url().replace("http://127.0.0.1", "https://localhost");
    let pem = authority("tests").pem();
    let job =
        Job { timeout_ms: 2_000, ca_pem: Some(pem), ..Job::new(url, Mode::Probe { calls: 1 }) };
    let outcome = run(&job);
    let kinds: Vec<_> = outcome.errors.keys().copied().collect();
    // A server that waits for the end of a head it never sees may also be timed out.
    assert!(matches!(kinds[..], [ErrorKind::Tls | ErrorKind::Timeout]), "{kinds:?}");
}

#[test]
fn authorities_that_cannot_be_read_are_refused_before_any_call() {
    let server = Secure::start();
    let pem = "-----BEGIN CERTIFICATE-----\nbm90IG9uZQ==\n-----END CERTIFICATE-----\n";
    for text in ["nothing here", pem] {
        let refused = try_run(&server.job("localhost", Some(text)));
        assert!(matches!(refused, Err(LoadError::BadAuthorities { .. })), "{text}: {refused:?}");
    }
}
