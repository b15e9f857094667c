//! http-wasm's handlers in front of routes. `serve-handler.wat` says what that guest does.

use crate::server::{Server, fixture_bytes, plugins};
use std::{fs, process::Command};

const HANDLER: (&str, &str) = ("handler", "wat/serve-handler.wat");
const INTERNAL: &str = "something failed on this side; the log has it by the request's id\n";

fn server(handler: &str, flags: &[&str]) -> Server {
    Server::start(
        &[
            HANDLER,
            ("greet", "rust-greet.wasm"),
            ("hog", "wat/serve-hog.wat"),
            ("spin", "wat/serve-spin.wat"),
            ("cgi", "cgi-rust.wasm"),
            ("env", "wat/environment.wat"),
        ],
        &[&["--middleware", handler], flags].concat(),
    )
}

#[test]
fn a_handler_lets_pass_changes_and_answers() {
    let server = server("handler", &[]);
    let table = [
        ("POST", "/execute/greet", 200, "Hello, body"),
        (
            "POST",
            "/cgi/cgi/a",
            201,
            "method: POST\npath: /a\nquery: \nbody",
        ),
        (
            "POST",
            "/cgi/cgi/body",
            201,
            "method: POST\npath: /body\nquery: \nchanged",
        ),
        (
            "POST",
            "/cgi/cgi/method",
            201,
            "method: PUT\npath: /method\nquery: \nbody",
        ),
        ("POST", "/cgi/cgi/back-body", 201, "changed"),
        (
            "POST",
            "/cgi/none/go",
            405,
            "this resource answers GET, HEAD only\n",
        ),
        ("GET", "/healthz", 200, "ok\n"),
        ("GET", "/nowhere", 404, "no such resource\n"),
    ];
    for (method, target, status, body) in table {
        let answer = server.ask(method, target, &[], b"body");
        assert_eq!((answer.status, answer.text()), (status, body), "{target}");
        assert_eq!(answer.header("x-handler"), Some(""), "{target}");
        assert_eq!(answer.header("x-failed"), None, "{target}");
        assert!(answer.header("x-request-id").is_some(), "{target}");
        assert!(
            answer.header("x-pocketwasm-fuel-used").is_some(),
            "{target}"
        );
    }
    let teapot = server.post("/execute/greet?func=/teapot", b"");
    assert_eq!((teapot.status, teapot.text()), (418, "changed"));
    let listed = server.get("/execute/greet/go").json();
    assert_eq!(listed["plugins"][0]["name"], "cgi");
    let failed = server.post("/execute/hog", b"");
    assert_eq!(
        (failed.status, failed.header("x-failed")),
        (500, Some("PUT"))
    );
    assert_eq!(failed.header("x-handler"), Some(""));
    let metric = "pocketwasm_requests_total{route=\"middleware\",status=\"418\"}";
    assert_eq!(server.metric(metric), 1.0);
}

#[test]
fn whatever_a_handler_fails_by_nothing_gets_past_it() {
    let server = server("handler", &["--timeout", "300ms"]);
    let trap =
        |export| format!("plugin \"handler\", export \"{export}\": trap: `unreachable` executed\n");
    let table = [
        ("trap", 500, trap("handle_request")),
        ("back-trap", 500, trap("handle_response")),
        (
            "spin",
            504,
            "plugin \"handler\", export \"handle_request\": timed out: the limit `timeout` is \
             300ms\n"
                .to_owned(),
        ),
        ("leave", 500, INTERNAL.to_owned()),
        (
            "never",
            502,
            "the plugin's response is invalid: the status is not from 200 to 599\n".to_owned(),
        ),
        (
            "far",
            502,
            "the plugin's request is invalid: its target is no path\n".to_owned(),
        ),
        (
            "many",
            502,
            "the plugin's request is invalid: there are more than 128 fields\n".to_owned(),
        ),
    ];
    for (word, status, body) in table {
        let answer = server.post(&format!("/cgi/cgi/{word}"), b"");
        assert_eq!((answer.status, answer.text()), (status, &*body), "{word}");
        assert_eq!(answer.header("x-handler"), None, "{word}");
        assert!(answer.header("x-pocketwasm-fuel-used").is_some(), "{word}");
    }
    // But for the one that it sees too late, the script was never called.
    let scripts = "pocketwasm_calls_total{plugin=\"cgi\",ending=\"ok\"}";
    assert_eq!(server.metric(scripts), 1.0);
    let trapped = "pocketwasm_calls_total{plugin=\"handler\",ending=\"trap\"}";
    assert_eq!(server.metric(trapped), 2.0);
    assert!(server.is_well());
}

