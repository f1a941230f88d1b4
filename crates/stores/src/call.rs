//! What a store tells about one request.

use std::sync::Arc;

use gearshift_gear::{Dimension, LawId};
use rust_decimal::Decimal;

use crate::Fault;

/// A law that a request was held to.
#[derive(Clone, Debug, PartialEq)]
pub struct DeclaredWait {
    pub law: LawId,
    /// As drawn, in ms.
    pub ms: f64,
}

/// What one request is billed: nothing, or quantities by dimension.
pub type Metered = Vec<(Dimension, Decimal)>;

/// One request, told just before its answer leaves.
#[derive(Clone, Debug, PartialEq)]
pub struct StoreCall {
    /// The access key id the request was signed with: it names the caller.
    pub access_key: Option<String>,
    /// The provider's name for it, such as `UpdateItem` or `PutObject`.
    pub operation: String,
    /// The laws it was held to: the operation's, and the handshake's on a new connection. Empty for
    /// management on an open connection, and with physics off.
    pub declared: Vec<DeclaredWait>,
    /// By how much real work outlasted the laws, in ms; absent when it did not.
    pub late_ms: Option<f64>,
    /// As AWS bills it.
    pub metered: Metered,
    /// The fault that was put in instead of the answer.
    pub fault: Option<Fault>,
}

impl StoreCall {
    /// Milliseconds of all laws together.
    pub fn declared_ms(&self) -> f64 {
        self.declared.iter().map(|wait| wait.ms).sum()
    }

    /// How much of this dimension it is billed.
    pub fn quantity(&self, dimension: &Dimension) -> Decimal {
        self.metered.iter().filter(|(of, _)| of == dimension).map(|(_, quantity)| *quantity).sum()
    }
}

/// Called for every request before its answer leaves, on the store's own tasks: it must not block.
pub type Hook = Arc<dyn Fn(StoreCall) + Send + Sync>;
