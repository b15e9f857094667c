//! http-wasm's handlers, with guests that follow the convention and guests that break it.

use super::{config, fixture, load, refused, runner};
use pocketwasm::{
    CancelToken, ErrorKind, Plugin, Runner,
    http::{Handled, HttpRequest, HttpResponse},
};
use proptest::prelude::*;

/// All that a handler can import.
const IMPORTS: &str = r#"
    (import "http_handler" "enable_features" (func $enable_features (param i32) (result i32)))
    (import "http_handler" "get_config" (func $get_config (param i32 i32) (result i32)))
    (import "http_handler" "log_enabled" (func $log_enabled (param i32) (result i32)))
    (import "http_handler" "log" (func $log (param i32 i32 i32)))
    (import "http_handler" "get_method" (func $get_method (param i32 i32) (result i32)))
    (import "http_handler" "set_method" (func $set_method (param i32 i32)))
    (import "http_handler" "get_uri" (func $get_uri (param i32 i32) (result i32)))
    (import "http_handler" "set_uri" (func $set_uri (param i32 i32)))
    (import "http_handler" "get_protocol_version" (func $version (param i32 i32) (result i32)))
    (import "http_handler" "get_source_addr" (func $source (param i32 i32) (result i32)))
    (import "http_handler" "get_header_names" (func $names (param i32 i32 i32) (result i64)))
    (import "http_handler" "get_header_values"
        (func $values (param i32 i32 i32 i32 i32) (result i64)))
    (import "http_handler" "set_header_value" (func $set (param i32 i32 i32 i32 i32)))
    (import "http_handler" "add_header_value" (func $add (param i32 i32 i32 i32 i32)))
    (import "http_handler" "remove_header" (func $remove (param i32 i32 i32)))
    (import "http_handler" "read_body" (func $read (param i32 i32 i32) (result i64)))
    (import "http_handler" "write_body" (func $write (param i32 i32 i32)))
    (import "http_handler" "get_status_code" (func $get_status (result i32)))
    (import "http_handler" "set_status_code" (func $set_status (param i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "name")
    (data (i32.const 8) "value")
    (data (i32.const 16) "a\0d\0ab0")
    (data (i32.const 32) "PUT")
    (data (i32.const 40) "/other")
"#;

/// A handler with these bodies of its two functions.
fn handler(runner: &Runner, request: &str, response: &str) -> Plugin {
    load(
        runner,
        "handler",
        &format!(
            r#"(module {IMPORTS}
                (func (export "handle_request") (result i64) {request})
                (func (export "handle_response") (param $context i32) (param $failed i32)
                    {response}))"#
        ),
    )
}

fn answered(handled: Handled) -> HttpResponse {
    match handled {
        Handled::Response(response) => response,
        other => panic!("{other:?}"),
    }
}

fn passed(handled: Handled) -> Box<pocketwasm::http::Pending> {
    match handled {
        Handled::Next(pending) => pending,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_guest_of_the_kit_marks_and_denies() {
    let runner = runner();
    let plugin = runner
        .load_plugin("httpwasm-rust", fixture("httpwasm-rust.wasm"))
        .expect("loads");
    let denied = plugin
        .handle(HttpRequest::new("GET", "/deny?x"), b"")
        .expect("runs");
    let response = answered(denied);
    assert_eq!((response.status, &*response.body), (403, &b"denied"[..]));
    assert_eq!(response.header("X-Guest"), Some("rust"));

    let pending = passed(
        plugin
            .handle(HttpRequest::new("GET", "/"), b"")
            .expect("runs"),
    );
    assert_eq!(pending.request(), &HttpRequest::new("GET", "/"));
    let mut next = HttpResponse::new(404);
    next.body = b"nothing".to_vec();
    let (response, outcome) = pending.finish(next).expect("runs");
    assert!(outcome.fuel_used() > 0);
    assert_eq!((response.status, &*response.body), (404, &b"nothing"[..]));
    assert_eq!(response.header("x-guest"), Some("rust"));
}

#[test]
fn a_handler_sees_and_changes_both_messages() {
    let plugin = handler(
        &runner(),
        r#"
        (drop (call $enable_features (i32.const 2)))
        (call $add (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 8) (i32.const 5))
        (call $set_method (i32.const 32) (i32.const 3))
        (call $set_uri (i32.const 40) (i32.const 6))
        ;; Of the body what follows the first byte, and then the first of that again.
        (drop (call $read (i32.const 0) (i32.const 1000) (i32.const 1)))
        (drop (call $read (i32.const 0) (i32.const 1000) (i32.const 100)))
        (call $write (i32.const 0) (i32.const 1000) (i32.const 2))
        (call $write (i32.const 0) (i32.const 1000) (i32.const 1))
        ;; The configuration; the next handler's body follows it.
        (call $write (i32.const 1) (i32.const 2000)
            (call $get_config (i32.const 2000) (i32.const 100)))
        (i64.const 0x5_0000_0001)"#,
        r#"
        (if (i32.ne (local.get $context) (i32.const 5)) (then (unreachable)))
        (if (i32.ne (call $get_status) (i32.const 200)) (then (unreachable)))
        (call $set_status (i32.add (i32.const 202) (local.get $failed)))
        (call $set (i32.const 1) (i32.const 0) (i32.const 4) (i32.const 8) (i32.const 5))
        (call $remove (i32.const 1) (i32.const 8) (i32.const 5))"#,
    );
    let mut request = HttpRequest::new("POST", "/");
    request.body = b"abc".to_vec();
    for failed in [false, true] {
        let handled = plugin.handle(request.clone(), b"configured").expect("runs");
        let pending = passed(handled);
        let seen = pending.request();
        assert_eq!((&*seen.method, &*seen.uri), ("PUT", "/other"));
        assert_eq!(seen.header("NAME"), Some("value"));
        assert_eq!(seen.body, b"bcb");
        let mut next = HttpResponse::new(200);
        next.headers.push(("Name".into(), "a".into()));
        next.headers.push(("name".into(), "b".into()));
        next.headers.push(("VALUE".into(), "c".into()));
        next.body = b", and more".to_vec();
        let (response, _) = if failed {
            pending.finish_failed(next).expect("runs")
        } else {
            pending.finish(next).expect("runs")
        };
        assert_eq!(response.status, 202 + u16::from(failed));
        assert_eq!(response.body, b"configured, and more");
        assert_eq!(
            response.headers,
            [("name".to_string(), "value".to_string())]
        );
    }
}

#[test]
fn lists_are_written_whole_or_not_at_all() {
    let plugin = handler(
        &runner(),
        r#"
        ;; Two names in 10 bytes; two values in 4; a buffer of one byte less gets none of it.
        (if (i64.ne (call $names (i32.const 0) (i32.const 1000) (i32.const 9))
            (i64.const 0x2_0000_000a)) (then (unreachable)))
        (if (i32.load (i32.const 1000)) (then (unreachable)))
        (if (i64.ne (call $names (i32.const 0) (i32.const 1000) (i32.const 10))
            (i64.const 0x2_0000_000a)) (then (unreachable)))
        (if (i64.ne (call $values (i32.const 0) (i32.const 0) (i32.const 4)
                (i32.const 1016) (i32.const 4))
            (i64.const 0x2_0000_0004)) (then (unreachable)))
        (if (i64.ne (call $values (i32.const 2) (i32.const 0) (i32.const 4)
                (i32.const 1016) (i32.const 4))
            (i64.const 0)) (then (unreachable)))
        (call $write (i32.const 1) (i32.const 1000) (i32.const 20))
        (i64.const 0)"#,
        "",
    );
    let mut request = HttpRequest::new("GET", "/");
    for (name, value) in [("name", "a"), ("Else", ""), ("NAME", "b")] {
        request.headers.push((name.into(), value.into()));
    }
    let response = answered(plugin.handle(request, b"").expect("runs"));
    assert_eq!(response.body, b"else\0name\0\0\0\0\0\0\0a\0b\0");
}

#[test]
fn a_broken_handler_is_a_typed_error_and_the_next_request_is_clean() {
    let runner = Runner::new(config().max_exchange_bytes(10_000)).expect("valid");
    let data = ErrorKind::GuestData;
    let pass = "(i64.const 1)";
    let table = [
        (
            "(i64.const 2)",
            "",
            data,
            "`handle_request` says 2; it must be 0 or 1 (http-wasm)",
        ),
        (
            "(unreachable)",
            "",
            ErrorKind::Trap,
            "trap: `unreachable` executed",
        ),
        (
            "(call $set_status (i32.const 600)) (i64.const 0)",
            "",
            data,
            "the status 600 (http-wasm)",
        ),
        (
            "(call $set_uri (i32.const 16) (i32.const 5)) (i64.const 0)",
            "",
            data,
            "the URI \"a\\r\\nb0\" (http-wasm)",
        ),
        (
            "(call $set_method (i32.const 16) (i32.const 5)) (i64.const 0)",
            "",
            data,
            "the method \"a\\r\\nb0\" (http-wasm)",
        ),
        (
            "(call $add (i32.const 1) (i32.const 16) (i32.const 5) (i32.const 8) (i32.const 5))
             (i64.const 0)",
            "",
            data,
            "the field \"a\\r\\nb0\" (http-wasm)",
        ),
        (
            "(call $set (i32.const 1) (i32.const 0) (i32.const 4) (i32.const 16) (i32.const 5))
             (i64.const 0)",
            "",
            data,
            "the field \"name\" (http-wasm)",
        ),
        (
            "(call $remove (i32.const 4) (i32.const 0) (i32.const 4)) (i64.const 0)",
            "",
            data,
            "there is no kind 4 of fields (http-wasm)",
        ),
        (
            "(drop (call $read (i32.const 2) (i32.const 0) (i32.const 4))) (i64.const 0)",
            "",
            data,
            "there is no kind 2 of body (http-wasm)",
        ),
        (
            "(drop (call $read (i32.const 0) (i32.const 0) (i32.const 0))) (i64.const 0)",
            "",
            data,
            "a body is read into a buffer of no length (http-wasm)",
        ),
        (
            "(call $write (i32.const 1) (i32.const -1) (i32.const 2)) (i64.const 0)",
            "",
            data,
            "a body at 0xffffffff with length 2 is outside the memory of 65536 bytes",
        ),
        (
            "(drop (call $get_uri (i32.const -1) (i32.const 2))) (i64.const 0)",
            "",
            data,
            "the buffer for an answer at 0xffffffff with length 1 is outside the memory of 65536 \
             bytes",
        ),
        (
            "(loop (call $write (i32.const 1) (i32.const 0) (i32.const 3000)) (br 0))
             (unreachable)",
            "",
            ErrorKind::TooLarge,
            "the request and response together of 12010 bytes; the limit `max_exchange_bytes` is \
             10000",
        ),
        (
            "(loop (call $add (i32.const 1) (i32.const 0) (i32.const 4) (i32.const 8)
                (i32.const 5)) (br 0)) (unreachable)",
            "",
            ErrorKind::TooLarge,
            "the request and response together of 10011 bytes; the limit `max_exchange_bytes` is \
             10000",
        ),
        (
            "(drop (call $values (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
                (i32.const 0))) (i64.const 0)",
            "",
            data,
            "a field has no name (http-wasm)",
        ),
        (
            "(call $set (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 8) (i32.const 5))
             (i64.const 0)",
            "",
            data,
            "a field has no name (http-wasm)",
        ),
        (
            "(call $remove (i32.const 1) (i32.const 0) (i32.const 0)) (i64.const 0)",
            "",
            data,
            "a field has no name (http-wasm)",
        ),
        (
            "(call $set_method (i32.const 32) (i32.const 0)) (i64.const 0)",
            "",
            data,
            "the method \"\" (http-wasm)",
        ),
        (
            pass,
            "(call $set_uri (i32.const 40) (i32.const 6))",
            data,
            "the request was answered and cannot change (http-wasm)",
        ),
        (
            pass,
            "(call $set_status (i32.const 201))",
            data,
            "the response changes after the next handler, which takes the feature \
             `buffer_response` (http-wasm)",
        ),
        (
            pass,
            "(call $add (i32.const 1) (i32.const 0) (i32.const 4) (i32.const 8) (i32.const 5))",
            data,
            "the response changes after the next handler, which takes the feature \
             `buffer_response` (http-wasm)",
        ),
        (
            pass,
            "(call $remove (i32.const 3) (i32.const 0) (i32.const 4))",
            data,
            "the response changes after the next handler, which takes the feature \
             `buffer_response` (http-wasm)",
        ),
        (
            "(drop (call $enable_features (i32.const 1))) (i64.const 1)",
            "(call $write (i32.const 1) (i32.const 0) (i32.const 1))",
            data,
            "the response changes after the next handler, which takes the feature \
             `buffer_response` (http-wasm)",
        ),
        (
            "(drop (call $enable_features (i32.const 2))) (i64.const 1)",
            "(drop (call $read (i32.const 0) (i32.const 0) (i32.const 1)))",
            data,
            "the request's body is read after the next handler, which takes the feature \
             `buffer_request` (http-wasm)",
        ),
        (
            pass,
            "(loop (br 0))",
            ErrorKind::OutOfFuel,
            "out of fuel: all 1000000 units of the limit `fuel` are used",
        ),
    ];
    for (request, response, kind, said) in table {
        let plugin = handler(&runner, request, response);
        for _ in 0..2 {
            let handled = plugin.handle(HttpRequest::new("G", "/"), b"");
            let end = handled.and_then(|handled| match handled {
                Handled::Next(pending) => pending
                    .finish(HttpResponse::new(200))
                    .map(|(response, _)| response),
                Handled::Response(response) => Ok(response),
                _ => unreachable!(),
            });
            refused(end, kind, said);
        }
    }
}

