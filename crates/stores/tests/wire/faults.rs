//! Each kind of fault, and whether the write behind it was applied.

use gearshift_gear::FaultPlan;
use gearshift_laws::Laws;
use gearshift_stores::{Fault, FaultCounts};
use hyper::StatusCode;
use rust_decimal::Decimal;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{Client, add_one, address, signed_text, store, units};

fn off() -> Laws {
    Laws::shipped().off()
}

#[tokio::test]
async fn an_applied_500_is_applied() {
    let (store, told) = store(off(), 1).await;
    let mut client = Client::connect(&store).await;
    store.set_faults(FaultPlan { applied_then_500: 1000, ..FaultPlan::default() }).unwrap();
    let answer = client.try_call("UpdateItem", add_one()).await.unwrap();
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answer.code(), "InternalServerError");
    store.set_faults(FaultPlan::default()).unwrap();
    assert_eq!(client.counter().await, 1);
    assert_eq!(units(&store).0, Decimal::ONE, "what was applied is metered");
    assert_eq!(told.lock().unwrap()[0].fault, Some(Fault::AppliedThen500));
}

#[tokio::test]
async fn a_500_that_was_not_applied_is_not() {
    let (store, _) = store(off(), 1).await;
    let mut client = Client::connect(&store).await;
    store.set_faults(FaultPlan { not_applied_500: 1000, ..FaultPlan::default() }).unwrap();
    let answer = client.try_call("UpdateItem", add_one()).await.unwrap();
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answer.code(), "InternalServerError");
    store.set_faults(FaultPlan::default()).unwrap();
    assert_eq!(client.counter().await, 0);
    assert_eq!(units(&store).0, Decimal::ZERO);
}

#[tokio::test]
async fn a_throttled_write_is_not_applied() {
    let (store, _) = store(off(), 1).await;
    let mut client = Client::connect(&store).await;
    store.set_faults(FaultPlan { throttle: 1000, ..FaultPlan::default() }).unwrap();
    let answer = client.try_call("UpdateItem", add_one()).await.unwrap();
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.code(), "ThrottlingException");
    assert_eq!(answer.headers["content-type"], "application/x-amz-json-1.0");
    store.set_faults(FaultPlan::default()).unwrap();
    assert_eq!(client.counter().await, 0);
}

#[tokio::test]
async fn a_reset_comes_after_the_write_and_without_a_byte_of_answer() {
    let (store, _) = store(off(), 1).await;
    store.set_faults(FaultPlan { reset: 1000, ..FaultPlan::default() }).unwrap();
    let body = add_one().to_string();
    let request = signed_text(address(&store), "UpdateItem", &body);
    let mut stream = TcpStream::connect(address(&store)).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let ended = stream.read_to_end(&mut answer).await;
    assert_eq!(ended.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    assert!(answer.is_empty(), "{}", String::from_utf8_lossy(&answer));
    store.set_faults(FaultPlan::default()).unwrap();
    assert_eq!(Client::connect(&store).await.counter().await, 1);
    assert_eq!(store.faults_injected(), FaultCounts { reset: 1, ..FaultCounts::default() });
}

#[tokio::test]
async fn reads_fail_too_and_table_management_never() {
    let (store, _) = store(off(), 1).await;
    let mut client = Client::connect(&store).await;
    store.set_faults(FaultPlan { throttle: 1000, ..FaultPlan::default() }).unwrap();
    let described = client.call("DescribeTable", json!({"TableName": "hits"})).await;
    assert_eq!(described["Table"]["BillingModeSummary"]["BillingMode"], "PAY_PER_REQUEST");
    let read = json!({"TableName": "hits", "Key": {"id": {"N": "0"}}});
    let answer = client.try_call("GetItem", read).await.unwrap();
    assert_eq!(answer.code(), "ThrottlingException");
    assert_eq!(store.faults_injected().total(), 1);
}

/// acknowledged ≤ counter ≤ acknowledged + unacknowledged, and exactly: the counter is what was
/// acknowledged and what was applied behind a fault.
#[tokio::test]
async fn among_mixed_faults_the_counter_is_exactly_what_was_applied() {
    let (store, _) = store(off(), 42).await;
    let plan = FaultPlan { applied_then_500: 100, not_applied_500: 100, throttle: 100, reset: 100 };
    store.set_faults(plan).unwrap();
    let mut adding = Vec::new();
    for _ in 0..8 {
        let mut client = Client::connect(&store).await;
        let store_url = address(&store).to_owned();
        adding.push(tokio::spawn(async move {
            let mut acknowledged = 0;
            for _ in 0..40 {
                match client.try_call("UpdateItem", add_one()).await {
                    Ok(answer) if answer.status == StatusCode::OK => acknowledged += 1,
                    Ok(_) => {}
                    Err(_) => client = Client::connect_to(&store_url).await,
                }
            }
            acknowledged
        }));
    }
    let mut acknowledged = 0;
    for added in adding {
        acknowledged += added.await.unwrap();
    }
    store.set_faults(FaultPlan::default()).unwrap();
    let counts = store.faults_injected();
    let kinds = [counts.applied_then_500, counts.not_applied_500, counts.throttle, counts.reset];
    assert!(kinds.iter().all(|count| *count > 0), "{counts:?}");
    assert_eq!(acknowledged + counts.total(), 320);
    let counter = Client::connect(&store).await.counter().await;
    assert_eq!(counter, acknowledged + counts.applied_then_500 + counts.reset);
    assert_eq!(units(&store).0, Decimal::from(counter));
}
