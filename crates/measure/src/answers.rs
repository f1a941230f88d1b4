//! Do all rows answer alike? What differs is what will break when a service is moved.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use gearshift_load::Request;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use sha2::{Digest, Sha256};

use gearshift_results::{Answer, varying};

use crate::Subject;

/// Longer than any front waits: HTTP APIs give up after 30 s, a load balancer after 60.
const PATIENCE: Duration = Duration::from_secs(65);
/// Bodies just above what a function takes (6 MB) and what an HTTP API takes (10 MB).
/// Source: docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html and
/// docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html.
const BODIES_MB: [usize; 2] = [7, 11];
/// What names the way and not the service: connections, clocks, and marks of the fronts.
const OF_THE_WAY: [&str; 12] = [
    "apigw-requestid",
    "connection",
    "content-length",
    "date",
    "keep-alive",
    "server-timing",
    "transfer-encoding",
    "via",
    "x-amz-apigw-id",
    "x-amzn-requestid",
    "x-amzn-trace-id",
    "x-cache",
];

/// Every kind of request, twice, then bodies beyond the limits of fronts; nothing of the built-in
/// service, whose rows have different pages by design.
pub async fn look(at: &Subject<'_>) -> Vec<Answer> {
    if !at.asks.own {
        return Vec::new();
    }
    let asker = Asker::new(at.url);
    let mut answers = Vec::new();
    for request in &at.asks.requests {
        let label = format!("{} {}", request.method, request.path);
        let mut first = asker.ask(&label, request, request.body.clone().into()).await;
        let second = asker.ask(&label, request, request.body.clone().into()).await;
        first.varies = varying(&first, &second);
        answers.push(first);
    }
    let with_body = at.asks.requests.iter().find(|request| !request.body.is_empty());
    let first = with_body.unwrap_or(&at.asks.requests[0]);
    let method = if with_body.is_some() { first.method.clone() } else { "POST".to_owned() };
    let big = Request { method, ..first.clone() };
    for mb in BODIES_MB {
        let label = format!("{} {} with {mb} MB", big.method, big.path);
        answers.push(asker.ask(&label, &big, vec![b'x'; mb * 1024 * 1024].into()).await);
    }
    answers
}

/// Why a row gave no whole answer.
#[derive(Debug, thiserror::Error)]
enum NoAnswer {
    #[error(transparent)]
    BadRequest(hyper::http::Error),
    #[error("the connection broke off")]
    BrokeOff,
    #[error("its body broke off")]
    BodyBrokeOff,
}

struct Asker<'a> {
    url: &'a str,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl<'a> Asker<'a> {
    fn new(url: &'a str) -> Self {
        let mut client = Client::builder(TokioExecutor::new());
        Self { url, client: client.retry_canceled_requests(false).build_http() }
    }

    async fn ask(&self, label: &str, request: &Request, body: Bytes) -> Answer {
        let mut answer = Answer {
            request: label.to_owned(),
            status: None,
            headers: BTreeMap::new(),
            bytes: 0,
            sha256: String::new(),
            streamed: false,
            varies: BTreeSet::new(),
            error: None,
        };
        let asked = tokio::time::timeout(PATIENCE, self.fill(&mut answer, request, body)).await;
        answer.error = match asked {
            Ok(Ok(())) => None,
            Ok(Err(why)) => Some(why.to_string()),
            Err(_) => Some(format!("none within {} s", PATIENCE.as_secs())),
        };
        answer
    }

    async fn fill(
        &self,
        answer: &mut Answer,
        asked: &Request,
        body: Bytes,
    ) -> Result<(), NoAnswer> {
        let mut request = hyper::Request::builder()
            .method(asked.method.as_str())
            .uri(format!("{}{}", self.url, asked.path));
        for (name, value) in &asked.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(body)).map_err(NoAnswer::BadRequest)?;
        // Which of several ways a connection broke is chance; that it broke is not.
        let response = self.client.request(request).await;
        let response = response.map_err(|_| NoAnswer::BrokeOff)?;
        answer.status = Some(response.status().as_u16());
        for (name, value) in response.headers() {
            if !OF_THE_WAY.contains(&name.as_str()) {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                answer.headers.entry(name.to_string()).or_default().push(value);
            }
        }
        let length = response.headers().contains_key(hyper::header::CONTENT_LENGTH);
        let body = response.into_body().collect().await;
        let body = body.map_err(|_| NoAnswer::BodyBrokeOff)?.to_bytes();
        answer.streamed = !length && !body.is_empty();
        answer.bytes = body.len() as u64;
        answer.sha256 = format!("{:x}", Sha256::digest(&body));
        Ok(())
    }
}
