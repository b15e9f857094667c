//! The same plugin called through the library, the program and the gateway: one fixture and one
//! expected value for all three.

use crate::server::{Server, fixture_bytes};
use pocketwasm::{Runner, RunnerConfig};
use std::process::Command;

#[test]
fn every_convention_answers_the_same_through_each_door() {
    let greeting = "Hello, World";
    let table = [
        ("rust-greet", "greet", greeting),
        ("go-greet", "greet", greeting),
        ("c-string", "greet", greeting),
        ("as-greet", "greet", greeting),
        ("typst-rust", "greet", greeting),
        ("extism-rust", "greet", greeting),
        ("extism-rust", "count_vowels", r#"{"count":1}"#),
        ("extism-as", "greet", greeting),
        ("extism-c", "greet", greeting),
        ("extism-zig", "greet", greeting),
        ("extism-go", "greet", greeting),
        ("wapc-rust", "greet", greeting),
        ("c-command", "_start", "stdin: 5 bytes\nWORLD\n"),
    ];
    let mut files: Vec<(&str, String)> = table
        .iter()
        .map(|(guest, ..)| (*guest, format!("{guest}.wasm")))
        .collect();
    files.dedup();
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(name, file)| (*name, file.as_str()))
        .collect();
    let server = Server::start(&files, &["--timeout", "60s"]);
    let runner = Runner::new(RunnerConfig::new()).expect("the defaults");
    for (guest, export, expected) in table {
        let file = format!("{guest}.wasm");
        runner
            .load_plugin(guest, fixture_bytes(&file))
            .unwrap_or_else(|error| panic!("{error}"));
        let library = runner.run_plugin_string(guest, export, "World");
        assert_eq!(library.expect(guest), expected, "{guest} {export}, library");

        let program = Command::new(env!("CARGO_BIN_EXE_pocketwasm"))
            .arg("text")
            .arg(server.path(&file))
            .args([export, "World", "--timeout", "60s"])
            .output()
            .expect("the program runs");
        let printed = String::from_utf8_lossy(&program.stdout);
        assert_eq!(printed, expected, "{guest} {export}, program");

        let answer = server.post(&format!("/execute/{guest}?func={export}"), b"World");
        assert_eq!(
            (answer.status, answer.text()),
            (200, expected),
            "{guest} {export}, gateway"
        );
    }
}
