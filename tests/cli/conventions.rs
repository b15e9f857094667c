//! The same commands for plugins of every convention.

use super::Guests;
use std::{
    io::{Read, Write},
    net::TcpListener,
    thread,
};

#[test]
fn text_goes_to_whatever_convention_the_plugin_has() {
    for (guest, export, inputs, result) in [
        ("rust-greet", "greet", &["World"][..], "Hello, World"),
        ("as-greet", "greet", &["World"], "Hello, World"),
        ("typst-rust", "greet", &["World"], "Hello, World"),
        (
            "typst-rust",
            "concat",
            &["Hello, ", "World"],
            "Hello, World",
        ),
        ("extism-rust", "greet", &["World"], "Hello, World"),
        ("extism-as", "greet", &["World"], "Hello, World"),
        ("extism-zig", "greet", &["World"], "Hello, World"),
        ("c-string", "join", &["Hello, ", "World"], "Hello, World"),
        ("extism-rust", "config", &["--config", "who=Ada"], "Ada"),
        ("wapc-rust", "greet", &["World"], "Hello, World"),
        (
            "rust-command",
            "_start",
            &["hello"],
            "stdin: 5 bytes\nHELLO\n",
        ),
        (
            "cgi-rust",
            "_start",
            &["--convention", "cgi", "body"],
            "method: POST\npath: /\nquery: \nbody",
        ),
    ] {
        let module = format!("{guest}.wasm");
        let guests = Guests::new(&[&module]);
        let ran = guests.run([&["text", &module, export], inputs].concat());
        let stderr = if guest == "rust-command" {
            "done\n"
        } else {
            ""
        };
        ran.is(guest, 0, result, stderr);
    }
}

#[test]
fn an_error_of_the_plugins_own_has_a_code_of_its_own() {
    for guest in ["extism-rust", "wapc-rust", "typst-rust"] {
        let module = format!("{guest}.wasm");
        let guests = Guests::new(&[&module]);
        let message = format!(
            "pocketwasm: plugin \"{module}\", export \"fail\": the plugin reports: no thanks\n"
        );
        guests
            .run(["text", &module, "fail"])
            .is(guest, 8, "", &message);
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let guests = Guests::new(&["add.wat", "typst-rust.wasm"]);
    guests.run(["text", "typst-rust.wasm", "concat", "one"]).is(
        "too few inputs",
        2,
        "",
        "pocketwasm: plugin \"typst-rust.wasm\", export \"concat\": takes 2 inputs, not 1 (typst)\n",
    );
    guests
        .run(["text", "--convention", "extism", "add.wasm", "add", "x"])
        .is(
            "another convention",
            2,
            "",
            "pocketwasm: plugin \"add.wasm\", export \"add\": has type (i32, i32) -> (i32); \
             passing bytes needs () -> (i32) (extism); `pocketwasm call add.wasm add` passes \
             numbers (i32, i32) -> (i32)\n",
        );
    let ran = guests.run(["text", "--convention", "pascal", "add.wasm", "add", "x"]);
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.stderr.contains(
            "no such convention; there are typst, extism, wapc, http-wasm, assemblyscript, \
             packed-pointer, c-string, command, cgi"
        ),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_commands_input_is_its_stdin() {
    let guests = Guests::new(&["rust-command.wasm"]);
    guests.put("input", "given");
    let text = ["text", "--stdin", "input", "rust-command.wasm", "_start"];
    guests
        .run(text)
        .is("the file", 0, "stdin: 5 bytes\nGIVEN\n", "done\n");
    guests.run([&text[..], &["hello"]].concat()).is(
        "both",
        2,
        "",
        "pocketwasm: plugin \"rust-command.wasm\", export \"_start\": invalid config: `stdin` is \
         where the input goes (command); give one of the two\n",
    );
}

#[test]
fn inspecting_shows_the_convention_and_why() {
    let guests = Guests::new(&["extism-rust.wasm"]);
    let ran = guests.run(["inspect", "extism-rust.wasm"]);
    assert!(
        ran.stdout
            .contains("\nconvention  extism (imports from `extism:host/env`)\n"),
        "{}",
        ran.stdout
    );
    let report = guests.run(["inspect", "--json", "extism-rust.wasm"]).json();
    assert_eq!(report["convention"], "extism");
    assert_eq!(
        report["convention_reason"],
        "imports from `extism:host/env`"
    );
}

#[test]
fn a_command_can_have_several_entries() {
    let guests = Guests::new(&[]);
    let module = wat::parse_str(
        r#"(module
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (memory (export "memory") 1)
            (func (export "_start") (call $exit (i32.const 1)))
            (func (export "other") (call $exit (i32.const 9))))"#,
    );
    guests.put("entries.wasm", module.unwrap());
    guests.run(["run", "entries.wasm"]).is("_start", 1, "", "");
    guests
        .run(["run", "--invoke", "other", "entries.wasm"])
        .is("other", 9, "", "");
    guests.run(["run", "--invoke", "none", "entries.wasm"]).is(
        "none",
        3,
        "",
        "pocketwasm: plugin \"entries.wasm\", export \"none\": no export \"none\"; this plugin \
             exports: other, _start\n",
    );
}

#[test]
fn requests_go_to_allowed_hosts_and_redirects_nowhere() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        let mut piece = [0; 1_024];
        while !request.ends_with(b"\r\n\r\n") {
            let count = stream.read(&mut piece).unwrap();
            assert_ne!(count, 0);
            request.extend_from_slice(&piece[..count]);
        }
        stream
            .write_all(
                b"HTTP/1.1 302 Found\r\nLocation: http://example.org/\r\nContent-Length: 5\r\n\
                  Connection: close\r\n\r\nmoved",
            )
            .unwrap();
        String::from_utf8(request).unwrap()
    });
    let guests = Guests::new(&["extism-hostile.wat"]);
    let input = format!(r#"{{"url":"http://{address}/a?b","headers":{{"X-Own":"1"}}}}"#);
    let refused = guests.run(["text", "extism-hostile.wasm", "fetch", &input]);
    refused.is(
        "no host",
        5,
        "",
        "pocketwasm: plugin \"extism-hostile.wasm\", export \"fetch\": an HTTP request to \
         \"127.0.0.1\" was refused: this runner has no HTTP client\n",
    );
    let other = [
        "text",
        "--allow-host",
        "example.org",
        "extism-hostile.wasm",
        "fetch",
        &input,
    ];
    guests.run(other).is(
        "another host",
        5,
        "",
        "pocketwasm: plugin \"extism-hostile.wasm\", export \"fetch\": an HTTP request to \
         \"127.0.0.1\" was refused: allowed hosts are: example.org\n",
    );
    let allowed = [
        "text",
        "--allow-host",
        "127.0.0.1",
        "extism-hostile.wasm",
        "fetch",
        &input,
    ];
    guests.run(allowed).is("allowed", 0, "moved", "");
    let request = server.join().unwrap();
    assert!(request.starts_with("GET /a?b HTTP/1.1\r\n"), "{request}");
    assert!(
        request.to_ascii_lowercase().contains("\r\nx-own: 1\r\n"),
        "{request}"
    );
}
