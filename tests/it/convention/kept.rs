//! Kept instances. One stays usable after a plugin's own error if it does in the ecosystem's own
//! runtime. After an exit during initialisation, no export runs.

use super::{load, refused, runner};
use pocketwasm::{Convention, ErrorKind, HostContext, Phase};

const EXTISM: &str = r#"
    (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
    (import "extism:host/env" "store_u8" (func $store (param i64 i32)))
    (import "extism:host/env" "error_set" (func $error (param i64)))
    (import "extism:host/env" "output_set" (func $output (param i64 i64)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (global $calls (mut i32) (i32.const 48))
    (func $byte (param $byte i32) (result i64) (local $at i64)
        (local.set $at (call $alloc (i64.const 1)))
        (call $store (local.get $at) (local.get $byte))
        (local.get $at))
    (func $count
        (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
        (call $output (call $byte (global.get $calls)) (i64.const 1)))
    (func $say (call $error (call $byte (i32.const 69))))
    (func (export "count") (result i32) (call $count) (i32.const 0))"#;

/// The answers of Extism's own runtime, 1.41.0, in which an instance goes on after each of them.
#[test]
fn an_extism_plugin_that_sets_an_error_fails_however_it_ends() {
    let (ok, error) = (Ok("2"), Err("E"));
    let table = [
        (
            "returns 1",
            "(result i32) (call $count) (call $say) (i32.const 1)",
            error,
        ),
        (
            "returns 0",
            "(result i32) (call $count) (call $say) (i32.const 0)",
            error,
        ),
        ("returns nothing", "(call $count) (call $say)", error),
        (
            "traps",
            "(result i32) (call $count) (call $say) (unreachable)",
            error,
        ),
        (
            "exits with 0",
            "(result i32) (call $count) (call $say) (call $exit (i32.const 0)) (unreachable)",
            error,
        ),
        (
            "exits with 3",
            "(result i32) (call $count) (call $say) (call $exit (i32.const 3)) (unreachable)",
            error,
        ),
        (
            "has no result and exits with 3",
            "(call $count) (call $say) (call $exit (i32.const 3)) (unreachable)",
            error,
        ),
        (
            "exits with 0 and sets no error",
            "(result i32) (call $count) (call $exit (i32.const 0)) (unreachable)",
            ok,
        ),
        (
            "has no result, exits with 0 and sets no error",
            "(call $count) (call $exit (i32.const 0)) (unreachable)",
            ok,
        ),
        (
            "returns 5 and sets no error",
            "(result i32) (call $count) (i32.const 5)",
            Err("status 5 and no message"),
        ),
    ];
    let runner = runner();
    for (name, body, expected) in table {
        let text = format!("(module {EXTISM} (func (export \"f\") {body}))");
        let plugin = load(&runner, "extism", &text);
        let mut instance = plugin.instantiate().expect(name);
        instance.call("count").input("").run().expect(name);
        let call = instance.call("f").input("").run();
        match (call, expected) {
            (Ok(outcome), Ok(output)) => assert_eq!(outcome.bytes(), output.as_bytes(), "{name}"),
            (Err(error), Err(said)) => {
                assert_eq!(error.kind(), ErrorKind::Plugin, "{name}: {error}");
                assert_eq!(error.plugin_message(), Some(said), "{name}");
            }
            (found, _) => panic!("{name}: {found:?}"),
        }
        let outcome = instance.call("count").input("").run().expect(name);
        assert_eq!(outcome.bytes(), b"3", "{name}");
    }
    let traps =
        "(module {} (func (export \"f\") (result i32) (unreachable)))".replace("{}", EXTISM);
    let plugin = load(&runner, "extism", &traps);
    let mut instance = plugin.instantiate().expect("starts");
    assert_eq!(
        instance.call("f").input("").run().unwrap_err().kind(),
        ErrorKind::Trap
    );
    assert!(instance.is_poisoned());
}

#[test]
fn what_imports_functions_of_extisms_users_or_is_named_so_is_extisms() {
    let runner = runner();
    let alone = r#"(module (memory (export "memory") 1)
        (func (export "f") (result i32) (i32.const 0)) (func (export "g") (param f32)))"#;
    let plugin = load(&runner, "alone", alone);
    let error = plugin.call("f").input("x").run().expect_err("unnamed");
    let hint = "an Extism plugin needs the convention `extism` to be named";
    assert!(error.message().ends_with(hint), "{error}");
    let named = plugin.call("f").convention(Convention::Extism).input("x");
    assert_eq!(named.run().expect("runs").bytes(), b"");
    let error = plugin.call("g").input("x").run().expect_err("no such type");
    assert!(!error.message().contains("extism`, where"), "{error}");

    let config = super::config().function(
        "extism:host/user",
        "mine",
        |_: &mut HostContext<'_>, _: u64| 0_u64,
    );
    let runner = pocketwasm::Runner::new(config).expect("valid");
    let user = r#"(module (import "extism:host/user" "mine" (func (param i64) (result i64)))
        (func (export "f") (result i32) (i32.const 0)))"#;
    let plugin = load(&runner, "user", user);
    assert_eq!(plugin.convention(), Some(Convention::Extism));
    assert_eq!(
        plugin.call("f").input("x").run().expect("runs").bytes(),
        b""
    );
}

/// The behaviour of waPC's host for Go.
#[test]
fn a_wapc_guests_error_is_one_whatever_it_returns() {
    let table = [
        ("error and 0", true, 0, Some("E")),
        ("error and 1", true, 1, Some("E")),
        ("error and 2", true, 2, Some("E")),
        ("error and -1", true, -1, Some("E")),
        ("0 alone", false, 0, Some("")),
        ("2 alone", false, 2, Some("")),
        ("1 alone", false, 1, None),
    ];
    let runner = runner();
    for (name, says, status, expected) in table {
        let say = match says {
            true => "(call $error (i32.const 0) (i32.const 1))",
            false => "",
        };
        let text = format!(
            r#"(module
                (import "wapc" "__guest_error" (func $error (param i32 i32)))
                (import "wapc" "__guest_response" (func $response (param i32 i32)))
                (memory (export "memory") 1) (data (i32.const 0) "E") (data (i32.const 8) "0")
                (func (export "__guest_call") (param i32 i32) (result i32)
                    (i32.store8 (i32.const 8)
                        (i32.add (i32.load8_u (i32.const 8)) (i32.const 1)))
                    (call $response (i32.const 8) (i32.const 1))
                    (if (i32.eqz (local.get 0)) (then (return (i32.const 1))))
                    {say} (i32.const {status})))"#
        );
        let plugin = load(&runner, "wapc", &text);
        let mut instance = plugin.instantiate().expect(name);
        let call = instance.call("go").input("").run();
        match expected {
            None => assert_eq!(call.expect(name).bytes(), b"1"),
            Some(said) => {
                let error = call.expect_err(name);
                assert_eq!(error.kind(), ErrorKind::Plugin, "{name}: {error}");
                assert_eq!(error.plugin_message(), Some(said), "{name}");
            }
        }
        let outcome = instance.call("").input("").run().expect(name);
        assert_eq!(outcome.bytes(), b"2", "{name}");
    }
}

#[test]
fn typsts_inputs_are_delivered_once_and_its_errors_leave_the_instance() {
    let plugin = load(
        &runner(),
        "typst",
        r#"(module
            (import "typst_env" "wasm_minimal_protocol_write_args_to_buffer"
                (func $fetch (param i32)))
            (import "typst_env" "wasm_minimal_protocol_send_result_to_host"
                (func $send (param i32 i32)))
            (memory (export "memory") 1)
            (func (export "twice") (param i32 i32) (result i32)
                (call $fetch (i32.const 0))
                (call $fetch (i32.const 4))
                (call $fetch (i32.const -1))
                (call $send (i32.const 0) (i32.const 8))
                (i32.const 0))
            (func (export "fail") (param i32) (result i32)
                (call $fetch (i32.const 0))
                (call $send (i32.const 0) (local.get 0))
                (i32.const 1)))"#,
    );
    let mut instance = plugin.instantiate().expect("starts");
    for _ in 0..2 {
        let error = instance.call("fail").input("no").run().expect_err("fails");
        assert_eq!(error.plugin_message(), Some("no"));
        let outcome = instance
            .call("twice")
            .inputs(&[b"ab", b"cd"])
            .run()
            .expect("runs");
        assert_eq!(outcome.bytes(), b"abcd\0\0\0\0");
    }
}

