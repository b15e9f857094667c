//! Loading, replacing and unloading plugins while the gateway runs.

use crate::server::{Server, fixture_bytes, plugins, saying};
use sha2::{Digest, Sha256};
use std::{
    fs,
    path::Path,
    process::Command,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
};
use tempfile::TempDir;

const TOKEN: [&str; 2] = ["--reload-token", "secret"];
const BEARER: [&str; 1] = ["authorization: Bearer secret"];

fn says(server: &Server, plugin: &str) -> String {
    let answer = server.post(&format!("/execute/{plugin}"), b"");
    match answer.status {
        200 => answer.text().to_owned(),
        status => status.to_string(),
    }
}

#[test]
fn a_watched_directory_is_followed() {
    let server = Server::start(&[("greet", "rust-greet.wasm")], &["--watch"]);
    server.put("word", &saying("one"));
    server.wait_until("a new plugin", || says(&server, "word") == "one");
    server.put("word", &saying("two"));
    server.wait_until("its new version", || says(&server, "word") == "two");
    server.put("folder/word", &saying("three"));
    server.wait_until("one in a new folder", || {
        says(&server, "folder/word") == "three"
    });

    server.put("word", b"\0asm, but not really");
    server.wait("pocketwasm_reloads_total{result=\"partly\"}", 1.0);
    assert_eq!(says(&server, "word"), "two");

    fs::remove_file(server.path("word.wasm")).unwrap();
    server.wait_until("its end", || says(&server, "word") == "404");
    server.wait_until("the end of its labels", || {
        !server.get("/metrics").text().contains("plugin=\"word\"")
    });
    fs::remove_dir_all(server.path("folder")).unwrap();
    server.wait_until("the folder's end", || says(&server, "folder/word") == "404");
    assert!(server.is_well());
}

