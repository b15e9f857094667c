//! WASI commands, by their standard streams, and CGI on top of them.

use super::{config, fixture, load, refused, runner, text};
use pocketwasm::{Convention, ErrorKind, Runner, http::HttpRequest};
use proptest::prelude::*;

#[test]
fn the_output_is_the_result_wherever_stdout_goes() {
    let config = config().fuel(100_000_000).stdout(std::io::sink());
    let runner = Runner::new(config).expect("valid");
    let plugin = runner
        .load_plugin("rust-command", fixture("rust-command.wasm"))
        .expect("loads");
    let call = plugin.call("_start").args(["a"]).env("FOO", "x");
    let outcome = call.input("hello").run().expect("runs");
    assert_eq!(
        String::from_utf8_lossy(outcome.bytes()),
        "arg 1: a\nFOO=x\nstdin: 5 bytes\nHELLO\n"
    );
    assert_eq!(
        (outcome.stdout(), outcome.stderr()),
        (&b""[..], &b"done\n"[..])
    );
}

#[test]
fn the_input_is_standard_input_so_there_is_one_of_them() {
    let runner = runner();
    let plugin = runner
        .load_plugin("rust-command", fixture("rust-command.wasm"))
        .expect("loads");
    let call = || plugin.call("_start").stdin("given");
    let without = call().input("").run().expect("runs");
    assert_eq!(without.bytes(), b"stdin: 5 bytes\nGIVEN\n");
    let one_of_two = |convention: &str| {
        format!(
            "invalid config: `stdin` is where the input goes ({convention}); give one of the two"
        )
    };
    refused(
        call().input("hello").run(),
        ErrorKind::InvalidConfig,
        &one_of_two("command"),
    );
    let source = std::io::Cursor::new("given");
    refused(
        plugin.call("_start").stdin_from(source).input("x").run(),
        ErrorKind::InvalidConfig,
        &one_of_two("command"),
    );
    refused(
        call().convention(Convention::Cgi).input("").run(),
        ErrorKind::InvalidConfig,
        &one_of_two("cgi"),
    );
    let script = runner
        .load_plugin("cgi-rust", fixture("cgi-rust.wasm"))
        .expect("loads");
    let mut request = HttpRequest::new("PUT", "/");
    request.body = b"the body".to_vec();
    let call = script.call("_start").stdin("given").args(["given"]);
    let (response, _) = call.cgi(&request).expect("runs");
    assert!(response.body.ends_with(b"query: \nthe body"));
}

#[test]
fn an_exit_code_is_an_error_with_the_output_so_far() {
    let runner = runner();
    let plugin = runner
        .load_plugin("rust-command", fixture("rust-command.wasm"))
        .expect("loads");
    let call = plugin.call("_start").env("CODE", "7").input("hello");
    let error = call.run().expect_err("exits with 7");
    assert_eq!(
        (error.kind(), error.exit_code()),
        (ErrorKind::Exit, Some(7))
    );
    let outcome = error.outcome().expect("it had begun");
    assert_eq!(outcome.stdout(), b"stdin: 5 bytes\nHELLO\n");
}

const FLOOD: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_write"
        (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 8) "\00\04\00\00\64\00\00\00")
    (func (export "_start")
        (loop (br_if 0 (i32.eqz
            (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 0)))))))"#;

#[test]
fn more_output_than_allowed_is_no_result() {
    let runner = Runner::new(config().max_output_bytes(150)).expect("valid");
    let plugin = load(&runner, "flood", FLOOD);
    refused(
        text(&plugin, "_start", ""),
        ErrorKind::TooLarge,
        "the output, which is the result, is larger than the limit `max_output_bytes`, 150",
    );
}

#[test]
fn another_entry_of_a_command_can_be_called() {
    let runner = runner();
    let plugin = load(
        &runner,
        "entries",
        r#"(module (func (export "_start")) (func (export "_routes"))
            (func (export "add") (param i32)))"#,
    );
    assert_eq!(text(&plugin, "_routes", "").expect("runs"), "");
    refused(
        text(&plugin, "add", ""),
        ErrorKind::Signature,
        "has type (i32) -> (); passing bytes needs () -> () (command)",
    );
    refused(
        plugin.call("_start").inputs(&[b"a", b"b"]).run(),
        ErrorKind::Signature,
        "command takes one input, not 2",
    );
}