/// The part of AssemblyScript's runtime that the host uses: a bump allocator for strings, and a
/// table of the classes `Object`, `ArrayBuffer`, `String`, a typed array, an array of 16-bit
/// numbers, a static array of numbers, and an array of objects.
const ASSEMBLYSCRIPT: &str = r#"
    (import "env" "abort" (func $abort (param i32 i32 i32 i32)))
    (import "env" "console.log" (func $log (param i32)))
    (import "env" "console.error" (func $error (param i32)))
    (import "env" "console.assert" (func $assert (param i32 i32)))
    (import "env" "console.time" (func $time (param i32)))
    (import "env" "console.timeLog" (func $time_log (param i32)))
    (import "console" "timeEnd" (func $time_end (param i32)))
    (import "env" "Date.now" (func $now (result f64)))
    (import "env" "performance.now" (func $elapsed (result f64)))
    (import "console" "info" (func $old_info (param i32)))
    (import "Date" "now" (func $old_now (result f64)))
    (memory (export "memory") 1)
    (global (export "__rtti_base") i32 (i32.const 512))
    (data (i32.const 512) "\07\00\00\00\00\00\00\00\20\00\00\00\20\00\00\00\41\00\00\00\82\00\00\00\64\00\00\00\02\41\00\00")
    (data (i32.const 600) "abcdefgh")
    (global $next (mut i32) (i32.const 4096))
    (global $passed (mut i32) (i32.const -1))
    (func $new (export "__new") (param $size i32) (param $class i32) (result i32)
        (i32.store (global.get $next) (local.get $class))
        (i32.store offset=4 (global.get $next) (local.get $size))
        (global.set $next (i32.add (global.get $next) (i32.const 8)))
        (global.get $next)
        (global.set $next (i32.add (global.get $next) (local.get $size))))
    (func (export "__pin") (param i32) (result i32) (local.get 0))
    (func (export "__unpin") (param i32))
    (func (export "__setArgumentsLength") (param i32) (global.set $passed (local.get 0)))
    ;; An object of that class whose bytes are `length` ones from "b" on.
    (func $view (param $class i32) (param $length i32) (param $count i32) (result i32)
        (local $at i32)
        (local.set $at (call $new (i32.const 16) (local.get $class)))
        (i32.store (local.get $at) (i32.const 600))
        (i32.store offset=4 (local.get $at) (i32.const 601))
        (i32.store offset=8 (local.get $at) (local.get $length))
        (i32.store offset=12 (local.get $at) (local.get $count))
        (local.get $at))"#;

