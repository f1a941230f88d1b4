//! Events and HTTP: no I/O.

mod event;
mod hop;
mod request;
mod response;
mod stream;

pub(crate) use event::{Event, Front};
pub(crate) use request::{Asked, Context, FunctionNames, read};
pub(crate) use response::{Answer, TooLarge, limit_of, refusal};
pub(crate) use stream::{INTEGRATION_RESPONSE, prelude};
