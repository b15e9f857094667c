//! http-wasm's handlers, working and broken. A request never passes a plugin that is no valid
//! handler.

use crate::server::{Server, plugins};
use std::{
    io::{Read, Write},
    net::TcpStream,
    process::Command,
};

/// The imports, the memory and the data that the modules here share.
const HEAD: &str = r#"
    (import "http_handler" "enable_features" (func $enable (param i32) (result i32)))
    (import "http_handler" "get_config" (func $config (param i32 i32) (result i32)))
    (import "http_handler" "set_status_code" (func $status (param i32)))
    (import "http_handler" "write_body" (func $write (param i32 i32 i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "denied")
    (global $length (mut i32) (i32.const 0))"#;

const REQUEST: &str = r#"(func (export "handle_request") (result i64) (i64.const 1))"#;
const RESPONSE: &str = r#"(func (export "handle_response") (param i32 i32))"#;

fn module(parts: &[&str]) -> Vec<u8> {
    let text = format!("(module {})", parts.concat());
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// A server with the handler in front of all paths, and one plugin.
fn behind(handler: &[u8], flags: &[&str]) -> Server {
    let directory = plugins(&[("greet", "rust-greet.wasm")]);
    std::fs::write(directory.path().join("guard.wasm"), handler).unwrap();
    Server::start_in(directory, &[&["--middleware", "guard"], flags].concat())
}

/// Modules that are no handlers, each for another reason, and the error at start.
fn broken() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let none = "this plugin handles no requests: no export";
    let runs = |name: &str, body: &str| {
        let function = format!("(func (export \"{name}\") {body})");
        module(&[HEAD, REQUEST, RESPONSE, &function])
    };
    let starts = |body: &str| {
        let function = format!("(func $start {body}) (start $start)");
        module(&[HEAD, REQUEST, RESPONSE, &function])
    };
    let response_first = r#"(func (export "handle_request") (param i32 i32))
        (func (export "handle_response") (result i64) (i64.const 1))"#;
    vec![
        ("no request", module(&[HEAD, RESPONSE]), none),
        ("no response", module(&[HEAD, REQUEST]), none),
        ("nothing", module(&[HEAD]), none),
        (
            "a request of another type",
            module(&[
                HEAD,
                RESPONSE,
                "(func (export \"handle_request\") (result i32) (i32.const 1))",
            ]),
            none,
        ),
        (
            "a response of another type",
            module(&[HEAD, REQUEST, "(func (export \"handle_response\"))"]),
            none,
        ),
        (
            "types the wrong way round",
            module(&[HEAD, response_first]),
            none,
        ),
        (
            "a global by the name",
            module(&[
                HEAD,
                RESPONSE,
                "(global (export \"handle_request\") i64 (i64.const 1))",
            ]),
            none,
        ),
        (
            "no memory",
            module(&[REQUEST, RESPONSE]),
            "this plugin handles no requests: no exported memory",
        ),
        (
            "start traps",
            starts("(unreachable)"),
            "start function: trap",
        ),
        (
            "start exits well",
            starts("(call $exit (i32.const 0))"),
            "exited with code 0",
        ),
        (
            "start exits",
            starts("(call $exit (i32.const 3))"),
            "exited with code 3",
        ),
        (
            "_initialize traps",
            runs("_initialize", "(unreachable)"),
            "initialise: trap",
        ),
        (
            "_initialize exits well",
            runs("_initialize", "(call $exit (i32.const 0))"),
            "exited with code 0",
        ),
        (
            "_start traps",
            runs("_start", "(unreachable)"),
            "initialise: trap",
        ),
        (
            "_start exits well",
            runs("_start", "(call $exit (i32.const 0))"),
            "exited with code 0",
        ),
        (
            "_start exits",
            runs("_start", "(call $exit (i32.const 3))"),
            "exited with code 3",
        ),
        (
            "_start never ends",
            runs("_start", "(loop (br 0))"),
            "timed out",
        ),
        (
            "_start asks for a request",
            runs("_start", "(call $status (i32.const 200))"),
            "no request is being handled",
        ),
    ]
}

#[test]
fn what_is_no_handler_is_refused_at_the_start() {
    for (name, handler, said) in broken() {
        let directory = plugins(&[("greet", "rust-greet.wasm")]);
        std::fs::write(directory.path().join("guard.wasm"), handler).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_pocketwasm"))
            .args(["serve", "--listen", "127.0.0.1:0", "--timeout", "300ms"])
            .args(["--middleware", "guard", "--plugins"])
            .arg(directory.path())
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        let line = stderr.lines().last().unwrap_or_default();
        assert!(
            line.starts_with("pocketwasm: --middleware guard: "),
            "{name}: {stderr}"
        );
        assert!(line.contains(said), "{name}: {line:?} instead of {said:?}");
        assert_eq!(output.status.code(), Some(2), "{name}");
    }
}

#[test]
fn what_becomes_no_handler_while_it_serves_lets_nothing_through() {
    let good = module(&[HEAD, REQUEST, RESPONSE]);
    let directory = plugins(&[("greet", "rust-greet.wasm")]);
    std::fs::write(directory.path().join("guard.wasm"), &good).unwrap();
    let flags: [&str; 4] = ["--timeout", "300ms", "--reload-token", "secret"];
    let middleware: [&str; 2] = ["--middleware", "guard=/execute/"];
    let server = Server::start_in(directory, &[&flags[..], &middleware].concat());
    let replace = |handler: &[u8]| {
        server.put("guard", handler);
        let bearer = ["authorization: Bearer secret"];
        assert_eq!(server.ask("POST", "/reload", &bearer, b"").status, 200);
        server.post("/execute/greet", b"World")
    };
    for (name, handler, _) in broken() {
        let answer = replace(&good);
        assert_eq!((answer.status, answer.text()), (200, "Hello, World"));
        let expected = if name == "_start never ends" {
            504
        } else {
            500
        };
        let answer = replace(&handler);
        assert_eq!(answer.status, expected, "{name}: {}", answer.text());
    }
}

#[test]
fn whatever_ends_either_half_ends_the_request() {
    let request = |body: &str| format!("(func (export \"handle_request\") (result i64) {body})");
    let response =
        |body: &str| format!("(func (export \"handle_response\") (param i32 i32) {body})");
    let table = [
        (
            "request traps",
            request("(unreachable)"),
            RESPONSE.to_owned(),
        ),
        (
            "request exits well",
            request("(call $exit (i32.const 0)) (i64.const 1)"),
            RESPONSE.to_owned(),
        ),
        (
            "request exits",
            request("(call $exit (i32.const 1)) (i64.const 1)"),
            RESPONSE.to_owned(),
        ),
        (
            "request says 2",
            request("(i64.const 2)"),
            RESPONSE.to_owned(),
        ),
        (
            "request uses its host wrongly",
            request("(call $write (i32.const 9) (i32.const 0) (i32.const 1)) (i64.const 1)"),
            RESPONSE.to_owned(),
        ),
        (
            "response traps",
            REQUEST.to_owned(),
            response("(unreachable)"),
        ),
        (
            "response exits well",
            REQUEST.to_owned(),
            response("(call $exit (i32.const 0))"),
        ),
        (
            "response exits",
            REQUEST.to_owned(),
            response("(call $exit (i32.const 1))"),
        ),
        (
            "response changes unbuffered",
            REQUEST.to_owned(),
            response("(call $status (i32.const 201))"),
        ),
    ];
    for (name, request, response) in table {
        let server = behind(&module(&[HEAD, &request, &response]), &[]);
        let answer = server.post("/execute/greet", b"World");
        assert_eq!(answer.status, 500, "{name}: {}", answer.text());
        assert!(!answer.text().contains("Hello"), "{name}");
    }
}

/// A guard whose setup must have run. It denies with its configuration as the body.
#[test]
fn a_handler_is_set_up_before_its_first_request_wherever_the_setup_is() {
    let deny = r#"(func (export "handle_request") (result i64)
        (if (i32.eqz (global.get $length)) (then (return (i64.const 1))))
        (call $status (i32.const 403))
        (call $write (i32.const 1) (i32.const 64) (global.get $length))
        (i64.const 0))"#;
    let setup = "(global.set $length (i32.add (global.get $length)
        (call $config (i32.const 64) (i32.const 100))))";
    let export = |name: &str| format!("(func (export \"{name}\") {setup})");
    let start = format!("(func $start {setup}) (start $start)");
    let both = [export("_initialize"), export("_start")].concat();
    let table = [
        ("start function", start, "secret"),
        ("_initialize", export("_initialize"), "secret"),
        ("__wasm_call_ctors", export("__wasm_call_ctors"), "secret"),
        ("_start", export("_start"), "secret"),
        ("_start and _initialize", both, "secret\0\0\0\0\0\0"),
    ];
    for (name, setup, said) in table {
        let server = {
            let directory = plugins(&[("greet", "rust-greet.wasm")]);
            let guard = module(&[HEAD, deny, RESPONSE, &setup]);
            std::fs::write(directory.path().join("guard.wasm"), guard).unwrap();
            let config = directory.path().join("config");
            std::fs::write(&config, "secret").unwrap();
            let config = format!("guard={}", config.display());
            let flags = ["--middleware", "guard", "--middleware-config", &config];
            Server::start_in(directory, &flags)
        };
        for _ in 0..2 {
            let answer = server.post("/execute/greet", b"World");
            assert_eq!((answer.status, answer.text()), (403, said), "{name}");
        }
    }
}