#[test]
fn assemblyscripts_functions_are_told_how_many_arguments_they_get() {
    let text = format!(
        r#"(module {ASSEMBLYSCRIPT}
            (func (export "passed") (param i32 i32 i32) (result i32) (local $at i32)
                (local.set $at (call $new (i32.const 2) (i32.const 2)))
                (i32.store16 (local.get $at) (i32.add (global.get $passed) (i32.const 48)))
                (local.get $at))
            (func (export "sum") (param i32 i64) (result i32)
                (i32.add (i32.mul (global.get $passed) (i32.const 100))
                    (i32.add (local.get 0) (i32.wrap_i64 (local.get 1))))))"#
    );
    let plugin = load(&runner(), "optional", &text);
    let inputs: [&[&[u8]]; 4] = [&[], &[b"a"], &[b"a", b"b"], &[b"a", b"b", b"c"]];
    for (count, inputs) in inputs.into_iter().enumerate() {
        let outcome = plugin.call("passed").inputs(inputs).run().expect("runs");
        assert_eq!(outcome.bytes(), count.to_string().as_bytes());
    }
    refused(
        plugin.call("passed").inputs(&[&b"a"[..]; 4]).run(),
        ErrorKind::Signature,
        "has type (i32, i32, i32) -> (i32); passing bytes needs an i32 for each input and -> \
         (i32) (assemblyscript)",
    );
    for (params, sum) in [(&[][..], 0), (&[7][..], 107), (&[7, 8][..], 215)] {
        let outcome = plugin.call("sum").params(params).run().expect("runs");
        assert_eq!(outcome.results(), [sum], "{params:?}");
    }
    for params in [&[1 << 32][..], &[1, 2, 3][..]] {
        let error = plugin.call("sum").params(params).run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Signature, "{params:?}");
    }
}

