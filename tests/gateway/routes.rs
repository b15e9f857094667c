//! The answers of the routes.

use crate::server::{Server, fixture_bytes};

fn server() -> Server {
    Server::start(
        &[
            ("greet", "rust-greet.wasm"),
            ("nested/deep/greet", "rust-greet.wasm"),
            ("add", "add.wasm"),
            ("spin", "wat/serve-spin.wat"),
            ("hog", "wat/serve-hog.wat"),
            ("liar", "wat/serve-liar.wat"),
        ],
        &["--max-memory", "20p", "--timeout", "20s"],
    )
}

#[test]
fn every_ending_of_a_call_has_its_status() {
    let server = server();
    let table = [
        ("/execute/greet", 200, "Hello, World"),
        ("/execute/greet.wasm", 200, "Hello, World"),
        ("/execute/greet?func=greet", 200, "Hello, World"),
        ("/execute/greet?func=echo", 200, "World"),
        ("/execute/nested/deep/greet", 200, "Hello, World"),
        ("/execute/nested%2Fdeep%2Fgreet.wasm", 200, "Hello, World"),
        (
            "/execute/greet?func=gret",
            404,
            "plugin \"greet\" exports no function \"gret\"; it exports [\"add\", \"allocate\", \
             \"deallocate\", \"echo\", \"greet\"]\n",
        ),
        (
            "/execute/gret",
            404,
            "no plugin \"gret\"; loaded are: greet, add, hog, liar, spin, nested/deep/greet\n",
        ),
        (
            "/execute/greet?func=add",
            400,
            "plugin \"greet\", export \"add\": has type (i32, i32) -> (i32); passing bytes needs \
             (i32, i32) -> (i64) (packed-pointer)\n",
        ),
        (
            "/execute/greet?fuel=5000&max_memory=16",
            400,
            "plugin \"greet\", export \"greet\": declares a memory of 17 pages at least; the \
             limit `max_memory_pages` is 16\n",
        ),
        (
            "/execute/spin?fuel=5000",
            504,
            "plugin \"spin\", export \"greet\": out of fuel: all 5000 units of the limit `fuel` \
             are used\n",
        ),
        (
            "/execute/spin?timeout_ms=50",
            504,
            "plugin \"spin\", export \"greet\": timed out: the limit `timeout` is 50ms\n",
        ),
        (
            "/execute/hog",
            500,
            "plugin \"hog\", export \"greet\": trap: `unreachable` executed\n",
        ),
        (
            "/execute/liar",
            502,
            "plugin \"liar\", export \"greet\": the result at 0x10000 with length 1 is outside \
             the memory of 65536 bytes\n",
        ),
        (
            "/execute/liar?func=long",
            502,
            "plugin \"liar\", export \"long\": a result of 2147483647 bytes; the limit \
             `max_result_bytes` is 16777216\n",
        ),
        (
            "/execute/liar?func=leave",
            422,
            "plugin \"liar\", export \"leave\": the guest exited with code 3\n",
        ),
    ];
    for (target, status, body) in table {
        let answer = server.post(target, b"World");
        assert_eq!((answer.status, answer.text()), (status, body), "{target}");
        assert!(answer.header("x-request-id").is_some(), "{target}");
        let began = !matches!(status, 400 | 404);
        let fuel = answer.header("x-pocketwasm-fuel-used");
        assert_eq!(fuel.is_some(), began, "{target}");
    }
    assert!(server.is_well());
}

#[test]
fn numbers_go_in_the_query() {
    let server = server();
    let table = [
        ("/execute/add?func=add&params=2,40", "", 200, "42"),
        ("/execute/add?func=add&params=-2,0x10", "", 200, "14"),
        (
            "/execute/add?func=add&params=2,40",
            "accept: application/json",
            200,
            "{\"results\":[42]}",
        ),
        (
            "/execute/add?func=add&params=2",
            "",
            400,
            "plugin \"add\", export \"add\": takes 2 parameters (i32, i32) -> (i32), not 1\n",
        ),
        (
            "/execute/add?func=add&params=2,x",
            "",
            400,
            "plugin \"add\", export \"add\": parameter 2 is \"x\"; i32 takes from -2147483648 to \
             4294967295, decimal or 0x hexadecimal\n",
        ),
    ];
    for (target, header, status, body) in table {
        let headers: Vec<_> = [header].into_iter().filter(|it| !it.is_empty()).collect();
        let answer = server.ask("POST", target, &headers, b"");
        assert_eq!((answer.status, answer.text()), (status, body), "{target}");
    }
    let both = server.post("/execute/add?func=add&params=2,40", b"body");
    assert_eq!(both.text(), "there are `params` and a body too\n");
}

