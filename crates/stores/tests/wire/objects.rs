//! The object store as the unmodified Rust SDK sees it.

use std::sync::{Arc, Mutex};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumMode, CompletedMultipartUpload, CompletedPart};
use gearshift_gear::{Dimension, FaultPlan};
use gearshift_laws::Laws;
use gearshift_stores::{Fault, ObjectConfig, ObjectStore, StoreCall};
use rust_decimal::Decimal;

use crate::client::{SECRET_KEY, keys};

pub const BUCKET: &str = "hits-bucket";

/// A store with one bucket, and everything its hook was told.
pub async fn store(laws: Laws) -> (ObjectStore, Arc<Mutex<Vec<StoreCall>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let teller = Arc::clone(&told);
    let hook = Arc::new(move |call| teller.lock().unwrap().push(call));
    let config = ObjectConfig { hook: Some(hook), ..ObjectConfig::new(Arc::new(laws), 7, keys()) };
    let store = ObjectStore::start(config).await.unwrap();
    store.create_bucket(BUCKET, false).unwrap();
    (store, told)
}

/// The SDK's client, which sends every request once.
pub fn client(store: &ObjectStore, secret: &str) -> Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-2"))
        .credentials_provider(Credentials::new("env-7", secret, None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .retry_config(RetryConfig::disabled())
        .endpoint_url(store.url())
        .force_path_style(true)
        .build();
    Client::from_conf(config)
}

/// Writes and reads so far, as billed.
pub fn requests(store: &ObjectStore) -> (Decimal, Decimal) {
    let usage = store.usage();
    let of = |dimension| usage.iter().find(|(of, _)| *of == dimension).expect("metered").1;
    (of(Dimension::ObjectWriteRequest), of(Dimension::ObjectReadRequest))
}

/// Status and code of a refusal.
fn refused<T: std::fmt::Debug, E: ProvideErrorMetadata + std::fmt::Debug>(
    answer: Result<T, SdkError<E>>,
) -> (u16, String) {
    let error = answer.expect_err("a refusal");
    let status = error.raw_response().expect("an answer").status().as_u16();
    (status, error.code().unwrap_or_default().to_owned())
}

fn body(text: &str) -> ByteStream {
    ByteStream::from(text.as_bytes().to_vec())
}

#[tokio::test]
async fn unmodified_rust_sdk_puts_gets_heads_lists_copies_and_deletes_objects() {
    let (store, told) = store(Laws::shipped().off()).await;
    let s3 = client(&store, SECRET_KEY);
    for key in ["page.html", "a/1", "a/2", "b ü/3+4"] {
        let put = s3.put_object().bucket(BUCKET).key(key).content_type("text/html");
        put.metadata("who", "test").body(body(key)).send().await.unwrap();
    }
    let got = s3.get_object().bucket(BUCKET).key("b ü/3+4").checksum_mode(ChecksumMode::Enabled);
    let got = got.send().await.unwrap();
    assert_eq!(got.content_type(), Some("text/html"));
    assert_eq!(got.metadata().unwrap()["who"], "test");
    let etag = got.e_tag().unwrap().to_owned();
    assert!(got.checksum_crc32().is_some(), "what the SDK sent is kept: {got:?}");
    assert_eq!(got.body.collect().await.unwrap().to_vec(), "b ü/3+4".as_bytes());
    let head = s3.head_object().bucket(BUCKET).key("b ü/3+4").send().await.unwrap();
    assert_eq!((head.content_length(), head.e_tag()), (Some(8), Some(etag.as_str())));
    let part = s3.get_object().bucket(BUCKET).key("page.html").range("bytes=5-").send().await;
    let part = part.unwrap();
    assert_eq!(part.content_range(), Some("bytes 5-8/9"));
    assert_eq!(part.body.collect().await.unwrap().to_vec(), b"html");

    let list = s3.list_objects_v2().bucket(BUCKET).delimiter("/").send().await.unwrap();
    let prefixes: Vec<_> = list.common_prefixes().iter().filter_map(|p| p.prefix()).collect();
    assert_eq!(prefixes, ["a/", "b ü/"]);
    assert_eq!(list.contents()[0].key(), Some("page.html"));
    let mut pages = s3.list_objects_v2().bucket(BUCKET).max_keys(3).into_paginator().send();
    let mut keys = Vec::new();
    while let Some(page) = pages.next().await {
        keys.extend(page.unwrap().contents().iter().filter_map(|o| o.key().map(str::to_owned)));
    }
    assert_eq!(keys, ["a/1", "a/2", "b ü/3+4", "page.html"]);

    let copy = s3.copy_object().bucket(BUCKET).key("c").copy_source(format!("{BUCKET}/a/1"));
    copy.send().await.unwrap();
    s3.delete_object().bucket(BUCKET).key("a/1").send().await.unwrap();
    s3.delete_object().bucket(BUCKET).key("a/1").send().await.expect("none is as good as deleted");
    let gone = s3.get_object().bucket(BUCKET).key("a/1").send().await;
    assert_eq!(refused(gone), (404, "NoSuchKey".to_owned()));
    let copied = s3.get_object().bucket(BUCKET).key("c").send().await.unwrap();
    assert_eq!(copied.body.collect().await.unwrap().to_vec(), b"a/1");
    let nowhere = s3.get_object().bucket("no-such-bucket").key("a").send().await;
    assert_eq!(refused(nowhere), (404, "NoSuchBucket".to_owned()));
    // 5 puts (one copied) and 3 lists at the one price; 5 gets, 1 head and what was not found at
    // the other; deletes for nothing.
    assert_eq!(requests(&store), (Decimal::from(8), Decimal::from(6)));
    assert!(told.lock().unwrap().iter().all(|call| call.access_key.as_deref() == Some("env-7")));
}

#[tokio::test]
async fn unmodified_rust_sdk_uploads_a_page_in_parts() {
    let (store, _) = store(Laws::shipped().off()).await;
    let s3 = client(&store, SECRET_KEY);
    let at = |s3: &Client| s3.create_multipart_upload().bucket(BUCKET).key("page.html");
    let begun = at(&s3).content_type("text/html").send().await.unwrap();
    let upload = begun.upload_id().unwrap();
    let mut parts = Vec::new();
    for (number, text) in [(2, "second"), (1, "first "), (1, "First ")] {
        let sent = s3.upload_part().bucket(BUCKET).key("page.html").upload_id(upload);
        let sent = sent.part_number(number).body(body(text)).send().await.unwrap();
        let part = CompletedPart::builder().part_number(number).e_tag(sent.e_tag().unwrap());
        parts.push(part.build());
    }
    let listed = s3.list_parts().bucket(BUCKET).key("page.html").upload_id(upload).send().await;
    assert_eq!(listed.unwrap().parts().len(), 2, "a part of the same number is replaced");
    let complete = |parts: Vec<CompletedPart>| {
        let named = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let completing = s3.complete_multipart_upload().bucket(BUCKET).key("page.html");
        completing.upload_id(upload).multipart_upload(named).send()
    };
    let stale = vec![parts[1].clone(), parts[0].clone()];
    assert_eq!(refused(complete(stale).await), (400, "InvalidPart".to_owned()));
    let backwards = vec![parts[0].clone(), parts[2].clone()];
    assert_eq!(refused(complete(backwards).await), (400, "InvalidPartOrder".to_owned()));
    let done = complete(vec![parts[2].clone(), parts[0].clone()]).await.unwrap();
    assert!(done.e_tag().unwrap().ends_with("-2\""), "{done:?}");
    let page = s3.get_object().bucket(BUCKET).key("page.html").send().await.unwrap();
    assert_eq!(page.content_type(), Some("text/html"));
    assert_eq!(page.body.collect().await.unwrap().to_vec(), b"First second");
    let again = complete(vec![parts[2].clone()]).await;
    assert_eq!(refused(again), (404, "NoSuchUpload".to_owned()));
}

#[tokio::test]
async fn a_wrong_secret_is_refused_and_anybody_reads_what_is_public() {
    let (store, _) = store(Laws::shipped()).await;
    store.create_bucket("pages", true).unwrap();
    store.place("pages", "index.html", "text/html; charset=utf-8", "<p>hello").unwrap();
    let thief = client(&store, "guessed");
    let put = thief.put_object().bucket("pages").key("index.html").body(body("x")).send().await;
    assert_eq!(refused(put), (403, "SignatureDoesNotMatch".to_owned()));

    let address = store.url().strip_prefix("http://").unwrap();
    let page = crate::client::get_plain(address, "/pages/index.html").await;
    assert_eq!((page.0.as_u16(), page.2.as_ref()), (200, &b"<p>hello"[..]));
    assert_eq!(page.1["content-type"], "text/html; charset=utf-8");
    let said = page.1["server-timing"].to_str().unwrap();
    assert!(said.contains("s3.get_small;dur="), "an anonymous reader is told: {said}");
    what_is_not_public_is_denied(&store, address).await;
}

async fn what_is_not_public_is_denied(store: &ObjectStore, address: &str) {
    store.place(BUCKET, "hits", "text/plain", "7").unwrap();
    let private = crate::client::get_plain(address, &format!("/{BUCKET}/hits")).await;
    let text = String::from_utf8_lossy(&private.2).into_owned();
    assert!(private.0.as_u16() == 403 && text.contains("AccessDenied"), "{text}");
    assert!(!private.1.contains_key("set-cookie"));
}

#[tokio::test]
async fn every_object_request_waits_for_its_law_and_a_swap_for_its_own() {
    let (store, told) = store(Laws::shipped()).await;
    let s3 = client(&store, SECRET_KEY);
    s3.put_object().bucket(BUCKET).key("k").body(body("1")).send().await.unwrap();
    let got = s3.get_object().bucket(BUCKET).key("k").send().await.unwrap();
    let swap = s3.put_object().bucket(BUCKET).key("k").if_match(got.e_tag().unwrap());
    swap.body(body("2")).send().await.unwrap();
    s3.head_bucket().bucket(BUCKET).send().await.unwrap();
    let told = told.lock().unwrap().clone();
    let laws = |call: &StoreCall| -> Vec<String> {
        call.declared.iter().map(|wait| wait.law.0.clone()).collect()
    };
    assert_eq!(laws(&told[0]), ["tls.new_conn_in_region_wire", "s3.put_small"]);
    assert_eq!(laws(&told[1]), ["s3.get_small"]);
    assert_eq!(laws(&told[2]), ["s3.put_conditional"]);
    assert!(laws(&told[3]).is_empty(), "{:?}", told[3]);
}

#[tokio::test]
async fn each_fault_does_to_objects_what_its_kind_says() {
    let (store, told) = store(Laws::shipped().off()).await;
    let s3 = client(&store, SECRET_KEY);
    let plan = FaultPlan::default();
    for (plan, status, code, applied, billed) in [
        (FaultPlan { applied_then_500: 1000, ..plan }, 500, "InternalError", true, 0),
        (FaultPlan { not_applied_500: 1000, ..plan }, 500, "InternalError", false, 0),
        (FaultPlan { throttle: 1000, ..plan }, 503, "SlowDown", false, 0),
    ] {
        let before = requests(&store).0;
        store.set_faults(plan).unwrap();
        let put = s3.put_object().bucket(BUCKET).key(code).body(body("1")).send().await;
        assert_eq!(refused(put), (status, code.to_owned()), "{plan:?}");
        store.set_faults(FaultPlan::default()).unwrap();
        assert_eq!(requests(&store).0 - before, Decimal::from(billed), "{plan:?}");
        let there = s3.head_object().bucket(BUCKET).key(code).send().await;
        assert_eq!(there.is_ok(), applied, "{plan:?}");
        s3.delete_object().bucket(BUCKET).key(code).send().await.unwrap();
    }
    store.set_faults(FaultPlan { reset: 1000, ..plan }).unwrap();
    let put = s3.put_object().bucket(BUCKET).key("reset").body(body("1")).send().await;
    assert!(matches!(put, Err(SdkError::DispatchFailure(_))), "{put:?}");
    store.set_faults(FaultPlan::default()).unwrap();
    s3.head_object().bucket(BUCKET).key("reset").send().await.expect("it was applied");
    let reset = told.lock().unwrap().iter().filter(|c| c.fault == Some(Fault::Reset)).count();
    assert_eq!((reset as u64, store.faults_injected().reset), (1, 1));
}

#[tokio::test]
async fn what_does_not_fit_into_memory_is_refused_and_nothing_is_lost() {
    let config = ObjectConfig {
        capacity_bytes: 1000,
        ..ObjectConfig::new(Arc::new(Laws::shipped().off()), 1, keys())
    };
    let store = ObjectStore::start(config).await.unwrap();
    store.create_bucket(BUCKET, false).unwrap();
    let s3 = client(&store, SECRET_KEY);
    let put = |key: &str, bytes| {
        s3.put_object().bucket(BUCKET).key(key).body(ByteStream::from(vec![b'x'; bytes])).send()
    };
    put("a", 600).await.unwrap();
    assert_eq!(refused(put("b", 600).await), (400, "EntityTooLarge".to_owned()));
    put("a", 300).await.expect("what is replaced makes room");
    put("b", 600).await.expect("and is forgotten");
    s3.delete_object().bucket(BUCKET).key("b").send().await.unwrap();
    put("c", 700).await.expect("what is deleted makes room");
}