#[test]
fn assemblyscripts_arrays_of_numbers_are_bytes() {
    type Expected = Result<&'static [u8], &'static str>;
    let table: [(&str, &str, Expected); 5] = [
        (
            "typed array",
            "(call $view (i32.const 3) (i32.const 3) (i32.const 0))",
            Ok(b"bcd"),
        ),
        (
            "array",
            "(call $view (i32.const 4) (i32.const 64) (i32.const 2))",
            Ok(b"bcde"),
        ),
        (
            "static array",
            "(i64.store (call $new (i32.const 8) (i32.const 5)) (i64.const 0x3837363534333231))
             (i32.sub (global.get $next) (i32.const 8))",
            Ok(b"12345678"),
        ),
        (
            "array of objects",
            "(call $view (i32.const 6) (i32.const 8) (i32.const 2))",
            Err(
                "the result is of class 6, neither string, ArrayBuffer nor array of numbers \
                 (assemblyscript)",
            ),
        ),
        (
            "no such class",
            "(call $view (i32.const 7) (i32.const 8) (i32.const 2))",
            Err(
                "the result is of class 7, neither string, ArrayBuffer nor array of numbers \
                 (assemblyscript)",
            ),
        ),
    ];
    let runner = runner();
    for (name, body, expected) in table {
        let text = format!("(module {ASSEMBLYSCRIPT} (func (export \"f\") (result i32) {body}))");
        let plugin = load(&runner, name, &text);
        let outcome = plugin.call("f").input("").run();
        match expected {
            Ok(bytes) => assert_eq!(outcome.expect(name).bytes(), bytes, "{name}"),
            Err(said) => refused(outcome, ErrorKind::GuestData, said),
        }
    }
}

#[test]
fn assemblyscripts_console_clock_and_abort() {
    let text = format!(
        r#"(module {ASSEMBLYSCRIPT}
            (func (export "logs") (param i32)
                (call $log (local.get 0)) (call $old_info (local.get 0))
                (call $error (local.get 0))
                (call $assert (i32.const 1) (local.get 0))
                (call $assert (i32.const 0) (local.get 0)))
            (func (export "times") (param i32)
                (call $time_end (local.get 0))
                (call $time (local.get 0))
                (loop (br_if 0 (f64.lt (call $elapsed) (f64.const 2))))
                (call $time (local.get 0))
                (call $time_log (local.get 0)) (call $time_end (local.get 0))
                (call $time_log (local.get 0)))
            (func (export "now") (result f64) (call $now))
            (func (export "old_now") (result f64) (call $old_now))
            (func (export "elapsed") (result f64) (call $elapsed))
            (func (export "aborts") (param i32)
                (call $abort (local.get 0) (i32.const 0) (i32.const 0) (i32.const 0))))"#
    );
    let plugin = load(&runner(), "console", &text);
    let mut instance = plugin.instantiate().expect("starts");
    for _ in 0..2 {
        let outcome = instance.call("logs").input("hi").run().expect("runs");
        assert_eq!(outcome.stdout(), b"hi\nhi\n");
        assert_eq!(outcome.stderr(), b"hi\nAssertion failed: hi\n");
        // The instance stays usable, as in a browser.
        let error = instance
            .call("aborts")
            .input("no")
            .run()
            .expect_err("aborts");
        assert_eq!(error.plugin_message(), Some("no"));
    }
    let outcome = plugin.call("times").input("load").run().expect("runs");
    assert_eq!(outcome.stdout(), b"load: 2.000ms\nload: 2.000ms\n");
    for export in ["now", "old_now"] {
        let outcome = plugin.call(export).run().expect("runs");
        assert_eq!(
            f64::from_bits(outcome.results()[0]),
            1_577_836_800_000.0,
            "{export}"
        );
    }
    let outcome = plugin.call("elapsed").run().expect("runs");
    assert!(f64::from_bits(outcome.results()[0]) < 1.0);
}

