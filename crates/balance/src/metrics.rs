//! What a pool has done, in the text format of Prometheus.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::pool::Pool;
use crate::roster::State;

/// Upper ends of the latency histogram's buckets, seconds: those that Prometheus's clients take unless told otherwise,
/// and one below. Source: prometheus.io, client libraries, default buckets.
const BUCKETS_S: [f64; 12] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Counters of one member or pool. Counting takes no lock.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    requests: AtomicU64,
    /// By the first digit of their status, from 1 to 5.
    responses: [AtomicU64; 5],
    /// Without an answer of the member.
    failed: AtomicU64,
    took: Histogram,
}

#[derive(Debug, Default)]
struct Histogram {
    /// Requests that took at most as long as the bucket says and longer than the one before.
    buckets: [AtomicU64; BUCKETS_S.len()],
    us: AtomicU64,
    count: AtomicU64,
}

impl Counters {
    pub(crate) fn begun(&self) {
        add(&self.requests, 1);
    }

    pub(crate) fn answered(&self, status: u16) {
        let class = usize::from(status / 100).clamp(1, 5) - 1;
        add(&self.responses[class], 1);
    }

    pub(crate) fn failed(&self) {
        add(&self.failed, 1);
    }

    /// A request has ended, answered or not, so long after it was begun.
    pub(crate) fn ended(&self, after: Duration) {
        let Histogram { buckets, us, count } = &self.took;
        let bucket = BUCKETS_S.iter().position(|end| after.as_secs_f64() <= *end);
        if let Some(bucket) = bucket {
            add(&buckets[bucket], 1);
        }
        add(us, u64::try_from(after.as_micros()).unwrap_or(u64::MAX));
        add(count, 1);
    }
}

fn add(counter: &AtomicU64, n: u64) {
    counter.fetch_add(n, Ordering::Relaxed);
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// The metrics of these pools, each under a name of its own. Requests, answers by the first digit of their status, and
/// failures are counted by member since it joined; how long requests took, by pool.
pub fn prometheus(pools: &[(&str, &Pool)]) -> String {
    let mut out = String::new();
    let mut family = |name: &str, kind: &str, help: &str, lines: &dyn Fn(&mut String)| {
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
        lines(&mut out);
    };
    let members = |line: &dyn Fn(&mut String, &str, &crate::MemberStatus, &Counters)| {
        let mut lines = String::new();
        for (name, pool) in pools {
            for (status, counters) in pool.counted() {
                let labels = format!(
                    "pool=\"{}\",member=\"{}\"",
                    escaped(name),
                    escaped(status.member.id.as_str())
                );
                line(&mut lines, &labels, &status, &counters);
            }
        }
        lines
    };
    let requests = members(&|out, labels, _, counters| {
        let _ = writeln!(out, "gearshift_requests_total{{{labels}}} {}", read(&counters.requests));
    });
    family("gearshift_requests_total", "counter", "Requests sent to a member.", &|out| {
        out.push_str(&requests);
    });
    let responses = members(&|out, labels, _, counters| {
        for (class, n) in counters.responses.iter().enumerate() {
            let class = class + 1;
            let _ = writeln!(
                out,
                "gearshift_responses_total{{{labels},class=\"{class}xx\"}} {}",
                read(n)
            );
        }
    });
    family("gearshift_responses_total", "counter", "Answers of a member, by status.", &|out| {
        out.push_str(&responses);
    });
    let failed = members(&|out, labels, _, counters| {
        let _ = writeln!(out, "gearshift_failed_total{{{labels}}} {}", read(&counters.failed));
    });
    family("gearshift_failed_total", "counter", "Requests that no answer came of.", &|out| {
        out.push_str(&failed);
    });
    let in_flight = members(&|out, labels, status, _| {
        let _ = writeln!(out, "gearshift_in_flight{{{labels}}} {}", status.in_flight);
    });
    family("gearshift_in_flight", "gauge", "Requests whose answers have not ended.", &|out| {
        out.push_str(&in_flight);
    });
    let healthy = members(&|out, labels, status, _| {
        let healthy = u8::from(status.state == State::Healthy);
        let _ = writeln!(out, "gearshift_healthy{{{labels}}} {healthy}");
    });
    family("gearshift_healthy", "gauge", "1 where a member takes requests.", &|out| {
        out.push_str(&healthy);
    });
    family(
        "gearshift_request_seconds",
        "histogram",
        "From sending a request on until its answer has ended.",
        &|out| {
            for (name, pool) in pools {
                histogram(out, &escaped(name), &pool.totals().took);
            }
        },
    );
    out
}

fn histogram(out: &mut String, pool: &str, took: &Histogram) {
    let mut so_far = 0;
    for (end, n) in BUCKETS_S.iter().zip(&took.buckets) {
        so_far += read(n);
        let _ = writeln!(
            out,
            "gearshift_request_seconds_bucket{{pool=\"{pool}\",le=\"{end}\"}} {so_far}"
        );
    }
    let (count, seconds) = (read(&took.count), read(&took.us) as f64 / 1e6);
    let _ =
        writeln!(out, "gearshift_request_seconds_bucket{{pool=\"{pool}\",le=\"+Inf\"}} {count}");
    let _ = writeln!(out, "gearshift_request_seconds_sum{{pool=\"{pool}\"}} {seconds}");
    let _ = writeln!(out, "gearshift_request_seconds_count{{pool=\"{pool}\"}} {count}");
}

/// As a label's value must be written.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
