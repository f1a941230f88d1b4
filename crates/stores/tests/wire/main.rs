//! The stores over the wire.

mod client;
mod faults;
mod laws;
mod objects;
mod swaps;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use client::{Client, add_one, address, get, put, store, units};
use gearshift_gear::Dimension;
use gearshift_laws::Laws;
use gearshift_stores::{StoreError, TableConfig, TableStore};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tokio::net::TcpStream;

fn off() -> Laws {
    Laws::shipped().off()
}

#[tokio::test]
async fn a_counter_counts_and_the_caller_is_named() {
    let (store, told) = store(off(), 1).await;
    let mut client = Client::connect(&store).await;
    for expected in 1..=3 {
        let answer = client.call("UpdateItem", add_one()).await;
        assert_eq!(answer["Attributes"]["n"]["N"], expected.to_string());
    }
    assert_eq!(client.counter().await, 3);
    let told = told.lock().unwrap();
    assert_eq!(told.len(), 4);
    assert!(told.iter().all(|call| call.access_key.as_deref() == Some("env-7")));
    assert_eq!(told[0].operation, "UpdateItem");
    assert_eq!(told[0].quantity(&Dimension::TableWriteUnit), Decimal::ONE);
    assert_eq!(told[3].quantity(&Dimension::TableReadUnit), Decimal::ONE);
    assert!(told.iter().all(|call| call.declared.is_empty() && call.late_ms.is_none()));
}

#[tokio::test]
async fn concurrent_adds_lose_nothing_and_return_no_value_twice() {
    let (store, _) = store(off(), 1).await;
    let mut adding = Vec::new();
    for _ in 0..16 {
        let mut client = Client::connect(&store).await;
        adding.push(tokio::spawn(async move {
            let mut values = Vec::new();
            for _ in 0..25 {
                let answer = client.call("UpdateItem", add_one()).await;
                let value: u64 = answer["Attributes"]["n"]["N"].as_str().unwrap().parse().unwrap();
                values.push(value);
            }
            values
        }));
    }
    let mut values = Vec::new();
    for added in adding {
        values.extend(added.await.unwrap());
    }
    values.sort_unstable();
    assert_eq!(values, (1..=400).collect::<Vec<u64>>());
    assert_eq!(Client::connect(&store).await.counter().await, 400);
    assert_eq!(units(&store), (Decimal::from(400), Decimal::ONE));
}

#[tokio::test]
async fn writes_are_metered_by_started_kb_of_the_larger_image() {
    let (store, told) = store(off(), 1).await;
    let mut client = Client::connect(&store).await;
    // The item's own names and number take about ten bytes beside the data.
    for (data_bytes, units) in [(1_010, 1), (1_100, 2), (100, 2), (100, 1), (3_000, 3)] {
        client.call("PutItem", put(1, data_bytes)).await;
        let last = told.lock().unwrap().last().unwrap().clone();
        assert_eq!(
            last.quantity(&Dimension::TableWriteUnit),
            Decimal::from(units),
            "{data_bytes} bytes"
        );
        assert_eq!(last.quantity(&Dimension::TableReadUnit), Decimal::ZERO);
    }
    assert_eq!(units(&store), (Decimal::from(9), Decimal::ZERO));
}

#[tokio::test]
async fn reads_are_metered_by_started_4_kb_and_half_when_eventual() {
    let (store, told) = store(off(), 1).await;
    let mut client = Client::connect(&store).await;
    client.call("PutItem", put(1, 1_100)).await;
    client.call("PutItem", put(2, 5_000)).await;
    for (id, strong, units) in
        [(1, true, "1"), (1, false, "0.5"), (2, true, "2"), (2, false, "1"), (3, true, "1")]
    {
        client.call("GetItem", get(id, strong)).await;
        let last = told.lock().unwrap().last().unwrap().clone();
        assert_eq!(
            last.quantity(&Dimension::TableReadUnit),
            units.parse().unwrap(),
            "item {id}, strong {strong}"
        );
    }
    assert_eq!(units(&store).1, "5.5".parse().unwrap());
}

