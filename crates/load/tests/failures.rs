//! How calls fail, and that a failed call is never sent again.

mod support;

use std::net::TcpListener;

use gearshift_load::{ErrorKind, Expect, ExpectBody, Job, Mode, Outcome};
use support::{Act, Server, answer, closed, open, run};

fn assert_only(outcome: &Outcome, kind: ErrorKind, n: u64) {
    assert_eq!(outcome.errors.iter().collect::<Vec<_>>(), [(&kind, &n)]);
    assert_eq!(outcome.unacknowledged, n);
    assert_eq!(outcome.acknowledged + n, outcome.sent);
}

fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}/", listener.local_addr().unwrap())
}

#[test]
fn nobody_listening_is_refused() {
    assert_only(&run(&Job::new(nobody(), closed(1, 3))), ErrorKind::Refused, 3);
}

#[test]
fn refused_calls_do_not_spin() {
    let mode = Mode::Closed { connections: 2, calls: None, duration_ms: Some(100) };
    let outcome = run(&Job::new(nobody(), mode));
    // A refusal takes µs, but is followed by 10 ms of rest.
    assert!((1..=24).contains(&outcome.sent), "{} calls", outcome.sent);
}

#[test]
fn a_reset_is_an_error_and_not_tried_again() {
    let server = Server::start(|_| Act::Reset);
    assert_only(&run(&Job::new(server.url(), closed(1, 5))), ErrorKind::Reset, 5);
    assert_eq!(server.requests(), 5);
}

#[test]
fn a_reset_on_a_reused_connection_is_not_tried_again_either() {
    let server = Server::start(|number| match number % 2 {
        1 => Act::Answer(200, String::new()),
        _ => Act::Reset,
    });
    let outcome = run(&Job::new(server.url(), closed(1, 10)));
    assert_only(&outcome, ErrorKind::Reset, 5);
    assert_eq!((server.requests(), server.connections()), (10, 5));
}

#[test]
fn a_connection_closed_without_an_answer_is_an_error_and_not_tried_again() {
    let server = Server::start(|_| Act::RawThenClose(Vec::new()));
    assert_only(&run(&Job::new(server.url(), closed(1, 5))), ErrorKind::Reset, 5);
    assert_eq!(server.requests(), 5);
}

#[test]
fn a_connection_closed_while_idle_is_noticed_before_anything_is_sent() {
    let server = Server::start(|_| Act::RawThenClose(answer(200, "", "x")));
    // Idle for 100 ms each time, so that even a busy machine's server has closed it by then.
    let outcome = run(&Job::new(server.url(), open(10.0, 8, 1)));
    assert_eq!((outcome.acknowledged, outcome.unacknowledged), (8, 0));
    assert_eq!((server.requests(), server.connections()), (8, 8));
}

#[test]
fn an_answer_that_comes_too_late_times_out_and_is_nobody_elses() {
    let server = Server::start(|number| match number {
        2 => {
            std::thread::sleep(std::time::Duration::from_millis(400));
            Act::Answer(200, "22".to_owned())
        }
        number => Act::Answer(200, number.to_string()),
    });
    let job = Job {
        timeout_ms: 150,
        expect: Expect { status: 200, body: ExpectBody::Count },
        ..Job::new(server.url(), closed(1, 4))
    };
    let outcome = run(&job);
    assert_only(&outcome, ErrorKind::Timeout, 1);
    assert_eq!(outcome.counts, [1, 3, 4]);
    assert!(outcome.samples[1].total_us >= 150_000);
}

#[test]
fn another_status_is_an_error_but_the_connection_is_kept() {
    let server = Server::start(|_| Act::Answer(503, "busy".to_owned()));
    let outcome = run(&Job::new(server.url(), closed(1, 5)));
    assert_only(&outcome, ErrorKind::Status, 5);
    assert_eq!((server.connections(), outcome.samples[4].status), (1, Some(503)));
    let expecting = Job {
        expect: Expect { status: 503, body: ExpectBody::Bytes(4) },
        ..Job::new(server.url(), closed(1, 5))
    };
    assert_eq!(run(&expecting).acknowledged, 5);
}

#[test]
fn a_body_that_is_not_what_was_expected_is_an_error() {
    let server = Server::start(|_| Act::Answer(200, "12 hits".to_owned()));
    for body in [ExpectBody::Count, ExpectBody::Bytes(8), ExpectBody::Bytes(6)] {
        let expect = Expect { status: 200, body };
        let outcome = run(&Job { expect, ..Job::new(server.url(), closed(1, 3)) });
        assert_only(&outcome, ErrorKind::Body, 3);
        assert!(outcome.counts.is_empty());
    }
}

#[test]
fn a_count_behind_more_digits_than_are_kept_is_no_count() {
    let server = Server::start(|_| Act::Answer(200, format!("{:0>40}", 7)));
    let expect = Expect { status: 200, body: ExpectBody::Count };
    let outcome = run(&Job { expect, ..Job::new(server.url(), closed(1, 1)) });
    assert_only(&outcome, ErrorKind::Body, 1);
}

#[test]
fn a_body_cut_short_is_an_error_even_if_any_body_would_do() {
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345".to_vec();
    let server = Server::start(move |_| Act::RawThenClose(cut.clone()));
    let outcome = run(&Job::new(server.url(), closed(1, 4)));
    assert_only(&outcome, ErrorKind::Body, 4);
    assert_eq!((outcome.samples[0].bytes, server.requests()), (5, 4));
}

#[test]
fn an_answer_that_is_not_http_is_an_error() {
    let server = Server::start(|_| Act::RawThenClose(b"220 mail ready\r\n\r\n".to_vec()));
    assert_only(&run(&Job::new(server.url(), closed(1, 3))), ErrorKind::Protocol, 3);
}

#[test]
fn an_open_loop_without_answers_ends_and_tells_what_was_never_sent() {
    let server = Server::start(|_| Act::Hang);
    let job = Job { timeout_ms: 60, ..Job::new(server.url(), open(200.0, 60, 1)) };
    let outcome = run(&job);
    assert_only(&outcome, ErrorKind::Timeout, outcome.sent);
    assert!(outcome.never_sent > 0);
    assert_eq!(outcome.sent + outcome.never_sent, 60);
    assert_eq!(server.requests(), outcome.sent);
}