#[test]
fn the_limits_of_a_call_hold_for_request_and_response() {
    let runner = runner();
    let spin = "(loop (br 0)) (unreachable)";
    let plugin = handler(&runner, spin, "");
    let call = || plugin.call("handle_request");
    let request = || HttpRequest::new("GET", "/");
    let said = "out of fuel: all 500 units of the limit `fuel` are used";
    refused(
        call().fuel(500).handle(request()),
        ErrorKind::OutOfFuel,
        said,
    );
    refused(
        call().max_memory_pages(0).handle(request()),
        ErrorKind::MemoryLimit,
        "declares a memory of 1 pages at least; the limit `max_memory_pages` is 0",
    );
    let token = CancelToken::new();
    token.cancel();
    refused(
        call().cancel(&token).handle(request()),
        ErrorKind::Cancelled,
        "cancelled",
    );
    refused(
        plugin.call("handle_response").handle(request()),
        ErrorKind::Signature,
        "requests are handled by `handle_request` (http-wasm)",
    );

    let plugin = handler(&runner, "(i64.const 1)", spin);
    let (handled, outcome) = plugin
        .call("handle_request")
        .fuel(500)
        .handle(request())
        .expect("runs");
    assert!((1..500).contains(&outcome.fuel_used()));
    refused(
        passed(handled).finish(HttpResponse::new(200)),
        ErrorKind::OutOfFuel,
        said,
    );
    let mut instance = plugin.instantiate().expect("starts");
    refused(
        instance.call("handle_request").handle(request()),
        ErrorKind::Signature,
        "this takes a fresh instance",
    );
}

