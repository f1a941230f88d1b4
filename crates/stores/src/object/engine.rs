//! The object engine behind its front, in this process: signatures, protocol and errors are
//! `s3s`'s, the objects are ours.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use gearshift_access::{Denied, Keys, Stranger};
use http_body_util::BodyExt;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Request, StatusCode};
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::path::S3Path;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3Result, s3_error};

use super::buckets::Buckets;
use super::operation::{Kind, ObjectCall, ObjectLaws};
use super::service::Service;
use crate::Metered;
use crate::answer::Answer;
use crate::front::{Engine, Operation, Refusal};

pub(super) struct ObjectEngine {
    service: S3Service,
    laws: ObjectLaws,
    capacity_bytes: usize,
}

impl ObjectEngine {
    pub(super) fn new(
        buckets: Arc<Buckets>,
        laws: ObjectLaws,
        keys: &Keys,
        capacity_bytes: usize,
    ) -> Self {
        let mut builder = S3ServiceBuilder::new(Service { buckets: buckets.clone() });
        builder.set_auth(OneSecret(keys.secret_access_key().into()));
        builder.set_access(PublicReads(buckets));
        Self { service: builder.build(), laws, capacity_bytes }
    }
}

/// Every key id is known, and all have the same secret: a signature must fit it.
struct OneSecret(SecretKey);

#[async_trait]
impl S3Auth for OneSecret {
    async fn get_secret_key(&self, _access_key: &str) -> S3Result<SecretKey> {
        Ok(self.0.clone())
    }
}

/// Whoever signs may do everything; everybody may read objects of a public bucket.
struct PublicReads(Arc<Buckets>);

#[async_trait]
impl S3Access for PublicReads {
    async fn check(&self, cx: &mut S3AccessContext<'_>) -> S3Result<()> {
        let reads = matches!(cx.s3_op().name(), "GetObject" | "HeadObject");
        let public = match cx.s3_path() {
            S3Path::Object { bucket, .. } => reads && self.0.is_public(bucket),
            _ => false,
        };
        match cx.credentials() {
            None if !public => Err(s3_error!(AccessDenied, "Access Denied")),
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Engine for ObjectEngine {
    type Link = ();
    type Read = Kind;
    /// Source: Amazon S3 user guide, "Billing for Amazon S3 error responses": owners are billed for
    /// 200 and 4xx, not for 5xx.
    const BILLS_5XX: bool = false;

    fn max_body_bytes(&self) -> usize {
        self.capacity_bytes
    }

    fn link(&self) {}

    fn read(&self, head: &Parts, _body: &Bytes) -> (Operation, Kind) {
        let asked = ObjectCall::of(head);
        let law = self.laws.of(&asked).map(Arc::clone);
        (Operation { name: asked.name.to_owned(), law }, asked.kind)
    }

    async fn apply(
        &self,
        _link: &(),
        _operation: &Operation,
        kind: Kind,
        request: Request<Bytes>,
    ) -> (Answer, Metered) {
        let Ok(response) = self.service.call(request.map(s3s::Body::from)).await else {
            return (self.refuse(Refusal::Failed), Metered::new());
        };
        let (head, body) = response.into_parts();
        let Ok(body) = body.collect().await else {
            return (self.refuse(Refusal::Failed), Metered::new());
        };
        let answer = Answer { status: head.status, headers: head.headers, body: body.to_bytes() };
        let billed = kind.billed().filter(|_| !answer.status.is_server_error());
        let one = rust_decimal::Decimal::ONE;
        (answer, billed.map(|dimension| (dimension, one)).into_iter().collect())
    }

    /// `s3s` verifies when the request is applied: what is public needs no signature.
    fn verify(&self, _head: &Parts, _body: &Bytes) -> Result<(), Denied> {
        Ok(())
    }

    fn deny(&self, why: &Denied) -> Answer {
        error(StatusCode::FORBIDDEN, "AccessDenied", &why.to_string())
    }

    fn turn_away(&self, why: Stranger) -> Answer {
        error(StatusCode::FORBIDDEN, "AccessDenied", &why.to_string())
    }

    fn refuse(&self, why: Refusal) -> Answer {
        match why {
            Refusal::Failed => error(
                StatusCode::INTERNAL_SERVER_ERROR,
                "InternalError",
                "We encountered an internal error. Please try again.",
            ),
            Refusal::Throttled => error(
                StatusCode::SERVICE_UNAVAILABLE,
                "SlowDown",
                "Please reduce your request rate.",
            ),
            Refusal::TooLarge => error(
                StatusCode::BAD_REQUEST,
                "EntityTooLarge",
                "The request's body was cut off or exceeds what the embedded object store keeps.",
            ),
        }
    }
}

/// An error in S3's form: none of the texts needs escaping.
fn error(status: StatusCode, code: &str, message: &str) -> Answer {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code>\
         <Message>{message}</Message></Error>"
    );
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    Answer { status, headers, body: Bytes::from(body) }
}