#[test]
fn what_is_written_before_the_next_handler_comes_first() {
    let table = [
        // The features, the status that the handler sets, the path, and the answer's status and
        // body.
        (
            "nothing set",
            0,
            0,
            "/execute/greet",
            200,
            "deniedHello, World",
        ),
        (
            "unbuffered",
            0,
            403,
            "/execute/greet",
            403,
            "deniedHello, World",
        ),
        (
            "unbuffered, another",
            0,
            403,
            "/nowhere",
            403,
            "deniedno such resource\n",
        ),
        (
            "buffered",
            2,
            403,
            "/execute/greet",
            403,
            "deniedHello, World",
        ),
        (
            "buffered, another",
            2,
            403,
            "/nowhere",
            404,
            "deniedno such resource\n",
        ),
    ];
    for (name, features, status, target, expected, body) in table {
        let set = match status {
            0 => String::new(),
            _ => format!("(call $status (i32.const {status}))"),
        };
        let request = format!(
            "(func (export \"handle_request\") (result i64)
                (drop (call $enable (i32.const {features}))) {set}
                (call $write (i32.const 1) (i32.const 0) (i32.const 6))
                (i64.const 1))"
        );
        let server = behind(&module(&[HEAD, &request, RESPONSE]), &[]);
        let answer = server.post(target, b"World");
        assert_eq!((answer.status, answer.text()), (expected, body), "{name}");
    }
}

