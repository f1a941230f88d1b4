//! Which pool gets a request, while routes and weights change, and what is counted of it.

mod support;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gearshift_balance::{
    Pool, Route, RouteError, Routes, Weighted, begins_with, prometheus, serve,
};
use hyper::{Request, StatusCode};
use support::{Balanced, Server, config, empty, read, send};
use tokio::net::TcpListener;

fn route(path: &str, pools: &[(&Arc<Pool>, u16)]) -> Route {
    let weighted =
        |(pool, weight): &(&Arc<Pool>, u16)| Weighted { pool: (*pool).clone(), weight: *weight };
    Route { host: None, path: path.to_owned(), pools: pools.iter().map(weighted).collect() }
}

async fn serving(routes: &Routes) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, routes.clone()));
    address
}

async fn get(address: SocketAddr, host: &str, path: &str) -> (StatusCode, String) {
    let request = Request::get(path).header("host", host).body(empty()).unwrap();
    read(send(address, request).await).await
}

#[test]
fn a_path_belongs_to_a_route_by_whole_segments() {
    for (path, prefix, fits) in [
        ("/cluster1", "/cluster1", true),
        ("/cluster1/x", "/cluster1", true),
        ("/cluster1/x", "/cluster1/", true),
        ("/cluster10", "/cluster1", false),
        ("/", "/", true),
        ("/anything", "/", true),
        ("/clu", "/cluster1", false),
    ] {
        assert_eq!(begins_with(path, prefix), fits, "{path} below {prefix}");
    }
}

#[tokio::test]
async fn the_longest_path_and_the_named_host_come_first() {
    let (a, b, c) = (Server::named("a").await, Server::named("b").await, Server::named("c").await);
    let pools = [
        Balanced::healthy(&[&a], config()).await,
        Balanced::healthy(&[&b], config()).await,
        Balanced::healthy(&[&c], config()).await,
    ];
    let [of_a, of_b, of_c] = &pools;
    let mut named = route("/", &[(&of_c.pool, 1000)]);
    named.host = Some("c.example".to_owned());
    let routes = Routes::new(vec![
        route("/", &[(&of_a.pool, 1000)]),
        route("/deep/er", &[(&of_b.pool, 1000)]),
        named,
    ]);
    let address = serving(&routes.unwrap()).await;
    for (host, path, who) in [
        ("x.example", "/", "a"),
        ("x.example", "/deep", "a"),
        ("x.example", "/deep/er/still?q=1", "b"),
        ("c.example:8080", "/deep/er", "c"),
        ("C.Example", "/", "c"),
    ] {
        assert_eq!(
            get(address, host, path).await,
            (StatusCode::OK, who.to_owned()),
            "{host}{path}"
        );
    }
}

#[tokio::test]
async fn what_no_route_takes_is_not_found() {
    let a = Server::named("a").await;
    let of_a = Balanced::healthy(&[&a], config()).await;
    let routes = Routes::new(vec![route("/only", &[(&of_a.pool, 1000)])]).unwrap();
    let address = serving(&routes).await;
    let (status, said) = get(address, "x.example", "/other").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(said.contains("/other"), "{said}");
    assert_eq!(a.count(), 0);
}

#[tokio::test]
async fn a_table_that_makes_no_sense_is_refused_and_changes_nothing() {
    let a = Server::named("a").await;
    let of_a = Balanced::healthy(&[&a], config()).await;
    let pool = &of_a.pool;
    let routes = Routes::new(vec![route("/", &[(pool, 1000)])]).unwrap();
    for (table, refused) in [
        (vec![route("x", &[(pool, 1)])], RouteError::NotAPath { path: "x".to_owned() }),
        (vec![route("/", &[(pool, 0)])], RouteError::NoPool { path: "/".to_owned() }),
        (vec![route("/", &[])], RouteError::NoPool { path: "/".to_owned() }),
        (
            vec![route("/", &[(pool, 1001)])],
            RouteError::Weight { path: "/".to_owned(), weight: 1001 },
        ),
        (
            vec![route("/", &[(pool, 1)]), route("/", &[(pool, 1)])],
            RouteError::Twice { path: "/".to_owned() },
        ),
    ] {
        assert_eq!(routes.set(table), Err(refused));
    }
    assert!(routes.choose(None, "/").is_some());
}

/// From separate tasks that never retry, while weights go from one pool to the other and back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changing_weights_loses_no_request() {
    let (a, b) = (Server::named("a").await, Server::named("b").await);
    let of_a = Balanced::healthy(&[&a], config()).await;
    let of_b = Balanced::healthy(&[&b], config()).await;
    let routes = Routes::new(vec![route("/", &[(&of_a.pool, 1000), (&of_b.pool, 0)])]).unwrap();
    let address = serving(&routes).await;
    let done = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..4)
        .map(|_| {
            let done = done.clone();
            tokio::spawn(async move {
                let mut got = BTreeMap::<String, usize>::new();
                while !done.load(Ordering::SeqCst) {
                    let (status, who) = get(address, "x.example", "/").await;
                    assert_eq!(status, StatusCode::OK, "{who}");
                    *got.entry(who).or_default() += 1;
                }
                got
            })
        })
        .collect();
    for weight in [0, 100, 500, 900, 1000, 500, 0].repeat(10) {
        let pools = [(&of_a.pool, 1000 - weight), (&of_b.pool, weight)];
        routes.set(vec![route("/", &pools)]).unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    done.store(true, Ordering::SeqCst);
    let mut got = BTreeMap::<String, usize>::new();
    for caller in callers {
        for (who, n) in caller.await.unwrap() {
            *got.entry(who).or_default() += n;
        }
    }
    assert_eq!((got["a"], got["b"]), (a.count(), b.count()), "every request came once");
}

#[tokio::test]
async fn metrics_add_up_to_what_a_client_counted() {
    let (a, b) = (Server::named("a\"quoted").await, Server::named("b").await);
    let balanced = Balanced::healthy(&[&a, &b], config()).await;
    for _ in 0..7 {
        assert_eq!(balanced.get("/").await.0, StatusCode::OK);
    }
    balanced.in_flight(0).await;
    let text = prometheus(&[("web", &balanced.pool)]);
    let value = |line: &str| -> u64 {
        let found = text.lines().find_map(|one| one.strip_prefix(line));
        let found = found.unwrap_or_else(|| panic!("no {line} in {text}"));
        found.trim().parse().unwrap()
    };
    let of = |name: &str, member: &str, more: &str| {
        value(&format!("{name}{{pool=\"web\",member=\"{member}\"{more}}}"))
    };
    let members = ["a\\\"quoted", "b"];
    let requests = members.map(|member| of("gearshift_requests_total", member, ""));
    assert_eq!(requests.iter().sum::<u64>(), 7);
    let ok = members.map(|member| of("gearshift_responses_total", member, ",class=\"2xx\""));
    assert_eq!(ok, [a.count() as u64, b.count() as u64]);
    assert_eq!(members.map(|member| of("gearshift_in_flight", member, "")), [0, 0]);
    assert_eq!(members.map(|member| of("gearshift_healthy", member, "")), [1, 1]);
    assert_eq!(members.map(|member| of("gearshift_failed_total", member, "")), [0, 0]);
    assert_eq!(value("gearshift_request_seconds_count{pool=\"web\"}"), 7);
    assert_eq!(value("gearshift_request_seconds_bucket{pool=\"web\",le=\"+Inf\"}"), 7);
}
