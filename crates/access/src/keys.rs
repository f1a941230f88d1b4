//! A row's credentials: one secret, known to its own services and to whoever brought it up.

use std::fmt;
use std::sync::{Arc, Mutex};

use hmac::Mac;
use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, HeaderValue};
use hyper::http::request::Parts;
use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};
use rand::Rng;
use rand::distributions::Alphanumeric;

use crate::signature::{ALGORITHM, Authorization, hex, mac, signing_key, string_to_sign, unhex};

/// How long a signature is good for. Source: IAM user guide, "AWS Signature Version 4 for API
/// requests": "a request must reach AWS within five minutes of the time stamp in the request".
const GOOD_FOR: SignedDuration = SignedDuration::from_mins(5);
const DATE: &str = "x-amz-date";
const DATE_FORMAT: &str = "%Y%m%dT%H%M%SZ";
/// What temporary keys begin with, such as those of a function's environments. Source: IAM user
/// guide, "IAM identifiers", unique ids.
const TEMPORARY: &str = "ASIA";

/// Credentials in AWS's form. Any access key id is good with the secret, so that each environment
/// can have an id of its own and calls are charged to it. Clones share them.
#[derive(Clone)]
pub struct Keys(Arc<Secret>);

struct Secret {
    access_key_id: String,
    secret: String,
    /// The signing key of the scope that was asked for last, which is the same all day.
    derived: Mutex<Option<(String, Vec<u8>)>>,
}

/// Never with the secret.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Keys").field(&self.0.access_key_id).finish()
    }
}

/// Why a request is not taken for this row's own, in AWS's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    #[error("Request is missing Authentication Token")]
    Missing,
    #[error(
        "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
    )]
    Incomplete,
    /// Neither the id nor the secret is this row's.
    #[error("The security token included in the request is invalid.")]
    Unrecognized,
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
    )]
    Mismatch,
    #[error("Signature not yet current or expired: {date} is not within 5 min. of {now}")]
    Expired { date: String, now: String },
}

impl Denied {
    /// The error's name in AWS's APIs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "MissingAuthenticationTokenException",
            Self::Incomplete => "IncompleteSignatureException",
            Self::Unrecognized => "UnrecognizedClientException",
            Self::Mismatch | Self::Expired { .. } => "InvalidSignatureException",
        }
    }
}

impl Keys {
    /// New ones that nobody can guess: 40 letters and digits carry 238 bits.
    pub fn random() -> Self {
        let mut rng = rand::rngs::OsRng;
        let mut letters = |count: usize| -> String {
            (0..count).map(|_| char::from(rng.sample(Alphanumeric))).collect()
        };
        Self::of(&format!("AKIA{}", letters(16).to_ascii_uppercase()), &letters(40))
    }

    /// Those that a row told.
    pub fn of(access_key_id: &str, secret: &str) -> Self {
        let (access_key_id, secret) = (access_key_id.to_owned(), secret.to_owned());
        Self(Arc::new(Secret { access_key_id, secret, derived: Mutex::new(None) }))
    }

    /// The id for people; environments have their own.
    pub fn access_key_id(&self) -> &str {
        &self.0.access_key_id
    }

    pub fn secret_access_key(&self) -> &str {
        &self.0.secret
    }

    /// Whether the request was signed with this secret, a moment ago.
    ///
    /// # Errors
    /// Where it was not, as AWS would say it.
    pub fn verify(&self, head: &Parts, body: &[u8]) -> Result<(), Denied> {
        let authorization = text(&head.headers, AUTHORIZATION.as_str()).ok_or(Denied::Missing)?;
        let said = Authorization::parse(authorization).ok_or(Denied::Incomplete)?;
        let date = text(&head.headers, DATE).ok_or(Denied::Incomplete)?;
        let host = said.signed_headers.split(';').any(|name| name == "host");
        let dated = said.signed_headers.split(';').any(|name| name == DATE);
        let day = said.scope.split('/').next().unwrap_or_default();
        let signed = string_to_sign(head, body, date, said.scope, said.signed_headers)
            .filter(|_| host && dated && date.starts_with(day));
        let genuine = signed.zip(unhex(said.signature)).is_some_and(|(signed, signature)| {
            mac(&self.signing_key(said.scope), &signed).verify_slice(&signature).is_ok()
        });
        if !genuine {
            let id = said.access_key_id;
            let known = id == self.0.access_key_id || id.starts_with(TEMPORARY);
            return Err(if known { Denied::Mismatch } else { Denied::Unrecognized });
        }
        recent(date)
    }

