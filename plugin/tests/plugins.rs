//! Plugins of this crate, built for wasm32 and run by pocketwasm. Needs the target: `rustup target
//! add wasm32-unknown-unknown`.

#![cfg(feature = "json")]

use pocketwasm::{Convention, ErrorKind, Plugin, Runner, RunnerConfig};
use std::{env, fs, path::PathBuf, process::Command};

/// The example `name`, built and loaded.
fn load(name: &str, features: &str) -> Plugin {
    // A folder of its own: the tests' is locked where they are built and run at once.
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("plugins");
    let output = Command::new(env!("CARGO"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["build", "--quiet", "--locked", "--release"])
        .args(["--target", "wasm32-unknown-unknown"])
        .args(["--example", name, "--features", features])
        .arg("--target-dir")
        .arg(&target)
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let path = target.join(format!(
        "wasm32-unknown-unknown/release/examples/{name}.wasm"
    ));
    let runner = Runner::new(RunnerConfig::default()).unwrap();
    runner.load_plugin(name, fs::read(path).unwrap()).unwrap()
}

/// What a call ends with: the bytes, or the kind of the error and its message.
fn call(plugin: &Plugin, export: &str, inputs: &[&[u8]]) -> Result<Vec<u8>, (ErrorKind, String)> {
    match plugin.call(export).inputs(inputs).run() {
        Ok(outcome) => Ok(outcome.into_bytes()),
        Err(error) => Err((error.kind(), error.message())),
    }
}

#[test]
fn json_goes_in_and_out_and_errors_have_a_message() {
    let plugin = load("order", "json");
    assert_eq!(plugin.convention(), Some(Convention::Typst));
    for (export, input, result) in [
        ("greet", "World", Ok("Hello, World")),
        ("greet", "", Ok("Hello, ")),
        (
            "order",
            r#"{"price": 250, "count": 3}"#,
            Ok(r#"{"total":750}"#),
        ),
        (
            "order",
            r#"{"price": 250, "count": 0}"#,
            Err("the count must be positive"),
        ),
        (
            "order",
            r#"{"price": 18446744073709551615, "count": 2}"#,
            Err("the total is too large"),
        ),
        (
            "order",
            r#"{"price": 250}"#,
            Err(
                "the input is not the JSON that is expected: missing field `count` at line 1 column 14",
            ),
        ),
    ] {
        let expected = result
            .map(|text| text.as_bytes().to_vec())
            .map_err(|text| (ErrorKind::Plugin, format!("the plugin reports: {text}")));
        assert_eq!(
            call(&plugin, export, &[input.as_bytes()]),
            expected,
            "{input}"
        );
    }
}

#[test]
fn inputs_and_results_of_every_kind() {
    let plugin = load("kinds", "");
    let mut exports: Vec<&str> = plugin
        .exports()
        .iter()
        .map(|export| &*export.name)
        .collect();
    exports.sort_unstable();
    let expected = [
        "__data_end",
        "__heap_base",
        "first_line",
        "half",
        "join",
        "length",
        "match",
        "memory",
        "nothing",
        "panics",
        "same",
        "to-upper",
        "warmer",
    ];
    assert_eq!(exports, expected);

    let reports = |text: &str| Err((ErrorKind::Plugin, format!("the plugin reports: {text}")));
    let gives = |bytes: &[u8]| Ok(bytes.to_vec());
    for (export, inputs, expected) in [
        ("nothing", &[&b""[..]][..], gives(b"")),
        ("length", &[&[0; 100_000]], gives(b"100000")),
        ("length", &[b""], gives(b"0")),
        ("same", &[b"\xff\x00\xfe"], gives(b"\xff\x00\xfe")),
        ("first_line", &[b"one\ntwo"], gives(b"one")),
        ("first_line", &[b""], reports("there is no line")),
        ("first_line", &[b"\xff"], reports("the input is not UTF-8")),
        (
            "to-upper",
            &["größe".as_bytes()],
            gives("GRÖSSE".as_bytes()),
        ),
        ("join", &[b"a", b", ", b"\xff"], gives(b"a, \xff")),
        ("join", &[b"", b"", b""], gives(b"")),
        (
            "join",
            &[b"a", b"\xff", b"b"],
            reports("input 2 is not UTF-8"),
        ),
        ("half", &[b"85"], gives(b"42")),
        ("half", &[b"x"], reports("invalid digit found in string")),
        ("warmer", &[b"36.5"], gives("37.5 °C".as_bytes())),
        ("warmer", &[b"hot"], reports("the input is not a number")),
        ("match", &[b"it"], gives(b"it")),
    ] {
        assert_eq!(
            call(&plugin, export, inputs),
            expected,
            "{export} {inputs:?}"
        );
    }
    let (kind, _) = call(&plugin, "panics", &[b"aloud"]).unwrap_err();
    assert_eq!(kind, ErrorKind::Trap);
    let (kind, _) = call(&plugin, "join", &[b"a"]).unwrap_err();
    assert_eq!(kind, ErrorKind::Signature);
}

#[test]
fn a_kept_instance_answers_again() {
    let plugin = load("kinds", "");
    let mut instance = plugin.instantiate().unwrap();
    for round in 0..1_000 {
        let text = format!("round {round}");
        let outcome = instance.call("match").input(&text).run().unwrap();
        assert_eq!(outcome.into_bytes(), text.as_bytes());
    }
    assert!(instance.call("half").input("x").run().is_err());
}

#[test]
fn what_it_adds_to_a_module() {
    let plugin = load("order", "json");
    let imports: Vec<String> = plugin
        .imports()
        .iter()
        .map(|import| format!("{} {}", import.module, import.name))
        .collect();
    let expected = [
        "typst_env wasm_minimal_protocol_send_result_to_host",
        "typst_env wasm_minimal_protocol_write_args_to_buffer",
    ];
    let mut sorted = imports.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, expected);
}
