//! Laws before the store: drawn, waited out, told. Only "never early" is asserted about time.

use std::time::{Duration, Instant};

use gearshift_gear::{FaultPlan, LawId};
use gearshift_laws::Laws;
use gearshift_stores::StoreCall;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::client::{Client, add_one, address, get, put, signed_text, store};

const HANDSHAKE: &str = "tls.new_conn_in_region_wire";

#[tokio::test]
async fn every_request_waits_for_its_law_and_a_new_connection_for_its_handshake() {
    let (store, told) = store(Laws::shipped(), 7).await;
    let mut client = Client::connect(&store).await;
    let calls = [
        ("UpdateItem", add_one(), vec![HANDSHAKE, "ddb.update_add"]),
        ("UpdateItem", add_one(), vec!["ddb.update_add"]),
        ("PutItem", put(1, 10), vec!["ddb.put"]),
        ("GetItem", get(1, true), vec!["ddb.get_strong"]),
        ("GetItem", get(1, false), vec!["ddb.get_eventual"]),
        ("DescribeTable", json!({"TableName": "hits"}), vec![]),
    ];
    for (operation, body, laws) in calls {
        let asked = Instant::now();
        client.call(operation, body).await;
        let took_ms = asked.elapsed().as_secs_f64() * 1e3;
        let call = told.lock().unwrap().last().unwrap().clone();
        let held: Vec<_> = call.declared.iter().map(|wait| wait.law.0.clone()).collect();
        assert_eq!(held, laws, "{operation}");
        assert!(took_ms >= call.declared_ms(), "{operation} took {took_ms}: {call:?}");
        assert_eq!(call.declared_ms() > 0.0, !laws.is_empty());
    }
    let mut other = Client::connect(&store).await;
    other.call("GetItem", get(1, true)).await;
    let call = told.lock().unwrap().last().unwrap().clone();
    assert_eq!(call.declared[0].law, LawId::from(HANDSHAKE), "each connection has its own");
}

/// What eight updates were held to and suffered.
async fn eight_updates(seed: u64, throttle: u32) -> Vec<StoreCall> {
    let (store, told) = store(Laws::shipped(), seed).await;
    store.set_faults(FaultPlan { throttle, ..FaultPlan::default() }).unwrap();
    let mut client = Client::connect(&store).await;
    for _ in 0..8 {
        client.try_call("UpdateItem", add_one()).await.unwrap();
    }
    told.lock().unwrap().clone()
}

#[tokio::test]
async fn one_seed_repeats_its_laws_and_faults_and_another_has_others() {
    let declared = |calls: &[StoreCall]| -> Vec<_> {
        calls.iter().map(|call| call.declared.clone()).collect()
    };
    let faults = |calls: &[StoreCall]| -> Vec<_> { calls.iter().map(|call| call.fault).collect() };
    let (plain, first) = (eight_updates(11, 0).await, eight_updates(11, 500).await);
    let (again, other) = (eight_updates(11, 500).await, eight_updates(12, 500).await);
    assert_eq!(declared(&first), declared(&again));
    assert_eq!(faults(&first), faults(&again));
    assert_ne!(declared(&first), declared(&other));
    assert_ne!(faults(&first), faults(&other));
    assert_eq!(declared(&plain), declared(&first), "faults do not move the laws' draws");
}

#[tokio::test]
async fn real_work_that_outlasts_its_law_is_told_as_late() {
    // A ten-thousandth of the law against an item near the limit of 400 KB: more than the
    // millisecond that a wake-up may take.
    let short = Laws::shipped().scaled(&LawId::from("ddb.put"), 1e-4).unwrap();
    let (store, told) = store(short, 7).await;
    let mut client = Client::connect(&store).await;
    client.call("DescribeTable", json!({"TableName": "hits"})).await;
    let text = "x".repeat(390_000);
    let item = json!({"id": {"N": "0"}, "text": {"S": text}});
    client.call("PutItem", json!({"TableName": "hits", "Item": item})).await;
    let call = told.lock().unwrap().last().unwrap().clone();
    assert!(call.late_ms.unwrap() >= 1.0 && call.declared_ms() < 0.01, "{call:?}");
    let long = Laws::shipped().scaled(&LawId::from("ddb.update_add"), 100.0).unwrap();
    let (store, told) = self::store(long, 7).await;
    Client::connect(&store).await.call("UpdateItem", add_one()).await;
    // 0.3 s are enough for one answer; a busy machine may wake up late all the same.
    let late_ms = told.lock().unwrap()[0].late_ms;
    assert!(late_ms.is_none_or(|late_ms| late_ms < 100.0), "{late_ms:?}");
}

#[tokio::test]
async fn a_client_that_hangs_up_does_not_undo_its_write() {
    let long = Laws::shipped().scaled(&LawId::from("ddb.update_add"), 50.0).unwrap();
    let (store, told) = store(long, 7).await;
    let body = add_one().to_string();
    let request = signed_text(address(&store), "UpdateItem", &body);
    let mut stream = TcpStream::connect(address(&store)).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    // Long enough for the engine, far too short for the law: the hang-up falls between the two.
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(stream);
    for _ in 0..100 {
        if !told.lock().unwrap().is_empty() {
            let mut client = Client::connect(&store).await;
            assert_eq!(client.counter().await, 1);
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the request was forgotten with its client");
}
