//! What an event says, by its front:
//! - HTTP API, both formats: docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
//! - REST API: docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
//! - load balancer: docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
//! - function URL: docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// Who asked, and thereby the form of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Front {
    /// Payload format 2.0: HTTP API or function URL.
    V2,
    /// Payload format 1.0: HTTP API or REST API.
    V1,
    /// A load balancer, with multi-value headers or without.
    LoadBalancer { multi_value: bool },
}

pub(crate) type Values<T> = BTreeMap<String, Option<T>>;

/// An event that is an HTTP request.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Event<'a> {
    version: Option<String>,
    http_method: Option<String>,
    path: Option<String>,
    raw_path: Option<String>,
    pub(crate) raw_query_string: Option<String>,
    pub(crate) cookies: Option<Vec<String>>,
    pub(crate) headers: Option<Values<String>>,
    pub(crate) multi_value_headers: Option<Values<Vec<String>>>,
    pub(crate) query_string_parameters: Option<Values<String>>,
    pub(crate) multi_value_query_string_parameters: Option<Values<Vec<String>>>,
    #[serde(borrow)]
    pub(crate) request_context: Option<&'a RawValue>,
    pub(crate) body: Option<String>,
    #[serde(default)]
    pub(crate) is_base64_encoded: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext {
    elb: Option<IgnoredAny>,
    http: Option<Http>,
    domain_name: Option<String>,
}

#[derive(Deserialize)]
struct Http {
    method: String,
}

/// The request line and front of an event.
pub(crate) struct Line {
    pub(crate) front: Front,
    pub(crate) method: String,
    /// As it came: decoded by some fronts, not by others.
    pub(crate) path: String,
    /// The name that the caller asked for, where the front tells.
    pub(crate) domain: Option<String>,
}

impl<'a> Event<'a> {
    /// None where this is no HTTP request.
    pub(crate) fn parse(payload: &'a [u8]) -> Option<(Self, Line)> {
        let mut event: Self = serde_json::from_slice(payload).ok()?;
        let context: RequestContext = serde_json::from_str(event.request_context?.get()).ok()?;
        let domain = context.domain_name;
        if event.version.as_deref() == Some("2.0") {
            let (method, path) = (context.http?.method, event.raw_path.take()?);
            return Some((event, Line { front: Front::V2, method, path, domain }));
        }
        let (method, path) = (event.http_method.take()?, event.path.take()?);
        let front = match context.elb {
            Some(_) => Front::LoadBalancer { multi_value: event.multi_value_headers.is_some() },
            None => Front::V1,
        };
        Some((event, Line { front, method, path, domain }))
    }
}
