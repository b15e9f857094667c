//! Malformed and hostile requests: each gets the right status, and the gateway survives.

use crate::server::Server;

fn server() -> Server {
    Server::start(
        &[("greet", "rust-greet.wasm"), ("cgi", "cgi-rust.wasm")],
        &["--max-body", "64KiB", "--max-header", "8KiB"],
    )
}

#[test]
fn bytes_on_the_wire() {
    let server = server();
    let long_target = format!(
        "GET /{} HTTP/1.1\r\nhost: localhost\r\n\r\n",
        "a".repeat(70_000)
    );
    let long_header = format!(
        "GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n",
        "a".repeat(9_000)
    );
    let many_headers = format!(
        "GET /healthz HTTP/1.1\r\nhost: localhost\r\n{}\r\n",
        "x: y\r\n".repeat(200)
    );
    let post = "POST /execute/greet HTTP/1.1\r\nhost: localhost\r\n";
    let with = |headers: &str| format!("{post}{headers}\r\n\r\nabc");
    let table: [(&str, String, u16); 27] = [
        ("no request", "\x01\x02\x03\r\n\r\n".into(), 400),
        ("a greeting of TLS", "\x16\x03\x01\x02\r\n\r\n".into(), 400),
        (
            "a method with a space",
            "GE T / HTTP/1.1\r\nhost: localhost\r\n\r\n".into(),
            400,
        ),
        ("no version", "GET /\r\n\r\n".into(), 400),
        (
            "another version",
            "GET / HTTP/3.0\r\nhost: localhost\r\n\r\n".into(),
            400,
        ),
        (
            "a target with a space",
            "GET /a b HTTP/1.1\r\nhost: localhost\r\n\r\n".into(),
            400,
        ),
        (
            "a header without a colon",
            "GET / HTTP/1.1\r\nhost localhost\r\n\r\n".into(),
            400,
        ),
        (
            "a folded header",
            "GET / HTTP/1.1\r\nhost: localhost\r\nx: a\r\n b\r\n\r\n".into(),
            400,
        ),
        ("a space before a colon", with("content-length : 3"), 400),
        ("no host", "GET /healthz HTTP/1.1\r\n\r\n".into(), 400),
        (
            "two hosts",
            "GET /healthz HTTP/1.1\r\nhost: localhost\r\nhost: localhost\r\n\r\n".into(),
            400,
        ),
        (
            "another host",
            "GET /healthz HTTP/1.1\r\nhost: evil.example\r\n\r\n".into(),
            421,
        ),
        ("a long target", long_target, 431),
        ("a long header", long_header, 431),
        ("many headers", many_headers, 431),
        ("a length that is no number", with("content-length: x"), 400),
        ("a negative length", with("content-length: -3"), 400),
        ("a length with a sign", with("content-length: +3"), 400),
        (
            "a length beyond 64 bits",
            with("content-length: 99999999999999999999"),
            400,
        ),
        (
            "two lengths",
            with("content-length: 3\r\ncontent-length: 4"),
            400,
        ),
        ("a list of lengths", with("content-length: 3, 4"), 400),
        (
            "a length beyond the limit",
            with("content-length: 65537"),
            413,
        ),
        ("an unknown encoding", with("transfer-encoding: gzip"), 400),
        (
            "chunked, but not last",
            with("transfer-encoding: chunked, gzip"),
            400,
        ),
        (
            "a chunk size that is none",
            format!("{post}transfer-encoding: chunked\r\n\r\nxyz\r\n"),
            400,
        ),
        (
            "a chunk size beyond 64 bits",
            format!("{post}transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc"),
            400,
        ),
        (
            "chunks beyond the limit",
            format!(
                "{post}transfer-encoding: chunked\r\n\r\n10001\r\n{}\r\n0\r\n\r\n",
                "a".repeat(65_537)
            ),
            413,
        ),
    ];
    for (name, bytes, status) in table {
        let mut client = server.client();
        client.send(bytes);
        match client.answer() {
            Ok(answer) => assert_eq!(answer.status, status, "{name}"),
            Err(error) => panic!("{name}: {error}"),
        }
    }
    assert!(server.is_well());
}

