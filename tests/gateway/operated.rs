//! Operating the gateway: the configuration file, watching, the log and readiness.

use crate::server::{Server, fixture_bytes, plugins, saying};
use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Command, Stdio},
    thread::{self, sleep},
    time::Duration,
};

/// A gateway that runs in a directory of its own, so that the plugins' directory can have a
/// relative path.
fn started(folder: &Path, args: &[&str]) -> Server {
    Server::start_at(folder, args)
}

fn says(server: &Server, plugin: &str) -> String {
    let answer = server.post(&format!("/execute/{plugin}"), b"");
    match answer.status {
        200 => answer.text().to_owned(),
        status => status.to_string(),
    }
}

#[test]
fn a_watched_directory_can_be_relative_and_made_again() {
    let home = tempfile::tempdir().unwrap();
    let at = |name: &str| home.path().join("plugins").join(format!("{name}.wasm"));
    fs::create_dir(home.path().join("plugins")).unwrap();
    fs::write(at("one"), saying("first")).unwrap();
    let server = started(home.path(), &["--plugins", "plugins", "--watch"]);
    assert_eq!(says(&server, "one"), "first");
    fs::write(at("one"), saying("second")).unwrap();
    server.wait_until("a change", || says(&server, "one") == "second");
    fs::remove_dir_all(home.path().join("plugins")).unwrap();
    sleep(Duration::from_millis(1_500));
    fs::create_dir(home.path().join("plugins")).unwrap();
    fs::write(at("two"), saying("again")).unwrap();
    server.wait_until("the new directory", || says(&server, "two") == "again");
    fs::write(at("three"), saying("later")).unwrap();
    server.wait_until("a change in it", || says(&server, "three") == "later");
    server.terminate();
    let (_, said) = server.end();
    assert!(
        said.contains("the directory plugins is gone and cannot be watched"),
        "{said}"
    );
    assert!(said.contains("watches what plugins is now"), "{said}");
}

#[cfg(unix)]
#[test]
fn a_directory_that_is_a_link_is_followed_when_it_is_switched() {
    use std::os::unix::fs::symlink;
    for watch in [true, false] {
        let home = tempfile::tempdir().unwrap();
        for release in ["1", "2"] {
            fs::create_dir(home.path().join(release)).unwrap();
            let path = home.path().join(release);
            fs::write(path.join("word.wasm"), saying(release)).unwrap();
            fs::write(path.join("same.wasm"), fixture_bytes("add.wasm")).unwrap();
            fs::write(path.join(format!("only{release}.wasm")), saying("only")).unwrap();
        }
        symlink("1", home.path().join("current")).unwrap();
        let mut args = vec!["--plugins", "current", "--reload-token", "secret"];
        if watch {
            args.push("--watch");
        }
        let server = started(home.path(), &args);
        assert_eq!(says(&server, "word"), "1");
        symlink("2", home.path().join("next")).unwrap();
        fs::rename(home.path().join("next"), home.path().join("current")).unwrap();
        if !watch {
            let token = ["authorization: Bearer secret"];
            let report = server.ask("POST", "/reload", &token, b"").json();
            assert_eq!(report["refused"], serde_json::json!([]));
            assert_eq!(report["unchanged"], 1);
        }
        server.wait_until("the new release", || says(&server, "word") == "2");
        server.wait_until("what is new", || says(&server, "only2") == "only");
        server.wait_until("what is gone", || says(&server, "only1") == "404");
        assert_eq!(
            server.post("/execute/same?func=add&params=1,2", b"").text(),
            "3"
        );
        // Changes in the new directory are seen too.
        fs::write(home.path().join("2").join("word.wasm"), saying("3")).unwrap();
        server.ask("POST", "/reload", &["authorization: Bearer secret"], b"");
        server.wait_until("a change in it", || says(&server, "word") == "3");
    }
}