/// Without a prefix, a handler sees every target, even one without a path.
#[test]
fn a_handler_without_a_prefix_sees_every_target() {
    let deny = r#"(func (export "handle_request") (result i64)
        (call $status (i32.const 403)) (i64.const 0))"#;
    let server = behind(&module(&[HEAD, deny, RESPONSE]), &[]);
    for (method, target) in [
        ("GET", "/"),
        ("GET", "/%"),
        ("GET", "//"),
        ("OPTIONS", "*"),
        ("OPTIONS", "/healthz"),
        ("GET", "http://localhost/healthz"),
        ("TRACE", "/"),
    ] {
        let answer = server.ask(method, target, &[], b"");
        assert_eq!(answer.status, 403, "{method} {target}: {}", answer.text());
    }
}

/// Two handlers. The second reports what the first passed on.
#[test]
fn what_a_handler_passes_on_is_what_the_next_one_sees() {
    let first = format!(
        r#"{HEAD}
        (import "http_handler" "set_uri" (func $uri (param i32 i32)))
        (import "http_handler" "set_method" (func $method (param i32 i32)))
        (import "http_handler" "set_header_value" (func $set (param i32 i32 i32 i32 i32)))
        (import "http_handler" "add_header_value" (func $add (param i32 i32 i32 i32 i32)))
        (import "http_handler" "remove_header" (func $remove (param i32 i32 i32)))
        (data (i32.const 128) "/a b?q=c d") (data (i32.const 160) "PATCH")
        (data (i32.const 192) "X-One") (data (i32.const 208) "X-Two")
        (data (i32.const 224) "X-Gone") (data (i32.const 240) "new")
        (func (export "handle_request") (result i64)
            (call $uri (i32.const 128) (i32.const 10))
            (call $method (i32.const 160) (i32.const 5))
            (call $set (i32.const 0) (i32.const 192) (i32.const 5) (i32.const 240) (i32.const 3))
            (call $add (i32.const 0) (i32.const 208) (i32.const 5) (i32.const 240) (i32.const 3))
            (call $remove (i32.const 0) (i32.const 224) (i32.const 6))
            (call $write (i32.const 0) (i32.const 0) (i32.const 6))
            (i64.const 1))"#
    )
    .replace(HEAD, "");
    let imports_first = {
        let (imports, rest): (Vec<&str>, Vec<&str>) = [HEAD, &first]
            .into_iter()
            .flat_map(str::lines)
            .partition(|line| line.trim_start().starts_with("(import"));
        [imports.join("\n"), rest.join("\n")].concat()
    };
    let directory = plugins(&[("echo", "wat/http-echo.wat")]);
    let guard = module(&[&imports_first, RESPONSE]);
    std::fs::write(directory.path().join("guard.wasm"), guard).unwrap();
    let server = Server::start_in(
        directory,
        &["--middleware", "guard", "--middleware", "echo"],
    );
    let headers = ["x-one: 1", "x-two: 2", "x-gone: 3"];
    let answer = server.ask("POST", "/z", &headers, b"four");
    let seen = |name: &str| answer.header(&format!("x-httpwasm-next-{name}"));
    for (name, value) in [
        ("uri", Some("/a%20b?q=c%20d")),
        ("method", Some("PATCH")),
        ("header-x-one-0", Some("new")),
        ("header-x-one-1", None),
        ("header-x-two-0", Some("2")),
        ("header-x-two-1", Some("new")),
        ("header-x-gone-0", None),
        ("header-content-length-0", Some("6")),
    ] {
        assert_eq!(seen(name), value, "{name}");
    }
}