/// Functions without parameters that return text or bytes. An empty input is left out.
#[test]
fn functions_without_parameters_answer_too() {
    let allocator = r#"(memory (export "memory") 1) (data (i32.const 8) "v1\00")
        (func (export "malloc") (param i32) (result i32) (i32.const 64))"#;
    let text = |exports: &str| format!("(module {allocator} {exports})");
    let table = [
        (
            "c-string",
            text(
                r#"(func (export "up") (param i32) (result i32) (local.get 0))
                (func (export "version") (result i32) (i32.const 8))"#,
            ),
        ),
        (
            "packed-pointer",
            text(
                r#"(func (export "up") (param i32 i32) (result i64) (i64.const 0))
                (func (export "version") (result i64) (i64.const 0x8_0000_0002))"#,
            ),
        ),
        (
            "assemblyscript",
            format!(
                r#"(module {ASSEMBLYSCRIPT}
                (func (export "version") (result i32) (local $at i32)
                    (local.set $at (call $new (i32.const 4) (i32.const 2)))
                    (i32.store (local.get $at) (i32.const 0x310076))
                    (local.get $at)))"#
            ),
        ),
    ];
    let runner = runner();
    for (convention, text) in table {
        let plugin = load(&runner, "version", &text);
        assert_eq!(plugin.convention().map(Convention::name), Some(convention));
        for inputs in [&[][..], &[&b""[..]][..]] {
            let outcome = plugin
                .call("version")
                .inputs(inputs)
                .run()
                .expect(convention);
            assert_eq!(outcome.bytes(), b"v1", "{convention}");
        }
        let outcome = plugin.call("version").input("").run().expect(convention);
        assert_eq!(outcome.bytes(), b"v1", "{convention}");
        let error = plugin.call("version").input("x").run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Signature, "{convention}");
    }
}