#[test]
fn the_outermost_handler_sees_a_request_first_and_its_answer_last() {
    let directory = plugins(&[
        ("outer", "wat/serve-handler.wat"),
        ("inner", "wat/serve-handler.wat"),
        ("env", "wat/environment.wat"),
    ]);
    let configs = tempfile::tempdir().unwrap();
    let config = |name: &str| {
        let path = configs.path().join(name);
        fs::write(&path, name).unwrap();
        format!("{name}={}", path.display())
    };
    let flags = ["--middleware", "outer", "--middleware", "inner=/cgi/"];
    let (outer, inner) = (config("outer"), config("inner"));
    let configs = ["--middleware-config", &outer, "--middleware-config", &inner];
    let server = Server::start_in(directory, &[flags, configs].concat());
    let answer = server.get("/cgi/env");
    let env: Vec<_> = answer.text().split('\0').collect();
    assert!(env.contains(&"HTTP_X_SEEN=outer, inner"), "{env:?}");
    let handlers: Vec<_> = answer.values("x-handler").collect();
    assert_eq!(handlers, ["inner", "outer"]);
    // Where a handler asks for another path, the ones after it are those of that path.
    let handlers = server.get("/cgi/env/go");
    assert_eq!(handlers.json()["plugins"][0]["name"], "env");
    assert_eq!(handlers.values("x-handler").collect::<Vec<_>>(), ["outer"]);
}

#[test]
fn a_prefix_holds_for_every_spelling() {
    let server = Server::start(
        &[
            HANDLER,
            ("secret", "rust-greet.wasm"),
            ("greet", "rust-greet.wasm"),
        ],
        &["--middleware", "handler=/execute/secret"],
    );
    for (target, covered) in [
        ("/execute/secret", true),
        ("/execute/secret.wasm", true),
        ("/execute/%73ecret", true),
        ("/%65xecute/secret", true),
        ("/execute/greet", false),
        ("/healthz", false),
    ] {
        let answer = server.post(target, b"World");
        assert_eq!(answer.header("x-handler").is_some(), covered, "{target}");
    }
    assert_eq!(server.post("/execute/%", b"").status, 400);
}

#[test]
fn a_handler_can_be_replaced_while_it_serves() {
    let token = ["--reload-token", "secret"];
    let bearer = ["authorization: Bearer secret"];
    let server = Server::start(
        &[HANDLER, ("greet", "rust-greet.wasm")],
        &["--middleware", "handler=/execute/", token[0], token[1]],
    );
    let handled = || server.post("/execute/greet", b"World");
    let reload = || assert_eq!(server.ask("POST", "/reload", &bearer, b"").status, 200);
    assert_eq!(handled().header("x-handler"), Some(""));

    server.put("handler", b"broken");
    reload();
    assert_eq!(handled().header("x-handler"), Some(""));

    server.put("handler", &fixture_bytes("httpwasm-rust.wasm"));
    reload();
    assert_eq!(handled().header("x-guest"), Some("rust"));
    assert!(server.is_well());

    // No handler any more, or none at all: the routes behind it are closed.
    server.put("handler", &fixture_bytes("add.wasm"));
    reload();
    assert_eq!((handled().status, handled().text()), (500, INTERNAL));
    fs::remove_file(server.path("handler.wasm")).unwrap();
    reload();
    assert_eq!((handled().status, handled().text()), (500, INTERNAL));
    assert_eq!(server.get("/healthz").status, 200);
}

