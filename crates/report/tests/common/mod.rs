//! A run written by hand. Its figures are made up; its prices are the shipped book's.
#![allow(dead_code)]

use std::num::NonZeroU64;
use std::sync::LazyLock;

use gearshift_economics::{Priced, Service};
use gearshift_gear::{
    CATALOGUE, Caller, Code, Dimension, Known, LawId, Origin, RunId, RuntimeClient, UsageLine,
};
use gearshift_laws::Laws;
use gearshift_load::{CurvePoint, Percentile, SplitAt, Verdict};
use gearshift_plan::{Shape, volume};
use gearshift_price::{
    Candidate, PriceBook, Usage, bill, break_even_with_units, combine, fixed_usage, per_call_usage,
    winners,
};
use gearshift_results::{
    Ceiling, Checks, Cold, Core, Counter, HowFast, Latency, Machine, MemoryPoint, MemorySweep,
    MemoryUse, Money, Overhead, Pair, PartMs, Results, RowResult, RowState, SCHEMA, Shifting,
    published_2021,
};
use jiff::Timestamp;
use rust_decimal::Decimal;

pub const EVIL: &str = "<script>alert(1)</script>";

pub fn run() -> RunId {
    "7f3a".parse().unwrap()
}

fn measured(n: u64) -> Origin {
    Origin::Measured { run: run(), n }
}

fn known(value: f64) -> Known<f64> {
    Known::new(value, Origin::computed([measured(200), Origin::Declared(LawId::from("ddb.put"))]))
}

fn part(name: &str, kind: &str, ms: f64) -> PartMs {
    PartMs { name: name.into(), kind: kind.into(), ms }
}

pub fn latency(here: f64, laws: &[(&str, f64)], p99: Percentile) -> Latency {
    let declared: f64 = laws.iter().map(|(_, ms)| ms).sum();
    let p50 = here + declared;
    let mut parts: Vec<PartMs> =
        laws.iter().map(|(name, ms)| part(name, "declared", *ms)).collect();
    parts.push(part("handler", "measured", here * 0.8 + declared * 0.3));
    Latency {
        rate_per_s: 10.0,
        n: 200,
        attempts: 1,
        p50_ms: known(p50).within(p50 * 0.97, p50 * 1.04),
        here_ms: Known::new(here, measured(200)),
        declared_ms: Known::new(declared, Origin::Declared(LawId::from("ddb.put"))),
        p90_ms: Percentile::Value(p50 * 1.4),
        p99_ms: p99,
        max_ms: p50 * 3.0,
        parts,
        curve: spread(here, declared).iter().map(curve_point).collect(),
        spread: spread(here, declared),
        verdict: Verdict::of(Vec::new()),
    }
}

/// A curve as 200 calls have it, straight in the decades that lie beyond.
fn spread(here: f64, declared: f64) -> Vec<SplitAt> {
    let even = (0..17).map(|i| 1.0 - 10f64.powf(-4.0 * f64::from(i) / 29.0));
    let mut points: Vec<f64> = even.chain([0.5, 0.9, 0.99]).collect();
    points.sort_by(f64::total_cmp);
    let at = |q: f64| {
        let decades = -(1.0 - q).log10();
        let (total_ms, declared_ms) = (
            (here + declared) * (1.0 + 0.572 * (decades - 0.301)),
            declared * (1.0 + 0.2 * (decades - 0.301)),
        );
        SplitAt { q, n: 11, total_ms, here_ms: total_ms - declared_ms, declared_ms }
    };
    points.into_iter().map(at).collect()
}

fn curve_point(point: &SplitAt) -> CurvePoint {
    CurvePoint { q: point.q, us: (point.total_ms * 1e3) as u64 }
}

pub fn footprint(idle: f64, peak: f64, limit_mb: Option<f64>) -> MemoryUse {
    let of = |mb| Known::new(mb, measured(1));
    MemoryUse { idle_mb: of(idle), peak_mb: of(peak), limit_mb }
}