#[test]
fn a_cgi_script_gets_a_request_and_gives_a_response() {
    let runner = runner();
    let plugin = runner
        .load_plugin("cgi-rust", fixture("cgi-rust.wasm"))
        .expect("loads");
    let mut request = HttpRequest::new("PUT", "/a%20path?b=c&d");
    request.body = b"the body".to_vec();
    let (response, outcome) = plugin.call("_start").cgi(&request).expect("runs");
    assert_eq!(response.status, 201);
    assert_eq!(response.header("content-type"), Some("text/plain"));
    assert_eq!(
        String::from_utf8_lossy(&response.body),
        "method: PUT\npath: /a path\nquery: b=c&d\nthe body"
    );
    assert!(outcome.fuel_used() > 0);
    let named = plugin
        .call("_start")
        .convention(Convention::Cgi)
        .input("in");
    assert_eq!(
        String::from_utf8_lossy(named.run().expect("runs").bytes()),
        "method: POST\npath: /\nquery: \nin"
    );
}

#[test]
fn what_a_script_sees_of_a_request() {
    let runner = runner();
    let plugin = load(
        &runner,
        "environment",
        include_str!("../../../fixtures/wat/environment.wat"),
    );
    let mut request = HttpRequest::new("GET", "/x%00y?a=1&b");
    request.source = "[::1]:4711".to_string();
    for (name, value) in [
        ("Host", "example.org:8080"),
        ("Accept", "text/plain"),
        ("accept", "text/html"),
        ("Proxy", "http://evil"),
        ("Authorization", "secret"),
        ("Content-Type", "text/css"),
        ("X-Odd", "a\nB=C"),
        ("X_Odd", "passes for X-Odd"),
        ("Cookie", "a=1"),
        ("Cookie", "b=2"),
    ] {
        request.headers.push((name.into(), value.into()));
    }
    let call = plugin.call("_start").env("SCRIPT_NAME", "/x");
    let (response, _) = call.cgi(&request).expect("runs");
    let body = String::from_utf8(response.body).expect("UTF-8");
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        body.split('\0')
            .filter(|s| !s.is_empty())
            .collect::<Vec<_>>(),
        [
            "SCRIPT_NAME=/x",
            "GATEWAY_INTERFACE=CGI/1.1",
            &format!("SERVER_SOFTWARE=pocketwasm/{version}"),
            "SERVER_PROTOCOL=HTTP/1.1",
            "SERVER_NAME=example.org",
            "SERVER_PORT=8080",
            "REQUEST_METHOD=GET",
            "QUERY_STRING=a=1&b",
            "REMOTE_ADDR=::1",
            "REMOTE_HOST=::1",
            "CONTENT_TYPE=text/css",
            "CONTENT_LENGTH=0",
            "PATH_INFO=/x%00y",
            "HTTP_HOST=example.org:8080",
            "HTTP_ACCEPT=text/plain, text/html",
            "HTTP_COOKIE=a=1; b=2",
        ]
    );
}

/// The path without its escapes, whatever bytes they mean. A path that cannot be decoded stays as it
/// is.
#[test]
fn the_path_is_decoded_to_any_bytes() {
    let runner = runner();
    let plugin = load(
        &runner,
        "environment",
        include_str!("../../../fixtures/wat/environment.wat"),
    );
    let table: [(&str, &[u8]); 9] = [
        ("/a%20b", b"/a b"),
        ("/%C3%BC", "/\u{fc}".as_bytes()),
        ("/%FF%fe/x", b"/\xff\xfe/x"),
        ("/%2F%2e%2E", b"//.."),
        ("/a+b", b"/a+b"),
        ("/%00", b"/%00"),
        ("/%41%0a", b"/%41%0a"),
        ("/%4", b"/%4"),
        ("/%41%zz", b"/%41%zz"),
    ];
    for (path, expected) in table {
        let request = HttpRequest::new("GET", path);
        let (response, _) = plugin.call("_start").cgi(&request).expect(path);
        let mut variables = response.body.split(|byte| *byte == 0);
        let info = variables.find_map(|variable| variable.strip_prefix(b"PATH_INFO="));
        assert_eq!(info, Some(expected), "{path}");
    }
}