#[test]
fn searching_long_fields_takes_fuel_by_their_length() {
    let forever = "(loop (drop (call $values (i32.const 0) (i32.const 0) (i32.const 4)
            (i32.const 0) (i32.const 0))) (br 0)) (unreachable)";
    let calls = |length: usize| {
        let runner = Runner::new(config()).expect("valid");
        let counting = format!("(local $count i32) {forever}");
        let plugin = handler(
            &runner,
            &counting.replace(
                "(loop",
                "(loop (call $set_status
            (i32.add (i32.const 100) (local.get $count)))
            (local.set $count (i32.add (local.get $count) (i32.const 1)))",
            ),
            "",
        );
        let mut request = HttpRequest::new("GET", "/");
        request.headers.push(("name".into(), "v".repeat(length)));
        plugin.handle(request, b"").expect_err("has no end")
    };
    // 500 calls make the status 600; a field of 640,000 bytes takes 10,000 units each time.
    assert_eq!(calls(10).kind(), ErrorKind::GuestData);
    assert_eq!(calls(640_000).kind(), ErrorKind::OutOfFuel);
}

#[test]
fn another_plugin_handles_no_requests() {
    let runner = runner();
    let plugin = runner
        .load_plugin("add", fixture("add.wasm"))
        .expect("loads");
    refused(
        plugin.handle(HttpRequest::new("GET", "/"), b""),
        ErrorKind::Signature,
        "this plugin handles no requests: no export `handle_request` of type () -> (i64) (http-wasm)",
    );
    let one_sided = load(
        &runner,
        "one-sided",
        r#"(module (import "http_handler" "get_status_code" (func (result i32)))
            (func (export "handle_request") (result i64) (i64.const 1)))"#,
    );
    refused(
        one_sided.handle(HttpRequest::new("GET", "/"), b""),
        ErrorKind::Signature,
        "this plugin handles no requests: no export `handle_response` of type (i32, i32) -> () \
         (http-wasm)",
    );
    let outside = load(
        &runner,
        "outside",
        r#"(module (import "http_handler" "get_status_code" (func $status (result i32)))
            (func (export "status") (result i32) (call $status)))"#,
    );
    refused(
        outside.call("status").run(),
        ErrorKind::GuestData,
        "no request is being handled (http-wasm)",
    );
}

