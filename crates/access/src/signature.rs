//! AWS Signature Version 4 of a request in a header, as
//! docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html describes it
//! for every service but S3, whose paths are encoded once instead of twice.

use std::fmt::Write;

use hmac::{Hmac, KeyInit, Mac};
use hyper::http::request::Parts;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use sha2_11::{Digest, Sha256};

pub(crate) const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// Everything but what RFC 3986 calls unreserved.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// Likewise, in paths.
const ENCODED_IN_PATHS: &AsciiSet = &ENCODED.remove(b'/');

/// What `Authorization` says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Authorization<'a> {
    pub(crate) access_key_id: &'a str,
    /// `date/region/service/aws4_request`.
    pub(crate) scope: &'a str,
    pub(crate) signed_headers: &'a str,
    pub(crate) signature: &'a str,
}

impl<'a> Authorization<'a> {
    /// None where a part is missing.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let parts = text.strip_prefix(ALGORITHM)?;
        let part = |name: &str| {
            let mut parts = parts.split(',').map(str::trim);
            parts.find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
        };
        let (access_key_id, scope) = part("Credential")?.split_once('/')?;
        let (signed_headers, signature) = (part("SignedHeaders")?, part("Signature")?);
        Some(Self { access_key_id, scope, signed_headers, signature })
    }
}

/// The key that signs within `date/region/service/aws4_request`.
pub(crate) fn signing_key(secret: &str, scope: &str) -> Vec<u8> {
    let key = format!("AWS4{secret}").into_bytes();
    scope.split('/').fold(key, |key, part| mac(&key, part).finalize().into_bytes().to_vec())
}

/// Of the text that a request is signed by.
pub(crate) fn mac(key: &[u8], text: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(text.as_bytes());
    mac
}

/// The text that is signed; none where a header that is to be signed is not there.
pub(crate) fn string_to_sign(
    head: &Parts,
    body: &[u8],
    date: &str,
    scope: &str,
    signed_headers: &str,
) -> Option<String> {
    let canonical = canonical_request(head, body, signed_headers)?;
    let hash = hex(&Sha256::digest(canonical.as_bytes()));
    Some(format!("{ALGORITHM}\n{date}\n{scope}\n{hash}"))
}

fn canonical_request(head: &Parts, body: &[u8], signed_headers: &str) -> Option<String> {
    let path = percent_encode(head.uri.path().as_bytes(), ENCODED_IN_PATHS);
    let query = canonical_query(head.uri.query().unwrap_or_default());
    let mut text = format!("{}\n{path}\n{query}\n", head.method);
    for name in signed_headers.split(';') {
        let values = head.headers.get_all(name).iter().map(|value| value.to_str().ok());
        let values: Vec<String> =
            values.map(|value| Some(single_spaced(value?))).collect::<Option<_>>()?;
        if values.is_empty() {
            return None;
        }
        writeln!(text, "{name}:{}", values.join(",")).expect("text takes text");
    }
    write!(text, "\n{signed_headers}\n{}", hex(&Sha256::digest(body))).expect("text takes text");
    Some(text)
}

fn canonical_query(query: &str) -> String {
    let encoded = |text: &str| {
        let plain: Vec<u8> = percent_decode_str(text).collect();
        percent_encode(&plain, ENCODED).to_string()
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let mut pairs: Vec<_> = pairs.map(|(name, value)| (encoded(name), encoded(value))).collect();
    pairs.sort();
    let pairs: Vec<_> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

fn single_spaced(value: &str) -> String {
    value.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("text takes text");
        text
    })
}

/// None where the text is not pairs of hexadecimal digits.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.bytes().map(|digit| char::from(digit).to_digit(16));
    let digits: Vec<u32> = digits.collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| (high * 16 + low) as u8).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example "GET vanilla query order" of AWS's test suite for Signature Version 4
    /// (github.com/awslabs/aws-c-auth, tests/aws-signing-test-suite).
    #[test]
    fn it_signs_as_aws_publishes_it() {
        let (head, ()) = hyper::Request::get("/?Param2=value2&Param1=value1")
            .header("host", "example.amazonaws.com")
            .header("x-amz-date", "20150830T123600Z")
            .body(())
            .expect("a request")
            .into_parts();
        let scope = "20150830/us-east-1/service/aws4_request";
        let text = string_to_sign(&head, b"", "20150830T123600Z", scope, "host;x-amz-date");
        let key = signing_key("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", scope);
        let signature = hex(&mac(&key, &text.expect("signed headers")).finalize().into_bytes());
        let published = "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500";
        assert_eq!(signature, published);
    }

    #[test]
    fn hexadecimal_digits_come_and_go() {
        assert_eq!(unhex(&hex(&[0, 0x7f, 0xff])), Some(vec![0, 0x7f, 0xff]));
        assert_eq!((unhex("0"), unhex("0g")), (None, None));
    }
}
