//! The packed-pointer convention, with guests that break it.

use crate::support::{fails, fixture, load, runner, runs, wat};
use pocketwasm::{ErrorKind, Phase, RunnerConfig};

#[test]
fn a_result_outside_memory_is_told_with_its_numbers() {
    let plugin = load(RunnerConfig::new(), "packed");
    for (export, kind, message) in [
        (
            "outside",
            ErrorKind::GuestData,
            "the result at 0xfffe with length 3 is outside the memory of 65536 bytes",
        ),
        (
            "far",
            ErrorKind::GuestData,
            "the result at 0xffffffff with length 16 is outside the memory of 65536 bytes",
        ),
        (
            "huge",
            ErrorKind::TooLarge,
            "a result of 4294967295 bytes; the limit `max_result_bytes` is 16777216",
        ),
    ] {
        let error = fails(plugin.call(export).input("x"));
        assert_eq!(error.kind(), kind, "{export}");
        assert_eq!(
            error.to_string(),
            format!("plugin \"packed\", export \"{export}\": {message}")
        );
    }
    assert_eq!(runs(plugin.call("at_the_end").input("x")).bytes(), [0; 3]);
    // A length of zero needs no memory, even where the pointer is none.
    assert_eq!(
        fails(plugin.call("nothing").input("x")).message(),
        "the result at 0xffffffff with length 0 is outside the memory of 65536 bytes"
    );
}

#[test]
fn text_that_is_none() {
    let runner = runner(RunnerConfig::new());
    runner.load_plugin("packed", wat("packed")).expect("loads");
    let error = runner
        .run_plugin_string("packed", "not_text", "x")
        .expect_err("not UTF-8");
    assert_eq!(error.kind(), ErrorKind::GuestData);
    assert_eq!(
        error.to_string(),
        "plugin \"packed\", export \"not_text\": the result is not UTF-8: \
         invalid utf-8 sequence of 1 bytes from index 2"
    );
    let bytes = runner.run_plugin_bytes("packed", "not_text", b"x");
    assert_eq!(bytes.expect("bytes are bytes"), b"ab\xff\xfecd");
}

#[test]
fn an_export_of_another_type_takes_no_bytes() {
    let runner = runner(RunnerConfig::new());
    let plugin = runner.load_plugin("greet", fixture("rust-greet.wasm"));
    let error = fails(plugin.expect("loads").call("add").input("x"));
    assert_eq!(error.kind(), ErrorKind::Signature);
    assert_eq!(
        error.to_string(),
        "plugin \"greet\", export \"add\": has type (i32, i32) -> (i32); \
         passing bytes needs (i32, i32) -> (i64) (packed-pointer)"
    );
}

#[test]
fn allocators_that_do_not() {
    for (guest, kind, message) in [
        (
            "allocate-null",
            ErrorKind::GuestData,
            "the allocator `malloc` has no room for 3 bytes",
        ),
        (
            "allocate-outside",
            ErrorKind::GuestData,
            "the buffer that the allocator gave at 0xfffe with length 3 is outside the memory \
             of 65536 bytes",
        ),
        (
            "allocate-traps",
            ErrorKind::Trap,
            "trap: `unreachable` executed",
        ),
    ] {
        let plugin = load(RunnerConfig::new(), guest);
        let error = fails(plugin.call("run").input("abc"));
        assert_eq!(
            (error.kind(), error.phase()),
            (kind, Some(Phase::Allocate)),
            "{guest}"
        );
        assert_eq!(
            error.to_string(),
            format!("plugin \"{guest}\", export \"run\", allocate: {message}")
        );
    }
    // Nothing needs no room.
    let plugin = load(RunnerConfig::new(), "allocate-null");
    assert_eq!(runs(plugin.call("run").input("")).bytes(), b"");
}

/// Each buffer goes back once, the result's before the input's, by the guest's own arity.
#[test]
fn what_was_allocated_is_released() {
    const NO: u64 = u32::MAX as u64;
    for (guest, export, record) in [
        ("release-2", "elsewhere", [2, 0x2000, 5, 4096, 3]),
        ("release-2", "in_place", [1, 4096, 3, 0, 0]),
        ("release-2", "empty", [1, 4096, 3, 0, 0]),
        ("release-1", "elsewhere", [2, 0x2000, NO, 4096, NO]),
        ("release-1", "in_place", [1, 4096, NO, 0, 0]),
        ("release-1", "empty", [1, 4096, NO, 0, 0]),
    ] {
        let plugin = load(RunnerConfig::new(), guest);
        let mut instance = plugin.instantiate().expect("instantiates");
        runs(instance.call(export).input("abc"));
        let recorded = runs(instance.call("recorded"));
        assert_eq!(recorded.results(), record, "{guest} {export}");
    }
}

/// A guest that fails to release its buffer has answered before. The answer is valid, and the
/// instance stays usable.
#[test]
fn a_release_that_traps_costs_nothing() {
    let plugin = load(RunnerConfig::new(), "release-traps");
    assert_eq!(runs(plugin.call("run").input("x")).bytes(), b"answer");
    let mut instance = plugin.instantiate().expect("instantiates");
    for _ in 0..2 {
        assert_eq!(runs(instance.call("run").input("x")).bytes(), b"answer");
    }
    assert!(!instance.is_poisoned());
}
