//! Errors of calls are explained.

use super::Guests;
use serde_json::{Value, json};

/// What the program writes to stderr and to stdout.
fn output(guests: &Guests, line: &str) -> (String, String) {
    let output = guests.command(line.split(' ')).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stderr), text(output.stdout))
}

/// Traps in `$leaf` at a parameter of 0.
const DIVIDES: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func $leaf (param i32) (result i32) (i32.div_u (i32.const 6) (local.get 0)))
    (func (export "divide") (param i32) (result i32) (call $leaf (local.get 0)))
    (func $spin (export "spin") (loop (br 0)))
    (func $main (export "_start")
        (i32.store (i32.const 0) (i32.const 16))
        (i32.store (i32.const 4) (i32.const 8))
        (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
        (drop (call $leaf (i32.sub (i32.load8_u (i32.const 16)) (i32.const 48))))))"#;

#[test]
fn errors_are_explained() {
    let guests = Guests::new(&[]);
    let module = wat::parse_str(DIVIDES).unwrap();
    guests.put("divides.wasm", &module);
    guests.put("zero", "0");
    // Where the operators are in the module.
    let find = |bytes: &[u8]| {
        module
            .windows(bytes.len())
            .position(|it| it == bytes)
            .unwrap()
    };
    let divide = find(&[0x41, 6, 0x20, 0, 0x6e]) + 4;
    let call = find(&[0x20, 0, 0x10, 1, 0x0b]) + 2;
    let spin = find(&[0x03, 0x40, 0x0c, 0]);
    let main = find(&[0x6b, 0x10, 1, 0x1a]) + 1;
    for (line, error, frames) in [
        (
            "call divides.wasm divide 0",
            "plugin \"divides.wasm\", export \"divide\": trap: integer divided by zero",
            Some(format!(
                "  cause: i32.div_u of 6 by 0\n   0: {divide:#x} leaf\n   1: {call:#x} function 2\n"
            )),
        ),
        (
            "call --fuel 1000 divides.wasm spin",
            "plugin \"divides.wasm\", export \"spin\": out of fuel: all 1000 units of the limit \
             `fuel` are used; --fuel raises it",
            Some(format!("   0: {spin:#x} spin\n")),
        ),
        (
            "call --timeout 100ms divides.wasm spin",
            "plugin \"divides.wasm\", export \"spin\": timed out: the limit `timeout` is 100ms; \
             --timeout raises it",
            None,
        ),
        (
            "run --stdin zero divides.wasm",
            "plugin \"divides.wasm\", export \"_start\": trap: integer divided by zero",
            Some(format!(
                "  cause: i32.div_u of 6 by 0\n   0: {divide:#x} leaf\n   1: {main:#x} main\n"
            )),
        ),
    ] {
        let (stderr, _) = output(&guests, line);
        let before = format!("pocketwasm: {error}\n{}", super::BACKTRACE);
        let rest = stderr.strip_prefix(&before);
        let rest = rest.unwrap_or_else(|| panic!("{line}: {stderr}"));
        match frames {
            Some(frames) => assert_eq!(rest, frames, "{line}"),
            None => assert!(rest.ends_with(" spin\n"), "{line}: {rest}"),
        }
        let (stderr, _) = output(&guests, &line.replacen(' ', " --no-explain ", 1));
        assert_eq!(stderr, format!("pocketwasm: {error}\n"), "{line}");
    }
    let (_, report) = output(&guests, "call --json divides.wasm divide 0");
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(
        report["backtrace"],
        json!([
            { "function": 1, "name": "leaf", "offset": divide, "lines": [] },
            { "function": 2, "name": null, "offset": call, "lines": [] },
        ])
    );
    assert_eq!(
        report["cause"],
        json!({
            "operator": "i32.div_u",
            "dividend": "6",
            "divisor": "0",
            "text": "i32.div_u of 6 by 0",
        })
    );
}

