//! What each mode sends, and when.

mod support;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use gearshift_gear::PartKind;
use gearshift_load::{
    Criteria, Expect, ExpectBody, Job, LoadError, Mode, Percentile, Since, Stage, judge,
};
use support::{Act, Server, answer, closed, open, run, try_run};

fn well() -> Server {
    Server::start(|_| Act::Answer(200, "hello".to_owned()))
}

#[test]
fn closed_loop_makes_exactly_the_calls_asked_on_the_connections_asked() {
    let server = well();
    let outcome = run(&Job::new(server.url(), closed(8, 500)));
    assert_eq!((outcome.sent, outcome.acknowledged, server.requests()), (500, 500, 500));
    assert_eq!((outcome.connect.n, server.connections()), (8, 8));
    assert_eq!(outcome.samples.len(), 500);
    assert!(outcome.samples.iter().all(|s| s.status == Some(200) && s.bytes == 5));
    assert!(outcome.samples.iter().all(|s| s.first_byte_us.unwrap() <= s.total_us));
    assert!(outcome.throughput_per_s > 0.0 && outcome.generator.cpu_s > 0.0);
    assert_eq!(outcome.schedule, None);
}

#[test]
fn closed_loop_begins_nothing_after_its_time() {
    let server = well();
    let mode = Mode::Closed { connections: 2, calls: None, duration_ms: Some(150) };
    let outcome = run(&Job::new(server.url(), mode));
    assert!(outcome.acknowledged > 0 && outcome.wall_us >= 150_000);
    assert!(outcome.samples.iter().all(|sample| sample.intended_us < 150_000));
    assert_eq!(outcome.sent, server.requests());
}

#[test]
fn progress_never_goes_back_and_ends_at_the_whole_even_on_several_threads() {
    fn sendable<T: Send>(future: T) -> T {
        future
    }
    let server = well();
    let told = Mutex::new(Vec::new());
    let job = Job::new(server.url(), closed(4, 2_000));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let run = sendable(gearshift_load::run(&job, |n| told.lock().unwrap().push(n)));
    assert_eq!(runtime.block_on(run).unwrap().acknowledged, 2_000);
    let told = told.into_inner().unwrap();
    assert!(told.is_sorted(), "{told:?}");
    assert_eq!(told.last(), Some(&2_000));
}

#[test]
fn open_loop_keeps_the_intended_times_exact() {
    let server = well();
    let outcome = run(&Job::new(server.url(), open(400.0, 100, 64)));
    let intended: Vec<u64> = outcome.samples.iter().map(|s| s.intended_us).collect();
    let due: Vec<u64> = (0..100).map(|i| i * 2_500).collect();
    assert_eq!(intended, due);
    assert!(outcome.samples.iter().all(|s| s.sent_us >= s.intended_us));
    assert_eq!(outcome.schedule.unwrap().planned, 100);
}

#[test]
fn open_loop_reuses_idle_connections() {
    let server = well();
    let outcome = run(&Job::new(server.url(), open(50.0, 30, 64)));
    assert_eq!(outcome.acknowledged, 30);
    // One, but for a machine that stands still for 20 ms now and then.
    assert!(server.connections() < 10, "{} connections", server.connections());
}

#[test]
fn open_loop_opens_connections_while_all_are_busy_up_to_the_limit() {
    let slow = || {
        Server::start(|_| {
            thread::sleep(Duration::from_millis(250));
            Act::Answer(200, String::new())
        })
    };
    let server = slow();
    assert_eq!(run(&Job::new(server.url(), open(100.0, 20, 64))).acknowledged, 20);
    assert!(server.connections() >= 15, "{} connections", server.connections());

    let server = slow();
    assert_eq!(run(&Job::new(server.url(), open(100.0, 20, 5))).acknowledged, 20);
    assert_eq!(server.connections(), 5);
}

#[test]
fn probes_follow_each_other_on_connections_of_their_own() {
    static INSIDE: AtomicU64 = AtomicU64::new(0);
    static MOST: AtomicU64 = AtomicU64::new(0);
    let server = Server::start(|_| {
        MOST.fetch_max(INSIDE.fetch_add(1, SeqCst) + 1, SeqCst);
        thread::sleep(Duration::from_millis(2));
        INSIDE.fetch_sub(1, SeqCst);
        Act::Answer(200, String::new())
    });
    let outcome = run(&Job::new(server.url(), Mode::Probe { calls: 9 }));
    assert_eq!((outcome.acknowledged, server.connections(), outcome.connect.n), (9, 9, 9));
    assert_eq!(MOST.load(SeqCst), 1);
}