pub fn cold(parts: &[(&str, &str, f64)]) -> Cold {
    let total: f64 = parts.iter().map(|part| part.2).sum();
    let law = |kind: &str| matches!(kind, "declared" | "accounted");
    let laws: f64 = parts.iter().filter(|part| law(part.1)).map(|part| part.2).sum();
    Cold {
        n: 9,
        p50_ms: known(total).within(total * 0.9, total * 1.3),
        min_ms: total * 0.9,
        max_ms: total * 1.3,
        declared_share: laws / total,
        parts: parts.iter().map(|(name, kind, ms)| part(name, kind, *ms)).collect(),
        verdict: Verdict::of(Vec::new()),
    }
}

fn ceiling(per_s: f64, set_by: &str, note: &str) -> Ceiling {
    Ceiling {
        sustained: how_fast(per_s, set_by),
        burst: None,
        burst_minutes: None,
        note: note.into(),
    }
}

fn how_fast(per_s: f64, set_by: &str) -> HowFast {
    HowFast {
        per_s: known(per_s),
        set_by: set_by.into(),
        measured_per_s: None,
        failed: 0,
        generator_core_share: 0.1,
    }
}

fn counter(n: u64, faults: bool) -> Counter {
    Counter {
        holds: true,
        callers: 8,
        acknowledged: n,
        counted: n + 2,
        possible: n + 3,
        faults_injected: faults,
        reasons: Vec::new(),
    }
}

fn usage(name: &str, gb_seconds: &str) -> Usage {
    let at = Timestamp::UNIX_EPOCH;
    let line = |dimension, quantity: &str| UsageLine {
        dimension,
        quantity: quantity.parse().unwrap(),
        window: (at, at),
        complete_until: at,
    };
    let row = CATALOGUE.row(name).unwrap();
    let mut lines = vec![line(Dimension::LogIngestGb, "0.00000005")];
    if row.function_memory_mb().is_some() {
        lines.extend([
            line(Dimension::HttpApiRequest, "1"),
            line(Dimension::FunctionRequest, "1"),
            line(Dimension::FunctionGbSecond, gb_seconds),
            line(Dimension::TableWriteUnit, "1"),
        ]);
    }
    let origin = measured(200);
    Usage {
        fixed: fixed_usage(row).unwrap(),
        per_call: per_call_usage(&lines, NonZeroU64::MIN, &origin),
    }
}

fn money(usage: Usage) -> Money {
    let bill = bill(usage, &PriceBook::shipped("eu-west-2").unwrap());
    let gap = bill.per_month_fixed().err().or(bill.per_million_calls().err());
    Money {
        month_usd: bill.per_month_fixed().ok(),
        million_usd: bill.per_million_calls().ok(),
        gap: gap.map(|gap| gap.to_string()),
        bill,
    }
}

pub fn row(name: &str, code: Code, state: RowState) -> RowResult {
    RowResult {
        row: name.into(),
        code,
        runtime: None,
        gear: "HTTP API → function 128 MB (table)".into(),
        state,
        reason: None,
        command: None,
        gaps: Vec::new(),
        keeps: None,
        answers: Vec::new(),
        bounds: None,
        slo_missed: Vec::new(),
        counter: None,
        cold: None,
        latency: None,
        ceiling: None,
        footprint: None,
        usage: Vec::new(),
        money: None,
        host_drift: None,
    }
}

const ITEM: &str = "DynamoDB takes 1,000 writes/s on one item; without the counter 10,000/s \
                    (account limit, computed)";

fn function(name: &str, code: Code, here: f64, cold_init: f64, gb_s: &str) -> RowResult {
    let laws = [
        ("net.cross_az_rtt", 0.95),
        ("apigw.http_own", 4.1),
        ("lambda.warm_overhead", 3.2),
        ("ddb.update_add", 6.6),
    ];
    let p99 = Percentile::Value((here + 14.85) * 2.1);
    let cold = [
        ("lambda.cold_env", "accounted", 88.0),
        ("init", "measured", cold_init),
        ("ddb.update_add", "declared", 6.6),
        ("first request", "measured", here * 3.0),
    ];
    RowResult {
        keeps: None,
        answers: Vec::new(),
        bounds: None,
        slo_missed: Vec::new(),
        counter: Some(counter(410, true)),
        cold: Some(self::cold(&cold)),
        latency: Some(latency(here, &laws, p99)),
        ceiling: Some(ceiling(1000.0, "item", ITEM)),
        money: Some(money(usage(name, gb_s))),
        ..row(name, code, RowState::Ok)
    }
}

