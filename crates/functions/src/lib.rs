//! A local Lambda: execution environments with their whole life, the Runtime API that unmodified
//! AWS runtime clients speak, the Invoke API and API Gateway's APIs before it.
//!
//! Invariants: one request per environment; a new environment per concurrent request; between
//! requests an environment is frozen; nothing here waits out a law except the gateway, and what a
//! law adds is always told apart in `Server-Timing`.

mod api;
mod config;
mod environment;
mod function;
mod gateway;
mod http;
mod http_api;
mod invocation;
mod invoke_api;
mod log;
mod pool;
mod request;
mod residents;
mod rest_api;
mod runtime_api;
mod waits;

pub use api::Api;
pub use config::{FunctionConfig, Shares};
pub use environment::access_key;
pub use function::{Function, FunctionUsage, Life, LifeEvent};
pub use gateway::{Gateway, GatewayConfig, GatewayUsage, Page, PageRoute};
pub use gearshift_gear::FUNCTION_PAYLOAD_BYTES;
pub use http::{Answered, BodyError, Server, answer, header_bytes, read_body};
pub use invocation::{Answer, FunctionError, INTEGRATION_RESPONSE, Refused};
pub use invoke_api::InvokeApi;
pub use waits::{FrontWaits, Path};

/// Largest buffered response, bytes: a little more than the documented quota, as the Runtime API
/// itself says when it refuses one (github.com/aws/aws-lambda-runtime-interface-emulator).
pub const FUNCTION_RESPONSE_BYTES: usize = FUNCTION_PAYLOAD_BYTES + 100;

/// Largest streamed response, bytes. Source: AWS Lambda quotas,
/// docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html (200 MB).
pub const STREAMED_RESPONSE_BYTES: usize = 200 * 1024 * 1024;