/// Trailers of a request reach a handler, and those that it sets reach a client that takes them.
#[test]
fn trailers_pass_in_both_directions() {
    let imports = r#"(import "http_handler" "get_header_values"
            (func $get (param i32 i32 i32 i32 i32) (result i64)))
        (import "http_handler" "set_header_value" (func $set (param i32 i32 i32 i32 i32)))"#;
    // The trailer `end` of the request becomes one of the response.
    let copies = r#"(data (i32.const 16) "end") (data (i32.const 32) "content-length")
        (func (export "handle_request") (result i64)
            (drop (call $enable (i32.const 6)))
            (global.set $length (i32.wrap_i64 (call $get
                (i32.const 2) (i32.const 16) (i32.const 3) (i32.const 64) (i32.const 100))))
            (i64.const 1))
        (func (export "handle_response") (param i32 i32)
            (if (i32.eqz (global.get $length)) (then (return)))
            (call $set (i32.const 3) (i32.const 32) (i32.const 14) (i32.const 64) (i32.const 1))
            (call $set (i32.const 3) (i32.const 16) (i32.const 3)
                (i32.const 64) (i32.sub (global.get $length) (i32.const 1))))"#;
    let server = behind(&module(&[imports, HEAD, copies]), &[]);
    const CHUNKS: &str = "transfer-encoding: chunked\r\n";
    let table = [
        (
            "taken",
            ["te: trailers\r\n", CHUNKS],
            "5\r\nWorld\r\n0\r\nend: 1 2\r\n\r\n",
            &[
                "transfer-encoding: chunked\r\n",
                "trailer: end\r\n",
                "C\r\nHello, World\r\n0\r\nend: 1 2\r\n\r\n",
            ][..],
        ),
        (
            "not taken by the client",
            ["", CHUNKS],
            "5\r\nWorld\r\n0\r\nend: 1 2\r\n\r\n",
            &["C\r\nHello, World\r\n0\r\n\r\n"],
        ),
        (
            "no trailers",
            ["te: trailers\r\n", CHUNKS],
            "5\r\nWorld\r\n0\r\n\r\n",
            &["content-length: 12\r\n", "\r\n\r\nHello, World"],
        ),
        (
            "a body of a known length",
            ["te: trailers\r\n", "content-length: 5\r\n"],
            "World",
            &["content-length: 12\r\n", "\r\n\r\nHello, World"],
        ),
    ];
    for (name, fields, body, expected) in table {
        let head = "POST /execute/greet HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n";
        let mut stream = TcpStream::connect(server.address).unwrap();
        let request = [head, &fields.concat(), "\r\n", body].concat();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        for part in expected {
            assert!(answer.contains(part), "{name}: {part:?} in {answer:?}");
        }
    }
}

