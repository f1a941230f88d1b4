//! Who gets the next request.

mod support;

use gearshift_balance::{Arrival, Pick, Pool, PoolConfig, Routing, Scheme, Snapshot, State};
use http_body_util::BodyExt;
use hyper::{Request, Response};
use support::{Balanced, Server, config, empty, full, read, soon};
use tokio::sync::watch;

#[tokio::test]
async fn round_robin_is_even_and_in_turn() {
    let (a, b, c) = (Server::named("a").await, Server::named("b").await, Server::named("c").await);
    let balanced = Balanced::healthy(&[&a, &b, &c], config()).await;
    let mut order = String::new();
    for _ in 0..30 {
        order += &balanced.get("/").await.1;
    }
    assert_eq!((a.count(), b.count(), c.count()), (10, 10, 10), "{order}");
    assert_eq!(order, order[..3].repeat(10));
}

#[tokio::test]
async fn least_outstanding_avoids_the_member_that_is_slow() {
    let (release, released) = watch::channel(false);
    let slow = Server::start("slow", move |_| {
        let mut released = released.clone();
        async move {
            released.wait_for(|&released| released).await.unwrap();
            Response::new(full("slow"))
        }
    })
    .await;
    let quick = Server::named("quick").await;
    let config = PoolConfig { routing: Routing::LeastOutstanding, ..config() };
    let balanced = Balanced::healthy(&[&slow, &quick], config).await;

    // The first goes to either; two at once are enough to have one hang at the slow one.
    let hanging = balanced.send(Request::get("/"), empty());
    let rest = async {
        let mut requests = slow.requests.clone();
        soon(requests.wait_for(|&requests| requests == 1)).await.unwrap();
        for _ in 0..20 {
            assert_eq!(balanced.get("/").await.1, "quick");
        }
        release.send_replace(true);
    };
    let (hung, ()) = tokio::join!(hanging, rest);
    assert_eq!(read(hung).await.1, "slow");
    assert_eq!((slow.count(), quick.count()), (1, 20));
}

#[tokio::test]
async fn a_member_that_joins_gets_its_turn() {
    let (a, b) = (Server::named("a").await, Server::named("b").await);
    let balanced = Balanced::healthy(&[&a], config()).await;
    for _ in 0..5 {
        balanced.get("/").await;
    }
    balanced.members.send_replace(vec![a.member.clone(), b.member.clone()]);
    balanced.until(|states| states.iter().filter(|m| m.state == State::Healthy).count() == 2).await;
    for _ in 0..10 {
        balanced.get("/").await;
    }
    // It is not given what it missed.
    assert!((5..=6).contains(&b.count()), "{}", b.count());
    assert_eq!(a.count() + b.count(), 15);
}

/// Whoever joined last, and who that was when it was asked.
struct Newest;

impl Pick for Newest {
    fn pick(&self, members: &Snapshot) -> Option<usize> {
        let newest = members.len().checked_sub(1)?;
        assert_eq!((members.id(newest).as_str(), members.in_flight(newest)), ("b", 0));
        Some(newest)
    }
}

#[tokio::test]
async fn a_way_of_choosing_of_ones_own_is_asked_for_every_request() {
    let (a, b) = (Server::named("a").await, Server::named("b").await);
    let (members, list) = watch::channel(vec![a.member.clone(), b.member.clone()]);
    let pool = Pool::picking(&list, config(), Box::new(Newest));
    soon(pool.until(|states| states.iter().all(|member| member.state == State::Healthy))).await;
    let arrival = Arrival { client: [127, 0, 0, 1].into(), port: 80, scheme: Scheme::HTTP };
    for _ in 0..5 {
        let request = Request::get("/").body(empty()).unwrap();
        let forwarded = soon(pool.forward(request, &arrival)).await;
        let forwarded = forwarded.unwrap_or_else(|refusal| panic!("{refusal}"));
        assert_eq!(forwarded.member.as_str(), "b");
        soon(forwarded.response.into_body().collect()).await.expect("a whole answer");
    }
    assert_eq!((a.count(), b.count()), (0, 5));
    drop(members);
}

#[tokio::test]
async fn the_last_list_stays_when_its_source_is_gone() {
    let a = Server::named("a").await;
    let (members, list) = watch::channel(vec![a.member.clone()]);
    let pool = gearshift_balance::Pool::new(&list, config());
    drop((members, list));
    soon(pool.healthy()).await;
    assert_eq!(pool.states().len(), 1);
}
