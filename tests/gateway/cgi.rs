//! Plugins that are CGI programs.

use crate::server::Server;

fn server() -> Server {
    Server::start(
        &[
            ("cgi", "cgi-rust.wasm"),
            ("apps/cgi", "cgi-rust.wasm"),
            ("command", "rust-command.wasm"),
            ("env", "wat/environment.wat"),
        ],
        &[],
    )
}

#[test]
fn a_request_is_its_environment_and_input() {
    let server = server();
    let table = [
        (
            "POST",
            "/cgi/cgi/a/b?x=1&y=2",
            "method: POST\npath: /a/b\nquery: x=1&y=2\nbody",
        ),
        ("PUT", "/cgi/cgi", "method: PUT\npath: \nquery: \nbody"),
        (
            "DELETE",
            "/cgi/apps/cgi/",
            "method: DELETE\npath: /\nquery: \nbody",
        ),
        (
            "POST",
            "/cgi/apps%2Fcgi/%41?q=%41",
            "method: POST\npath: /A\nquery: q=%41\nbody",
        ),
        (
            "POST",
            "/cgi/cgi.wasm/x",
            "method: POST\npath: /x\nquery: \nbody",
        ),
    ];
    for (method, target, expected) in table {
        let answer = server.ask(method, target, &[], b"body");
        assert_eq!((answer.status, answer.text()), (201, expected), "{target}");
        assert_eq!(answer.header("content-type"), Some("text/plain"));
        assert!(answer.header("x-pocketwasm-fuel-used").is_some());
    }
}

#[test]
fn a_script_is_told_where_it_is_and_no_secrets() {
    let server = server();
    let headers = [
        "authorization: Bearer secret",
        "proxy: http://evil.example",
        "x-twice: 1",
        "x-twice: 2",
        "x_twice: 3",
        "transfer-coding: x",
        "te: trailers",
    ];
    let answer = server.ask("GET", "/cgi/env/a%2fb?c=d&e", &headers, b"");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let version = env!("CARGO_PKG_VERSION");
    let port = server.address.port();
    assert_eq!(
        answer
            .text()
            .split('\0')
            .filter(|it| !it.is_empty())
            .collect::<Vec<_>>(),
        [
            "SCRIPT_NAME=/cgi/env",
            &format!("SERVER_PORT={port}"),
            "GATEWAY_INTERFACE=CGI/1.1",
            &format!("SERVER_SOFTWARE=pocketwasm/{version}"),
            "SERVER_PROTOCOL=HTTP/1.1",
            "SERVER_NAME=localhost",
            "REQUEST_METHOD=GET",
            "QUERY_STRING=c=d&e",
            "REMOTE_ADDR=127.0.0.1",
            "REMOTE_HOST=127.0.0.1",
            "CONTENT_TYPE=",
            "CONTENT_LENGTH=0",
            "PATH_INFO=/a/b",
            "HTTP_HOST=localhost",
            "HTTP_X_TWICE=1, 2",
            "HTTP_TRANSFER_CODING=x",
        ]
    );
}

#[test]
fn the_head_of_an_answer_has_no_body() {
    let server = server();
    let mut client = server.client();
    client.send("HEAD /cgi/cgi HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    // The length is that of the body which does not come.
    assert!(client.answer().is_err());
    assert!(client.is_closed());
}

#[test]
fn a_command_that_answers_otherwise_is_a_broken_gateway() {
    let server = server();
    let answer = server.get("/cgi/command?a=1");
    assert_eq!(answer.status, 502);
    assert_eq!(
        answer.text(),
        "plugin \"command\", export \"_start\": the output is no CGI response: the field \"arg 1: \
         a=1\"\n"
    );
}