/// Checks by the handler in either half, with the answers of http-wasm's host for Go. Each is an
/// `i32` that must be 1.
#[test]
fn the_host_answers_as_the_reference_does() {
    let table = [
        (
            "no feature",
            "(i32.eqz (call $enable_features (i32.const 0)))",
        ),
        (
            "features add up",
            "(drop (call $enable_features (i32.const 1)))
             (i32.eq (call $enable_features (i32.const 4)) (i32.const 5))",
        ),
        (
            "no such feature",
            "(i32.eqz (call $enable_features (i32.const 0xf8)))",
        ),
        (
            "debug is not heard",
            "(i32.eqz (call $log_enabled (i32.const -1)))",
        ),
        ("info is heard", "(call $log_enabled (i32.const 0))"),
        ("warn is heard", "(call $log_enabled (i32.const 1))"),
        ("error is heard", "(call $log_enabled (i32.const 2))"),
        ("none is heard", "(call $log_enabled (i32.const 3))"),
        (
            "an empty message is anywhere",
            "(call $log (i32.const 0) (i32.const -1) (i32.const 0)) (i32.const 1)",
        ),
        (
            "a message need not be UTF-8",
            "(i32.store8 (i32.const 2000) (i32.const 0xff))
             (call $log (i32.const 0) (i32.const 2000) (i32.const 1)) (i32.const 1)",
        ),
        (
            "the status is 200 first",
            "(i32.eq (call $get_status) (i32.const 200))",
        ),
        (
            "the configuration",
            "(i32.eq (call $get_config (i32.const 3000) (i32.const 10)) (i32.const 6))",
        ),
        (
            "an empty URI is the root",
            "(call $set_uri (i32.const 0) (i32.const 0))
             (i32.eq (call $get_uri (i32.const 3000) (i32.const 10)) (i32.const 1))",
        ),
        (
            "a space is escaped",
            "(i32.store (i32.const 2000) (i32.const 0x6220612f)) ;; /a b
             (call $set_uri (i32.const 2000) (i32.const 4))
             (i32.eq (call $get_uri (i32.const 3000) (i32.const 10)) (i32.const 6))",
        ),
        (
            "no value is no byte",
            "(i64.eqz (call $values (i32.const 0) (i32.const 8) (i32.const 5)
                (i32.const -1) (i32.const 10)))",
        ),
        (
            "a body of no bytes is anywhere",
            "(call $write (i32.const 0) (i32.const -1) (i32.const 0)) (i32.const 1)",
        ),
        (
            "an empty body has ended",
            "(i64.eq (call $read (i32.const 1) (i32.const 3000) (i32.const 1))
                (i64.const 0x1_0000_0000))",
        ),
    ];
    let runner = runner();
    for (name, check) in table {
        let plugin = handler(
            &runner,
            &format!(
                "(if (i32.eqz (block (result i32) {check})) (then (unreachable))) (i64.const 1)"
            ),
            // The configuration can be read until the end.
            "(if (i32.ne (call $get_config (i32.const 3000) (i32.const 10)) (i32.const 6))
                (then (unreachable)))",
        );
        let handled = plugin.handle(HttpRequest::new("GET", "/x"), b"secret");
        let pending = passed(handled.unwrap_or_else(|error| panic!("{name}: {error}")));
        let ended = pending.finish(HttpResponse::new(200));
        assert!(ended.is_ok(), "{name}: {ended:?}");
    }
}

