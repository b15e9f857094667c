//! `--record-failures`: recordings of failed calls, under the ids of their requests.

use crate::server::{Server, fixture_bytes};
use pocketwasm::{ErrorKind, Recording};
use std::{fs, path::Path, process::Command};

/// The recordings in a directory, by name.
fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn started(kept: &Path, flags: &[&str]) -> Server {
    let files = [
        ("counter.wasm", "wat/counter.wat"),
        ("text.wasm", "as-greet.wasm"),
        ("script.wasm", "wat/exit.wat"),
        ("spin.wasm", "wat/serve-spin.wat"),
    ];
    let directory = ["--record-failures", kept.to_str().unwrap()];
    Server::start(&files, &[&directory, flags].concat())
}

#[test]
fn a_failed_call_is_kept_under_the_id_of_its_request() {
    let kept = tempfile::tempdir().unwrap();
    let directory = kept.path().join("made");
    let server = started(&directory, &[]);
    assert_eq!(server.post("/execute/text", b"Ada").status, 200);
    assert_eq!(
        server.post("/execute/text?func=nothing", b"Ada").status,
        404
    );
    assert_eq!(
        names(&directory),
        [""; 0],
        "neither success nor a mistake of the client"
    );
    let answer = server.post("/execute/text?func=fail", b"a message of the client's");
    assert_eq!(answer.status, 422);
    let id = answer.header("x-request-id").unwrap();
    assert_eq!(names(&directory), [format!("{id}.pwrec")]);
    let bytes = fs::read(directory.join(format!("{id}.pwrec"))).unwrap();
    let recording = Recording::from_bytes(&bytes).unwrap();
    assert_eq!((recording.note(), recording.plugin()), (id, "text"));
    let replay = recording.replay(&fixture_bytes("as-greet.wasm")).unwrap();
    let error = replay.into_last().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Plugin);
    let said = answer.text();
    assert!(said.contains(&error.message()), "{said}: {error}");
}

#[test]
fn a_failed_request_is_explained_elsewhere_with_the_line_of_rust() {
    let kept = tempfile::tempdir().unwrap();
    let server = Server::start(
        &[("parity.wasm", "traps/request.wasm")],
        &["--record-failures", kept.path().to_str().unwrap()],
    );
    assert_eq!(server.post("/execute/parity", b"255").text(), "1");
    let answer = server.post("/execute/parity", b"256");
    assert_eq!(answer.status, 500, "{}", answer.text());
    assert!(!answer.text().contains("request.rs"), "{}", answer.text());
    let id = answer.header("x-request-id").unwrap().to_owned();
    drop(server);
    let elsewhere = tempfile::tempdir().unwrap();
    let moved = elsewhere.path().join("request.pwrec");
    fs::rename(kept.path().join(format!("{id}.pwrec")), &moved).unwrap();
    let module = elsewhere.path().join("module.wasm");
    fs::copy("fixtures/traps/request.wasm", &module).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_pocketwasm"))
        .arg("replay")
        .arg(&moved)
        .arg("--module")
        .arg(&module)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(5), "{output:?}");
    let stderr = String::from_utf8(output.stderr).unwrap();
    let error = "plugin \"parity\", export \"greet\": trap: `unreachable` executed\n";
    assert!(
        stderr.starts_with(&format!("pocketwasm: {error}")),
        "{stderr}"
    );
    for frame in [
        "request::number\n        at ./request.rs:20\n",
        " greet\n        at ./request.rs:28:15\n",
    ] {
        assert!(stderr.contains(frame), "{stderr}");
    }
}

#[test]
fn a_failure_after_a_warm_up_call_is_kept_with_that_call() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("plugins")).unwrap();
    let module = fixture_bytes("traps/request.wasm");
    fs::write(home.path().join("plugins/parity.wasm"), &module).unwrap();
    let config = "[plugin.parity]\nwarm-up = \"greet\"\nwarm-up-input = \"4\"\n";
    fs::write(home.path().join("gateway.toml"), config).unwrap();
    let flags = [
        "--listen",
        "127.0.0.1:0",
        "--plugins",
        "plugins",
        "--config",
        "gateway.toml",
        "--record-failures",
        "kept",
    ];
    let server = Server::start_with(home.path(), &flags);
    let answer = server.post("/execute/parity", b"256");
    assert_eq!(answer.status, 500, "{}", answer.text());
    let kept = home.path().join("kept");
    let [name] = names(&kept).try_into().unwrap();
    let recording = Recording::from_bytes(&fs::read(kept.join(name)).unwrap()).unwrap();
    let replayer = recording.replayer(&module).unwrap();
    let error = replayer
        .explain()
        .unwrap()
        .into_last()
        .unwrap()
        .unwrap_err();
    let mut frames = error.backtrace().unwrap().frames().iter();
    assert!(frames.any(|frame| frame.name() == Some("request::number")));
    // The export of the warm-up call, and that of the call.
    let bytes = recording.to_bytes();
    let greets = bytes.windows(6).filter(|it| *it == b"\x05greet");
    assert_eq!(greets.count(), 2);
}