/// The section of a handler in the configuration file: its environment when it is set up, and the
/// limits of each of its calls.
#[test]
fn the_section_of_a_handler_holds_for_its_calls() {
    // Traps without a variable. Answers with the number of variables, unless the fuel ends first.
    let guard = module(&[
        r#"(import "wasi_snapshot_preview1" "environ_sizes_get"
            (func $sizes (param i32 i32) (result i32)))"#,
        HEAD,
        r#"(func (export "_initialize")
            (drop (call $sizes (i32.const 64) (i32.const 68)))
            (if (i32.eqz (i32.load (i32.const 64))) (then (unreachable))))
        (func (export "handle_request") (result i64)
            (local $n i32) (local.set $n (i32.const 100000))
            (loop (br_if 0 (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
            (i32.store8 (i32.const 64) (i32.add (i32.load (i32.const 64)) (i32.const 48)))
            (call $write (i32.const 1) (i32.const 64) (i32.const 1))
            (i64.const 0))"#,
        RESPONSE,
    ]);
    for (name, section, expected) in [
        ("a variable", "env = { A = \"b\" }", Ok((200, "1"))),
        (
            "two variables",
            "env = { A = \"b\", C = \"d\" }",
            Ok((200, "2")),
        ),
        (
            "too little fuel for a request",
            "env = { A = \"b\" }\nfuel = 100000",
            Ok((504, "out of fuel")),
        ),
        (
            "no variable",
            "fuel = 100000",
            Err("`unreachable` executed"),
        ),
        (
            "too little fuel to set it up",
            "env = { A = \"b\" }\nfuel = 5",
            Err("out of fuel"),
        ),
    ] {
        let directory = plugins(&[]);
        std::fs::write(directory.path().join("guard.wasm"), &guard).unwrap();
        let config = directory.path().join("gateway.toml");
        std::fs::write(
            &config,
            format!("middleware = \"guard\"\n[plugin.guard]\n{section}\n"),
        )
        .unwrap();
        let flags = ["--config", config.to_str().unwrap()];
        match expected {
            Ok((status, said)) => {
                let answer = Server::start_in(directory, &flags).get("/");
                assert_eq!(answer.status, status, "{name}: {}", answer.text());
                assert!(answer.text().contains(said), "{name}: {}", answer.text());
            }
            Err(said) => {
                let output = Command::new(env!("CARGO_BIN_EXE_pocketwasm"))
                    .args(["serve", "--listen", "127.0.0.1:0"])
                    .args(flags)
                    .arg("--plugins")
                    .arg(directory.path())
                    .output()
                    .unwrap();
                let stderr = String::from_utf8(output.stderr).unwrap();
                let line = stderr.lines().last().unwrap_or_default();
                assert!(line.contains(said), "{name}: {stderr}");
                assert_eq!(output.status.code(), Some(2), "{name}");
            }
        }
    }
}