/// A result inside the input, or in memory that cannot be released, is valid, and later calls work.
#[test]
fn an_answer_stands_wherever_it_lies() {
    // The release function accepts only pointers from the allocator.
    let memory = r#"(memory (export "memory") 1) (data (i32.const 8) "st\00")
        (func (export "malloc") (param i32) (result i32) (i32.const 1024))
        (func (export "free") (param i32)
            (if (i32.ne (local.get 0) (i32.const 1024)) (then (unreachable))))"#;
    let table = [
        (
            "c: the input",
            "(param i32) (result i32) (local.get 0)",
            "abc",
        ),
        (
            "c: its rest",
            "(param i32) (result i32) (i32.add (local.get 0) (i32.const 1))",
            "bc",
        ),
        (
            "c: its end",
            "(param i32) (result i32) (i32.add (local.get 0) (i32.const 3))",
            "",
        ),
        ("c: static", "(param i32) (result i32) (i32.const 8)", "st"),
        (
            "packed: the input",
            "(param i32 i32) (result i64) (i64.const 0x400_0000_0003)",
            "abc",
        ),
        (
            "packed: its middle",
            "(param i32 i32) (result i64) (i64.const 0x401_0000_0001)",
            "b",
        ),
        (
            "packed: static",
            "(param i32 i32) (result i64) (i64.const 0x8_0000_0002)",
            "st",
        ),
    ];
    let runner = runner();
    for (name, function, expected) in table {
        let text = format!("(module {memory} (func (export \"f\") {function}))");
        let plugin = load(&runner, "answers", &text);
        let mut instance = plugin.instantiate().expect(name);
        for _ in 0..3 {
            let outcome = instance.call("f").input("abc").run().expect(name);
            assert_eq!(outcome.bytes(), expected.as_bytes(), "{name}");
        }
        assert!(!instance.is_poisoned(), "{name}");
    }
    // The guest records a wrong release, which shows that a result inside the input is not released.
    let counts = memory.replace(
        "(then (unreachable))",
        "(then (global.set $wrong (i32.const 1)))",
    );
    let plugin = load(
        &runner,
        "counts",
        &format!(
            r#"(module (global $wrong (mut i32) (i32.const 0)) {counts}
                (func (export "f") (param i32) (result i32)
                    (i32.add (local.get 0) (i32.const 2)))
                (func (export "wrong") (result i32) (global.get $wrong)))"#
        ),
    );
    let mut instance = plugin.instantiate().expect("starts");
    instance.call("f").input("abc").run().expect("runs");
    assert_eq!(instance.call("wrong").run().expect("runs").results(), [0]);
}

/// After an exit during initialisation, the export does not run.
#[test]
fn a_program_that_ends_before_the_export_runs_none() {
    let head = r#"(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1)
        (func (export "_start") (unreachable))
        (func (export "nothing") (unreachable))
        (func (export "number") (result i32) (i32.const 3))
        (func (export "malloc") (param i32) (result i32) (i32.const 64))
        (func (export "bytes") (param i32 i32) (result i64) (unreachable))"#;
    let leave = |code: i32| format!("(call $exit (i32.const {code}))");
    let start = |code| format!("(func $start {}) (start $start)", leave(code));
    let initialize = |code| format!("(func (export \"_initialize\") {})", leave(code));
    let table = [
        ("start function, 0", start(0), Phase::Start, 0),
        ("start function, 7", start(7), Phase::Start, 7),
        ("_initialize, 0", initialize(0), Phase::Initialize, 0),
        ("_initialize, 7", initialize(7), Phase::Initialize, 7),
    ];
    let runner = runner();
    for (name, ends, phase, code) in table {
        let plugin = load(&runner, "ends", &format!("(module {head} {ends})"));
        for export in ["_start", "nothing"] {
            let outcome = plugin.call(export).run();
            assert_eq!(outcome.is_ok(), code == 0, "{name}, {export}: {outcome:?}");
        }
        let command = plugin
            .call("_start")
            .input("x")
            .convention(Convention::Command)
            .run();
        assert_eq!(command.is_ok(), code == 0, "{name}");
        let failed = [
            ("number", plugin.call("number").run()),
            ("bytes", plugin.call("bytes").input("x").run()),
        ];
        for (export, outcome) in failed {
            let error = outcome.expect_err(export);
            assert_eq!(error.exit_code(), Some(code), "{name}, {export}");
            assert_eq!(error.phase(), Some(phase), "{name}, {export}");
        }
        // A program that has ended leaves no instance.
        let error = plugin.instantiate().expect_err(name);
        assert_eq!(
            (error.exit_code(), error.phase()),
            (Some(code), Some(phase)),
            "{name}"
        );
    }
    // An exit with code 0 in an export is a success, and the next call finds its state.
    let kept = format!("(module {head} (func (export \"leaves\") {}))", leave(0));
    let plugin = load(&runner, "leaves", &kept);
    let mut instance = plugin.instantiate().expect("starts");
    instance.call("leaves").run().expect("ends well");
    assert_eq!(instance.call("number").run().expect("runs").results(), [3]);
}
