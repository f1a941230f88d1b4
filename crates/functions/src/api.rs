//! API Gateway's two kinds of API: what a function is told, and what a client sees.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use gearshift_gear::{HTTP_API_MS, REST_API_MS, metering};
use hyper::StatusCode;
use hyper::http::request::Parts;
use serde_json::{Value, json};

use crate::http::{Answered, answer as plain, json as json_answer};
use crate::{Answer, Refused, http_api, rest_api};

/// Which of API Gateway's two kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// An HTTP API (v2), payload format 2.0.
    Http,
    /// A REST API (v1) with proxy integration, payload format 1.0.
    Rest,
}

impl Api {
    /// Longest an integration may take.
    pub(crate) fn timeout(self) -> Duration {
        Duration::from_millis(match self {
            Self::Http => HTTP_API_MS,
            Self::Rest => REST_API_MS,
        })
    }

    /// What a request of this many bytes is counted as.
    pub(crate) fn metered(self, bytes: usize) -> u64 {
        match self {
            Self::Http => metering::http_api_requests(bytes as u64),
            Self::Rest => 1,
        }
    }

    /// Where an answer tells which request it is to.
    pub(crate) fn request_id_header(self) -> &'static str {
        match self {
            Self::Http => "apigw-requestid",
            Self::Rest => "x-amzn-requestid",
        }
    }

    pub(crate) fn event(
        self,
        parts: &Parts,
        body: &Bytes,
        peer: SocketAddr,
        request_id: &str,
    ) -> Value {
        match self {
            Self::Http => http_api::event(parts, body, peer, request_id),
            Self::Rest => rest_api::event(parts, body, peer, request_id),
        }
    }

    /// The answer to a client for a function's.
    pub(crate) fn answer(self, answer: &Answer) -> Answered {
        let returned = answer.result.as_ref().ok();
        let answered = returned.and_then(|returned| match (&answer.streamed, self) {
            (Some(content_type), _) => http_api::streamed_answer(content_type, returned),
            (None, Self::Http) => http_api::http_answer(returned),
            (None, Self::Rest) => rest_api::http_answer(returned),
        });
        answered.unwrap_or_else(|| match self {
            Self::Http => message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
            Self::Rest => message(StatusCode::BAD_GATEWAY, "Internal server error"),
        })
    }

    /// Neither kind passes Lambda's own refusals on. What clients of a REST API see of a throttled
    /// function: repost.aws/questions/QUfI6bsdd0SOiPeyimzxSkfQ.
    pub(crate) fn refusal(self, refused: &Refused) -> Answered {
        match (self, refused) {
            (Self::Http, Refused::RequestTooLarge { .. }) => self.too_large(),
            (Self::Http, Refused::TooManyRequests) => self.timed_out(),
            (Self::Http, Refused::Host(_)) => {
                message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
            }
            (Self::Rest, Refused::RequestTooLarge { .. }) => {
                message(StatusCode::PAYLOAD_TOO_LARGE, "Request Too Long")
            }
            (Self::Rest, Refused::TooManyRequests | Refused::Host(_)) => {
                message(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error")
            }
        }
    }

    /// A request beyond the gateway's own limit. Both texts of a REST API, this and the one for
    /// Lambda's limit, as seen in github.com/koki-develop/lgtm-generator/issues/10.
    pub(crate) fn too_large(self) -> Answered {
        match self {
            Self::Http => message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"),
            Self::Rest => plain(
                StatusCode::PAYLOAD_TOO_LARGE,
                "text; charset=utf-8",
                "HTTP content length exceeded 10485760 bytes.",
            ),
        }
    }

    pub(crate) fn timed_out(self) -> Answered {
        match self {
            Self::Http => message(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
            Self::Rest => message(StatusCode::GATEWAY_TIMEOUT, "Endpoint request timed out"),
        }
    }
}

fn message(status: StatusCode, text: &str) -> Answered {
    json_answer(status, &json!({ "message": text }))
}
