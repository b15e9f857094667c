//! Guests of each toolchain and convention, and their results.

use super::{fixture, runner, text};
use pocketwasm::{Convention, ErrorKind};

#[test]
fn every_guest_answers_by_its_own_convention() {
    use Convention::*;
    let greeting = "Hello, World";
    let table = [
        ("rust-greet", PackedPointer, "greet", greeting),
        ("c-greet", PackedPointer, "greet", greeting),
        ("zig-greet", PackedPointer, "greet", greeting),
        ("go-greet", PackedPointer, "greet", greeting),
        ("as-packed", PackedPointer, "greet", greeting),
        ("c-string", CString, "greet", greeting),
        ("rust-greet", PackedPointer, "echo", "World"),
        ("go-greet", PackedPointer, "echo", "World"),
        ("as-greet", AssemblyScript, "greet", greeting),
        ("as-old-greet", AssemblyScript, "greet", greeting),
        ("typst-rust", Typst, "greet", greeting),
        ("extism-rust", Extism, "greet", greeting),
        ("extism-rust", Extism, "count_vowels", r#"{"count":1}"#),
        ("extism-as", Extism, "greet", greeting),
        ("extism-c", Extism, "greet", greeting),
        ("extism-zig", Extism, "greet", greeting),
        ("extism-go", Extism, "greet", greeting),
        ("wapc-rust", Wapc, "greet", greeting),
        ("rust-command", Command, "_start", "stdin: 5 bytes\nWORLD\n"),
        ("c-command", Command, "_start", "stdin: 5 bytes\nWORLD\n"),
        ("zig-command", Command, "_start", "stdin: 5 bytes\nWORLD\n"),
        ("go-command", Command, "_start", "stdin: 5 bytes\nWORLD\n"),
    ];
    let runner = runner();
    for (guest, convention, export, answer) in table {
        let name = format!("{guest} {export}");
        let plugin = runner
            .load_plugin(&name, fixture(&format!("{guest}.wasm")))
            .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(plugin.convention(), Some(convention), "{name}");
        for _ in 0..2 {
            assert_eq!(
                text(&plugin, export, "World").as_deref().ok(),
                Some(answer),
                "{name}: {:?}",
                text(&plugin, export, "World")
            );
        }
        let named = plugin
            .call(export)
            .convention(convention)
            .input("World")
            .run();
        assert_eq!(named.expect(&name).bytes(), answer.as_bytes(), "{name}");
        let mut instance = plugin.instantiate().expect(&name);
        if convention != Command {
            for _ in 0..2 {
                let kept = instance.call(export).input("World").run().expect(&name);
                assert_eq!(kept.bytes(), answer.as_bytes(), "{name}, the same instance");
            }
        }
    }
}

#[test]
fn a_plugin_that_says_no_is_heard() {
    let table = [
        ("extism-rust", "fail", "no thanks"),
        ("wapc-rust", "fail", "no thanks"),
        ("typst-rust", "fail", "no thanks"),
        ("as-greet", "fail", "World at greet.ts:18:3"),
        ("as-old-greet", "fail", "World at greet.ts:17:3"),
    ];
    let runner = runner();
    for (guest, export, said) in table {
        let plugin = runner
            .load_plugin(guest, fixture(&format!("{guest}.wasm")))
            .expect(guest);
        let error = text(&plugin, export, "World").expect_err(guest);
        assert_eq!(error.kind(), ErrorKind::Plugin, "{error}");
        assert_eq!(error.plugin_message(), Some(said));
        assert_eq!(
            error.to_string(),
            format!("plugin \"{guest}\", export \"{export}\": the plugin reports: {said}")
        );
    }
}