/// The metric of a plugin's calls that ended so.
fn calls(plugin: &str, ending: &str) -> String {
    format!("pocketwasm_calls_total{{plugin=\"{plugin}\",ending=\"{ending}\"}}")
}

#[test]
fn a_client_that_goes_away_takes_the_handlers_call_with_it() {
    let server = server("handler=/execute/", &["--timeout", "60s"]);
    let in_the_handler = server.begin_to_reset("/execute/greet/spin");
    server.wait("pocketwasm_calls_running", 1.0);
    drop(in_the_handler);
    server.wait("pocketwasm_requests_in_flight", 1.0);
    server.wait(&calls("handler", "cancelled"), 1.0);
    let behind_it = server.begin_to_reset("/execute/spin?");
    // The handler's own call is over, and the plugin's runs. For a moment the call that has ended
    // still counts as running.
    server.wait(&calls("handler", "ok"), 1.0);
    let mut in_a_row = 0;
    server.wait_until("the plugin's call runs", || {
        let runs = server.metric("pocketwasm_calls_running") == 1.0;
        in_a_row = if runs { in_a_row + 1 } else { 0 };
        in_a_row == 5
    });
    drop(behind_it);
    server.wait(&calls("spin", "cancelled"), 1.0);
    assert!(server.is_well());
}

#[test]
fn what_waiting_handlers_hold_is_bounded() {
    let server = server(
        "handler=/execute/",
        &["--max-held", "128KiB", "--timeout", "60s"],
    );
    let waits = server.begin_to_reset("/execute/spin?");
    server.wait(&calls("handler", "ok"), 1.0);
    // A page of memory, and the request: no others fit beside them.
    server.wait_until("a handler that waits", || {
        let answer = server.post("/execute/greet", b"World");
        let message = "handlers that wait for answers take up the room\n";
        answer.status == 503
            && answer.text() == message
            && answer.header("retry-after") == Some("1")
    });
    drop(waits);
    server.wait_until("room", || server.is_well());
    assert!(server.metric("pocketwasm_rejected_total{reason=\"held\"}") >= 1.0);
}

#[test]
fn what_is_no_handler_is_refused_at_the_start() {
    let directory = plugins(&[HANDLER, ("add", "add.wasm")]);
    let path = directory.path().to_str().unwrap();
    let missing = format!("handler={path}/missing");
    let large = format!("handler={path}/large");
    fs::write(directory.path().join("large"), vec![0; (1 << 20) + 1]).unwrap();
    let table: [(&[&str], &str); 6] = [
        (
            &["--middleware", "guard"],
            "pocketwasm: --middleware guard: no plugin \"guard\"; loaded are: add, handler\n",
        ),
        (
            &["--middleware", "add"],
            "pocketwasm: --middleware add: plugin \"add\": this plugin handles no requests: no export \
             `handle_request` of type () -> (i64) (http-wasm)\n",
        ),
        (
            &["--middleware", "handler=execute"],
            "pocketwasm: invalid value 'handler=execute' for '--middleware <NAME[=PREFIX]>': a prefix \
             begins with /\n",
        ),
        (
            &["--middleware-config", &missing],
            "pocketwasm: --middleware-config handler: there is no such --middleware\n",
        ),
        (
            &["--middleware", "handler", "--middleware-config", &missing],
            "/missing: No such file or directory (os error 2)\n",
        ),
        (
            &["--middleware", "handler", "--middleware-config", &large],
            "/large: has more than 1048576 bytes\n",
        ),
    ];
    for (flags, expected) in table {
        let output = Command::new(env!("CARGO_BIN_EXE_pocketwasm"))
            .args(["serve", "--listen", "127.0.0.1:0", "--plugins", path])
            .args(flags)
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(expected), "{said:?} instead of {expected:?}");
        assert_eq!(output.status.code(), Some(2));
        assert!(output.stdout.is_empty());
    }
}