    /// Signs a request whose `host` is set; `region` and `service` as in AWS's own addresses.
    pub fn sign(&self, head: &mut Parts, body: &[u8], region: &str, service: &str) {
        let date = Timestamp::now().strftime(DATE_FORMAT).to_string();
        let scope = format!("{}/{region}/{service}/aws4_request", &date[..8]);
        let valid = |text: &str| HeaderValue::from_str(text).expect("ASCII without controls");
        head.headers.insert(DATE, valid(&date));
        let signed_headers = "host;x-amz-date";
        let signed = string_to_sign(head, body, &date, &scope, signed_headers);
        let signed = signed.expect("whoever calls this has set the host");
        let signature = hex(&mac(&self.signing_key(&scope), &signed).finalize().into_bytes());
        let authorization = format!(
            "{ALGORITHM} Credential={}/{scope}, SignedHeaders={signed_headers}, Signature={signature}",
            self.0.access_key_id
        );
        head.headers.insert(AUTHORIZATION, valid(&authorization));
    }

    fn signing_key(&self, scope: &str) -> Vec<u8> {
        let mut derived = self.0.derived.lock().expect("no panic while held");
        match &*derived {
            Some((of, key)) if of == scope => key.clone(),
            _ => {
                let key = signing_key(&self.0.secret, scope);
                *derived = Some((scope.to_owned(), key.clone()));
                key
            }
        }
    }
}

fn recent(date: &str) -> Result<(), Denied> {
    let signed = DateTime::strptime(DATE_FORMAT, date).map_err(|_| Denied::Incomplete)?;
    let signed = signed.to_zoned(TimeZone::UTC).map_err(|_| Denied::Incomplete)?.timestamp();
    let now = Timestamp::now();
    match now.duration_since(signed).abs() <= GOOD_FOR {
        true => Ok(()),
        false => {
            let now = now.strftime(DATE_FORMAT).to_string();
            Err(Denied::Expired { date: date.to_owned(), now })
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Parts {
        let request =
            hyper::Request::post("/a%3Ab?Qualifier=%24LATEST").header("host", "127.0.0.1:1");
        request.body(()).expect("a request").into_parts().0
    }

    #[test]
    fn what_is_signed_with_the_secret_is_taken_and_nothing_else() {
        let (keys, others) = (Keys::random(), Keys::random());
        let mut head = request();
        assert_eq!(keys.verify(&head, b"{}"), Err(Denied::Missing));
        keys.sign(&mut head, b"{}", "eu-west-2", "lambda");
        assert_eq!(keys.verify(&head, b"{}"), Ok(()));
        assert_eq!(keys.verify(&head, b"{ }"), Err(Denied::Mismatch), "another body");
        assert_eq!(others.verify(&head, b"{}"), Err(Denied::Unrecognized));
        head.uri = "/b".parse().expect("a path");
        assert_eq!(keys.verify(&head, b"{}"), Err(Denied::Mismatch), "another path");
        head.headers.insert(AUTHORIZATION, HeaderValue::from_static("AWS4-HMAC-SHA256 x"));
        assert_eq!(keys.verify(&head, b"{}"), Err(Denied::Incomplete));
    }

    #[test]
    fn an_old_signature_is_good_no_more() {
        let keys = Keys::random();
        assert_eq!(recent(&Timestamp::now().strftime(DATE_FORMAT).to_string()), Ok(()));
        assert!(matches!(recent("20200101T000000Z"), Err(Denied::Expired { .. })));
        let said = format!("{keys:?}");
        assert!(!said.contains(keys.secret_access_key()), "{said}");
    }
}
