//! Detecting which convention a plugin follows, and why.

use super::{fixture, load, refused, runner};
use pocketwasm::{Convention, ErrorKind, Outcome};

#[test]
fn the_reason_is_told() {
    let table = [
        ("typst-rust", "typst", "imports from `typst_env`"),
        ("extism-rust", "extism", "imports from `extism:host/env`"),
        (
            "wapc-rust",
            "wapc",
            "imports from `wapc` and exports `__guest_call`",
        ),
        (
            "httpwasm-rust",
            "http-wasm",
            "exports `handle_request` and `handle_response`",
        ),
        (
            "as-greet",
            "assemblyscript",
            "exports AssemblyScript's runtime (`__new`, `__pin`)",
        ),
        (
            "go-greet",
            "packed-pointer",
            "exports a memory and the allocator `malloc`",
        ),
        (
            "c-string",
            "c-string",
            "exports a memory, the allocator `malloc` and \"echo\" of type (i32) -> (i32)",
        ),
        ("cgi-rust", "command", "exports `_start`"),
    ];
    let runner = runner();
    for (guest, convention, reason) in table {
        let plugin = runner
            .load_plugin(guest, fixture(&format!("{guest}.wasm")))
            .expect(guest);
        assert_eq!(plugin.convention().map(Convention::name), Some(convention));
        assert_eq!(plugin.convention_reason(), reason, "{guest}");
    }
}

#[test]
fn names_are_read_back() {
    for convention in Convention::ALL {
        assert_eq!(convention.name().parse(), Ok(convention));
    }
    assert_eq!(
        "pascal"
            .parse::<Convention>()
            .map_err(|error| error.to_string()),
        Err(
            "no such convention; there are typst, extism, wapc, http-wasm, assemblyscript, \
             packed-pointer, c-string, command, cgi"
                .to_string()
        )
    );
}

#[test]
fn a_plugin_of_none_is_told_what_was_looked_for() {
    let runner = runner();
    let plugin = runner
        .load_plugin("add", fixture("add.wasm"))
        .expect("loads");
    assert_eq!(plugin.convention(), None);
    let looked_for = "typst: no import from `typst_env`; \
         extism: no import from `extism:host/env`; wapc: no import from `wapc`; \
         http-wasm: no export `handle_request` of type () -> (i64); \
         assemblyscript: no exported runtime (__new, __pin); \
         packed-pointer: no exported memory; c-string: no exported memory; \
         command: no export `_start`";
    assert_eq!(plugin.convention_reason(), looked_for);
    refused(
        plugin.call("add").input("x").run(),
        ErrorKind::Signature,
        &format!("this plugin cannot take bytes: {looked_for}; its functions are: add"),
    );
    refused(
        plugin.call("ad").input("x").run(),
        ErrorKind::NotFound,
        "no export \"ad\"; this plugin exports: add",
    );
}

#[test]
fn the_export_decides_among_several() {
    let runner = runner();
    let plugin = load(
        &runner,
        "several",
        r#"(module
            (memory (export "memory") 1)
            (data (i32.const 8) "c\00")
            (func (export "malloc") (param i32) (result i32) (i32.const 64))
            (func (export "packed") (param i32 i32) (result i64) (i64.const 0))
            (func (export "c") (param i32) (result i32) (i32.const 8))
            (func (export "_start"))
            (func (export "other") (param f32)))"#,
    );
    assert_eq!(
        plugin.conventions(),
        [Convention::PackedPointer, Convention::Command]
    );
    let bytes = |export| {
        plugin
            .call(export)
            .input("x")
            .run()
            .map(Outcome::into_bytes)
    };
    assert_eq!(bytes("packed").expect("packed"), b"");
    refused(
        bytes("c"),
        ErrorKind::Signature,
        "has type (i32) -> (i32); passing bytes needs (i32, i32) -> (i64) (packed-pointer)",
    );
    let named = plugin.call("c").convention(Convention::CString).input("x");
    assert_eq!(named.run().expect("c").bytes(), b"c");
    assert_eq!(bytes("_start").expect("command"), b"");
    refused(
        bytes("other"),
        ErrorKind::Signature,
        "has type (f32) -> (); passing bytes needs (i32, i32) -> (i64) (packed-pointer)",
    );
    refused(
        plugin.call("c").inputs(&[b"a", b"b"]).run(),
        ErrorKind::Signature,
        "has type (i32) -> (i32); passing bytes needs two i32 for each input and -> (i64) \
         (packed-pointer)",
    );
}

#[test]
fn an_allocator_alone_is_no_convention() {
    let runner = runner();
    let numbers = |exports: &str| {
        let module = format!(
            r#"(module
                (memory (export "memory") 1)
                (func (export "malloc") (param i32) (result i32) (i32.const 64))
                (func (export "free") (param i32))
                (func (export "calloc") (param i32 i32) (result i32) (i32.const 64))
                {exports})"#
        );
        load(&runner, "numbers", &module)
    };
    let command = numbers(r#"(func (export "_start"))"#);
    assert_eq!(command.conventions(), [Convention::Command]);
    let reason = numbers("").convention_reason();
    let buffers = "packed-pointer: no export of type (i32, i32) -> (i64); \
                   c-string: no export of type (i32) -> (i32); command: no export `_start`";
    assert!(reason.ends_with(buffers), "{reason}");
}

#[test]
fn a_convention_can_be_named() {
    let runner = runner();
    let plugin = runner
        .load_plugin("add", fixture("add.wasm"))
        .expect("loads");
    let named = |convention| plugin.call("add").convention(convention).input("x").run();
    refused(
        named(Convention::Extism),
        ErrorKind::Signature,
        "has type (i32, i32) -> (i32); passing bytes needs () -> (i32) (extism)",
    );
    refused(
        named(Convention::Wapc),
        ErrorKind::Signature,
        "this plugin is none of waPC's: no import from `wapc`",
    );
    refused(
        named(Convention::Typst),
        ErrorKind::Signature,
        "takes 2 inputs, not 1 (typst)",
    );
    refused(
        named(Convention::HttpHandler),
        ErrorKind::Signature,
        "this plugin handles requests, not bytes (http-wasm)",
    );
}