#[test]
fn a_failed_handler_is_kept_with_its_request() {
    let module = fixture_bytes("wat/serve-handler.wat");
    for (word, exports) in [
        ("trap", &["handle_request"][..]),
        ("back-trap", &["handle_request", "handle_response"]),
    ] {
        for flags in [&[][..], &["--no-explain"]] {
            let kept = tempfile::tempdir().unwrap();
            let directory = ["--record-failures", kept.path().to_str().unwrap()];
            let server = Server::start(
                &[
                    ("handler.wasm", "wat/serve-handler.wat"),
                    ("text.wasm", "as-greet.wasm"),
                ],
                &[&directory, &["--middleware", "handler"], flags].concat(),
            );
            assert_eq!(server.post("/execute/text", b"Ada").status, 200);
            assert_eq!(names(kept.path()), [""; 0], "{word}");
            let answer = server.post(&format!("/execute/text?func=/{word}"), b"its body");
            assert_eq!(answer.status, 500, "{word}");
            let id = answer.header("x-request-id").unwrap();
            assert_eq!(names(kept.path()), [format!("{id}.pwrec")], "{word}");
            let bytes = fs::read(kept.path().join(format!("{id}.pwrec"))).unwrap();
            let recording = Recording::from_bytes(&bytes).unwrap();
            assert_eq!((recording.note(), recording.plugin()), (id, "handler"));
            assert_eq!(recording.exports().collect::<Vec<_>>(), exports);
            let replayer = recording.replayer(&module).unwrap();
            let replay = replayer.explain().unwrap();
            let error = replay.into_last().unwrap().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Trap, "{word}");
            assert!(
                error.backtrace().is_some(),
                "{word}: {:?}",
                error.unexplained()
            );
        }
    }
}

#[test]
fn a_handler_and_the_plugin_behind_it_fail_both() {
    let kept = tempfile::tempdir().unwrap();
    let directory = ["--record-failures", kept.path().to_str().unwrap()];
    let server = Server::start(
        &[
            ("handler.wasm", "wat/serve-handler.wat"),
            ("script.wasm", "wat/exit.wat"),
        ],
        &[&directory[..], &["--middleware", "handler"]].concat(),
    );
    let answer = server.post("/cgi/script/back-trap", b"");
    assert_eq!(answer.status, 500);
    let id = answer.header("x-request-id").unwrap();
    let expected = [format!("{id}-2.pwrec"), format!("{id}.pwrec")];
    assert_eq!(names(kept.path()), expected);
    let plugins = expected.map(|name| {
        let bytes = fs::read(kept.path().join(name)).unwrap();
        Recording::from_bytes(&bytes).unwrap().plugin().to_owned()
    });
    assert_eq!(plugins, ["handler", "script"]);
}

#[test]
fn a_deadline_of_the_gateway_is_replayed() {
    let kept = tempfile::tempdir().unwrap();
    let server = started(kept.path(), &["--timeout", "50ms"]);
    let answer = server.post("/execute/spin", b"");
    assert_eq!(answer.status, 504, "{}", answer.text());
    let [name] = &names(kept.path())[..] else {
        panic!("{:?}", names(kept.path()));
    };
    let recording = Recording::from_bytes(&fs::read(kept.path().join(name)).unwrap()).unwrap();
    let module = fixture_bytes("wat/serve-spin.wat");
    let error = recording
        .replay(&module)
        .unwrap()
        .into_last()
        .unwrap()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
}

#[test]
fn recordings_are_bounded_in_number_and_in_bytes() {
    let kept = tempfile::tempdir().unwrap();
    fs::write(kept.path().join("other.txt"), "not a recording").unwrap();
    let mut ids = Vec::new();
    let mut fail = |server: &Server, body: &[u8]| {
        let answer = server.post("/execute/text?func=fail", body);
        assert_eq!(answer.status, 422);
        ids.push(format!("{}.pwrec", answer.header("x-request-id").unwrap()));
        // Files of the same instant have no order.
        std::thread::sleep(std::time::Duration::from_millis(20));
        ids.clone()
    };
    let server = started(kept.path(), &["--max-recordings", "3"]);
    let mut last = Vec::new();
    for _ in 0..5 {
        last = fail(&server, b"short");
    }
    let mut expected = last[2..].to_vec();
    expected.push("other.txt".to_owned());
    expected.sort();
    assert_eq!(names(kept.path()), expected);
    drop(server);
    // Those of an earlier process count too.
    let server = started(kept.path(), &["--max-recording-bytes", "8KiB"]);
    // With the message, it leaves no room for another.
    let last = fail(&server, &[b'a'; 6_500]);
    let mut expected = vec![last[5].clone(), "other.txt".to_owned()];
    expected.sort();
    assert_eq!(names(kept.path()), expected);
    let total: u64 = names(kept.path())
        .iter()
        .filter(|name| name.ends_with(".pwrec"))
        .map(|name| fs::metadata(kept.path().join(name)).unwrap().len())
        .sum();
    assert!(total <= 8 << 10, "{total}");
    fail(&server, &[b'a'; 9_000]);
    assert_eq!(
        names(kept.path()),
        expected,
        "one that is too large is not kept"
    );
    drop(server);
}
