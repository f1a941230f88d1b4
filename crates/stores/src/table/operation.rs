//! What a request asks of the table: which law it is held to, what it is billed as.

use std::sync::Arc;

use gearshift_laws::{Law, Laws, LawsError};
use hyper::HeaderMap;
use serde_json::Value;

/// The laws of the table store, looked up once.
pub(crate) struct TableLaws {
    get_eventual: Arc<Law>,
    get_strong: Arc<Law>,
    put: Arc<Law>,
    update_add: Arc<Law>,
}

impl TableLaws {
    pub(crate) fn named_in(laws: &Laws) -> Result<Self, LawsError> {
        let named = |id| laws.named(id).map(|law| Arc::new(law.clone()));
        Ok(Self {
            get_eventual: named("ddb.get_eventual")?,
            get_strong: named("ddb.get_strong")?,
            put: named("ddb.put")?,
            update_add: named("ddb.update_add")?,
        })
    }

    /// The law of an operation. Operations without a law of their own take the nearest one, which
    /// is too short for batches and transactions; table management has none.
    pub(crate) fn of(&self, asked: &TableCall) -> Option<&Arc<Law>> {
        match asked.kind {
            Kind::Read if asked.strong => Some(&self.get_strong),
            Kind::Read => Some(&self.get_eventual),
            Kind::Write if asked.name == "UpdateItem" => Some(&self.update_add),
            Kind::Write => Some(&self.put),
            Kind::Management => None,
        }
    }
}

/// What an operation does to items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Read,
    Write,
    /// Nothing: it is neither delayed nor billed nor faulted.
    Management,
}

/// What one request asks for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TableCall {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// A strongly consistent read.
    pub(crate) strong: bool,
}

impl TableCall {
    pub(crate) fn of(headers: &HeaderMap, body: Option<&Value>) -> Self {
        let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok());
        let name = target.and_then(|target| target.rsplit('.').next()).unwrap_or("").to_owned();
        let kind = match name.as_str() {
            "GetItem" | "Query" | "Scan" | "BatchGetItem" | "TransactGetItems" => Kind::Read,
            "PutItem" | "UpdateItem" | "DeleteItem" | "BatchWriteItem" | "TransactWriteItems" => {
                Kind::Write
            }
            // PartiQL can do either; without reading the statement it is held to the longer one.
            "ExecuteStatement" | "BatchExecuteStatement" | "ExecuteTransaction" => Kind::Write,
            _ => Kind::Management,
        };
        let strong = name == "TransactGetItems" || body.is_some_and(asks_for_consistency);
        Self { name, kind, strong }
    }
}

/// `ConsistentRead` stands at the top, or in `RequestItems` once per table.
fn asks_for_consistency(body: &Value) -> bool {
    let yes = |value: &Value| value.get("ConsistentRead") == Some(&Value::Bool(true));
    let tables = body.get("RequestItems").and_then(Value::as_object);
    yes(body) || tables.is_some_and(|tables| tables.values().any(yes))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asked(name: &str, body: Value) -> TableCall {
        let mut headers = HeaderMap::new();
        let target = format!("DynamoDB_20120810.{name}");
        headers.insert("x-amz-target", target.parse().expect("a header"));
        TableCall::of(&headers, Some(&body))
    }

    #[test]
    fn every_operation_is_held_to_its_law() {
        let laws = TableLaws::named_in(&Laws::shipped()).unwrap();
        let id = |name: &str, body: Value| laws.of(&asked(name, body)).map(|law| law.id.0.clone());
        assert_eq!(id("UpdateItem", json!({})).unwrap(), "ddb.update_add");
        assert_eq!(id("PutItem", json!({})).unwrap(), "ddb.put");
        assert_eq!(id("DeleteItem", json!({})).unwrap(), "ddb.put");
        assert_eq!(id("GetItem", json!({})).unwrap(), "ddb.get_eventual");
        assert_eq!(id("GetItem", json!({"ConsistentRead": false})).unwrap(), "ddb.get_eventual");
        assert_eq!(id("GetItem", json!({"ConsistentRead": true})).unwrap(), "ddb.get_strong");
        let batch = json!({"RequestItems": {"hits": {"ConsistentRead": true}}});
        assert_eq!(id("BatchGetItem", batch).unwrap(), "ddb.get_strong");
        assert_eq!(id("CreateTable", json!({})), None);
        assert_eq!(id("DescribeTable", json!({})), None);
    }
}