#[test]
fn what_is_no_response_is_a_typed_error() {
    let runner = runner();
    let says = |output: &str| {
        let length = output.len();
        let escaped: String = output.bytes().map(|byte| format!("\\{byte:02x}")).collect();
        let plugin = load(
            &runner,
            "script",
            &format!(
                r#"(module
                    (import "wasi_snapshot_preview1" "fd_write"
                        (func $write (param i32 i32 i32 i32) (result i32)))
                    (memory (export "memory") 1)
                    (data (i32.const 1024) "{escaped}")
                    (func (export "_start")
                        (i32.store (i32.const 8) (i32.const 1024))
                        (i32.store (i32.const 12) (i32.const {length}))
                        (drop (call $write
                            (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 0)))))"#
            ),
        );
        plugin.call("_start").cgi(&HttpRequest::new("GET", "/"))
    };
    let wrong = "the output is no CGI response:";
    for (output, said) in [
        ("", "no empty line ends its fields"),
        ("Content-Type: a", "no empty line ends its fields"),
        ("\nbody", "it has no fields"),
        ("no field\n\n", "the line \"no field\" is no field"),
        ("a b: c\n\n", "the field \"a b: c\""),
        ("A: b\rc\n\n", "the field \"A: b\\rc\""),
        ("Status: 700\n\n", "the status \"700\""),
        ("Status: fine\n\n", "the status \"fine\""),
        ("Status: 200\nStatus: 200\n\n", "it has two statuses"),
        ("A: b\n\nbody", "it has a body but no content type"),
    ] {
        refused(
            says(output),
            ErrorKind::GuestData,
            &format!("{wrong} {said}"),
        );
    }
    for (output, status, body) in [
        ("A: b\n\n", 200, ""),
        ("Content-Type: a\n\nbody", 200, "body"),
        ("Content-Type: a\r\n\r\n\r\nbody", 200, "\r\nbody"),
        ("Status: 404 Not Found\n\n", 404, ""),
        ("Location: /x\n\n", 302, ""),
    ] {
        let (response, _) = says(output).expect(output);
        assert_eq!(
            (response.status, &*response.body),
            (status, body.as_bytes())
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever a command writes and exits with, the call ends in that output, in a response, or
    /// in a typed error.
    #[test]
    fn any_output_and_code_end_in_a_result_or_a_typed_error(
        output in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..80),
            "((Status|Location|[A-Za-z]{1,8}): ?([0-9]{3}|[ -~]{0,8})\r?\n){0,3}\r?\n[a-z]{0,9}"
                .prop_map(String::into_bytes),
        ],
        vector in prop_oneof![Just(8_u32), any::<u32>()],
        length in prop_oneof![Just(None), any::<u32>().prop_map(Some)],
        code in prop_oneof![Just(0), any::<i32>()],
    ) {
        let escaped: String = output.iter().map(|byte| format!("\\{byte:02x}")).collect();
        let written = length.map_or(output.len() as u64, u64::from);
        let runner = Runner::new(config().max_output_bytes(1_000)).expect("valid");
        let plugin = load(&runner, "any", &format!(r#"(module
            (import "wasi_snapshot_preview1" "fd_write"
                (func $write (param i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (memory (export "memory") 1)
            (data (i32.const 1024) "{escaped}")
            (func (export "_start")
                (i32.store (i32.const 8) (i32.const 1024))
                (i32.store (i32.const 12) (i32.const {written}))
                (drop (call $write (i32.const 1) (i32.const {vector}) (i32.const 1) (i32.const 0)))
                (call $exit (i32.const {code}))))"#));
        let whole = vector == 8 && written == output.len() as u64;
        match plugin.call("_start").input("").run() {
            Ok(outcome) => {
                prop_assert_eq!(code, 0);
                prop_assert!(!whole || outcome.bytes() == output);
            }
            Err(error) if error.kind() == ErrorKind::Exit => {
                prop_assert_eq!(error.exit_code(), Some(code));
            }
            Err(error) => prop_assert_eq!(error.kind(), ErrorKind::TooLarge),
        }
        match plugin.call("_start").cgi(&HttpRequest::new("GET", "/")) {
            Ok((response, _)) => {
                prop_assert!((200..=599).contains(&response.status));
                prop_assert!(!whole || output.ends_with(&response.body));
            }
            Err(error) => {
                let kind = error.kind();
                prop_assert!(
                    matches!(kind, ErrorKind::Exit | ErrorKind::GuestData | ErrorKind::TooLarge),
                    "{:?}", kind
                );
            }
        }
    }
}
