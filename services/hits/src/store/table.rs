//! The count in a DynamoDB table.

use std::time::Duration;

use async_trait::async_trait;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::{
    ClassifyRetry, RetryAction, RetryClassifierPriority,
};
use aws_smithy_runtime_api::client::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;

use super::{HitStore, StoreError};

/// Within a region connecting takes about a millisecond; a second is a lost SYN and its repetition.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Of one attempt, connecting included.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);

/// Of all attempts: an answer still fits into AWS Lambda's default timeout of 3 s.
const OPERATION_TIMEOUT: Duration = Duration::from_millis(2500);

/// The first and two more.
const MAX_ATTEMPTS: u32 = 3;

/// Upper end of the first random wait after a throttle; DynamoDB's own clients start at 25 ms too.
const INITIAL_BACKOFF: Duration = Duration::from_millis(25);

/// What DynamoDB answers when it turned a request away before looking at the item.
const THROTTLES: [&str; 3] =
    ["ThrottlingException", "ProvisionedThroughputExceededException", "RequestLimitExceeded"];

/// A DynamoDB client that repeats a request only after a throttle.
///
/// The endpoint follows `AWS_ENDPOINT_URL_DYNAMODB`, then `AWS_ENDPOINT_URL`, then the region.
/// Credentials come from `AWS_ACCESS_KEY_ID` and its companions where these are set, else from the
/// SDK's default chain, asked at the first request.
pub async fn client(region: &str) -> Client {
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .http_client(http)
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(CONNECT_TIMEOUT)
                .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                .operation_timeout(OPERATION_TIMEOUT)
                .build(),
        )
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(MAX_ATTEMPTS)
                .with_initial_backoff(INITIAL_BACKOFF),
        )
        // Answers are a few hundred bytes and bounded by the attempt's timeout.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    if std::env::var_os("AWS_ACCESS_KEY_ID").is_some() {
        loader = loader.credentials_provider(EnvironmentVariableCredentialsProvider::new());
    }
    let shared = loader.load().await;
    Client::from_conf(
        aws_sdk_dynamodb::config::Builder::from(&shared).retry_classifier(OnlyThrottles).build(),
    )
}

/// A count in the item `id = 0` (a number) of a table, in its attribute `hits`. No item: 0.
/// Kept and shared: any number of processes add to the same count.
#[derive(Clone, Debug)]
pub struct TableStore {
    client: Client,
    table: String,
}

impl TableStore {
    /// Counts in `table` through `client`, which must not repeat ambiguous requests: see [`client`].
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    fn store(&self) -> String {
        format!("table {}", self.table)
    }
}

fn key() -> AttributeValue {
    AttributeValue::N("0".to_owned())
}

#[async_trait]
impl HitStore for TableStore {
    async fn add(&self) -> Result<u64, StoreError> {
        let updated = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("id", key())
            .update_expression("ADD hits :one")
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
            .return_values(ReturnValue::UpdatedNew)
            .send()
            .await;
        match updated {
            Ok(updated) => number(updated.attributes().and_then(|found| found.get("hits")))
                .map_err(|why| StoreError::Unknown { store: self.store(), why }),
            Err(error) if not_applied(&error) => {
                Err(StoreError::Refused { store: self.store(), why: short(&error) })
            }
            Err(error) => Err(StoreError::Unknown { store: self.store(), why: short(&error) }),
        }
    }

    async fn count(&self) -> Result<u64, StoreError> {
        let unread = |why| StoreError::Unread { store: self.store(), why };
        let read = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("id", key())
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| unread(short(&error)))?;
        match read.item() {
            None => Ok(0),
            Some(item) => number(item.get("hits")).map_err(unread),
        }
    }
}

fn number(value: Option<&AttributeValue>) -> Result<u64, String> {
    match value {
        Some(AttributeValue::N(text)) => {
            text.parse().map_err(|_| format!("attribute `hits` is {text}, not a count"))
        }
        Some(_) => Err("attribute `hits` is not a number".to_owned()),
        None => Err("attribute `hits` is missing".to_owned()),
    }
}

/// Whether this failed update certainly left the item as it was: the request was never sent, or
/// DynamoDB refused it with 400, the status of all its client errors.
fn not_applied(error: &SdkError<UpdateItemError>) -> bool {
    match error {
        SdkError::ConstructionFailure(_) => true,
        SdkError::ServiceError(refused) => refused.raw().status().as_u16() == 400,
        _ => false,
    }
}

fn short<E, R>(error: &SdkError<E, R>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        _ => DisplayErrorContext(error).to_string(),
    }
}

/// Lets the SDK repeat a throttled update and nothing else. A timeout, a reset connection or a
/// status 5xx leaves open whether the update was applied, and `ADD` twice counts one hit twice.
#[derive(Debug)]
struct OnlyThrottles;

impl ClassifyRetry for OnlyThrottles {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let Some(Err(error)) = context.output_or_error() else {
            return RetryAction::NoActionIndicated;
        };
        let code = error
            .as_operation_error()
            .and_then(|error| error.downcast_ref::<UpdateItemError>())
            .and_then(|error| error.code());
        match code {
            Some(code) if THROTTLES.contains(&code) => RetryAction::throttling_error(),
            _ => RetryAction::RetryForbidden,
        }
    }

    fn name(&self) -> &'static str {
        "only throttles"
    }

    fn priority(&self) -> RetryClassifierPriority {
        RetryClassifierPriority::run_after(RetryClassifierPriority::transient_error_classifier())
    }
}