#[test]
fn what_hinders_an_explanation_is_said() {
    let guests = Guests::new(&[]);
    guests.put("divides.wasm", wat::parse_str(DIVIDES).unwrap());
    let (stderr, _) = output(&guests, "call --real-clock divides.wasm divide 0");
    let expected = "pocketwasm: plugin \"divides.wasm\", export \"divide\": trap: integer divided by \
                    zero\npocketwasm: backtrace, the innermost function first\n";
    assert!(stderr.starts_with(expected), "{stderr}");
    std::fs::create_dir(guests.0.path().join("data")).unwrap();
    let (stderr, _) = output(&guests, "call --dir data:/data divides.wasm divide 0");
    assert!(stderr.starts_with(expected), "{stderr}");
}

#[test]
fn a_core_dump_is_written_where_there_is_one() {
    let guests = Guests::new(&[]);
    guests.put("divides.wasm", wat::parse_str(DIVIDES).unwrap());
    let dump = |line: &str| {
        let path = guests.0.path().join("dump");
        let _ = std::fs::remove_file(&path);
        let (stderr, _) = output(&guests, line);
        (stderr, std::fs::read(&path).ok())
    };
    let (_, found) = dump("call --core-dump dump divides.wasm divide 0");
    let found = found.expect("a core dump");
    assert!(found.starts_with(b"\0asm\x01\0\0\0"));
    let parts = [
        &b"\x04core\0\x0cdivides.wasm"[..],
        b"coremodules",
        b"coreinstances",
        b"corestack",
    ];
    for part in parts {
        assert!(found.windows(part.len()).any(|it| it == part), "{part:?}");
    }
    #[cfg(unix)]
    {
        let metadata = std::fs::metadata(guests.0.path().join("dump")).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions());
        assert_eq!(mode & 0o077, 0, "{mode:o}");
    }
    std::fs::create_dir(guests.0.path().join("data")).unwrap();
    let (_, found) = dump("call --core-dump dump --dir data:/data divides.wasm divide 0");
    assert!(found.is_some(), "with a directory of the host");
    let (stderr, found) = dump("call --core-dump dump divides.wasm nothing 0");
    let expected = "pocketwasm: no core dump: \"dump\" is not written; there is one if the call has \
                    a backtrace\n";
    assert!(stderr.contains(expected), "{stderr}");
    assert_eq!(found, None);
    let (_, found) = dump("call --core-dump dump divides.wasm divide 2");
    assert_eq!(found, None);
    let (stderr, _) = dump("profile --core-dump dump divides.wasm divide 0");
    let expected = "pocketwasm: --core-dump is for `run`, `call` and `text`; a profile or a trace makes none\n";
    assert_eq!(stderr, expected);
    let (stderr, _) = dump("call --core-dump dump --no-explain divides.wasm divide 0");
    assert!(stderr.contains("cannot be used with"), "{stderr}");
}

#[test]
fn lines_of_source_are_shown() {
    let guests = Guests::new(&[]);
    for name in ["c", "rust"] {
        let path = format!("{}/fixtures/traps/{name}.wasm", env!("CARGO_MANIFEST_DIR"));
        guests.put(&format!("{name}.wasm"), std::fs::read(path).unwrap());
    }
    let (stderr, _) = output(&guests, "call c.wasm trap");
    let expected = "pocketwasm: plugin \"c.wasm\", export \"trap\": trap: memory access out of bounds\n\
        pocketwasm: backtrace, the innermost function first\n  \
        cause: load of 4 bytes at address 0x40100000; the memory has 0x110000 bytes\n   \
        0: 0x8e read_at\n        at ./c.c:3:12\n   \
        1: 0x6b twice\n        at ./c.c:7:16\n      \
        inlined into trap\n        at ./c.c:13:12\n";
    assert_eq!(stderr, expected);
    let (stderr, _) = output(&guests, "call rust.wasm trap");
    assert!(
        stderr.contains(" rust::Numbers::at\n        at ./rust.rs:14:9\n"),
        "{stderr}"
    );
}
