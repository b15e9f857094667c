//! Typst's minimal protocol, with guests that follow it and guests that break it.

use super::{config, fixture, load, refused, runner, text, wat};
use pocketwasm::{ErrorKind, Runner};
use proptest::prelude::*;

#[test]
fn several_inputs_arrive_in_order() {
    let runner = runner();
    let plugin = runner
        .load_plugin("typst-rust", fixture("typst-rust.wasm"))
        .expect("loads");
    let concat = |inputs: &[&[u8]]| plugin.call("concat").inputs(inputs).run();
    assert_eq!(
        concat(&[b"Hello, ", b"World"]).expect("runs").bytes(),
        b"Hello, World"
    );
    assert_eq!(concat(&[b"", b"\0\xff"]).expect("runs").bytes(), b"\0\xff");
    refused(
        concat(&[b"one"]),
        ErrorKind::Signature,
        "takes 2 inputs, not 1 (typst)",
    );
    refused(
        concat(&[b"one", b"two", b"three"]),
        ErrorKind::Signature,
        "takes 2 inputs, not 3 (typst)",
    );
}

#[test]
fn inputs_are_bounded_together() {
    let runner = Runner::new(config().max_input_bytes(5)).expect("valid");
    let plugin = runner
        .load_plugin("typst-rust", fixture("typst-rust.wasm"))
        .expect("loads");
    refused(
        plugin.call("concat").inputs(&[b"one", b"two"]).run(),
        ErrorKind::TooLarge,
        "an input of 6 bytes; the limit `max_input_bytes` is 5",
    );
}

#[test]
fn a_broken_protocol_is_a_typed_error_and_the_next_call_is_clean() {
    let runner = Runner::new(config().max_result_bytes(65_536)).expect("valid");
    let plugin = wat(&runner, "typst-hostile");
    let table = [
        (
            "fetch_outside",
            ErrorKind::GuestData,
            "the buffer for the inputs at 0xffff with length 2 is outside the memory of 65536 \
             bytes",
        ),
        (
            "send_outside",
            ErrorKind::GuestData,
            "a result at 0xffff with length 2 is outside the memory of 65536 bytes",
        ),
        (
            "send_lies",
            ErrorKind::TooLarge,
            "a result of 4294967295 bytes; the limit `max_result_bytes` is 65536",
        ),
        (
            "fails_silently",
            ErrorKind::Plugin,
            "the plugin reports: an error without a message",
        ),
        (
            "fails_loudly",
            ErrorKind::Plugin,
            "the plugin reports: second\\u{1b}[2J\\n",
        ),
        (
            "odd_status",
            ErrorKind::GuestData,
            "the status is 7; it must be 0 or 1 (typst)",
        ),
        (
            "sends_for_ever",
            ErrorKind::OutOfFuel,
            "out of fuel: all 1000000 units of the limit `fuel` are used",
        ),
        (
            "no_protocol",
            ErrorKind::Signature,
            "has type (i64) -> (i32); passing bytes needs an i32 for each input and -> (i32) \
             (typst)",
        ),
    ];
    for (export, kind, said) in table {
        refused(text(&plugin, export, "ab"), kind, said);
        assert_eq!(text(&plugin, "echo", "ab").expect(export), "ab");
    }
    assert_eq!(text(&plugin, "send_twice", "ab").expect("runs"), "second");
    assert_eq!(text(&plugin, "silent", "ab").expect("runs"), "");
    assert_eq!(text(&plugin, "none", "").expect("runs"), "");
}

#[test]
fn a_long_message_is_cut() {
    let runner = runner();
    let plugin = wat(&runner, "typst-hostile");
    let error = text(&plugin, "fails_at_length", "").expect_err("fails");
    assert_eq!(error.plugin_message().map(str::len), Some(4_096));
    let shown = format!("the plugin reports: {}…", "x".repeat(1_000));
    assert_eq!(error.message(), shown);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever numbers a guest passes and returns, the call ends in a result or a typed error.
    #[test]
    fn any_numbers_end_in_a_result_or_a_typed_error(
        fetch: i32, pointer: i32, length: i32, status in prop_oneof![Just(0), Just(1), any::<i32>()],
        input in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let runner = Runner::new(config().max_result_bytes(70_000)).expect("valid");
        let plugin = load(&runner, "any", &format!(r#"(module
            (import "typst_env" "wasm_minimal_protocol_write_args_to_buffer"
                (func $fetch (param i32)))
            (import "typst_env" "wasm_minimal_protocol_send_result_to_host"
                (func $send (param i32 i32)))
            (memory (export "memory") 1)
            (func (export "send") (param i32) (result i32)
                (call $send (i32.const {pointer}) (i32.const {length})) (i32.const {status}))
            (func (export "fetch") (param i32) (result i32)
                (call $fetch (i32.const {fetch})) (i32.const {status})))"#));
        let inside = |pointer: i32, length: i32| {
            i64::from(pointer.cast_unsigned()) + i64::from(length.cast_unsigned()) <= 65_536
        };
        let length_in = i32::try_from(input.len()).expect("short");
        for (export, fits) in [("send", inside(pointer, length)), ("fetch", inside(fetch, length_in))] {
            let result = plugin.call(export).input(&input).run();
            match (fits, status) {
                (true, 0) => prop_assert!(result.is_ok()),
                (true, 1) => {
                    prop_assert_eq!(result.expect_err("status 1").kind(), ErrorKind::Plugin);
                }
                _ => {
                    let kind = result.expect_err("refused").kind();
                    prop_assert!(
                        matches!(kind, ErrorKind::GuestData | ErrorKind::TooLarge),
                        "{:?}", kind
                    );
                }
            }
        }
    }
}
