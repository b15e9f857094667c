//! Plugins that are CGI programs.

use crate::server::Server;

fn server() -> Server {
    Server::start(
        &[
            ("cgi", "cgi-rust.wasm"),
            ("apps/cgi", "cgi-rust.wasm"),
            ("command", "rust-command.wasm"),
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
        "the plugin's answer is no CGI response: no empty line ends the headers\n"
    );
}