/// Four rows that are ok (one with too few calls for a p99, one without a price), one INVALID, one
/// skipped.
pub fn results() -> Results {
    let note = "9,380/s for 30 min, until launch credits are spent; then 10 % of a vCPU";
    let p99 = Percentile::Value(2.6);
    let boot = [
        ("ec2.request_to_ssh_al2023", "accounted", 37_900.0),
        ("first request", "measured", 520.0),
    ];
    let ec2 = RowResult {
        gear: "direct → t2.micro (memory)".into(),
        keeps: None,
        answers: Vec::new(),
        bounds: None,
        slo_missed: Vec::new(),
        counter: Some(counter(240, false)),
        cold: Some(cold(&boot)),
        latency: Some(latency(0.31, &[("net.cross_az_rtt", 1.1)], p99)),
        ceiling: Some(Ceiling {
            burst: Some(how_fast(9_380.0, "cpu")),
            burst_minutes: Some(30.0),
            ..ceiling(940.4, "credits", note)
        }),
        money: Some(money(usage("ec2", "0"))),
        ..row("ec2", Code::Rust, RowState::Ok)
    };
    let rust = function("lambda-rust-dynamodb", Code::Rust, 1.34, 21.0, "0.0011");
    let mut python = function("lambda-python-dynamodb", Code::Python, 12.5, 470.0, "0.0031");
    python.latency.as_mut().unwrap().p99_ms = Percentile::TooFew { n: 60, needs: 200 };
    let mut js = function("lambda-js-dynamodb", Code::Js, 9.6, 530.0, "0.0026");
    js.state = RowState::Invalid;
    js.reason = Some(format!("latency: schedule missed > 1 %: 14 of 200 {EVIL}"));
    js.command = Some("gearshift compare --rows lambda-js-dynamodb".into());
    let mut cpp = function("lambda-cpp-dynamodb", Code::Cpp, 1.5, 19.0, "0.0012");
    let mut unpriced = usage("lambda-cpp-dynamodb", "0.0012");
    unpriced.per_call[0].dimension = Dimension::InstanceHour("x9.huge".into());
    cpp.money = Some(money(unpriced));
    let mut kubernetes = row("kubernetes", Code::Rust, RowState::Skipped);
    kubernetes.reason = Some("only on request".into());
    kubernetes.command = Some("--rows kubernetes (context: none)".into());
    let rows = vec![kubernetes, python, js, ec2, rust, cpp];
    let candidate = |row: &RowResult| Candidate {
        name: row.row.clone(),
        bill: row.money.as_ref().unwrap().bill.clone(),
        ceiling_per_s: (row.row == "ec2").then(|| "940.4".parse().unwrap()),
    };
    let priced: Vec<Candidate> = [4, 3, 1].map(|index: usize| candidate(&rows[index])).into();
    let middle = break_even_with_units(&priced[0], &priced[1]);
    let mut dearer = priced[0].clone();
    dearer.bill = money(usage("lambda-rust-dynamodb", "0.0021")).bill;
    let range = break_even_with_units(&dearer, &priced[1]);
    let pair = Pair {
        a: "lambda-rust-dynamodb".into(),
        b: "ec2".into(),
        break_even: combine(&middle, middle.clone(), &range),
    };
    Results {
        schema: SCHEMA.into(),
        run: run(),
        version: "0.1.0".into(),
        started: Timestamp::UNIX_EPOCH,
        seconds: 341.0,
        on: "twin".into(),
        service: "hits".into(),
        slo: None,
        machine: Machine {
            system: "Linux 6.8".into(),
            cpu_model: "A CPU".into(),
            cores: 4,
            shaped_by: Some("cgroup v2".into()),
        },
        cores: vec![core("Lambda x86 vCPU", 2.3), core("t2 vCPU", 2.2)],
        seed: 42,
        caller: Caller::Region,
        region: "eu-west-2".into(),
        prices_of: "2026-09-29".into(),
        physics: true,
        memory: Vec::new(),
        init_per_call: false,
        calls: 200,
        laws: Laws::shipped().sources(),
        laws_assumed: Laws::shipped().assumed_count(),
        overhead: Some(Overhead {
            through_twin_p50_us: known(210.0),
            plain_p50_us: known(114.0),
            adds_p50_us: known(96.0),
        }),
        checks: Checks {
            valid: 4,
            measured: 5,
            generator_core_share: 0.34,
            drift: 0.012,
            steal: 0.003,
        },
        differences: Vec::new(),
        winners: winners(&priced, 1..1_000_000_000).ok(),
        shifting: Some(SHIFTING.clone()),
        break_evens: vec![pair],
        published: published_2021(&rows),
        rows,
    }
}