#[test]
fn options_from_a_file_and_for_one_plugin() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("plugins")).unwrap();
    for (name, fixture) in [
        ("greet", "rust-greet.wasm"),
        ("spin", "wat/serve-spin.wat"),
        ("command", "rust-command.wasm"),
        ("extism", "extism-rust.wasm"),
        ("pinned", "add.wasm"),
        ("warm", "rust-greet.wasm"),
    ] {
        let path = home.path().join("plugins").join(format!("{name}.wasm"));
        fs::write(path, fixture_bytes(fixture)).unwrap();
    }
    fs::write(
        home.path().join("gateway.toml"),
        format!(
            r#"
            listen = "localhost:0"
            plugins = "plugins"
            host-name = ["good.example"]
            max-body = "32B"
            fuel = 50000000
            timeout = "50s"
            [plugin.spin]
            timeout = "100ms"
            [plugin.command]
            env = {{ FOO = "from the file" }}
            [plugin.extism]
            config = {{ who = "Ada" }}
            allow-hosts = ["example.org"]
            convention = "extism"
            [plugin.pinned]
            sha256 = "{}"
            [plugin.warm]
            warm-up = "greet"
            warm-up-input = "nobody"
            [plugin.nobody]
            fuel = 1
            "#,
            "0".repeat(64)
        ),
    )
    .unwrap();
    let server = Server::start_with(
        home.path(),
        &["--config", "gateway.toml", "--max-body", "64B"],
    );
    for (name, target, body, status, text) in [
        ("an option", "/execute/greet", &[b'a'; 65][..], 413, ""),
        (
            "what is typed goes before",
            "/execute/greet",
            &[b'a'; 64],
            200,
            "",
        ),
        ("all plugins' fuel", "/execute/greet?fuel=99", b"", 504, ""),
        (
            "one plugin's time",
            "/execute/spin",
            b"",
            504,
            "timed out: the limit `timeout` is 100ms",
        ),
        (
            "an environment",
            "/execute/command?func=_start",
            b"",
            200,
            "FOO=from the file",
        ),
        (
            "a configuration",
            "/execute/extism?func=config",
            b"",
            200,
            "Ada",
        ),
        (
            "a pinned hash",
            "/execute/pinned?func=add&params=1,2",
            b"",
            404,
            "",
        ),
        ("a warm-up", "/execute/warm", b"World", 200, "Hello, World"),
    ] {
        let answer = server.post(target, body);
        assert_eq!(answer.status, status, "{name}: {:?}", answer.text());
        assert!(answer.text().contains(text), "{name}: {:?}", answer.text());
    }
    let mut client = server.client();
    client.send("GET /healthz HTTP/1.1\r\nhost: good.example\r\n\r\n");
    assert_eq!(client.answer().unwrap().status, 200);
    server.terminate();
    let (_, said) = server.end();
    assert!(
        said.contains("refuses \"pinned.wasm\": plugin \"pinned\": refused: its SHA-256 is"),
        "{said}"
    );
    assert!(
        said.contains("has a section for \"nobody\", and no such plugin is loaded"),
        "{said}"
    );
}

/// A host that one plugin may reach is out of reach for the others.
#[test]
fn hosts_are_allowed_plugin_by_plugin() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serving = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            request.extend(byte);
        }
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\nfetched";
        stream.write_all(answer).unwrap();
        // No other request may come, until the test connects to say that it is over.
        let (mut last, _) = listener.accept().unwrap();
        let mut end = Vec::new();
        last.read_to_end(&mut end).unwrap();
        end
    });
    let directory = plugins(&[
        ("open", "wat/extism-hostile.wat"),
        ("other", "wat/extism-hostile.wat"),
        ("none", "wat/extism-hostile.wat"),
    ]);
    let config = directory.path().join("gateway.toml");
    fs::write(
        &config,
        "[plugin.open]\nallow-hosts = [\"127.0.0.1\"]\n\
         [plugin.other]\nallow-hosts = [\"example.org\"]\n",
    )
    .unwrap();
    let flags = ["--config", config.to_str().unwrap()];
    let server = Server::start_in(directory, &flags);
    let input = format!(r#"{{"url":"http://{address}/"}}"#);
    for (plugin, status, text) in [
        ("other", 500, ""),
        ("none", 500, ""),
        ("open", 200, "fetched"),
        ("other", 500, ""),
        ("none", 500, ""),
    ] {
        let answer = server.post(&format!("/execute/{plugin}?func=fetch"), input.as_bytes());
        assert_eq!(answer.status, status, "{plugin}: {}", answer.text());
        assert!(answer.text().contains(text), "{plugin}: {}", answer.text());
    }
    TcpStream::connect(address)
        .unwrap()
        .write_all(b"over")
        .unwrap();
    assert_eq!(serving.join().unwrap(), b"over");
}

/// Invalid settings are refused before the gateway listens.
#[test]
fn what_never_works_is_refused_at_start() {
    let directory = plugins(&[("greet", "rust-greet.wasm")]);
    let path = directory.path().to_str().unwrap();
    let file = |text: &str| {
        let path = directory.path().join("gateway.toml");
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    for (flag, value, problem) in [
        ("--threads", "0", "it takes 1 or more"),
        ("--plugin-threads", "0", "it takes 1 or more"),
        ("--slow-threads", "0", "it takes 1 or more"),
        ("--threads", "1025", "it takes 1024 at most"),
        ("--queue", "0", "it takes 1 or more"),
        ("--max-connections", "0", "it takes 1 or more"),
        ("--header-timeout", "0s", "it takes more than no time"),
        ("--body-timeout", "0s", "it takes more than no time"),
        ("--write-timeout", "0s", "it takes more than no time"),
        ("--listen", "8080", "such as 127.0.0.1:8080 or localhost:0"),
        (
            "--listen",
            "http://localhost:80",
            "such as 127.0.0.1:8080 or localhost:0",
        ),
        ("--host-name", "http://x", "without scheme, port and path"),
        ("--host-name", "host:80", "without scheme, port and path"),
        ("--host-name", "local*", "without scheme, port and path"),
        ("--host-name", "", "without scheme, port and path"),
        ("--allow-host", "http://x", "without scheme, port and path"),
        ("--allow-host", "host:80", "without scheme, port and path"),
        ("--allow-host", "local*", "without scheme, port and path"),
        ("--allow-host", "127.0.0.*", "without scheme, port and path"),
        ("--allow-host", "", "without scheme, port and path"),
        (
            "--config",
            "nowhere.toml",
            "nowhere.toml: No such file or directory",
        ),
    ] {
        is_refused(path, &[flag, value], problem);
    }
    for (text, problem) in [
        (
            "fule = 1",
            "unexpected argument '--fule' found; a similar argument exists: '--fuel'",
        ),
        ("threads = 0", "it takes 1 or more"),
        ("a =", "line 1: "),
        (
            "[plugin.greet]\nfule = 1",
            "plugin \"greet\": unknown field `fule`",
        ),
        (
            "[plugin.greet]\nallow-hosts = [\"host:80\"]",
            "plugin \"greet\": invalid config: `allow-hosts` is \"host:80\"",
        ),
    ] {
        is_refused(path, &["--config", &file(text)], problem);
    }
}

fn is_refused(plugins: &str, flags: &[&str], problem: &str) {
    let output = Command::new(env!("CARGO_BIN_EXE_pocketwasm"))
        .args(["serve", "--listen", "127.0.0.1:0", "--plugins", plugins])
        .args(flags)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains(problem),
        "{flags:?}: {said:?} instead of {problem:?}"
    );
    assert_eq!(said.matches('\n').count(), 1, "{flags:?}: {said:?}");
    assert_eq!(output.status.code(), Some(2), "{flags:?}: {said}");
    assert!(output.stdout.is_empty());
}

