//! The forms of a request, and fields that may occur only once.

use crate::server::{Server, plugins};
use std::{
    fs,
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    time::Duration,
};

/// Sends bytes, closes the sending half and returns the whole answer.
fn half_closed(server: &Server, request: &str) -> String {
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_client_that_closes_its_sending_half_gets_its_answer() {
    let server = Server::start(
        &[("greet", "rust-greet.wasm"), ("cgi", "cgi-rust.wasm")],
        &[],
    );
    for (name, request) in [
        ("health", "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n"),
        (
            "a call",
            "POST /execute/greet HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\n\r\nWorld",
        ),
        (
            "the last of a connection",
            "POST /execute/greet HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 5\r\n\r\nWorld",
        ),
        (
            "HTTP/1.0",
            "POST /execute/greet HTTP/1.0\r\ncontent-length: 5\r\n\r\nWorld",
        ),
        (
            "numbers",
            "POST /execute/greet?func=add&params=1,2 HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n",
        ),
        ("CGI", "GET /cgi/cgi/x HTTP/1.1\r\nhost: localhost\r\n\r\n"),
    ] {
        for _ in 0..5 {
            let answer = half_closed(&server, request);
            assert!(
                answer.contains(" 200 OK\r\n") || answer.contains(" 201 Created\r\n"),
                "{name}: {answer:?}"
            );
        }
    }
    assert!(server.is_well());
}

/// The host of a target in absolute form replaces `Host`.
#[test]
fn targets_in_absolute_form() {
    let server = Server::start(
        &[("greet", "rust-greet.wasm"), ("cgi", "cgi-rust.wasm")],
        &[],
    );
    for (name, head, status) in [
        (
            "absolute",
            "GET http://localhost/healthz HTTP/1.1\r\nhost: localhost",
            200,
        ),
        (
            "its host counts",
            "GET http://localhost/healthz HTTP/1.1\r\nhost: evil.example",
            200,
        ),
        (
            "its host counts here too",
            "GET http://evil.example/healthz HTTP/1.1\r\nhost: localhost",
            421,
        ),
        (
            "without Host",
            "GET http://localhost/healthz HTTP/1.1\r\nx: y",
            400,
        ),
        (
            "two hosts",
            "GET http://localhost/healthz HTTP/1.1\r\nhost: localhost\r\nhost: localhost",
            400,
        ),
        (
            "HTTP/1.0",
            "GET http://localhost/healthz HTTP/1.0\r\nx: y",
            200,
        ),
        (
            "with a user",
            "GET http://me@localhost/healthz HTTP/1.1\r\nhost: localhost",
            400,
        ),
        (
            "without a path",
            "GET http://localhost HTTP/1.1\r\nhost: localhost",
            200,
        ),
        (
            "CGI",
            "GET http://localhost/cgi/cgi/a?b HTTP/1.1\r\nhost: localhost",
            201,
        ),
    ] {
        let mut client = server.client();
        client.send(format!("{head}\r\n\r\n"));
        assert_eq!(client.answer().unwrap().status, status, "{name}");
    }
    let mut client = server.client();
    client.send("GET http://localhost/cgi/cgi/a%20b?c HTTP/1.1\r\nhost: localhost\r\n\r\n");
    let answer = client.answer().unwrap();
    assert!(
        answer.text().contains("path: /a b\nquery: c\n"),
        "{}",
        answer.text()
    );
}

/// A CGI program gets percent signs and bytes unchanged.
#[test]
fn the_query_of_cgi_is_as_it_was_sent() {
    let server = Server::start(&[("cgi", "cgi-rust.wasm")], &[]);
    for query in [
        "q=caf%E9",
        "100%",
        "%",
        "%zz",
        "q=caf%C3%A9",
        "a=%00",
        "%ff%fe",
    ] {
        let answer = server.get(&format!("/cgi/cgi?{query}"));
        assert_eq!(answer.status, 201, "{query}");
        assert!(
            answer.text().contains(&format!("query: {query}\n")),
            "{}",
            answer.text()
        );
    }
}

#[test]
fn a_field_that_must_be_once_is_once() {
    let server = Server::start(&[("greet", "rust-greet.wasm")], &[]);
    for header in ["authorization", "content-type", "origin", "traceparent"] {
        let fields = [
            format!("{header}: http://localhost"),
            format!("{header}: http://localhost"),
        ];
        let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
        let answer = server.ask("POST", "/execute/greet", &fields, b"World");
        assert_eq!(answer.text(), format!("the header {header} occurs twice\n"));
        assert_eq!(answer.status, 400);
    }
    let cgi = |output: &str| {
        wat::parse_str(format!(
            r#"(module
                (import "wasi_snapshot_preview1" "fd_write"
                    (func $write (param i32 i32 i32 i32) (result i32)))
                (memory (export "memory") 1)
                (data (i32.const 0) "\10\00\00\00\{:02x}\00\00\00")
                (data (i32.const 16) "{}")
                (func (export "_start")
                    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"#,
            output.len(),
            output.replace('\n', "\\n"),
        ))
        .unwrap()
    };
    let directory = plugins(&[]);
    for (name, output) in [
        ("type", "Content-Type: a/b\ncontent-type: c/d\n\n"),
        ("location", "Location: /a\nLocation: /b\n\n"),
        ("status", "Status: 200\nStatus: 200\n\n"),
        (
            "cookies",
            "Content-Type: a/b\nSet-Cookie: a=b\nSet-Cookie: c=d\n\n",
        ),
    ] {
        fs::write(directory.path().join(format!("{name}.wasm")), cgi(output)).unwrap();
    }
    let server = Server::start_in(directory, &[]);
    for (name, status) in [
        ("type", 502),
        ("location", 502),
        ("status", 502),
        ("cookies", 200),
    ] {
        assert_eq!(server.get(&format!("/cgi/{name}")).status, status, "{name}");
    }
}
