//! The table engine behind its front: reached over the wire, metered by what it says it consumed.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use gearshift_access::{Denied, Keys, Stranger};
use hyper::http::request::Parts;
use hyper::{Request, StatusCode};
use serde_json::Value;

use super::entrance::Entrance;
use super::errors;
use super::link::Link;
use super::operation::{Kind, TableCall, TableLaws};
use super::units;
use crate::Metered;
use crate::answer::Answer;
use crate::front::{Engine, Operation, Refusal};

/// DynamoDB accepts bodies up to 16 MB.
const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;

pub(super) struct TableEngine {
    pub(super) entrance: Arc<Entrance>,
    pub(super) keys: Keys,
    pub(super) laws: TableLaws,
}

/// What is needed of a request to meter it.
pub(super) struct Read {
    kind: Kind,
    json: Option<Value>,
}

#[async_trait]
impl Engine for TableEngine {
    type Link = Link;
    type Read = Read;
    /// What was written is paid for, whatever became of the answer.
    const BILLS_5XX: bool = true;

    fn max_body_bytes(&self) -> usize {
        MAX_BODY_BYTES
    }

    fn link(&self) -> Link {
        Link::new(self.entrance.clone())
    }

    fn read(&self, head: &Parts, body: &Bytes) -> (Operation, Read) {
        let json: Option<Value> = serde_json::from_slice(body).ok();
        let asked = TableCall::of(&head.headers, json.as_ref());
        let law = self.laws.of(&asked).map(Arc::clone);
        (Operation { name: asked.name, law }, Read { kind: asked.kind, json })
    }

    async fn apply(
        &self,
        link: &Link,
        _operation: &Operation,
        read: Read,
        request: Request<Bytes>,
    ) -> (Answer, Metered) {
        let (head, body) = request.into_parts();
        let mut json = read.json.filter(|_| read.kind != Kind::Management);
        let client_asked = json.as_mut().and_then(units::ask);
        let body = match (&json, client_asked) {
            (Some(json), Some(false)) => Bytes::from(json.to_string()),
            _ => body,
        };
        let mut answer = match link.send(Request::from_parts(head, body)).await {
            Ok(answer) => answer,
            Err(error) => return (errors::engine_gone(&error.to_string()), Metered::new()),
        };
        let Some(client_asked) = client_asked else { return (answer, Metered::new()) };
        let Ok(mut said) = serde_json::from_slice::<Value>(&answer.body) else {
            return (answer, Metered::new());
        };
        if answer.status != StatusCode::OK {
            return (answer, units::refused(&said, read.kind));
        }
        let metered = units::consumed(&said, read.kind);
        if !client_asked {
            units::strip(&mut said);
            errors::replace_body(&mut answer, said.to_string());
        }
        (answer, metered)
    }

    fn verify(&self, head: &Parts, body: &Bytes) -> Result<(), Denied> {
        self.keys.verify(head, body)
    }

    fn deny(&self, why: &Denied) -> Answer {
        errors::deny(why)
    }

    fn turn_away(&self, why: Stranger) -> Answer {
        errors::turn_away(why)
    }

    fn refuse(&self, why: Refusal) -> Answer {
        errors::refuse(why)
    }
}