/// What a handler writes before the next handler, and what it then finds and changes.
#[test]
fn fields_before_the_next_handler_stay_unless_there_is_one_of_them() {
    let add = |name: &str, value: &str| (name.to_string(), value.to_string());
    let table = [
        ("X-A", "x-a", &["guest", "next"][..]),
        ("Set-Cookie", "set-cookie", &["guest", "next"]),
        ("Content-Type", "content-type", &["next"]),
        ("Location", "location", &["next"]),
        ("ETag", "x-other", &["guest"]),
    ];
    let runner = runner();
    for (written, answered_with, expected) in table {
        let length = written.len();
        let plugin = load(
            &runner,
            "fields",
            &format!(
                r#"(module {IMPORTS} (data (i32.const 64) "{written}") (data (i32.const 96) "guest")
                (func (export "handle_request") (result i64)
                    (call $add (i32.const 1) (i32.const 64) (i32.const {length}) (i32.const 96)
                        (i32.const 5))
                    (i64.const 1))
                (func (export "handle_response") (param i32 i32)))"#
            ),
        );
        let handled = plugin.handle(HttpRequest::new("GET", "/"), b"");
        let mut next = HttpResponse::new(200);
        next.headers.push(add(answered_with, "next"));
        let (response, _) = passed(handled.expect(written)).finish(next).expect(written);
        let values: Vec<_> = response
            .headers
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case(written))
            .map(|(_, value)| &**value)
            .collect();
        assert_eq!(values, expected, "{written}");
    }
}