/// A server that stands still once delays every call that was due meanwhile. A generator that waits
/// for it would note one slow call; latency from the intended time notes them all.
#[test]
fn a_stall_shows_in_the_latency_of_every_call_that_was_due() {
    let server = Server::start(|number| {
        if number == 50 {
            thread::sleep(Duration::from_millis(300));
        }
        Act::Answer(200, String::new())
    });
    let outcome = run(&Job::new(server.url(), open(200.0, 200, 1)));
    let slow = |since| outcome.samples.iter().filter(|s| s.latency_us(since) > 100_000).count();
    // 60 calls were due in 300 ms; the first 40 of them waited for more than 100 ms.
    assert!(slow(Since::Intended) >= 35, "{} from intended", slow(Since::Intended));
    assert!(slow(Since::Sent) <= 3, "{} from sent", slow(Since::Sent));
    let over = |p: Percentile, us: f64| p.value().unwrap() > us;
    assert!(over(outcome.from_intended.p90_us, 100_000.0));
    assert!(!over(outcome.from_sent.p95_us, 100_000.0));

    let verdict = judge(&outcome, &Criteria::percentiles(&[0.99]));
    assert!(!verdict.valid);
    assert!(verdict.reasons.iter().any(|r| r.starts_with("schedule missed")), "{verdict:?}");
}

#[test]
fn what_a_target_says_of_its_time_is_read() {
    let server = Server::start(|_| {
        let timing = "server-timing: cold;desc=\"env-1\"\r\n\
                      server-timing: net.x;dur=1.500;desc=\"declared\", place;dur=900.000;desc=\"accounted\"\r\n";
        Act::Raw(answer(200, timing, "x"))
    });
    let outcome = run(&Job::new(server.url(), Mode::Probe { calls: 1 }));
    let sample = &outcome.samples[0];
    assert_eq!(sample.timing.environment.as_ref().unwrap().0, "env-1");
    assert_eq!((outcome.cold, sample.timing.total_ms(PartKind::Declared)), (1, 1.5));
    let added = sample.total_with_accounted_ms(Since::Sent) - sample.total_ms(Since::Sent);
    assert!((added - 900.0).abs() < 1e-6);
}

#[test]
fn jobs_that_no_run_can_be_made_of_are_refused() {
    let refuse = |url: &str, mode| try_run(&Job::new(url, mode)).unwrap_err();
    let once = || closed(1, 1);
    assert!(matches!(refuse("ftp://127.0.0.1/", once()), LoadError::NotHttp { .. }));
    for url in ["127.0.0.1:80", "/path", "http://", "ht tp://x"] {
        let error = refuse(url, once());
        assert!(matches!(error, LoadError::BadUrl { .. }), "{url}: {error}");
    }
    let endless = Mode::Closed { connections: 1, calls: None, duration_ms: None };
    for mode in [endless, closed(0, 1), open(0.0, 1, 1), open(f64::NAN, 1, 1), open(1.0, 1, 0)] {
        let error = refuse("http://127.0.0.1:1/", mode.clone());
        assert!(matches!(error, LoadError::BadJob { .. }), "{mode:?}: {error}");
    }
    let odd_header = Job {
        headers: vec![("a b".to_owned(), "c".to_owned())],
        ..Job::new("http://127.0.0.1:1/", once())
    };
    assert!(matches!(try_run(&odd_header), Err(LoadError::BadJob { field: "headers", .. })));
}

#[test]
fn a_job_needs_only_a_url_and_a_mode() {
    let text = r#"{"url":"http://127.0.0.1:1/","mode":{"probe":{"calls":3}}}"#;
    let job: Job = serde_json::from_str(text).unwrap();
    assert_eq!(job, Job::new("http://127.0.0.1:1/", Mode::Probe { calls: 3 }));
    let again = serde_json::to_string(&job).unwrap();
    assert_eq!(serde_json::from_str::<Job>(&again).unwrap(), job);
    assert!(serde_json::from_str::<Job>(&again.replace("timeout_ms", "timeout")).is_err());
}

