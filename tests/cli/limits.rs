//! The options for limits.

use crate::Guests;

/// Each limit stops a call, its error names an option, and that option raises the limit.
#[test]
fn every_limit_has_an_option() {
    let guests = Guests::new(&[]);
    let long = format!(
        "(module (func (export \"f\")) (data \"{}\"))",
        "x".repeat(5_000)
    );
    let nested = format!("{}{}", "(block ".repeat(20), ")".repeat(20));
    let recursion = r#"(module (func $f (export "f") (param i32)
        (if (local.get 0) (then (call $f (i32.sub (local.get 0) (i32.const 1)))))))"#;
    for (limit, module, least, more) in [
        (
            "max_memory_pages",
            "(module (memory 2) (func (export \"f\")))",
            "1p",
            "2p",
        ),
        ("max_module_bytes", &*long, "4KiB", "8KiB"),
        (
            "max_memories",
            "(module (memory 1) (memory 1) (func (export \"f\")))",
            "1",
            "2",
        ),
        (
            "max_tables",
            "(module (table 1 funcref) (table 1 funcref) (func (export \"f\")))",
            "1",
            "2",
        ),
        (
            "max_table_elements",
            "(module (table 10 funcref) (func (export \"f\")))",
            "9",
            "10",
        ),
        (
            "max_functions",
            "(module (func) (func (export \"f\")))",
            "1",
            "2",
        ),
        (
            "max_locals",
            "(module (func (export \"f\") (local i32 i32)))",
            "1",
            "2",
        ),
        (
            "max_total_locals",
            "(module (func (export \"f\") (local i32)) (func (local i32)))",
            "1",
            "2",
        ),
        (
            "max_nesting",
            &*format!("(module (func (export \"f\") {nested}))"),
            "5",
            "30",
        ),
        (
            "max_segments",
            "(module (memory 1) (data \"a\") (data \"b\") (func (export \"f\")))",
            "1",
            "2",
        ),
        (
            "max_globals",
            "(module (global i32 (i32.const 0)) (global i32 (i32.const 0)) (func (export \"f\")))",
            "1",
            "2",
        ),
        (
            "max_imports",
            "(module (import \"wasi_snapshot_preview1\" \"sched_yield\" (func (result i32))) (func (export \"f\")))",
            "0",
            "1",
        ),
        (
            "max_exports",
            "(module (func (export \"f\") (export \"g\")))",
            "1",
            "2",
        ),
        (
            "max_params",
            "(module (func (param i32 i32)) (func (export \"f\")))",
            "1",
            "2",
        ),
        (
            "max_results",
            "(module (func (result i32 i32) (unreachable)) (func (export \"f\")))",
            "1",
            "2",
        ),
        (
            "max_constant_operators",
            "(module (global i32 (i32.add (i32.const 1) (i32.const 2))) (func (export \"f\")))",
            "2",
            "9",
        ),
    ] {
        let short = limit.trim_end_matches("_bytes").trim_end_matches("_pages");
        let option = format!("--{}", short.replace('_', "-"));
        guests.put("m.wasm", wat::parse_str(module).unwrap());
        let ran = guests.run(["call", &option, least, "m.wasm", "f"]);
        assert_eq!(ran.code, Some(4), "{limit}: {ran:?}");
        assert!(
            ran.stderr.contains(&format!("the limit `{limit}` is")),
            "{ran:?}"
        );
        assert!(
            ran.stderr.ends_with(&format!("; {option} raises it\n")),
            "{ran:?}"
        );
        for option in [&*option, &*format!("--{}", limit.replace('_', "-"))] {
            let ran = guests.run(["call", option, more, "m.wasm", "f"]);
            ran.is(limit, 0, "", "");
        }
    }
    guests.put("deep.wasm", wat::parse_str(recursion).unwrap());
    for (option, least, more) in [
        ("--max-recursion-depth", "10", "9000"),
        ("--max-stack", "4KiB", "1MiB"),
    ] {
        let ran = guests.run(["call", option, least, "deep.wasm", "f", "5000"]);
        assert_eq!(ran.code, Some(5), "{option}: {ran:?}");
        let ran = guests.run(["call", option, more, "deep.wasm", "f", "5000"]);
        ran.is(option, 0, "", "");
    }
}

#[test]
fn limits_on_bytes_have_options_too() {
    let guests = Guests::new(&["rust-greet.wasm", "extism-rust.wasm"]);
    for (option, limit, code) in [
        ("--max-input", "max_input_bytes", 6),
        ("--max-result", "max_result_bytes", 6),
    ] {
        let ran = guests.run(["text", option, "4", "rust-greet.wasm", "echo", "12345"]);
        assert_eq!(ran.code, Some(code), "{option}: {ran:?}");
        assert!(ran.stderr.contains(limit), "{ran:?}");
        assert!(
            ran.stderr.ends_with(&format!("; {option} raises it\n")),
            "{ran:?}"
        );
        let ran = guests.run(["text", option, "5", "rust-greet.wasm", "echo", "12345"]);
        ran.is(option, 0, "12345", "");
    }
    let ran = guests.run([
        "text",
        "--max-exchange",
        "10",
        "extism-rust.wasm",
        "greet",
        "World",
    ]);
    assert_eq!(ran.code, Some(6), "{ran:?}");
    assert!(
        ran.stderr.ends_with("; --max-exchange raises it\n"),
        "{ran:?}"
    );
}