/// What a handler prints belongs to the call in which it prints: its start or either half.
#[test]
fn what_a_handler_prints_is_output_of_its_half() {
    let print = |letter: char| {
        let byte = letter as u32;
        format!(
            "(i32.store (i32.const 0) (i32.const 8)) (i32.store (i32.const 4) (i32.const 1))
             (i32.store8 (i32.const 8) (i32.const {byte}))
             (drop (call $print (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))"
        )
    };
    let (start, request, response) = (print('s'), print('q'), print('p'));
    let plugin = load(
        &runner(),
        "prints",
        &format!(
            r#"(module
                (import "wasi_snapshot_preview1" "fd_write"
                    (func $print (param i32 i32 i32 i32) (result i32)))
                (memory (export "memory") 1)
                (func (export "_start") {start})
                (func (export "handle_request") (result i64) {request} (i64.const 1))
                (func (export "handle_response") (param i32 i32) {response}))"#
        ),
    );
    let convention = Some(pocketwasm::Convention::HttpHandler);
    assert_eq!(plugin.convention(), convention);
    let call = plugin.call("handle_request");
    let (handled, outcome) = call.handle(HttpRequest::new("GET", "/")).expect("runs");
    assert_eq!(outcome.stdout(), b"sq");
    let (_, outcome) = passed(handled)
        .finish(HttpResponse::new(200))
        .expect("runs");
    assert_eq!(outcome.stdout(), b"p");
    // A program that the caller names is run only once.
    let outcome = plugin.call("_start").run().expect("runs");
    assert_eq!(outcome.stdout(), b"s");
}