#[test]
fn ready_while_there_is_a_plugin() {
    let directory = plugins(&[]);
    let server = Server::start_in(directory, &["--watch"]);
    let answer = server.get("/readyz");
    assert_eq!(
        (answer.status, answer.text()),
        (503, "no plugin is loaded\n")
    );
    assert_eq!(server.get("/healthz").status, 200);
    server.put("greet", &fixture_bytes("rust-greet.wasm"));
    server.wait_until("readiness", || server.get("/readyz").status == 200);
    assert_eq!(server.ask("POST", "/readyz", &[], b"").status, 405);
}

/// Without RUST_LOG, each failed call is logged with what is needed to find its cause.
#[test]
fn a_failed_call_is_in_the_log() {
    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    let header = format!("traceparent: 00-{TRACE}-b7ad6b7169203331-01");
    let print = wat::parse_str(
        r#"(module
            (import "wasi_snapshot_preview1" "fd_write"
                (func $write (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 0) "\10\00\00\00\0d\00\00\00")
            (data (i32.const 16) "first\nlast \1b\n")
            (func (export "allocate") (param i32) (result i32) (i32.const 1024))
            (func (export "greet") (param i32 i32) (result i64)
                (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))
                (unreachable)))"#,
    )
    .unwrap();
    for format in ["text", "json"] {
        let directory = plugins(&[("greet", "rust-greet.wasm")]);
        fs::write(directory.path().join("bad.wasm"), &print).unwrap();
        let server = Server::start_in(directory, &["--log-format", format, "--no-explain"]);
        assert!(server.is_well());
        let answer = server.ask("POST", "/execute/bad", &[&header], b"");
        assert_eq!(answer.status, 500);
        let id = answer.header("x-request-id").unwrap().to_owned();
        server.terminate();
        let (_, said) = server.end();
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines.len(), 5, "{said}");
        let failed = lines[3];
        if format == "json" {
            let event: serde_json::Value = serde_json::from_str(failed).unwrap();
            for (name, value) in [
                ("level", "warn"),
                ("request", &*id),
                ("trace", TRACE),
                ("plugin", "bad"),
                ("export", "greet"),
                ("kind", "trap"),
            ] {
                assert_eq!(event[name], value, "{failed}");
            }
            assert!(
                event["stderr"].as_str().unwrap().starts_with("last"),
                "{failed}"
            );
            for line in lines {
                serde_json::from_str::<serde_json::Value>(line).unwrap();
            }
        } else {
            for part in [
                " WARN  plugin \"bad\", export \"greet\": trap: `unreachable` executed",
                &format!(" request={id} trace={TRACE} plugin=bad export=greet kind=trap stderr="),
            ] {
                assert!(failed.contains(part), "{failed}");
            }
        }
    }
}

/// The example configurations are valid: only their missing directory is refused.
#[test]
fn the_examples_for_deploying_are_read() {
    let manifest = fs::read_to_string("examples/deploy/kubernetes/configmap.yaml").unwrap();
    let (_, embedded) = manifest.split_once("gateway.toml: |\n").unwrap();
    let embedded: String = embedded
        .lines()
        .map(|line| line.trim_start().to_owned() + "\n")
        .collect();
    let example = fs::read_to_string("examples/deploy/gateway.toml").unwrap();
    for text in [example, embedded] {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("gateway.toml");
        fs::write(&path, text).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_pocketwasm"))
            .args(["serve", "--plugins", "nowhere", "--listen", "127.0.0.1:0"])
            .arg("--config")
            .arg(path)
            .current_dir(home.path())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            said.contains("cannot read the directory \"nowhere\""),
            "{said}"
        );
        assert_eq!(output.status.code(), Some(3), "{said}");
    }
}
