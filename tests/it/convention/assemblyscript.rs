//! AssemblyScript's strings, with guests that follow the convention and guests that break it.

use super::{config, fixture, load, refused, runner, text, wat};
use pocketwasm::{Convention, ErrorKind, Runner};
use proptest::prelude::*;

#[test]
fn strings_are_text_of_any_script() {
    let runner = runner();
    let plugin = runner
        .load_plugin("as-greet", fixture("as-greet.wasm"))
        .expect("loads");
    for name in ["", "World", "Grüße", "\0", "𝄞 and 漢字"] {
        assert_eq!(
            text(&plugin, "greet", name).expect(name),
            format!("Hello, {name}")
        );
    }
    refused(
        plugin.call("greet").input(&[0xff]).run(),
        ErrorKind::Signature,
        "the input is not UTF-8, and strings are text (assemblyscript)",
    );
}

#[test]
fn the_classes_are_those_of_the_guests_compiler() {
    let runner = runner();
    for guest in ["as-greet", "as-old-greet"] {
        let plugin = runner
            .load_plugin(guest, fixture(&format!("{guest}.wasm")))
            .expect("loads");
        assert_eq!(text(&plugin, "greet", "𝄞").expect(guest), "Hello, 𝄞");
        if guest == "as-old-greet" {
            assert_eq!(text(&plugin, "utf8", "𝄞").expect(guest), "𝄞");
        }
    }
    // The table of classes as compilers have written it: its count, then what each class is.
    let table = |words: &str| format!(r#"(data (i32.const 32) "{words}")"#);
    for (versions, data, base, string) in [
        (
            "since 0.24",
            table(r"\04\00\00\00\20\00\00\00\20\00\00\00\20\00\00\00"),
            "32",
            2,
        ),
        (
            "0.23",
            table(r"\03\00\00\00\20\00\00\00\20\00\00\00\00\00\00\00"),
            "32",
            1,
        ),
        (
            "up to 0.22",
            table(r"\03\00\00\00\20\00\00\00\00\00\00\00\20\00\00\00"),
            "32",
            1,
        ),
        ("a table beyond the memory", String::new(), "65532", 2),
        ("a table nowhere", String::new(), "-1", 2),
    ] {
        let module = format!(
            r#"(module
                (memory (export "memory") 1)
                {data}
                (global (export "__rtti_base") i32 (i32.const {base}))
                (func (export "__new") (param i32 i32) (result i32)
                    (i32.store (i32.const 1024) (local.get 1))
                    (i32.store (i32.const 1028) (local.get 0))
                    (i32.const 1032))
                (func (export "__pin") (param i32) (result i32) (local.get 0))
                (func (export "same") (param i32) (result i32) (local.get 0))
                (func (export "class") (result i32) (i32.load (i32.const 1024))))"#
        );
        let plugin = load(&runner, "classes", &module);
        let mut instance = plugin.instantiate().expect("instance");
        let same = instance.call("same").input("text").run();
        assert_eq!(same.expect(versions).bytes(), b"text", "{versions}");
        let class = instance.call("class").run().expect(versions);
        assert_eq!(class.results(), [string], "{versions}");
    }
}