/// Office hours at a volume too small to shift, and at one that is not.
static SHIFTING: LazyLock<Shifting> = LazyLock::new(|| {
    let book = PriceBook::shipped("eu-west-2").unwrap();
    let priced = Priced::new(Service::default(), &book, Decimal::ZERO).unwrap();
    let volume = |calls: u32| volume(&Shape::Office, calls.into(), 28, &priced).unwrap();
    Shifting {
        shape: Shape::Office.name().to_owned(),
        days: 28,
        low: "lambda-rust-dynamodb".into(),
        high: "fargate".into(),
        source: priced.service.source.clone(),
        volumes: vec![volume(300_000), volume(30_000_000)],
    }
});

/// Eleven rows, of which eight have a line: functions, an instance, tasks behind a load balancer,
/// one INVALID and two skipped. Tasks and instances are few calls a second strong, so that their
/// lines step. What memory each took is known, for one without a limit.
pub fn many_rows() -> Results {
    let mut results = results();
    let [kubernetes, mut python, mut js, mut ec2, mut rust, mut cpp] =
        <[RowResult; 6]>::try_from(std::mem::take(&mut results.rows)).unwrap();
    cpp.money = Some(money(usage("lambda-cpp-dynamodb", "0.0012")));
    ec2.ceiling.as_mut().unwrap().sustained.per_s.value = 240.0;
    let mut s3 = function("lambda-python-s3", Code::Python, 27.1, 480.0, "0.0098");
    s3.latency = Some(latency(
        27.1,
        &[
            ("net.cross_az_rtt", 0.95),
            ("apigw.http_own", 4.1),
            ("lambda.warm_overhead", 3.2),
            ("s3.get_small", 25.0),
            ("s3.put_conditional", 64.0),
        ],
        Percentile::Value(240.0),
    ));
    s3.ceiling = Some(ceiling(14.0, "swap", "compare-and-swap on one object"));
    let standing =
        |name: &str, gear: &str, code, here: f64, laws: &[(&str, f64)], per_s, times: u32| {
            let mut usage = usage("ec2", "0");
            usage.fixed.iter_mut().for_each(|line| line.quantity *= Decimal::from(times));
            RowResult {
                gear: gear.into(),
                keeps: None,
                answers: Vec::new(),
                bounds: None,
                slo_missed: Vec::new(),
                counter: Some(counter(240, false)),
                cold: Some(cold(&[
                    ("fargate.place", "accounted", 21_400.0 * f64::from(times) / 2.0),
                    ("init", "measured", here * 300.0),
                    ("first request", "measured", here * 4.0),
                ])),
                latency: Some(latency(
                    here,
                    laws,
                    Percentile::Value((here + laws.iter().map(|law| law.1).sum::<f64>()) * 1.97),
                )),
                ceiling: Some(ceiling(per_s, "cpu", "all of its share, in a closed loop")),
                money: Some(money(usage)),
                ..row(name, code, RowState::Ok)
            }
        };
    let near = [("net.cross_az_rtt", 1.1)];
    let behind = [("net.cross_az_rtt", 0.95), ("alb.own", 1.3), ("efs.write", 1.9)];
    let task = "load balancer → task 0.25 vCPU / 512 MB Spot (file)";
    let mut ec2_fastapi =
        standing("ec2-fastapi", "direct → t2.micro (memory)", Code::Python, 3.2, &near, 31.0, 1);
    let mut fargate = standing("fargate", task, Code::Rust, 0.6, &behind, 215.0, 3);
    let mut fargate_fastapi =
        standing("fargate-fastapi", task, Code::Python, 6.4, &behind, 19.0, 3);
    let mut clusters = row("clusters", Code::Rust, RowState::Skipped);
    clusters.reason = Some("needs 12 vCPU, 3 free here".into());
    clusters.command = Some("--rows clusters --vcpu auto".into());
    for (row, idle, peak, limit) in [
        (&mut ec2, 3.4, 11.0, Some(1024.0)),
        (&mut ec2_fastapi, 61.0, 88.0, Some(1024.0)),
        (&mut fargate, 3.6, 14.0, Some(512.0)),
        (&mut fargate_fastapi, 62.0, 97.0, Some(512.0)),
        (&mut rust, 6.1, 9.3, Some(128.0)),
        (&mut cpp, 8.8, 13.0, Some(128.0)),
        (&mut python, 71.0, 83.0, Some(128.0)),
        (&mut js, 88.0, 121.0, Some(128.0)),
        (&mut s3, 74.0, 92.0, None),
    ] {
        row.footprint = Some(footprint(idle, peak, limit));
    }
    let rows = vec![
        kubernetes,
        python,
        js,
        ec2,
        rust,
        cpp,
        s3,
        ec2_fastapi,
        fargate,
        fargate_fastapi,
        clusters,
    ];
    let ok = rows.iter().filter(|row| row.state == RowState::Ok);
    let candidates = ok.map(|row| Candidate {
        name: row.row.clone(),
        bill: row.money.as_ref().unwrap().bill.clone(),
        ceiling_per_s: (!row.row.starts_with("lambda"))
            .then(|| row.ceiling.as_ref().unwrap().sustained.per_s.value.try_into().unwrap()),
    });
    results.winners = winners(&candidates.collect::<Vec<_>>(), 1..1_000_000_000).ok();
    results.checks.valid = 8;
    results.checks.measured = 9;
    results.published = published_2021(&rows);
    results.rows = rows;
    results
}

