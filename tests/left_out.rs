//! Builds without some conventions: `cargo test --no-default-features --features std --test left_out`.
#![cfg(all(feature = "std", not(feature = "conventions")))]

use pocketwasm::{Convention, ErrorKind, Runner, RunnerConfig};

const LEFT_OUT: &str = "this build leaves the convention out; the feature `conventions` has it";

fn fixture(name: &str) -> Vec<u8> {
    let path = format!("{}/fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(path).expect("the fixture is there")
}

#[test]
fn a_plugin_of_a_convention_that_is_left_out_is_refused_with_the_feature() {
    let runner = Runner::new(RunnerConfig::new()).expect("valid");
    for (module, import) in [
        (
            "typst-rust.wasm",
            r#""typst_env" "wasm_minimal_protocol_write_args_to_buffer" of type (i32) -> ()"#,
        ),
        (
            "extism-c.wasm",
            r#""extism:host/env" "input_length" of type () -> (i64)"#,
        ),
        (
            "wapc-rust.wasm",
            r#""wapc" "__host_call" of type (i32, i32, i32, i32, i32, i32, i32, i32) -> (i32)"#,
        ),
        (
            "httpwasm-rust.wasm",
            r#""http_handler" "add_header_value" of type (i32, i32, i32, i32, i32) -> ()"#,
        ),
        (
            "as-greet.wasm",
            r#""env" "abort" of type (i32, i32, i32, i32) -> ()"#,
        ),
    ] {
        let error = runner.load_plugin("p", fixture(module)).expect_err(module);
        assert_eq!(error.kind(), ErrorKind::UnsupportedImport, "{module}");
        let said = error.to_string();
        let expected = format!("plugin \"p\", load: unsupported import: {import}: {LEFT_OUT}");
        assert_eq!(said, expected);
    }
}

#[test]
fn a_convention_that_is_left_out_cannot_be_named() {
    let runner = Runner::new(RunnerConfig::new()).expect("valid");
    let plugin = runner
        .load_plugin("p", fixture("rust-greet.wasm"))
        .expect("loads");
    let call = plugin
        .call("greet")
        .convention(Convention::Typst)
        .input("World");
    assert_eq!(
        call.run().expect_err("left out").to_string(),
        format!("plugin \"p\", export \"greet\": {LEFT_OUT}")
    );
}

#[test]
fn the_others_run() {
    let runner = Runner::new(RunnerConfig::new()).expect("valid");
    for module in ["rust-greet.wasm", "c-string.wasm"] {
        let plugin = runner.load_plugin(module, fixture(module)).expect(module);
        let outcome = plugin.call("greet").input("World").run().expect(module);
        assert_eq!(outcome.bytes(), b"Hello, World");
    }
}