#[test]
fn a_broken_guest_is_a_typed_error_and_the_next_call_is_clean() {
    let runner = Runner::new(config().max_result_bytes(1_000)).expect("valid");
    let plugin = wat(&runner, "assemblyscript-hostile");
    let data = ErrorKind::GuestData;
    let table = [
        (
            "same",
            "1",
            data,
            "the string that `__new` gave at 0xffff with length 2 is outside the memory of 65536 \
             bytes",
        ),
        (
            "same",
            "333",
            ErrorKind::OutOfFuel,
            "out of fuel: all 1000000 units of the limit `fuel` are used",
        ),
        (
            "half",
            "four",
            data,
            "the result is not UTF-16 (assemblyscript)",
        ),
        (
            "other",
            "four",
            data,
            "the result is of class 7, neither string, ArrayBuffer nor array of numbers \
             (assemblyscript)",
        ),
        (
            "long",
            "four",
            ErrorKind::TooLarge,
            "a result of 4294967295 bytes; the limit `max_result_bytes` is 1000",
        ),
        ("null", "four", data, "the result is null (assemblyscript)"),
        (
            "low",
            "four",
            data,
            "the result at 0x4 is no object in memory (assemblyscript)",
        ),
        (
            "beyond",
            "four",
            data,
            "the result at 0xffffffff is no object in memory (assemblyscript)",
        ),
        (
            "aborts",
            "four",
            ErrorKind::Plugin,
            "the plugin reports: four at f.\\u{1b}ts\\n:3:5",
        ),
        (
            "aborts_without",
            "four",
            ErrorKind::Plugin,
            "the plugin reports: aborted",
        ),
        (
            "aborts_unsaid",
            "four",
            ErrorKind::Plugin,
            "the plugin reports: aborted at hi:1:2",
        ),
        (
            "aborts_nowhere",
            "four",
            data,
            "a string at 0xffffffff is no object in memory (assemblyscript)",
        ),
        (
            "aborts_beyond",
            "four",
            data,
            "a string for the host at 0x58 with length 4294967295 is outside the memory of 65536 \
             bytes",
        ),
    ];
    for (export, input, kind, said) in table {
        refused(text(&plugin, export, input), kind, said);
        assert_eq!(text(&plugin, "same", "four").expect(export), "four");
    }
    assert_eq!(text(&plugin, "hi", "four").expect("runs"), "hi");
    assert_eq!(text(&plugin, "void", "four").expect("runs"), "");
    let buffer = plugin.call("buffer").input("four").run().expect("runs");
    assert_eq!(buffer.bytes(), [0xff, 0, 1]);
}

#[test]
fn several_strings_are_pinned_until_the_end() {
    let runner = runner();
    let plugin = wat(&runner, "assemblyscript-hostile");
    let mut instance = plugin.instantiate().expect("instance");
    let second = instance.call("second").inputs(&[b"four", b"fives"]).run();
    assert_eq!(second.expect("runs").bytes(), b"fives");
    assert_eq!(instance.call("pins").run().expect("runs").results(), [0]);
}

#[test]
fn a_trace_is_a_line_on_stderr() {
    let runner = runner();
    let plugin = wat(&runner, "assemblyscript-hostile");
    let outcome = plugin.call("traces").input("four").run().expect("runs");
    assert_eq!(
        String::from_utf8_lossy(outcome.stderr()),
        "trace: four 1, -2.5\ntrace: hi 1, 2, 3, 4, NaN\n"
    );
}

#[test]
fn seeds_are_the_runners() {
    let seed = |seed| {
        let runner = Runner::new(config().seed(seed)).expect("valid");
        let plugin = wat(&runner, "assemblyscript-hostile");
        plugin.call("seed").run().expect("runs").into_results()
    };
    assert_eq!(seed(1), seed(1));
    assert_ne!(seed(1), seed(2));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever a runtime and an export return, the call ends in a result or a typed error.
    #[test]
    fn any_numbers_end_in_a_result_or_a_typed_error(
        made in prop_oneof![0_i32..70_000, any::<i32>()],
        result in prop_oneof![0_i32..70_000, any::<i32>()],
        class in 0_u8..4, length in prop_oneof![0_i32..70_000, any::<i32>()],
        input in "[a-z]{0,40}",
    ) {
        let runner = Runner::new(config().max_result_bytes(70_000)).expect("valid");
        let plugin = load(&runner, "any", &format!(r#"(module
            (memory (export "memory") 1)
            (func (export "__new") (param i32 i32) (result i32) (i32.const {made}))
            (func (export "__pin") (param i32) (result i32) (local.get 0))
            (func (export "f") (param i32) (result i32)
                (i32.store (i32.and (i32.sub (i32.const {result}) (i32.const 8)) (i32.const 0xfff0))
                    (i32.const {class}))
                (i32.store (i32.and (i32.sub (i32.const {result}) (i32.const 4)) (i32.const 0xfff0))
                    (i32.const {length}))
                (i32.const {result})))"#));
        let called = plugin.call("f").convention(Convention::AssemblyScript).input(&input).run();
        if let Err(error) = called {
            let kind = error.kind();
            prop_assert!(
                matches!(kind, ErrorKind::GuestData | ErrorKind::TooLarge),
                "{:?}", kind
            );
        }
    }
}