/// The same with a sweep of one function over four sizes, of which the last is not ok.
pub fn swept() -> Results {
    let point = |memory_mb, p50: f64, cents, state| MemoryPoint {
        memory_mb,
        state,
        reason: (state != RowState::Ok).then(|| format!("latency: machine was stolen {EVIL}")),
        p50_ms: Some(known(p50)),
        billed_ms: Some(known(p50 - 9.0)),
        million_usd: Some(Known::new(Decimal::new(cents, 2), measured(200))),
    };
    let points = vec![
        point(128, 130.0, 812, RowState::Ok),
        point(256, 71.0, 790, RowState::Ok),
        point(1769, 19.5, 1042, RowState::Ok),
        point(3538, 5.0, 100, RowState::Invalid),
    ];
    let sweep = MemorySweep {
        row: "lambda-python-dynamodb".into(),
        points,
        cheapest_mb: Some(256),
        fastest_mb: Some(1769),
    };
    Results { memory: vec![sweep], ..results() }
}

/// The same where the JavaScript row had to do without the provider's own client.
pub fn with_a_stand_in() -> Results {
    let mut results = results();
    let client = |name: &str, official, note: Option<&str>| RuntimeClient {
        name: name.into(),
        version: "4.2.2".into(),
        official,
        on: "CPython 3.11.2".into(),
        note: note.map(str::to_owned),
    };
    results.rows[1].runtime = Some(client("awslambdaric", true, None));
    let note = Some("aws-lambda-ric is compiled where it is installed: cmake is missing");
    results.rows[2].runtime = Some(client("gearshift bootstrap.mjs", false, note));
    results
}

fn core(provider: &str, factor: f64) -> Core {
    Core {
        provider: provider.into(),
        factor,
        low: factor * 0.78,
        high: factor * 1.13,
        known: true,
        sentence: format!("core = {factor} × {provider}"),
    }
}
