//! The counter's promise: acknowledged ≤ counter ≤ acknowledged + unacknowledged, no value twice.

use std::collections::BTreeSet;
use std::thread;

use crate::server::Server;
use crate::table::{Next, Table};
use crate::wire::Message;

const CONNECTIONS: u64 = 16;
const HITS_EACH: u64 = 250;

fn start(table: &Table) -> Server {
    let env = table.env();
    let env: Vec<_> = env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    Server::start(&env)
}

/// Hits these servers from 16 connections at once and returns every value that came back.
fn hit_from_all_sides(servers: &[&Server]) -> Vec<u64> {
    thread::scope(|scope| {
        let callers: Vec<_> = (0..CONNECTIONS)
            .zip(servers.iter().cycle())
            .map(|(_, server)| {
                scope.spawn(move || {
                    let mut connection = server.connect();
                    let mut hit = || connection.ask("POST", "/hits").body.parse().expect("a count");
                    (0..HITS_EACH).map(|_| hit()).collect::<Vec<u64>>()
                })
            })
            .collect();
        callers.into_iter().flat_map(|caller| caller.join().expect("no panic")).collect()
    })
}

fn assert_each_once(values: &[u64]) {
    let distinct: BTreeSet<u64> = values.iter().copied().collect();
    assert_eq!(distinct.len(), values.len(), "a value came back twice");
    assert!(distinct.into_iter().eq(1..=CONNECTIONS * HITS_EACH), "a value is missing");
}

#[test]
fn sixteen_connections_see_every_value_of_the_memory_store_exactly_once() {
    let server = Server::start(&[]);
    assert_eq!(server.ask("GET", "/hits/count").body, "0");
    assert_each_once(&hit_from_all_sides(&[&server]));
    assert_eq!(server.ask("GET", "/hits/count").body, (CONNECTIONS * HITS_EACH).to_string());
}

#[test]
fn two_processes_over_one_table_share_one_count() {
    let table = Table::start(&[]);
    let (one, other) = (start(&table), start(&table));
    assert_each_once(&hit_from_all_sides(&[&one, &other]));
    assert_eq!(one.ask("GET", "/hits/count").body, (CONNECTIONS * HITS_EACH).to_string());
}

#[test]
fn reading_and_head_do_not_add() {
    let server = Server::start(&[]);
    assert_eq!(server.ask("GET", "/hits").body, "1");
    let head = server.ask("HEAD", "/hits");
    assert_eq!((head.status(), head.body.as_str()), (200, ""));
    assert_eq!(server.ask("GET", "/hits/count").body, "1");
    assert_eq!(server.ask("GET", "/hits").header("cache-control"), Some("no-store"));
}

#[test]
fn a_hit_is_one_atomic_update_and_a_count_one_consistent_read() {
    let table = Table::start(&[]);
    let server = start(&table);
    assert_eq!(server.ask("GET", "/hits/count").body, "0", "no item counts as 0");
    assert_eq!(server.ask("GET", "/hits").body, "1");
    let requests = table.requests();
    let [(read, read_body), (write, write_body)] = requests.as_slice() else {
        panic!("expected two requests: {requests:?}");
    };
    assert_eq!((read.as_str(), write.as_str()), ("GetItem", "UpdateItem"));
    assert_eq!(read_body["ConsistentRead"], true);
    assert_eq!(write_body["UpdateExpression"], "ADD hits :one");
    assert_eq!(write_body["ExpressionAttributeValues"][":one"]["N"], "1");
    assert_eq!(write_body["ReturnValues"], "UPDATED_NEW");
    for body in [read_body, write_body] {
        assert_eq!((&body["TableName"], &body["Key"]["id"]["N"]), (&"latency".into(), &"0".into()));
    }
}

/// One hit on a fresh connection to the table or, after a first hit, on the one already open.
fn hit(next: Next, connection_is_used: bool) -> (Message, Table) {
    let plan = if connection_is_used { vec![Next::Serve, next] } else { vec![next] };
    let table = Table::start(&plan);
    let server = start(&table);
    if connection_is_used {
        assert_eq!(server.ask("POST", "/hits").status(), 200);
    }
    (server.ask("POST", "/hits"), table)
}

#[test]
fn an_ambiguous_update_is_never_repeated_and_is_reported_as_unknown() {
    for next in [
        Next::ApplyAndHangUp,
        Next::ApplyAndFail(500),
        Next::ApplyAndFail(503),
        Next::ApplyAndFallSilent,
    ] {
        for used in [false, true] {
            let (answer, table) = hit(next, used);
            assert_eq!(answer.status(), 503, "{next:?}: {answer:?}");
            let detail = answer.json()["detail"].to_string();
            assert!(detail.contains("may or may not have been counted"), "{next:?}: {detail}");
            let sent = 1 + usize::from(used);
            assert_eq!(table.requests().len(), sent, "{next:?} was repeated");
            assert_eq!(table.hits(), Some(sent as u64), "{next:?}");
        }
    }
}

#[test]
fn a_throttled_update_is_repeated_twice_at_most_and_then_reported_as_not_counted() {
    for code in
        ["ThrottlingException", "ProvisionedThroughputExceededException", "RequestLimitExceeded"]
    {
        let table = Table::start(&[Next::Refuse(code); 2]);
        let server = start(&table);
        assert_eq!(server.ask("POST", "/hits").body, "1", "{code}");
        assert_eq!((table.requests().len(), table.hits()), (3, Some(1)), "{code}");
    }
    let table = Table::start(&[Next::Refuse("ThrottlingException"); 9]);
    let answer = start(&table).ask("POST", "/hits");
    assert_eq!(answer.status(), 503);
    assert!(answer.body.contains("nothing was counted"), "{}", answer.body);
    assert_eq!((table.requests().len(), table.hits()), (3, None));
}

#[test]
fn a_missing_table_is_said_and_not_asked_for_again() {
    let (answer, table) = hit(Next::Refuse("ResourceNotFoundException"), false);
    assert_eq!(answer.status(), 503);
    assert!(answer.body.contains("table latency refused (ResourceNotFoundException"), "{answer:?}");
    assert_eq!(table.requests().len(), 1);
}