#[test]
fn nothing_is_smuggled_behind_a_request_with_two_lengths() {
    let server = server();
    let smuggled = "GET /smuggled HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let chunks = "3\r\nabc\r\n0\r\n\r\n";
    for lengths in [
        "content-length: 3\r\ntransfer-encoding: chunked",
        "transfer-encoding: chunked\r\ncontent-length: 3",
        "transfer-encoding: chunked\r\ncontent-length: 300",
    ] {
        let mut client = server.client();
        client.send(format!(
            "POST /execute/greet HTTP/1.1\r\nhost: localhost\r\n{lengths}\r\n\r\n{chunks}{smuggled}"
        ));
        let answer = client.answer().unwrap();
        assert_eq!(
            (answer.status, answer.text()),
            (200, "Hello, abc"),
            "{lengths}"
        );
        // Whoever is in front may have seen another end of it, so nothing after it counts.
        assert!(client.is_closed(), "{lengths}");
    }
    assert_eq!(
        server.metric("pocketwasm_requests_total{route=\"none\",status=\"404\"}"),
        0.0
    );
    assert!(server.is_well());
}

#[test]
fn targets() {
    let server = server();
    let table = [
        ("POST", "/execute/../../etc/passwd", 404),
        ("POST", "/execute/%2e%2e/%2e%2e/etc/passwd", 404),
        ("POST", "/execute/..%2f..%2fetc%2fpasswd", 404),
        ("POST", "/execute/%252e%252e/greet", 404),
        ("POST", "/execute//greet", 404),
        ("POST", "/execute/greet/", 404),
        ("POST", "/execute/", 404),
        ("POST", "/execute/.wasm", 404),
        ("POST", "/execute/greet%00", 404),
        ("POST", "/execute/greet.wasm.wat", 404),
        ("POST", "/execute/%ff%fe", 400),
        ("POST", "/execute/%c0%ae%c0%ae", 400),
        ("POST", "/execute/%", 400),
        ("POST", "/execute/%1", 400),
        ("POST", "/execute/greet?func=%ff", 400),
        ("POST", "/execute/greet?func=", 404),
        ("POST", "/execute/greet?funk=greet", 400),
        ("POST", "/execute/greet?func=a&func=b", 400),
        ("POST", "/execute/greet?fuel=-1", 400),
        ("POST", "/execute/greet?fuel=1e9", 400),
        (
            "POST",
            "/execute/greet?timeout_ms=9999999999999999999999",
            400,
        ),
        ("GET", "/execute/greet", 405),
        ("PUT", "/execute/greet", 405),
        ("OPTIONS", "/execute/greet", 405),
        ("DELETE", "/plugins", 405),
        ("POST", "/healthz", 405),
        ("GET", "/reload", 405),
        ("POST", "/reload", 404),
        ("BREW", "/", 405),
        ("GET", "/nowhere", 404),
        ("GET", "/cgi/none/x", 404),
        ("GET", "/cgi/greet", 404),
        ("GET", "/cgi/cgi/%zz", 201),
        ("GET", "/cgi/cgi/caf%E9", 201),
        ("GET", "/cgi/cgi?100%", 201),
        ("GET", "/cgi/cgi?q=caf%E9", 201),
        ("GET", "/cgi/%zz", 404),
        ("GET", "/cgi/cgi/%00", 400),
        ("TRACE", "/cgi/cgi", 405),
        ("POST", "/page.js", 405),
    ];
    for (method, target, status) in table {
        let answer = server.ask(method, target, &[], b"");
        assert_eq!(
            answer.status,
            status,
            "{method} {target}: {:?}",
            answer.text()
        );
        assert_eq!(
            answer.header("allow").is_some(),
            status == 405,
            "{method} {target}"
        );
    }
    let answer = server.ask("GET", "/execute/greet", &[], b"");
    assert_eq!(answer.header("allow"), Some("POST"));
    let answer = server.ask("PUT", "/plugins", &[], b"");
    assert_eq!(answer.header("allow"), Some("GET, HEAD"));
    assert!(server.is_well());
}

#[test]
fn a_page_of_another_origin_cannot_call() {
    let server = server();
    let table = [
        ("origin: http://evil.example", 403),
        ("origin: null", 403),
        ("sec-fetch-site: cross-site", 403),
        ("origin: http://localhost", 200),
        ("sec-fetch-site: same-origin", 200),
    ];
    for (header, status) in table {
        let answer = server.ask("POST", "/execute/greet", &[header], b"World");
        assert_eq!(answer.status, status, "{header}");
    }
}
