//! C strings, with guests that follow the convention and guests that break it.

use super::{config, fixture, load, refused, runner, text, wat};
use pocketwasm::{Convention, ErrorKind, Runner};
use proptest::prelude::*;

const OUT_OF_FUEL: &str = "out of fuel: all 1000000 units of the limit `fuel` are used";

#[test]
fn strings_are_bytes_but_zero() {
    let runner = runner();
    let plugin = runner
        .load_plugin("c-string", fixture("c-string.wasm"))
        .expect("loads");
    for name in ["", "World", "Grüße"] {
        let greeting = text(&plugin, "greet", name).expect(name);
        assert_eq!(greeting, format!("Hello, {name}"));
    }
    let outcome = plugin.call("echo").input(&[0xff, 1]).run().expect("runs");
    assert_eq!(outcome.bytes(), [0xff, 1]);
    let joined = plugin.call("join").inputs(&[b"Hello, ", b"World"]).run();
    assert_eq!(joined.expect("runs").bytes(), b"Hello, World");
    refused(
        text(&plugin, "echo", "f\0ves"),
        ErrorKind::Signature,
        "the input has a zero byte, which would end it (c-string)",
    );
}

#[test]
fn a_broken_allocator_is_a_typed_error_and_the_next_call_is_clean() {
    let runner = Runner::new(config()).expect("valid");
    let plugin = wat(&runner, "c-string-hostile");
    for (input, kind, said) in [
        (
            "",
            ErrorKind::GuestData,
            "the allocator `malloc` has no room for 1 bytes",
        ),
        (
            "1",
            ErrorKind::GuestData,
            "the buffer that the allocator gave at 0xffff with length 2 is outside the memory of \
             65536 bytes",
        ),
        ("22", ErrorKind::OutOfFuel, OUT_OF_FUEL),
        ("333", ErrorKind::Trap, "trap: `unreachable` executed"),
    ] {
        refused(text(&plugin, "same", input), kind, said);
        assert_eq!(text(&plugin, "same", "fives").expect(input), "fives");
    }
}

#[test]
fn a_broken_result_is_a_typed_error_and_the_next_call_is_clean() {
    let runner = Runner::new(config().max_result_bytes(1_000)).expect("valid");
    let plugin = wat(&runner, "c-string-hostile");
    let data = ErrorKind::GuestData;
    let unended = "the result has no zero byte before the end of memory (c-string)";
    for (export, kind, said) in [
        ("null", data, "the result is a null pointer (c-string)"),
        ("outside", data, unended),
        (
            "beyond",
            data,
            "the result at 0xffffffff with length 0 is outside the memory of 65536 bytes",
        ),
        ("unended", data, unended),
        (
            "long",
            ErrorKind::TooLarge,
            "a result of 1001 bytes; the limit `max_result_bytes` is 1000",
        ),
        ("spins_when_released", ErrorKind::OutOfFuel, OUT_OF_FUEL),
    ] {
        refused(text(&plugin, export, "fives"), kind, said);
        assert_eq!(text(&plugin, "same", "fives").expect(export), "fives");
    }
}

#[test]
fn every_buffer_is_released_once() {
    let runner = runner();
    let plugin = wat(&runner, "c-string-hostile");
    for (export, inputs, released) in [
        ("same", &[&b"fives"[..]][..], 1),
        ("second", &[b"fives", b"fives"], 3),
    ] {
        let mut instance = plugin.instantiate().expect("instance");
        instance.call(export).inputs(inputs).run().expect(export);
        let count = instance.call("released").run().expect("runs");
        assert_eq!(count.results(), [released], "{export}");
    }
    let mut instance = plugin.instantiate().expect("instance");
    let call = instance.call("traps_when_released").input("fives");
    assert_eq!(call.run().expect("the answer is there").bytes(), b"");
    // The answer is valid, and the instance stays usable.
    let call = instance.call("traps_when_released").input("fives");
    assert_eq!(call.run().expect("again").bytes(), b"");
}

#[test]
fn functions_on_numbers_beside_packed_pointers_take_no_strings() {
    let runner = runner();
    let plugin = runner
        .load_plugin("rust-greet", fixture("rust-greet.wasm"))
        .expect("loads");
    assert_eq!(plugin.conventions(), [Convention::PackedPointer]);
    for (export, ty) in [
        ("allocate", "(i32) -> (i32)"),
        ("deallocate", "(i32, i32) -> ()"),
        ("add", "(i32, i32) -> (i32)"),
    ] {
        let needs = "passing bytes needs (i32, i32) -> (i64) (packed-pointer)";
        refused(
            text(&plugin, export, "World"),
            ErrorKind::Signature,
            &format!("has type {ty}; {needs}"),
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever an allocator and an export return, the call ends in a result or a typed error.
    #[test]
    fn any_numbers_end_in_a_result_or_a_typed_error(
        allocated in prop_oneof![0_i32..70_000, any::<i32>()],
        result in prop_oneof![0_i32..70_000, any::<i32>()],
        fill: u8, input in "[a-z]{0,40}",
    ) {
        let runner = Runner::new(config().max_result_bytes(10_000)).expect("valid");
        let plugin = load(&runner, "any", &format!(r#"(module
            (memory (export "memory") 1)
            (func (export "malloc") (param i32) (result i32) (i32.const {allocated}))
            (func (export "free") (param i32))
            (func (export "c") (param i32) (result i32)
                (memory.fill (i32.const 30000) (i32.const {fill}) (i32.const 35536))
                (i32.const {result})))"#));
        if let Err(error) = text(&plugin, "c", &input) {
            let kind = error.kind();
            prop_assert!(
                matches!(kind, ErrorKind::GuestData | ErrorKind::TooLarge),
                "{:?}", kind
            );
        }
    }
}
