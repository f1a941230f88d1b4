//! How an answer begins that is passed on as it comes:
//! docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html and
//! docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html.

use bytes::Bytes;
use hyper::header::{CONTENT_LENGTH, SET_COOKIE};
use hyper::http::response::Parts;
use serde_json::{Map, Value, json};

use super::response::{joined, multiple};
use super::{Front, hop};

/// The content type that tells a front to look for a prelude.
pub(crate) const INTEGRATION_RESPONSE: &str = "application/vnd.awslambda.http-integration-response";

/// What stands between prelude and body.
const SEPARATOR: [u8; 8] = [0; 8];

/// Status and headers as the front wants them before the body.
pub(crate) fn prelude(mut head: Parts, front: Front) -> Bytes {
    hop::remove(&mut head.headers);
    head.headers.remove(CONTENT_LENGTH);
    let mut prelude = json!({ "statusCode": head.status.as_u16() });
    if front == Front::V1 {
        prelude["multiValueHeaders"] = map(multiple(&head.headers));
    } else {
        prelude["headers"] = map(joined(&head.headers));
        let cookies = head.headers.get_all(SET_COOKIE).iter();
        prelude["cookies"] =
            cookies.map(|cookie| String::from_utf8_lossy(cookie.as_bytes())).collect();
    }
    let mut bytes = prelude.to_string().into_bytes();
    bytes.extend(SEPARATOR);
    bytes.into()
}

fn map<T: Into<Value>>(fields: Vec<(&str, T)>) -> Value {
    let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value.into()));
    Value::Object(fields.collect::<Map<_, _>>())
}
