//! How environments come, serve and go.
#![cfg(target_os = "linux")]

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use gearshift_functions::{Answer, InvokeApi, Life, Refused};
use gearshift_gear::{EnvironmentId, PartKind};
use gearshift_sandbox::{processes_of, remains};
use serde_json::json;
use support::client::{invoke, post};
use support::{Hosted, bootstrap, enforced, environment, get, returned, until, uptime_ticks};

/// Not a test where it is started as a function's bootstrap.
#[test]
fn bootstrap() {
    bootstrap::serve();
}

/// Invokes it `n` times at once.
async fn at_once(
    hosted: &Hosted,
    n: usize,
    payload: serde_json::Value,
) -> Vec<Result<Answer, Refused>> {
    let payload = Bytes::from(payload.to_string());
    let calls: Vec<_> = (0..n)
        .map(|_| {
            let (function, payload) = (hosted.function.clone(), payload.clone());
            tokio::spawn(async move { function.invoke(payload).await })
        })
        .collect();
    let mut answers = Vec::new();
    for call in calls {
        answers.push(call.await.expect("no panic"));
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scale_out_starts_an_environment_for_every_concurrent_call() {
    let hosted = Hosted::rust(|_| {});
    let answers = at_once(&hosted, 20, get("/sleep/300")).await;
    let environments: BTreeSet<EnvironmentId> = answers
        .iter()
        .map(|answer| {
            let answer = answer.as_ref().expect("no limit is near");
            assert_eq!(returned(answer)["statusCode"], 200);
            assert!(answer.timing.cold && answer.init.is_some(), "{answer:?}");
            environment(answer)
        })
        .collect();
    assert_eq!(environments.len(), 20);
    hosted.rest().await;
    assert_eq!(hosted.function.environments().len(), 20, "all stay for the next calls");
    let warm = hosted.invoke(get("/hello")).await;
    assert!(!warm.timing.cold && environments.contains(&environment(&warm)), "{warm:?}");
    assert_eq!((warm.init, hosted.function.environments().len()), (None, 20));
    hosted.function.end();
    let left = remains(&hosted.host, &hosted.run);
    assert!(left.processes.is_empty() && left.groups.is_empty(), "{left:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scale_out_stops_at_the_concurrency_limit() {
    let hosted = Hosted::rust(|config| config.concurrency = 5);
    let answers = at_once(&hosted, 12, get("/sleep/300")).await;
    let refused: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
    assert_eq!(refused, [&Refused::TooManyRequests; 7]);
    assert_eq!(hosted.function.usage().requests, 5, "what is refused is not billed");
    hosted.rest().await;
    let after = at_once(&hosted, 5, get("/sleep/50")).await;
    assert!(after.iter().all(|answer| answer.as_ref().is_ok_and(|a| !a.timing.cold)), "{after:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scale_out_beyond_the_limit_is_429_on_the_wire() {
    let hosted = Hosted::rust(|config| config.concurrency = 5);
    let api = InvokeApi::open(hosted.function.clone(), 0).await.expect("a free port");
    let (api, keys) = (Arc::new(api), hosted.function.config().keys.clone());
    let calls: Vec<_> = (0..12)
        .map(|_| {
            let request = post("/2015-03-31/functions/tested/invocations");
            let (api, keys) = (api.clone(), keys.clone());
            let event = get("/sleep/300").to_string();
            tokio::spawn(async move { invoke(&api, &keys, request, event).await })
        })
        .collect();
    let (mut taken, mut refused) = (0, 0);
    for call in calls {
        let answer = call.await.expect("no panic");
        if answer.status == 200 {
            taken += 1;
            continue;
        }
        refused += 1;
        assert_eq!(answer.status, 429);
        assert_eq!(answer.header("x-amzn-errortype"), "TooManyRequestsException");
        let body = answer.json();
        assert_eq!(body["Reason"], "ReservedFunctionConcurrentInvocationLimitExceeded");
        assert_eq!(body["message"], "Rate Exceeded.");
    }
    assert_eq!((taken, refused), (5, 7));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scale_out_keeps_one_request_per_environment_at_a_time() {
    let hosted = Hosted::bootstrap(&[]);
    let mut stamps: Vec<(EnvironmentId, u64, u64)> = Vec::new();
    for _ in 0..6 {
        for answer in at_once(&hosted, 4, json!({ "do": "stamp", "ms": 15 })).await {
            let answer = answer.expect("no limit is near");
            let stamp = returned(&answer);
            let at = |name: &str| stamp[name].as_u64().expect("a number");
            stamps.push((environment(&answer), at("began_us"), at("ended_us")));
        }
        hosted.rest().await;
    }
    assert_eq!(stamps.len(), 24, "every call had its own answer");
    stamps.sort();
    for pair in stamps.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
        assert!(pair[0].2 <= pair[1].1, "two at once in {pair:?}");
    }
    let environments: BTreeSet<_> = stamps.iter().map(|(environment, ..)| environment).collect();
    assert_eq!(environments.len(), 4, "one for each of four at a time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scale_out_is_taken_back_when_environments_stay_idle() {
    let hosted = Hosted::rust(|config| config.idle_reclaim = Some(Duration::from_millis(400)));
    let answers = at_once(&hosted, 3, get("/sleep/50")).await;
    let met: BTreeSet<_> = answers.iter().flatten().map(environment).collect();
    assert_eq!(met.len(), 3);
    until("none is left", || hosted.function.environments().is_empty()).await;
    for environment in &met {
        until("process and group are gone", || hosted.remains_of(environment) == (0, 0)).await;
        let why = hosted.events().into_iter().filter(|event| event.environment == *environment);
        let stopped = why.filter(|event| event.what == Life::Stopped("idle reclaim".to_owned()));
        assert_eq!(stopped.count(), 1);
    }
    let next = hosted.invoke(get("/hello")).await;
    assert!(next.timing.cold && !met.contains(&environment(&next)), "{next:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scale_out_leaves_idle_environments_frozen() {
    if !enforced() {
        return;
    }
    let hosted = Hosted::bootstrap(&[]);
    let environment = environment(&hosted.invoke(json!({ "do": "spin" })).await);
    hosted.rest().await;
    // The freezer stops a process at its next interrupt.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let idle = hosted.cpu_used_us(&environment);
    tokio::time::sleep(Duration::from_millis(400)).await;
    let ran = hosted.cpu_used_us(&environment) - idle;
    // The kernel's books may be some microseconds behind.
    assert!(ran < 1_000, "it ran for {ran} µs between two requests");
    let next = hosted.invoke(json!({ "do": "stamp", "ms": 50 })).await;
    assert_eq!(support::environment(&next), environment);
    let ran = hosted.cpu_used_us(&environment) - idle;
    assert!(ran > 5_000, "its thread goes on during a request: {ran} µs");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scale_out_begins_cold_in_an_environment_never_seen_before() {
    let hosted = Hosted::rust(|_| {});
    let mut seen = BTreeSet::new();
    for _ in 0..4 {
        hosted.function.retire();
        let (asked, asked_ticks) = (Instant::now(), uptime_ticks());
        let answer = hosted.invoke(get("/hello")).await;
        let elapsed_ms = asked.elapsed().as_secs_f64() * 1e3;
        let environment = environment(&answer);
        assert!(answer.timing.cold && seen.insert(environment.clone()), "{environment} again");
        let part = |name: &str| {
            let part = answer.timing.parts.iter().find(|part| part.name == name);
            let part = part.unwrap_or_else(|| panic!("no part {name}: {answer:?}"));
            assert_eq!(part.kind, PartKind::Measured);
            part.ms
        };
        let parts = [part("start"), part("init"), part("handler")];
        assert!(parts.iter().all(|ms| *ms > 0.0), "{parts:?}");
        assert!(parts.iter().sum::<f64>() <= elapsed_ms, "{parts:?} of {elapsed_ms} ms");
        let init = answer.init.expect("cold").as_secs_f64() * 1e3;
        assert!((init - parts[1]).abs() < 1e-6, "{init} {parts:?}");
        let billed = (answer.duration + answer.init.expect("cold")).as_secs_f64() * 1e3;
        assert_eq!(answer.billed_ms, billed.ceil() as u64, "init is billed, up to the next ms");
        let process = processes_of(&hosted.run).into_iter().find(|p| p.member == environment.0);
        let pid = process.expect("it is there").pid;
        let stat = procfs::process::Process::new(pid).and_then(|process| process.stat());
        let started = stat.expect("it lives").starttime;
        assert!(started >= asked_ticks, "it started before the request: {started} {asked_ticks}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_environment_that_ends_after_its_answer_is_not_used_again() {
    let hosted = Hosted::bootstrap(&[]);
    let first = hosted.invoke(json!({ "do": "exit-after" })).await;
    assert_eq!(returned(&first)["do"], "exit-after");
    let gone = environment(&first);
    let next = hosted.invoke(json!({ "do": "echo" })).await;
    assert_eq!(returned(&next)["do"], "echo");
    assert_ne!(environment(&next), gone);
    until("nothing is left of it", || hosted.remains_of(&gone) == (0, 0)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_leaves_does_not_end_the_invocation() {
    let hosted = Hosted::bootstrap(&[]);
    hosted.invoke(json!({})).await;
    hosted.rest().await;
    let payload = Bytes::from(json!({ "do": "stamp", "ms": 100 }).to_string());
    let left = tokio::time::timeout(Duration::from_millis(20), hosted.function.invoke(payload));
    assert!(left.await.is_err());
    assert!(hosted.function.environments().iter().all(|(_, busy)| *busy));
    until("it is counted", || hosted.function.usage().requests == 2).await;
    hosted.rest().await;
    let next = hosted.invoke(json!({})).await;
    assert!(!next.timing.cold, "{next:?}");
}