/// Both halves have the same environment.
#[test]
fn the_environment_is_there_in_both_halves() {
    let count = "(drop (call $sizes (i32.const 0) (i32.const 4)))
        (if (i32.ne (i32.load (i32.const 0)) (i32.const 1)) (then (unreachable)))";
    let plugin = load(
        &runner(),
        "environment",
        &format!(
            r#"(module
                (import "wasi_snapshot_preview1" "environ_sizes_get"
                    (func $sizes (param i32 i32) (result i32)))
                (memory (export "memory") 1)
                (func (export "handle_request") (result i64) {count} (i64.const 1))
                (func (export "handle_response") (param i32 i32) {count}))"#
        ),
    );
    let call = plugin.call("handle_request").env("KEY", "value");
    let (handled, _) = call.handle(HttpRequest::new("GET", "/")).expect("runs");
    let response = passed(handled).finish(HttpResponse::new(200));
    assert!(response.is_ok(), "{response:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever numbers a handler passes and returns, a request ends in a response or a typed
    /// error.
    #[test]
    fn any_numbers_end_in_a_response_or_a_typed_error(
        kind in prop_oneof![0_i32..4, any::<i32>()],
        a in prop_oneof![0_i32..70_000, any::<i32>()],
        b in prop_oneof![0_i32..70_000, any::<i32>()],
        status: i32, next: i64, step in 0_usize..9,
    ) {
        let steps = [
            format!("(call $set_method (i32.const {a}) (i32.const {b}))"),
            format!("(call $set_uri (i32.const {a}) (i32.const {b}))"),
            format!("(drop (call $names (i32.const {kind}) (i32.const {a}) (i32.const {b})))"),
            format!("(drop (call $values (i32.const {kind}) (i32.const {a}) (i32.const {b}) (i32.const {b}) (i32.const {a})))"),
            format!("(call $add (i32.const {kind}) (i32.const {a}) (i32.const 4) (i32.const 8) (i32.const {b}))"),
            format!("(call $remove (i32.const {kind}) (i32.const {a}) (i32.const {b}))"),
            format!("(drop (call $read (i32.const {kind}) (i32.const {a}) (i32.const {b})))"),
            format!("(call $write (i32.const {kind}) (i32.const {a}) (i32.const {b}))"),
            format!("(call $set_status (i32.const {status}))"),
        ];
        let runner = Runner::new(config()).expect("valid");
        let plugin = handler(&runner, &format!("{} (i64.const {next})", steps[step]), "");
        let mut request = HttpRequest::new("GET", "/");
        request.headers.push(("name".into(), "value".into()));
        request.body = b"body".to_vec();
        if let Err(error) = plugin.handle(request, b"") {
            let kind = error.kind();
            prop_assert!(
                matches!(kind, ErrorKind::GuestData | ErrorKind::TooLarge),
                "{:?}", kind
            );
        }
    }
}
