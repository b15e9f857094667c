//! Requests that are too many, too large or too slow.

use crate::{client::Client, server::Server};
use std::{
    thread,
    time::{Duration, Instant},
};

/// Far less than any call here runs for.
const AT_ONCE: Duration = Duration::from_secs(5);

#[test]
fn a_full_queue_is_said_at_once() {
    let server = Server::start(
        &[
            ("spin", "wat/serve-spin.wat"),
            ("other", "wat/serve-spin.wat"),
            ("greet", "rust-greet.wasm"),
        ],
        &[
            "--threads",
            "1",
            "--queue",
            "2",
            "--queue-wait",
            "60s",
            "--timeout",
            "60s",
        ],
    );
    let _running = server.begin("/execute/spin");
    server.wait("pocketwasm_calls_running", 1.0);
    let _waiting = server.begin("/execute/spin");
    server.wait("pocketwasm_calls_waiting", 1.0);

    let began = Instant::now();
    let own_share = server.post("/execute/spin", b"World");
    assert_eq!(own_share.status, 429);
    assert_eq!(
        own_share.text(),
        "as many calls of this plugin wait as may wait\n"
    );
    assert_eq!(own_share.header("retry-after"), Some("1"));

    let _another = server.begin("/execute/other");
    server.wait("pocketwasm_calls_waiting", 2.0);
    let all = server.post("/execute/greet", b"World");
    assert_eq!(
        (all.status, all.text()),
        (503, "too many calls are waiting\n")
    );
    assert_eq!(all.header("retry-after"), Some("1"));
    assert!(began.elapsed() < AT_ONCE);
    assert_eq!(
        server.metric("pocketwasm_rejected_total{reason=\"plugin_queue\"}"),
        1.0
    );
    assert_eq!(
        server.metric("pocketwasm_rejected_total{reason=\"queue\"}"),
        1.0
    );
    // What is not a call is served all the same.
    assert_eq!(server.get("/healthz").status, 200);
}

#[test]
fn a_call_waits_only_so_long_for_its_turn() {
    let server = Server::start(
        &[("spin", "wat/serve-spin.wat"), ("greet", "rust-greet.wasm")],
        &[
            "--threads",
            "1",
            "--queue-wait",
            "100ms",
            "--timeout",
            "60s",
        ],
    );
    let running = server.begin_to_reset("/execute/spin");
    server.wait("pocketwasm_calls_running", 1.0);
    let answer = server.post("/execute/greet", b"World");
    assert_eq!(answer.status, 503);
    assert_eq!(
        answer.text(),
        "the call waited for its turn as long as calls may wait\n"
    );
    assert_eq!(server.metric("pocketwasm_calls_waiting"), 0.0);
    drop(running);
    server.wait("pocketwasm_calls_running", 0.0);
    assert!(server.is_well());
}

#[test]
fn a_client_that_goes_away_takes_its_call_with_it() {
    let server = Server::start(
        &[("spin", "wat/serve-spin.wat")],
        &["--threads", "1", "--queue-wait", "60s", "--timeout", "60s"],
    );
    let running = server.begin_to_reset("/execute/spin");
    server.wait("pocketwasm_calls_running", 1.0);
    let waiting = server.begin_to_reset("/execute/spin");
    server.wait("pocketwasm_calls_waiting", 1.0);
    drop(waiting);
    server.wait("pocketwasm_calls_waiting", 0.0);
    drop(running);
    server.wait("pocketwasm_calls_running", 0.0);
    let cancelled = "pocketwasm_calls_total{plugin=\"spin\",ending=\"cancelled\"}";
    assert_eq!(server.metric(cancelled), 1.0);
}

