//! What a request asks of the table: which law it is held to, what it is billed as.

use gearshift_laws::{Law, Laws, LawsError};
use hyper::HeaderMap;
use serde_json::Value;

/// The laws of the table store, looked up once.
pub(crate) struct TableLaws {
    pub(crate) get_eventual: Law,
    pub(crate) get_strong: Law,
    pub(crate) put: Law,
    pub(crate) update_add: Law,
    pub(crate) new_connection: Law,
    /// With physics off nothing is declared.
    pub(crate) off: bool,
}

impl TableLaws {
    pub(crate) fn of(laws: &Laws) -> Result<Self, LawsError> {
        Ok(Self {
            get_eventual: laws.named("ddb.get_eventual")?.clone(),
            get_strong: laws.named("ddb.get_strong")?.clone(),
            put: laws.named("ddb.put")?.clone(),
            update_add: laws.named("ddb.update_add")?.clone(),
            new_connection: laws.named("tls.new_conn_in_region_wire")?.clone(),
            off: laws.are_off(),
        })
    }

    /// The law of an operation. Operations without a law of their own take the nearest one, which
    /// is too short for batches and transactions; table management has none.
    pub(crate) fn of_operation(&self, operation: &Operation) -> Option<&Law> {
        match operation.kind {
            Kind::Read if operation.strong => Some(&self.get_strong),
            Kind::Read => Some(&self.get_eventual),
            Kind::Write if operation.name == "UpdateItem" => Some(&self.update_add),
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

/// One request as the front sees it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Operation {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// A strongly consistent read.
    pub(crate) strong: bool,
}

impl Operation {
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

/// The access key id in `Authorization: AWS4-HMAC-SHA256 Credential=ID/date/region/…`.
pub(crate) fn access_key(headers: &HeaderMap) -> Option<String> {
    let authorization = headers.get(hyper::header::AUTHORIZATION)?.to_str().ok()?;
    let (_, credential) = authorization.split_once("Credential=")?;
    let id = credential.split(['/', ',', ' ']).next()?;
    (!id.is_empty()).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn operation(name: &str, body: Value) -> Operation {
        let mut headers = HeaderMap::new();
        let target = format!("DynamoDB_20120810.{name}");
        headers.insert("x-amz-target", target.parse().expect("a header"));
        Operation::of(&headers, Some(&body))
    }

    #[test]
    fn every_operation_is_held_to_its_law() {
        let laws = TableLaws::of(&Laws::shipped()).unwrap();
        let id = |name: &str, body: Value| {
            laws.of_operation(&operation(name, body)).map(|law| law.id.0.clone())
        };
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

    #[test]
    fn the_access_key_names_the_caller() {
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("authorization", text.parse().expect("a header"));
            access_key(&headers)
        };
        let signed = "AWS4-HMAC-SHA256 Credential=env-7/20260101/eu-west-2/dynamodb/aws4_request, \
                      SignedHeaders=host, Signature=0";
        assert_eq!(of(signed).as_deref(), Some("env-7"));
        assert_eq!(of("Bearer x"), None);
        assert_eq!(of("AWS4-HMAC-SHA256 Credential=/2026"), None);
        assert_eq!(access_key(&HeaderMap::new()), None);
    }
}
