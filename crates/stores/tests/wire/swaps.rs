//! Conditional writes: of many writers with the same condition exactly one wins.

use std::collections::BTreeSet;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::put_object::{PutObjectError, PutObjectOutput};
use aws_sdk_s3::primitives::ByteStream;
use gearshift_laws::Laws;
use rust_decimal::Decimal;

use crate::client::SECRET_KEY;
use crate::objects::{BUCKET, client, requests, store};

type Put = Result<PutObjectOutput, SdkError<PutObjectError>>;

async fn create(s3: &Client, count: u64) -> Put {
    let put = s3.put_object().bucket(BUCKET).key("hits").if_none_match("*");
    put.body(ByteStream::from(count.to_string().into_bytes())).send().await
}

async fn swap(s3: &Client, etag: &str, count: u64) -> Put {
    let put = s3.put_object().bucket(BUCKET).key("hits").if_match(etag);
    put.body(ByteStream::from(count.to_string().into_bytes())).send().await
}

async fn read(s3: &Client) -> Option<(String, u64)> {
    let got = s3.get_object().bucket(BUCKET).key("hits").send().await.ok()?;
    let etag = got.e_tag()?.to_owned();
    let text = got.body.collect().await.ok()?.to_vec();
    Some((etag, String::from_utf8(text).ok()?.parse().ok()?))
}

fn status_and_code(put: Put) -> (u16, String) {
    let error = put.expect_err("a refusal");
    let status = error.raw_response().expect("an answer").status().as_u16();
    (status, error.code().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_condition_that_does_not_hold_is_refused_as_amazon_refuses_it_and_billed() {
    let (store, _) = store(Laws::shipped().off()).await;
    let s3 = client(&store, SECRET_KEY);
    let missing = swap(&s3, "\"0123\"", 1).await;
    assert_eq!(status_and_code(missing), (404, "NoSuchKey".to_owned()));
    create(&s3, 1).await.unwrap();
    let there = create(&s3, 1).await;
    assert_eq!(status_and_code(there), (412, "PreconditionFailed".to_owned()));
    let (old, _) = read(&s3).await.unwrap();
    swap(&s3, &old, 2).await.unwrap();
    let stale = swap(&s3, &old, 2).await;
    assert_eq!(status_and_code(stale), (412, "PreconditionFailed".to_owned()));
    assert_eq!(read(&s3).await.unwrap().1, 2);
    assert_eq!(requests(&store).0, Decimal::from(5), "every attempt is billed");
}

/// One counter: reads, adds one, swaps, until it has won `wins` times; returns what it stored.
async fn count(s3: Client, wins: usize) -> Vec<u64> {
    let mut stored = Vec::new();
    while stored.len() < wins {
        let (next, put) = match read(&s3).await {
            Some((etag, count)) => (count + 1, swap(&s3, &etag, count + 1).await),
            None => (1, create(&s3, 1).await),
        };
        if put.is_ok() {
            stored.push(next);
        }
    }
    stored
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_compare_and_swaps_lose_nothing_and_store_no_value_twice() {
    let (store, _) = store(Laws::shipped().off()).await;
    let counting: Vec<_> =
        (0..8).map(|_| tokio::spawn(count(client(&store, SECRET_KEY), 25))).collect();
    let mut stored = Vec::new();
    for counter in counting {
        stored.extend(counter.await.unwrap());
    }
    let distinct: BTreeSet<u64> = stored.iter().copied().collect();
    assert_eq!(stored.len(), 200);
    assert!(distinct.into_iter().eq(1..=200), "{stored:?}");
    assert_eq!(read(&client(&store, SECRET_KEY)).await.unwrap().1, 200);
}
