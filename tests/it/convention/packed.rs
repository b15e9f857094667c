//! Packed pointers, with guests that follow the convention and guests that break it.

use super::{config, load, refused, runner, text, wat};
use pocketwasm::{ErrorKind, Runner};
use proptest::prelude::*;

#[test]
fn a_broken_allocator_is_a_typed_error_and_the_next_call_is_clean() {
    let runner = Runner::new(config()).expect("valid");
    let plugin = wat(&runner, "packed-hostile");
    let table = [
        (
            "1",
            ErrorKind::GuestData,
            "the allocator `allocate` has no room for 1 bytes",
        ),
        (
            "22",
            ErrorKind::GuestData,
            "the buffer that the allocator gave at 0xffff with length 2 is outside the memory of \
             65536 bytes",
        ),
        (
            "333",
            ErrorKind::OutOfFuel,
            "out of fuel: all 1000000 units of the limit `fuel` are used",
        ),
        ("4444", ErrorKind::Trap, "trap: `unreachable` executed"),
    ];
    for (input, kind, said) in table {
        for export in ["same", "void"] {
            refused(text(&plugin, export, input), kind, said);
            assert_eq!(text(&plugin, "same", "fives").expect(input), "fives");
        }
    }
}

#[test]
fn a_broken_result_is_a_typed_error_and_the_next_call_is_clean() {
    let runner = Runner::new(config().max_result_bytes(1_000)).expect("valid");
    let plugin = wat(&runner, "packed-hostile");
    let table = [
        (
            "outside",
            ErrorKind::GuestData,
            "the result at 0xffff with length 2 is outside the memory of 65536 bytes",
        ),
        (
            "lies",
            ErrorKind::TooLarge,
            "a result of 4294967295 bytes; the limit `max_result_bytes` is 1000",
        ),
        (
            "spins_when_released",
            ErrorKind::OutOfFuel,
            "out of fuel: all 1000000 units of the limit `fuel` are used",
        ),
        (
            "logs_outside",
            ErrorKind::GuestData,
            "a message to log at 0xffffffff with length 2 is outside the memory of 65536 bytes",
        ),
        (
            "logs_for_ever",
            ErrorKind::OutOfFuel,
            "out of fuel: all 1000000 units of the limit `fuel` are used",
        ),
    ];
    for (export, kind, said) in table {
        refused(text(&plugin, export, "fives"), kind, said);
        assert_eq!(text(&plugin, "same", "fives").expect(export), "fives");
    }
    assert_eq!(text(&plugin, "nothing", "fives").expect("runs"), "");
    assert_eq!(
        text(&plugin, "traps_when_released", "fives").expect("runs"),
        "\0\0\0\0"
    );
}

#[test]
fn every_buffer_is_released_once() {
    let runner = runner();
    let plugin = wat(&runner, "packed-hostile");
    for (export, inputs, released) in [
        ("same", &[&b"fives"[..]][..], 1),
        ("nothing", &[b"fives"], 1),
        ("void", &[b"fives"], 1),
        ("two", &[b"fives", b"fives"], 3),
    ] {
        let mut instance = plugin.instantiate().expect("instance");
        instance.call(export).inputs(inputs).run().expect(export);
        let count = instance.call("released").run().expect("runs");
        assert_eq!(count.results(), [released], "{export}");
    }
    let mut instance = plugin.instantiate().expect("instance");
    let call = instance.call("traps_when_released").input("fives");
    assert_eq!(call.run().expect("the answer is there").bytes(), [0; 4]);
    // The answer is valid, and the instance stays usable.
    let call = instance.call("traps_when_released").input("fives");
    assert_eq!(call.run().expect("again").bytes(), [0; 4]);
}

#[test]
fn what_is_logged_is_output_and_capped_as_such() {
    let runner = Runner::new(config().max_output_bytes(12)).expect("valid");
    let plugin = wat(&runner, "packed-hostile");
    let outcome = plugin.call("void").input("fives").run().expect("runs");
    assert_eq!(
        (outcome.bytes(), outcome.stdout()),
        (&b""[..], &b"fives\n"[..])
    );
    let error = plugin.call("logs_for_ever").input("fives").run();
    let error = error.expect_err("runs for ever");
    let outcome = error.outcome().expect("it had begun");
    assert_eq!(outcome.stdout(), b"told\ntold\nto");
    assert!(outcome.output_truncated());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever an allocator and an export return, the call ends in a result or a typed error.
    #[test]
    fn any_numbers_end_in_a_result_or_a_typed_error(
        allocated: i32, packed: i64, near in 0_i64..70_000, input in "[a-z]{0,40}",
    ) {
        let runner = Runner::new(config().max_result_bytes(70_000)).expect("valid");
        for packed in [packed, near << 32 | near, near << 32] {
            let plugin = load(&runner, "any", &format!(r#"(module
                (memory (export "memory") 1)
                (func (export "malloc") (param i32) (result i32) (i32.const {allocated}))
                (func (export "free") (param i32))
                (func (export "packed") (param i32 i32) (result i64) (i64.const {packed})))"#));
            if let Err(error) = plugin.call("packed").input(&input).run() {
                let kind = error.kind();
                prop_assert!(
                    matches!(kind, ErrorKind::GuestData | ErrorKind::TooLarge),
                    "{:?}", kind
                );
            }
        }
    }
}
