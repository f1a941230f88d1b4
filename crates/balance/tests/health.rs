//! What checks do to a member.

mod support;

use std::time::Duration;

use gearshift_balance::{CheckFailure, State};
use hyper::StatusCode;
use support::{Balanced, Server, config, nobody, soon};
use tokio::net::TcpListener;

fn is_unhealthy(state: &State) -> bool {
    matches!(state, State::Unhealthy { .. })
}

#[tokio::test]
async fn a_new_member_gets_requests_after_one_passed_check() {
    let (a, mut checks) = Server::scripted("a").await;
    let balanced = Balanced::start(vec![a.member.clone()], config()).await;

    assert_eq!(balanced.state("a"), State::Initial);
    let (status, text) = balanced.get("/").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(text.contains("1 wait for their first passed health check"), "{text}");
    assert_eq!(a.count(), 0);

    checks.answer(200).await;
    soon(balanced.pool.healthy()).await;
    assert_eq!(balanced.get("/").await, (StatusCode::OK, "a".into()));
}

#[tokio::test]
async fn a_member_is_unhealthy_after_two_failed_checks_and_recovers_after_three_passed_ones() {
    let (a, mut checks) = Server::scripted("a").await;
    let balanced = Balanced::start(vec![a.member.clone()], config()).await;
    let healthy = |state: State| state == State::Healthy;

    for (status, wanted) in [(200, true), (500, true), (200, true), (500, true)] {
        checks.answer(status).await;
        assert_eq!(healthy(balanced.state("a")), wanted);
    }
    checks.answer(404).await;
    let why = CheckFailure::Status { status: 404 };
    assert_eq!(balanced.state("a"), State::Unhealthy { why });
    for (status, wanted) in [(200, false), (200, false), (500, false), (200, false), (200, false)] {
        checks.answer(status).await;
        assert_eq!(healthy(balanced.state("a")), wanted);
    }
    checks.answer(200).await;
    assert_eq!(balanced.state("a"), State::Healthy);
}

#[tokio::test]
async fn only_healthy_members_get_requests_until_none_is_left_then_all_unhealthy_ones_do() {
    let (a, mut a_checks) = Server::scripted("a").await;
    let (b, mut b_checks) = Server::scripted("b").await;
    let (new, _checks) = Server::scripted("new").await;
    let members = [&a, &b, &new].map(|server| server.member.clone()).to_vec();
    let balanced = Balanced::start(members, config()).await;
    a_checks.answer(200).await;
    b_checks.answer(500).await;
    b_checks.answer(500).await;

    for _ in 0..6 {
        assert_eq!(balanced.get("/").await.1, "a");
    }
    a_checks.answer(500).await;
    a_checks.answer(500).await;
    assert!(is_unhealthy(&balanced.state("a")) && is_unhealthy(&balanced.state("b")));
    for _ in 0..6 {
        assert_eq!(balanced.get("/").await.0, StatusCode::OK);
    }
    assert_eq!((a.count(), b.count(), new.count()), (6 + 3, 3, 0));
}

#[tokio::test]
async fn statuses_in_the_range_pass() {
    let (a, mut checks) = Server::scripted("a").await;
    let mut config = config();
    config.health.statuses = 200..=399;
    let balanced = Balanced::start(vec![a.member.clone()], config).await;
    checks.answer(302).await;
    assert_eq!(balanced.state("a"), State::Healthy);
    checks.answer(400).await;
    checks.answer(400).await;
    assert!(is_unhealthy(&balanced.state("a")));
}

#[tokio::test]
async fn a_member_that_does_not_answer_in_time_fails() {
    // It takes connections and never says anything.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent =
        gearshift_balance::Member { id: "silent".into(), address: listener.local_addr().unwrap() };
    let mut config = config();
    config.health.timeout = Duration::from_millis(30);
    let balanced = Balanced::start(vec![silent], config).await;
    let states = balanced.until(|states| is_unhealthy(&states[0].state)).await;
    let why = CheckFailure::TimedOut { after: Duration::from_millis(30) };
    assert_eq!(states[0].state, State::Unhealthy { why });
}

#[tokio::test]
async fn a_member_that_does_not_listen_fails() {
    let member = nobody("a").await;
    let balanced = Balanced::start(vec![member.clone()], config()).await;
    let states = balanced.until(|states| is_unhealthy(&states[0].state)).await;
    let State::Unhealthy { why: CheckFailure::NoAnswer { why } } = &states[0].state else {
        panic!("{states:?}")
    };
    assert!(why.contains("refused"), "{why}");
}

#[tokio::test]
async fn checks_keep_their_interval_and_end_with_the_pool() {
    let (a, mut checks) = Server::scripted("a").await;
    let mut config = config();
    config.health.interval = Duration::from_millis(60);
    let start = std::time::Instant::now();
    let balanced = Balanced::start(vec![a.member.clone()], config).await;
    for _ in 0..3 {
        checks.answer(200).await;
    }
    // The first starts at once, so the fourth starts three intervals later.
    assert!(start.elapsed() >= Duration::from_millis(180), "{:?}", start.elapsed());

    let mut connections = a.connections.clone();
    assert!(soon(connections.wait_for(|&open| open > 0)).await.is_ok());
    drop(balanced);
    soon(connections.wait_for(|&open| open == 0)).await.unwrap();
}