#[tokio::test]
async fn consumed_capacity_is_answered_only_to_who_asked() {
    let (store, _) = store(off(), 1).await;
    let mut client = Client::connect(&store).await;
    let asking = |how: Value| {
        let mut body = put(1, 10);
        body["ReturnConsumedCapacity"] = how;
        body
    };
    for (body, answered) in [
        (put(1, 10), false),
        (asking(json!("NONE")), false),
        (asking(json!("TOTAL")), true),
        (asking(json!("INDEXES")), true),
    ] {
        let answer = client.call("PutItem", body).await;
        assert_eq!(answer.get("ConsumedCapacity").is_some(), answered, "{answer}");
    }
    assert_eq!(units(&store).0, Decimal::from(4), "each is metered all the same");
    let refused = client.try_call("PutItem", asking(json!("SOME"))).await.unwrap();
    assert_eq!(refused.code(), "ValidationException");
}

#[tokio::test]
async fn a_failed_condition_is_billed_and_a_missing_table_is_not() {
    let (store, _) = store(off(), 1).await;
    let mut client = Client::connect(&store).await;
    client.call("PutItem", put(1, 10)).await;
    let mut body = put(1, 20);
    body["ConditionExpression"] = json!("attribute_not_exists(id)");
    let answer = client.try_call("PutItem", body).await.unwrap();
    assert_eq!(answer.code(), "ConditionalCheckFailedException");
    assert_eq!(units(&store).0, Decimal::from(2));
    let mut body = put(1, 20);
    body["TableName"] = json!("misses");
    let answer = client.try_call("PutItem", body).await.unwrap();
    assert_eq!(answer.code(), "ResourceNotFoundException");
    assert_eq!(units(&store).0, Decimal::from(2));
}

#[tokio::test]
async fn what_is_no_json_is_refused_by_the_engine_and_ends_nothing() {
    let (store, _) = store(off(), 1).await;
    let mut client = Client::connect(&store).await;
    let answer = client.try_call("PutItem", json!("no object")).await.unwrap();
    assert!(answer.status.is_client_error(), "{answer:?}");
    let answer = client.try_call("PaintItem", json!({})).await.unwrap();
    assert_eq!(answer.code(), "UnknownOperationException");
    assert!(answer.headers.contains_key("content-length"));
    assert_eq!(client.call("UpdateItem", add_one()).await["Attributes"]["n"]["N"], "1");
}

#[tokio::test]
async fn a_stopped_store_closes_its_connections_and_its_port() {
    let (store, _) = store(off(), 1).await;
    let at: SocketAddr = address(&store).parse().unwrap();
    let mut client = Client::connect(&store).await;
    client.call("UpdateItem", add_one()).await;
    store.stop();
    assert!(client.try_call("UpdateItem", add_one()).await.is_err(), "served after its end");
    for _ in 0..200 {
        if TcpStream::connect(at).await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("port {at} still accepts connections");
}

#[tokio::test]
async fn what_cannot_start_says_why() {
    let laws = Arc::new(off());
    let config = |listen: &str| TableConfig {
        listen: listen.parse().unwrap(),
        ..TableConfig::new(Arc::clone(&laws), 1, client::keys())
    };
    let open = TableStore::start(config("0.0.0.0:0")).await.err().unwrap();
    assert!(matches!(open, StoreError::NotLoopback(_)), "{open}");
    let (store, _) = store(off(), 1).await;
    let taken = TableStore::start(config(address(&store))).await.err().unwrap();
    assert!(matches!(taken, StoreError::Listen { .. }), "{taken}");
    let twice = store.create_table("hits").unwrap_err().to_string();
    assert!(twice.contains("`hits`"), "{twice}");
    let none = Laws::parse("none.toml", "law = []").unwrap();
    let lawless =
        TableStore::start(TableConfig::new(Arc::new(none), 1, client::keys())).await.err().unwrap();
    assert!(lawless.to_string().contains("ddb.get_eventual"), "{lawless}");
}