#[test]
fn reloading_takes_the_token() {
    let server = Server::start(&[("word", "add.wasm")], &TOKEN);
    server.put("word", &saying("new"));
    server.put("more", &saying("more"));
    fs::write(server.path("bad.wasm"), "bad").unwrap();
    for header in [
        "x: y",
        "authorization: Bearer wrong",
        "authorization: Bearer",
        "authorization: secret",
    ] {
        let answer = server.ask("POST", "/reload", &[header], b"");
        assert_eq!(answer.status, 401, "{header}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    }
    assert_eq!(says(&server, "more"), "404");
    let answer = server.ask("POST", "/reload", &BEARER, b"");
    let expected = serde_json::json!({
        "loaded": ["more"],
        "replaced": ["word"],
        "unloaded": [],
        "unchanged": 0,
        "refused": [{
            "file": "bad.wasm",
            "reason": "plugin \"bad\", load: not a module this engine can run: it does not begin \
                       with the magic bytes \\0asm",
        }],
    });
    assert_eq!((answer.status, answer.json()), (200, expected));
    assert_eq!(says(&server, "word"), "new");

    fs::remove_file(server.path("more.wasm")).unwrap();
    let answer = server.ask("POST", "/reload", &BEARER, b"").json();
    assert_eq!(answer["unloaded"], serde_json::json!(["more"]));
    assert_eq!(says(&server, "more"), "404");
}

#[test]
fn a_call_ends_on_the_version_it_began_with() {
    let flags = ["--timeout", "1s", TOKEN[0], TOKEN[1]];
    let server = Server::start(&[("word", "wat/serve-spin.wat")], &flags);
    let mut running = server.begin("/execute/word");
    server.wait("pocketwasm_calls_running", 1.0);
    server.put("word", &saying("new"));
    assert_eq!(server.ask("POST", "/reload", &BEARER, b"").status, 200);
    assert_eq!(says(&server, "word"), "new");
    assert_eq!(running.answer().unwrap().status, 504);
}

#[test]
fn what_list_pins_is_what_serve_serves() {
    let directory = plugins(&[("greet", "rust-greet.wasm"), ("folder/add", "add.wasm")]);
    let elsewhere = tempfile::tempdir().unwrap();
    let path = elsewhere.path().join("plugins.lock");
    let listed = Command::new(env!("CARGO_BIN_EXE_pocketwasm"))
        .arg("list")
        .arg(directory.path())
        .arg("--lock")
        .arg(&path)
        .output()
        .unwrap();
    assert!(listed.status.success(), "{listed:?}");
    fs::write(directory.path().join("late.wasm"), saying("late")).unwrap();
    let server = Server::start_in(directory, &["--lock", path.to_str().unwrap()]);
    assert!(server.is_well());
    let list = server.get("/plugins").json();
    let names: Vec<_> = list["plugins"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["name"])
        .collect();
    assert_eq!(names, ["folder/add", "greet"]);
}

/// Writes a lock file for plugins with these bytes.
fn lock(path: &Path, pins: &[(&str, &[u8])]) {
    let pin = |bytes: &[u8]| {
        let digest = Sha256::digest(bytes);
        digest
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let pins = pins
        .iter()
        .map(|(name, bytes)| (name.to_string(), pin(bytes).into()));
    let pins: serde_json::Map<String, serde_json::Value> = pins.collect();
    fs::write(path, serde_json::to_string(&pins).unwrap()).unwrap();
}

#[test]
fn only_pinned_bytes_are_served() {
    let directory: TempDir = plugins(&[("greet", "rust-greet.wasm"), ("add", "add.wasm")]);
    let elsewhere = tempfile::tempdir().unwrap();
    let path = elsewhere.path().join("plugins.lock");
    let greet = fixture_bytes("rust-greet.wasm");
    lock(&path, &[("greet", &greet), ("add", &greet)]);
    let lock_flag = path.to_str().unwrap().to_owned();
    let flags = ["--lock", &lock_flag, TOKEN[0], TOKEN[1]];
    let server = Server::start_in(directory, &flags);

    // At the start: `add` has other bytes than its pin.
    assert!(server.is_well());
    assert_eq!(says(&server, "add"), "404");

    // At a reload: neither another version nor another plugin gets in.
    server.put("greet", &saying("evil"));
    server.put("word", &saying("word"));
    let report = server.ask("POST", "/reload", &BEARER, b"").json();
    assert_eq!(report["replaced"], serde_json::json!([]));
    let reasons: Vec<_> = report["refused"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["reason"].as_str().unwrap())
        .collect();
    assert!(
        reasons[1].starts_with("plugin \"greet\": refused: its SHA-256 is "),
        "{reasons:?}"
    );
    assert_eq!(
        reasons[2],
        "plugin \"word\": refused: the lock file does not have it"
    );
    assert!(server.is_well());
    assert_eq!(says(&server, "word"), "404");

    // With another lock file it does.
    lock(&path, &[("greet", &greet), ("word", &saying("word"))]);
    server.ask("POST", "/reload", &BEARER, b"");
    assert_eq!(says(&server, "word"), "word");

    // A broken lock file changes nothing.
    fs::write(&path, "{").unwrap();
    assert_eq!(server.ask("POST", "/reload", &BEARER, b"").status, 500);
    assert_eq!(says(&server, "word"), "word");
}

#[test]
fn reloads_under_load_fail_no_request() {
    const RELOADS: usize = 30;
    let flags = ["--queue-wait", "30s", TOKEN[0], TOKEN[1]];
    let server = Server::start(&[("greet", "rust-greet.wasm")], &flags);
    server.put("word", &saying("w0"));
    assert_eq!(server.ask("POST", "/reload", &BEARER, b"").status, 200);
    let done = AtomicBool::new(false);
    let served = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut client = server.client();
                while !done.load(Ordering::Relaxed) {
                    client.request("POST", "/execute/word", &[], b"");
                    let answer = client.answer().unwrap();
                    assert_eq!(answer.status, 200, "{}", answer.text());
                    assert!(answer.text().starts_with('w'), "{}", answer.text());
                    served.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for number in 1..=RELOADS {
            // Now and then a version that is none.
            match number % 3 {
                0 => server.put("word", b"broken"),
                _ => server.put("word", &saying(&format!("w{number}"))),
            }
            let before = served.load(Ordering::Relaxed);
            assert_eq!(server.ask("POST", "/reload", &BEARER, b"").status, 200);
            server.wait_until("requests", || served.load(Ordering::Relaxed) > before);
        }
        done.store(true, Ordering::Relaxed);
    });
    // The last version that was one.
    assert_eq!(says(&server, "word"), format!("w{}", RELOADS - 1));
}