#[test]
fn an_error_is_json_for_who_accepts_json() {
    let server = server();
    let headers = ["accept: application/json", "x-request-id: mine"];
    let answer = server.ask("POST", "/execute/spin?fuel=1000", &headers, b"World");
    assert_eq!(answer.status, 504);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let id = answer.header("x-request-id").unwrap();
    assert_ne!(id, "mine");
    let expected = serde_json::json!({ "error": {
        "kind": "out_of_fuel",
        "message": "plugin \"spin\", export \"greet\": out of fuel: all 1000 units of the limit \
                    `fuel` are used",
        "plugin": "spin",
        "export": "greet",
        "request_id": id,
    }});
    assert_eq!(answer.json(), expected);
}

#[test]
fn bytes_are_typed_by_what_they_are_and_what_is_accepted() {
    let server = server();
    let text = "text/plain; charset=utf-8";
    let octets = "application/octet-stream";
    let json = "application/json";
    let table: [(&[u8], &str, &str); 7] = [
        (b"{\"a\": 1}", "*/*", text),
        (b"{\"a\": 1}", json, json),
        (b"{\"a\": 1", json, text),
        (b"\xff\xfe", json, octets),
        (b"\xff\xfe", "*/*", octets),
        (b"text", octets, octets),
        // Never what a browser would run.
        (b"<script>1</script>", "text/html", text),
    ];
    for (body, accept, expected) in table {
        let accept = format!("accept: {accept}");
        let answer = server.ask("POST", "/execute/greet?func=echo", &[&accept], body);
        assert_eq!(answer.status, 200);
        assert_eq!(answer.body, body);
        assert_eq!(
            answer.header("content-type"),
            Some(expected),
            "{accept} {body:?}"
        );
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
}

#[test]
fn limits_can_be_lowered_and_never_raised() {
    let server = Server::start(
        &[("spin", "wat/serve-spin.wat"), ("greet", "rust-greet.wasm")],
        &["--fuel", "20000", "--timeout", "10s"],
    );
    let table: [(&str, &[&str], &str); 5] = [
        ("", &[], "20000"),
        ("?fuel=99999999", &[], "20000"),
        ("?fuel=300", &[], "300"),
        ("?fuel=300", &["x-pocketwasm-fuel: 200"], "200"),
        ("?fuel=200", &["x-pocketwasm-fuel: 300"], "200"),
    ];
    for (query, headers, fuel) in table {
        let answer = server.ask("POST", &format!("/execute/spin{query}"), headers, b"");
        assert_eq!(answer.status, 504);
        assert_eq!(
            answer.header("x-pocketwasm-fuel-used"),
            Some(fuel),
            "{query} {headers:?}"
        );
    }
    let header = ["x-pocketwasm-max-memory: 3"];
    assert_eq!(
        server.ask("POST", "/execute/greet", &header, b"").status,
        400
    );
    let header = ["x-pocketwasm-timeout-ms: soon"];
    assert_eq!(
        server.ask("POST", "/execute/greet", &header, b"").status,
        400
    );
}

#[test]
fn the_list_of_plugins() {
    let server = server();
    let answer = server.get("/plugins");
    let list = answer.json();
    let plugins = list["plugins"].as_array().unwrap();
    let names: Vec<_> = plugins
        .iter()
        .map(|it| it["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        ["add", "greet", "hog", "liar", "nested/deep/greet", "spin"]
    );
    let add = serde_json::json!({
        "name": "add",
        "sha256": "f61fd62f57c41269c3c23f360eeaf1090b1db9c38651106674d48bc65dba88ba",
        "size": 41,
        "convention": null,
        "memory_pages": 0,
        "exports": [{
            "name": "add",
            "params": ["i32", "i32"],
            "results": ["i32"],
            "takes": ["numbers"],
        }],
    });
    assert_eq!(plugins[0], add);
    assert_eq!(plugins[1]["convention"], "packed-pointer");
    for (export, takes) in [
        ("greet", &["bytes", "numbers"][..]),
        ("add", &["numbers"]),
        ("allocate", &["numbers"]),
    ] {
        let exports = plugins[1]["exports"].as_array().unwrap();
        let found = exports.iter().find(|it| it["name"] == export).unwrap();
        assert_eq!(found["takes"], serde_json::json!(takes), "{export}");
    }
}

#[test]
fn the_metrics_count_what_happened() {
    let server = server();
    server.post("/execute/greet", b"World");
    server.post("/execute/greet", b"World");
    server.post("/execute/spin?fuel=1000", b"World");
    server.post("/execute/none", b"World");
    // An answer can be there before its thread has said that it is free.
    server.wait("pocketwasm_calls_running", 0.0);
    let metrics = server.get("/metrics");
    let content_type = metrics.header("content-type").unwrap();
    assert!(
        content_type.starts_with("application/openmetrics-text"),
        "{content_type}"
    );
    assert!(metrics.text().ends_with("# EOF\n"));
    for line in [
        "pocketwasm_calls_total{plugin=\"greet\",ending=\"ok\"} 2",
        "pocketwasm_calls_total{plugin=\"spin\",ending=\"out_of_fuel\"} 1",
        "pocketwasm_call_fuel_sum{plugin=\"spin\"} 1000.0",
        "pocketwasm_call_duration_seconds_count{plugin=\"greet\"} 2",
        "pocketwasm_requests_total{route=\"execute\",status=\"404\"} 1",
        "pocketwasm_plugins 6",
        "pocketwasm_calls_running 0",
        "pocketwasm_calls_waiting 0",
        "pocketwasm_requests_in_flight 1",
        "pocketwasm_module_cache_total{result=\"miss\"} 6",
        "pocketwasm_module_cache_total{result=\"hit\"} 0",
        "pocketwasm_reloads_total{result=\"ok\"} 1",
        "pocketwasm_call_memory_pages_sum{plugin=\"spin\"} 1.0",
    ] {
        assert!(
            metrics.text().lines().any(|it| it == line),
            "{line}\n{}",
            metrics.text()
        );
    }
    let modules = fixture_bytes("add.wasm").len() + 2 * fixture_bytes("rust-greet.wasm").len();
    assert!(server.metric("pocketwasm_modules_bytes") > modules as f64);
    if cfg!(target_os = "linux") {
        assert!(server.metric("process_resident_memory_bytes") > 1e6);
    }
}

#[test]
fn one_connection_serves_many_requests() {
    let server = server();
    let mut client = server.client();
    for number in 0..20 {
        let name = number.to_string();
        client.request("POST", "/execute/greet", &[], name.as_bytes());
        assert_eq!(client.answer().unwrap().text(), format!("Hello, {name}"));
    }
    client.request("GET", "/healthz", &[], b"");
    let health = client.answer().unwrap();
    assert_eq!((health.status, health.text()), (200, "ok\n"));
}

#[test]
fn it_says_what_it_serves_and_what_it_refuses_before_it_listens() {
    let directory = crate::server::plugins(&[("good", "add.wasm")]);
    std::fs::write(directory.path().join("bad.wasm"), b"no module").unwrap();
    let server = Server::start_in(directory, &[]);
    server.terminate();
    let (code, said) = server.end();
    assert_eq!(code, Some(0));
    let address = said
        .lines()
        .nth(2)
        .unwrap()
        .rsplit_once("http://")
        .unwrap()
        .1;
    let lines: Vec<_> = said
        .lines()
        .map(|line| {
            let (time, rest) = line.split_once(' ').unwrap();
            assert!(time.len() == 24 && time.ends_with('Z'), "{line}");
            rest.to_owned()
        })
        .collect();
    assert_eq!(
        lines,
        [
            "INFO  serves \"good\"".to_owned(),
            "WARN  refuses \"bad.wasm\": plugin \"bad\", load: not a module this engine can run: it \
             does not begin with the magic bytes \\0asm"
                .to_owned(),
            format!("INFO  listens on http://{address}"),
            "INFO  stopped".to_owned(),
        ]
    );
}