/// A worker of an older version refuses fields it does not know.
#[test]
fn a_job_that_asks_for_nothing_new_is_written_as_it_always_was() {
    let written = serde_json::to_value(Job::new("http://127.0.0.1:1/", closed(1, 1))).unwrap();
    let fields: Vec<_> = written.as_object().unwrap().keys().map(String::as_str).collect();
    let before = ["body", "expect", "headers", "keep_samples", "method", "mix", "mode"];
    assert_eq!(fields, [&before[..], &["timeout_ms", "url"]].concat());
    let ca_pem = Some(String::new());
    let job = Job { threads: 2, look_up_every_ms: 0, ca_pem, ..Job::new("", closed(2, 1)) };
    let again: Job = serde_json::from_value(serde_json::to_value(&job).unwrap()).unwrap();
    assert_eq!(again, job);
}

#[test]
fn several_threads_make_exactly_the_calls_of_one() {
    let server = well();
    let job = Job { threads: 3, ..Job::new(server.url(), closed(8, 500)) };
    let outcome = run(&job);
    assert_eq!((outcome.sent, outcome.acknowledged, server.requests()), (500, 500, 500));
    assert_eq!((outcome.connect.n, server.connections()), (8, 8));
    assert_eq!(outcome.generator.workers, 3);

    let server = well();
    let job = Job { threads: 2, ..Job::new(server.url(), open(400.0, 101, 64)) };
    let outcome = run(&job);
    let intended: Vec<u64> = outcome.samples.iter().map(|s| s.intended_us).collect();
    assert_eq!(intended, (0..101).map(|i| i * 2_500).collect::<Vec<u64>>());
    let schedule = outcome.schedule.unwrap();
    assert_eq!((schedule.planned, schedule.rate_per_s), (101, 400.0));
    let refused = try_run(&Job { threads: 9, ..Job::new(server.url(), closed(8, 500)) });
    assert!(matches!(refused, Err(LoadError::BadJob { field: "threads", .. })));
}

#[test]
fn a_run_on_threads_that_is_given_up_makes_no_more_calls() {
    let server = well();
    let mode = Mode::Closed { connections: 2, calls: None, duration_ms: Some(60_000) };
    let job = Job { threads: 2, ..Job::new(server.url(), mode) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let running = gearshift_load::run(&job, |_| {});
        let given_up = tokio::time::timeout(Duration::from_millis(200), running).await;
        assert!(given_up.is_err());
    });
    assert!(server.requests() > 0);
    thread::sleep(Duration::from_millis(200));
    let before = server.requests();
    thread::sleep(Duration::from_millis(200));
    assert_eq!(server.requests(), before);
}

#[test]
fn stages_change_the_rate_evenly() {
    let server = well();
    let stage = |to_per_s, duration_ms| Stage { to_per_s, duration_ms };
    let stages = vec![stage(200.0, 500), stage(200.0, 250), stage(0.0, 500)];
    let mode = Mode::Staged { from_per_s: 0.0, stages, connections_max: 16 };
    let outcome = run(&Job::new(server.url(), mode));
    // Triangles of 50 calls on both sides of 50 even ones.
    assert_eq!((outcome.sent, outcome.acknowledged, server.requests()), (150, 150, 150));
    let within = |from: u64, to: u64| {
        outcome.samples.iter().filter(|s| (from..to).contains(&(s.intended_us / 1_000))).count()
    };
    assert!((12..=14).contains(&within(0, 250)), "{}", within(0, 250));
    assert!((49..=51).contains(&within(500, 750)), "{}", within(500, 750));
    assert_eq!(outcome.schedule.unwrap().rate_per_s, 120.0);
    let bad = Mode::Staged { from_per_s: -1.0, stages: vec![stage(1.0, 1)], connections_max: 1 };
    assert!(matches!(try_run(&Job::new(server.url(), bad)), Err(LoadError::BadJob { .. })));
}

#[test]
fn what_a_run_keeps_does_not_grow_with_its_calls() {
    let server = Server::start(|number| Act::Answer(200, number.to_string()));
    let expect = Expect { status: 200, body: ExpectBody::Count };
    let of = |calls| {
        let job = Job {
            keep_samples: 100,
            expect: expect.clone(),
            ..Job::new(server.url(), closed(4, calls))
        };
        run(&job)
    };
    for outcome in [of(1_000), of(4_000)] {
        assert_eq!(outcome.samples.len(), 100);
        assert!(outcome.from_sent.buckets.len() < 4_000);
        assert_eq!(outcome.counts.len() as u64, outcome.acknowledged);
        assert_eq!(outcome.counts_left_out, 0);
    }
}

#[test]
fn a_limit_of_connections_that_nobody_reaches_costs_nothing() {
    let server = well();
    let outcome = run(&Job::new(server.url(), open(200.0, 4, usize::MAX)));
    assert_eq!((outcome.acknowledged, server.requests()), (4, 4));
}
