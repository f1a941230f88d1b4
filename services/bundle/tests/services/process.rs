//! Starting and stopping.

use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::server::{Server, run};

#[test]
fn a_signal_ends_the_process_with_0_after_the_request_in_flight_is_answered() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let server = Server::start(&[]);
        let mut idle = server.connect();
        assert_eq!(idle.ask("GET", "/healthz").status(), 200);
        let mut busy = server.connect();
        busy.send("GET", "/sleep/700");
        // Until the request is surely being served: it came before this one, which was answered.
        server.ask("GET", "/healthz");
        std::thread::sleep(Duration::from_millis(100));
        server.signal(signal);
        assert!(idle.answer_to("GET").is_none(), "{signal}: the idle connection is closed");
        let answer = busy.answer_to("GET").expect("the request in flight is answered");
        assert_eq!(answer.status(), 200);
        let address = server.address;
        assert_eq!(server.ended(), (Some(0), String::new()), "{signal}");
        assert!(TcpStream::connect(address).is_err(), "nobody listens any more");
    }
}

#[test]
fn a_request_that_outlasts_the_grace_time_is_cut_off_and_the_exit_code_says_so() {
    let server = Server::start(&[]);
    let mut busy = server.connect();
    busy.send("GET", "/sleep/60000");
    server.ask("GET", "/healthz");
    std::thread::sleep(Duration::from_millis(100));
    server.signal(Signal::SIGTERM);
    let (code, said) = server.ended();
    assert_eq!(code, Some(1));
    assert!(said.contains("cut off"), "{said}");
    assert!(busy.answer_to("GET").is_none());
}

#[test]
fn the_first_line_tells_address_store_and_place() {
    let server = Server::start(&[("INSTANCE_ID", "i-7")]);
    let expected = format!(
        "hits: listening on http://{} · store memory (lost when this process ends) · plain process i-7\n",
        server.address
    );
    assert_eq!(server.first_line, expected);
    assert!(server.address.ip().is_loopback());
}

#[test]
fn a_port_that_is_taken_ends_the_process_with_1_and_one_line_of_advice() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("it is bound").port().to_string();
    let ended = run(&[("PORT", &port)]);
    assert_eq!(ended.status.code(), Some(1));
    let said = String::from_utf8(ended.stderr).expect("text");
    assert!(said.contains(&format!("127.0.0.1:{port}")) && said.contains("set PORT"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn a_bad_setting_ends_the_process_with_2_and_one_line_of_advice() {
    for (name, value) in [("PORT", "http"), ("PORT", "70000"), ("BIND", "all"), ("HITS_TABLE", "!")]
    {
        let ended = run(&[(name, value)]);
        assert_eq!(ended.status.code(), Some(2), "{name}={value}");
        let said = String::from_utf8(ended.stderr).expect("text");
        assert!(said.starts_with(&format!("hits: {name}={value:?} cannot be used: ")), "{said}");
        assert!(said.contains(" → set"), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}
