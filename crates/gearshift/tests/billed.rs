//! What a function's bill holds and what it leaves out, one boundary after the other: a law is made
//! long, all others are off, and what was metered tells on which side it lies.

#[path = "common/raw.rs"]
mod raw;
#[path = "common/standing.rs"]
mod standing;

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use gearshift_deploy::Settings;
use gearshift_gear::{Dimension, LawId};
use gearshift_laws::Laws;
use raw::send;
use rust_decimal::prelude::ToPrimitive;
use standing::{Standing, shipped};

const TABLE: (&str, &str) = ("lambda-rust-dynamodb", "function-rust");
const OBJECT: (&str, &str) = ("lambda-python-s3", "function-python");
/// What the law in question takes, ms; the handler itself and this machine take much less.
const LONG_MS: f64 = 400.0;
const MOST_OF_IT_MS: f64 = 220.0;
const MEMORY_GB: f64 = 0.125;

/// What one call took and was billed for, ms, with this law long and all others off.
struct Call {
    took: f64,
    billed: f64,
    billed_init: f64,
}

fn cold_and_warm((row, build): (&str, &str), law: &str) -> [Call; 2] {
    let laws = Laws::shipped();
    let median_ms = laws.named(law).expect("a law").quantile(0.5).as_secs_f64() * 1e3;
    let factor = |id: &LawId| match id.0.as_str() {
        id if id == law => LONG_MS / median_ms,
        // Not a delay: how long an idle environment is kept.
        "lambda.idle_reclaim" => 1.0,
        _ => 0.0,
    };
    let law_factors: BTreeMap<LawId, f64> =
        laws.iter().map(|law| (law.id.clone(), factor(&law.id))).collect();
    let settings = Settings { shaped: false, law_factors, ..Settings::default() };
    let row = Standing::under(row, shipped(build), settings);
    let billed_ms =
        |dimension: &Dimension| row.used(dimension).to_f64().expect("a number") / MEMORY_GB * 1e3;
    [(); 2].map(|()| {
        let (duration, init) = (Dimension::FunctionGbSecond, Dimension::FunctionInitGbSecond);
        let before = (billed_ms(&duration), billed_ms(&init));
        let began = Instant::now();
        let answer = send("POST", &format!("{}/hits", row.url), &[], "").expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.text());
        let took = began.elapsed().as_secs_f64() * 1e3;
        // An environment is at rest a little after its answer; before, the next call gets a new one.
        thread::sleep(Duration::from_millis(300));
        Call {
            took,
            billed: billed_ms(&duration) - before.0,
            billed_init: billed_ms(&init) - before.1,
        }
    })
}

/// The caller waits for it and the bill holds it.
fn inside(row: (&str, &str), law: &str) {
    let [_, warm] = cold_and_warm(row, law);
    assert!(warm.took >= MOST_OF_IT_MS, "{law}: the call took {} ms", warm.took);
    assert!(warm.billed >= MOST_OF_IT_MS, "{law}: billed {} ms", warm.billed);
}

/// The caller waits for it and the bill leaves it out.
fn outside(law: &str) {
    let [_, warm] = cold_and_warm(TABLE, law);
    assert!(warm.took >= MOST_OF_IT_MS, "{law}: the call took {} ms", warm.took);
    assert!(warm.billed < MOST_OF_IT_MS / 2.0, "{law}: billed {} ms", warm.billed);
}

#[test]
fn billed_duration_holds_the_table_s_time() {
    inside(TABLE, "ddb.update_add");
}

#[test]
fn billed_duration_holds_the_object_s_time_to_read() {
    inside(OBJECT, "s3.get_small");
}

#[test]
fn billed_duration_holds_the_object_s_time_to_swap() {
    inside(OBJECT, "s3.put_conditional");
}

#[test]
fn billed_duration_holds_a_new_connection_s_handshake_and_only_once() {
    let [cold, warm] = cold_and_warm(TABLE, "tls.new_conn_in_region_wire");
    assert!(cold.billed + cold.billed_init >= MOST_OF_IT_MS, "billed {} ms", cold.billed);
    assert!(warm.billed < MOST_OF_IT_MS / 2.0, "the connection is kept: {} ms", warm.billed);
}

#[test]
fn billed_duration_leaves_out_the_caller_s_way() {
    outside("net.cross_az_rtt");
}

#[test]
fn billed_duration_leaves_out_the_gateway() {
    outside("apigw.http_own");
}

#[test]
fn billed_duration_leaves_out_the_way_from_the_gateway_to_the_function() {
    outside("apigw.to_lambda_transit");
}

#[test]
fn billed_duration_leaves_out_the_platform_s_own_time() {
    outside("lambda.warm_overhead");
}

#[test]
fn billed_duration_leaves_out_the_making_of_an_environment() {
    let [cold, warm] = cold_and_warm(TABLE, "lambda.cold_env");
    let billed = cold.billed + cold.billed_init;
    assert!(billed < MOST_OF_IT_MS / 2.0, "billed {billed} ms");
    assert!(warm.billed_init == 0.0, "a warm call has no init: {} ms", warm.billed_init);
}

#[test]
fn billed_duration_leaves_out_the_download_of_the_code() {
    let [cold, _] = cold_and_warm(TABLE, "lambda.cold_code_per_mb");
    let billed = cold.billed + cold.billed_init;
    assert!(billed < MOST_OF_IT_MS / 2.0, "billed {billed} ms");
}

#[test]
fn a_cold_start_s_initialisation_is_billed_and_a_warm_call_has_none() {
    let [cold, warm] = cold_and_warm(OBJECT, "net.cross_az_rtt");
    assert!(cold.billed_init > 20.0, "starting Python was billed with {} ms", cold.billed_init);
    assert!(warm.billed_init == 0.0, "{} ms", warm.billed_init);
}

#[test]
fn billed_duration_is_rounded_up_to_whole_milliseconds() {
    let [_, warm] = cold_and_warm(TABLE, "net.cross_az_rtt");
    assert!(warm.billed >= 1.0, "{}", warm.billed);
    let off = (warm.billed - warm.billed.round()).abs();
    assert!(off < 1e-6, "{} ms", warm.billed);
}
