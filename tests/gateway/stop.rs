//! How the gateway shuts down.

use crate::server::{Server, plugins};
use std::{
    net::TcpStream,
    process::{Command, Stdio},
};

#[test]
fn calls_under_way_end_within_the_grace_period() {
    let server = Server::start(
        &[("spin", "wat/serve-spin.wat")],
        &["--timeout", "700ms", "--grace", "30s"],
    );
    let mut idle = server.client();
    idle.request("GET", "/healthz", &[], b"");
    assert_eq!(idle.answer().unwrap().status, 200);
    let mut running = server.begin("/execute/spin");
    server.wait("pocketwasm_calls_running", 1.0);
    server.terminate();
    server.wait_until("no more connections", || {
        TcpStream::connect(server.address).is_err()
    });
    assert!(idle.is_closed());
    let answer = running.answer().unwrap();
    assert_eq!(answer.status, 504, "{}", answer.text());
    assert_eq!(server.end().0, Some(0));
}

#[test]
fn calls_that_go_on_are_ended_after_it() {
    let server = Server::start(
        &[("spin", "wat/serve-spin.wat")],
        &[
            "--timeout",
            "60s",
            "--grace",
            "200ms",
            "--threads",
            "1",
            "--queue-wait",
            "60s",
        ],
    );
    let mut running = server.begin("/execute/spin");
    server.wait("pocketwasm_calls_running", 1.0);
    let mut waiting = server.begin("/execute/spin");
    server.wait("pocketwasm_calls_waiting", 1.0);
    server.terminate();
    for client in [&mut running, &mut waiting] {
        let answer = client.answer().unwrap();
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    assert_eq!(server.end().0, Some(0));
}

#[test]
fn a_gateway_that_cannot_start_says_why() {
    let directory = plugins(&[]);
    let path = directory.path().to_str().unwrap();
    let missing = format!("{path}/missing");
    let table: [(&[&str], &str); 5] = [
        (
            &[],
            "pocketwasm: which directory? `pocketwasm serve --plugins DIR`\n",
        ),
        (
            &["--plugins", &missing],
            "pocketwasm: cannot read the directory \"{missing}\"",
        ),
        (
            &["--plugins", path, "--lock", &missing],
            "pocketwasm: lock file {missing}: No such file or directory (os error 2)\n",
        ),
        (
            &["--plugins", path, "--max-header", "1KiB"],
            "pocketwasm: --max-header must be at least 8KiB\n",
        ),
        (
            &["--plugins", path, "--max-bodies", "1KiB"],
            "pocketwasm: --max-bodies must be at least --max-body\n",
        ),
    ];
    for (flags, expected) in table {
        let output = Command::new(env!("CARGO_BIN_EXE_pocketwasm"))
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(flags)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        let expected = expected.replace("{missing}", &missing);
        assert!(
            said.starts_with(&expected),
            "{said:?} instead of {expected:?}"
        );
        assert!(!output.status.success());
        assert!(output.stdout.is_empty());
    }
}
