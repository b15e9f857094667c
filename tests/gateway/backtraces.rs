//! Backtraces of failed calls: in the log, and nowhere else.

use crate::server::{Server, plugins};
use serde_json::Value;
use std::{
    fs, thread,
    time::{Duration, Instant},
};

/// `greet` and `_start` trap in `$outside`; `spin` does not end.
const MODULE: &str = r#"(module
    (memory (export "memory") 1)
    (func $outside (drop (i32.load (i32.const 0x20000))))
    (func (export "allocate") (param i32) (result i32) (i32.const 1024))
    (func $greet (export "greet") (param i32 i32) (result i64) (call $outside) (i64.const 0))
    (func $start (export "_start") (call $outside))
    (func $spin (export "spin") (param i32 i32) (result i64) (loop (br 0)) (i64.const 0)))"#;

fn started(flags: &[&str]) -> Server {
    let directory = plugins(&[("greet", "rust-greet.wasm")]);
    let module = wat::parse_str(MODULE).unwrap();
    fs::write(directory.path().join("bad.wasm"), module).unwrap();
    Server::start_in(directory, &[&["--log-format", "json"], flags].concat())
}

/// The events about failed calls, when the server has ended.
fn events(server: Server) -> Vec<Value> {
    server.terminate();
    let (_, said) = server.end();
    let events = said.lines().map(|line| serde_json::from_str(line).unwrap());
    events
        .filter(|event: &Value| event.get("request").is_some())
        .collect()
}

/// The time that a replay of a small call surely needs no more than.
const LONG: Duration = Duration::from_secs(4);

#[test]
fn a_failed_call_has_its_backtrace_in_the_log() {
    for (target, function) in [("/execute/bad", "greet"), ("/cgi/bad/page", "start")] {
        let server = started(&[]);
        let answer = server.post(target, b"World");
        assert_eq!(answer.status, 500, "{target}");
        let id = answer.header("x-request-id").unwrap().to_owned();
        assert!(!answer.text().contains("outside"), "{target}");
        thread::sleep(LONG);
        let events = events(server);
        let [failed, explained] = &*events else {
            panic!("{target}: {events:?}");
        };
        assert_eq!(failed["request"], id);
        assert!(failed.get("backtrace").is_none());
        assert!(failed.get("no_backtrace").is_none());
        assert_eq!(explained["request"], id);
        assert_eq!(explained["message"], failed["message"]);
        assert_eq!(
            (&explained["level"], &explained["plugin"]),
            (&"warn".into(), &"bad".into())
        );
        let text = explained["backtrace"].as_str().unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let [first, cause, inner, outer] = &*lines else {
            panic!("{text}");
        };
        assert_eq!(*first, "backtrace, the innermost function first");
        let expected = "  cause: load of 4 bytes at address 0x20000; the memory has 0x10000 bytes";
        assert_eq!(*cause, expected);
        assert!(
            inner.starts_with("   0: ") && inner.ends_with(" outside"),
            "{text}"
        );
        let ends = format!(" {function}");
        assert!(
            outer.starts_with("   1: ") && outer.ends_with(&ends),
            "{text}"
        );
    }
}

/// A handler that traps in its first call if the path has 20 bytes, and in its second if it has 21.
const HANDLER: &str = r#"(module
    (import "http_handler" "get_uri" (func $uri (param i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func $check (param $length i32)
        (if (i32.eq (call $uri (i32.const 0) (i32.const 100)) (local.get $length))
            (then (unreachable))))
    (func $request (export "handle_request") (result i64)
        (call $check (i32.const 20))
        (i64.const 1))
    (func $response (export "handle_response") (param i32 i32)
        (call $check (i32.const 21))))"#;

#[test]
fn a_failed_handler_has_its_backtrace_in_the_log() {
    for (target, function) in [
        ("/execute/greet?func=", "request"),
        ("/execute/greet?func=x", "response"),
    ] {
        for (flags, is_explained) in [(&[][..], true), (&["--no-explain"][..], false)] {
            let directory = plugins(&[("greet", "rust-greet.wasm")]);
            let module = wat::parse_str(HANDLER).unwrap();
            fs::write(directory.path().join("handler.wasm"), module).unwrap();
            let log = ["--log-format", "json", "--middleware", "handler"];
            let server = Server::start_in(directory, &[&log, flags].concat());
            let answer = server.post(target, b"World");
            assert_eq!(answer.status, 500, "{target}");
            let id = answer.header("x-request-id").unwrap().to_owned();
            thread::sleep(LONG / 2);
            let events = events(server);
            let of_handler = events.iter().filter(|it| it["plugin"] == "handler");
            let of_handler: Vec<_> = of_handler.collect();
            assert_eq!(
                of_handler.len(),
                1 + usize::from(is_explained),
                "{events:?}"
            );
            assert!(
                of_handler.iter().all(|it| it["request"] == id),
                "{events:?}"
            );
            let Some(explained) = of_handler.get(1) else {
                continue;
            };
            let text = explained["backtrace"].as_str().unwrap();
            let names: Vec<_> = text
                .lines()
                .skip(1)
                .map(|it| it.rsplit(' ').next())
                .collect();
            assert_eq!(names, [Some("check"), Some(function)], "{text}");
            assert_eq!(explained["message"], of_handler[0]["message"]);
        }
    }
}

#[test]
fn a_storm_of_failures_has_one_replay_at_a_time() {
    const REQUESTS: usize = 12;
    let server = started(&[
        "--timeout",
        "200ms",
        "--threads",
        "4",
        "--queue-wait",
        "60s",
    ]);
    thread::scope(|scope| {
        for _ in 0..REQUESTS {
            scope.spawn(|| {
                let answer = server.post("/execute/bad?func=spin", b"World");
                assert_eq!(answer.status, 504, "{}", answer.text());
            });
        }
    });
    // While the first is replayed, others are answered.
    let began = Instant::now();
    assert_eq!(server.post("/execute/greet", b"World").status, 200);
    assert!(began.elapsed() < LONG);
    let events = events(server);
    let count = |field: &str| events.iter().filter(|it| it.get(field).is_some()).count();
    assert!(count("backtrace") <= 1, "{events:?}");
    assert_eq!(count("no_backtrace"), REQUESTS - 1, "{events:?}");
    let why = events.iter().find_map(|it| it.get("no_backtrace"));
    assert_eq!(why.unwrap(), "another call is or was explained just now");
}

#[test]
fn without_explanations_there_are_none() {
    let server = started(&["--no-explain"]);
    assert_eq!(server.post("/execute/bad", b"World").status, 500);
    thread::sleep(LONG / 2);
    let events = events(server);
    assert_eq!(events.len(), 1, "{events:?}");
    assert!(events[0].get("no_backtrace").is_none());
}