#[test]
fn hostile_neighbours_get_their_statuses_and_a_good_plugin_its_turn() {
    let server = Server::start(
        &[
            ("greet", "rust-greet.wasm"),
            ("spin", "wat/serve-spin.wat"),
            ("flood", "wat/serve-flood.wat"),
            ("hog", "wat/serve-hog.wat"),
        ],
        &[
            "--threads",
            "4",
            "--timeout",
            "1s",
            "--queue-wait",
            "60s",
            "--max-memory",
            "20p",
        ],
    );
    thread::scope(|scope| {
        for (plugin, status) in [("spin", 504), ("flood", 504), ("hog", 500)] {
            let server = &server;
            scope.spawn(move || {
                for _ in 0..2 {
                    let answer = server.post(&format!("/execute/{plugin}"), b"World");
                    assert_eq!(answer.status, status, "{plugin}: {}", answer.text());
                }
            });
        }
        server.wait_until("bad calls", || {
            server.metric("pocketwasm_calls_running") > 0.0
        });
        for _ in 0..10 {
            assert!(server.is_well());
        }
    });
    server.wait("pocketwasm_calls_running", 0.0);
}

#[test]
fn a_connection_too_many_is_turned_away() {
    let server = Server::start(&[("greet", "rust-greet.wasm")], &["--max-connections", "2"]);
    let mut first = server.client();
    let mut second = server.client();
    for client in [&mut first, &mut second] {
        client.request("GET", "/healthz", &[], b"");
        assert_eq!(client.answer().unwrap().status, 200);
    }
    let mut third = server.client();
    third.request("POST", "/execute/greet", &[], b"World");
    let answer = third.answer().unwrap();
    assert_eq!(
        (answer.status, answer.text()),
        (503, "too many connections now\n")
    );
    assert_eq!(answer.header("retry-after"), Some("1"));
    drop((second, third));
    server.wait_until("room", || {
        let mut client = server.client();
        client.request("GET", "/healthz", &[], b"");
        client.answer().is_ok_and(|answer| answer.status == 200)
    });
    // The one that was there first is still served.
    first.request("POST", "/execute/greet", &[], b"World");
    assert_eq!(first.answer().unwrap().text(), "Hello, World");
}

#[test]
fn bodies_have_room_together() {
    let server = Server::start(
        &[("greet", "rust-greet.wasm")],
        &["--max-body", "64KiB", "--max-bodies", "64KiB"],
    );
    let mut slow = server.client();
    slow.send("POST /execute/greet HTTP/1.1\r\nhost: localhost\r\ncontent-length: 65000\r\n\r\n");
    server.wait_until("a body that takes up the room", || {
        let answer = server.post("/execute/greet", &[b'a'; 4_000]);
        answer.status == 503 && answer.text() == "the bodies of other requests take up the room\n"
    });
    drop(slow);
    server.wait_until("room", || server.is_well());
}

#[test]
fn slow_clients_are_let_go() {
    let server = Server::start(
        &[("greet", "rust-greet.wasm")],
        &[
            "--header-timeout",
            "300ms",
            "--body-timeout",
            "300ms",
            "--write-timeout",
            "300ms",
        ],
    );
    let mut silent = server.client();
    assert!(silent.is_closed());

    let mut in_the_head = server.client();
    in_the_head.send("GET /healthz HTTP/1.1\r\nhost: loc");
    assert_closed_or(&mut in_the_head, 408);

    let mut idle = server.client();
    idle.request("GET", "/healthz", &[], b"");
    assert_eq!(idle.answer().unwrap().status, 200);
    assert!(idle.is_closed());

    let mut in_the_body = server.client();
    in_the_body
        .send("POST /execute/greet HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\n\r\nW");
    let answer = in_the_body.answer().unwrap();
    assert_eq!(
        (answer.status, answer.text()),
        (408, "the body took too long to arrive\n")
    );
    assert!(in_the_body.is_closed());

    // Asks for more than the sockets between hold, and never reads.
    let mut deaf = server.client();
    let request = "GET /page.js HTTP/1.1\r\nhost: localhost\r\n\r\n";
    deaf.send(request.repeat(4_000));
    server.wait_until("a write that waits", || {
        server.metric("pocketwasm_requests_total{route=\"page\",status=\"200\"}") > 0.0
    });
    // One connection is the question's own.
    server.wait("pocketwasm_connections", 1.0);
    drop(deaf);
    assert!(server.is_well());
}

#[track_caller]
fn assert_closed_or(client: &mut Client, status: u16) {
    match client.answer() {
        Ok(answer) => assert_eq!(answer.status, status),
        Err(_) => assert!(client.is_closed()),
    }
}
