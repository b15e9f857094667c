//! `--json`: prints exactly one object to stdout, also on failure.

use crate::{Guests, Ran};
use serde_json::{Value, json};

/// The report without its time, and without its fuel where that is another test's concern.
#[track_caller]
fn report(ran: &Ran) -> Value {
    let mut report = ran.json();
    let fields = report.as_object_mut().unwrap();
    // `backtraces.rs` looks at these.
    for explanation in ["backtrace", "cause", "no_backtrace"] {
        fields.remove(explanation);
    }
    if let Some(elapsed) = fields.remove("elapsed_us") {
        assert!(elapsed.is_u64(), "{ran:?}");
        let fuel = fields.remove("fuel_used");
        assert!(fuel.as_ref().is_some_and(Value::is_u64), "{ran:?}");
        // The program calls once, so it never begins with a snapshot.
        assert_eq!(fields.remove("init_fuel"), Some(json!(0)), "{ran:?}");
    }
    report
}

#[test]
fn calls_that_end_well() {
    let guests = Guests::new(&[
        "numbers.wat",
        "print.wat",
        "flood.wat",
        "rust-greet.wasm",
        "rust-command.wasm",
    ]);
    let quiet = |mut report: Value| {
        for (name, value) in [
            ("stdout", json!("")),
            ("stderr", json!("")),
            ("output_truncated", json!(false)),
            ("error", json!(null)),
        ] {
            report.as_object_mut().unwrap().entry(name).or_insert(value);
        }
        report
    };
    for (line, code, expected) in [
        (
            "call numbers.wasm all -1 -9223372036854775808 0.1 1e300",
            0,
            json!({ "results": [-1, i64::MIN, 0.1, 1e300], "peak_memory_pages": 0 }),
        ),
        (
            "call numbers.wasm all 1 9007199254740993 inf nan",
            0,
            json!({ "results": [1, 9_007_199_254_740_993_i64, "inf", "NaN"], "peak_memory_pages": 0 }),
        ),
        (
            "call numbers.wasm none",
            0,
            json!({ "results": [], "peak_memory_pages": 0 }),
        ),
        (
            "call print.wasm print",
            0,
            json!({ "results": [7], "peak_memory_pages": 1, "stdout": "to stdout\n", "stderr": "to stderr" }),
        ),
        (
            "text rust-greet.wasm greet World",
            0,
            json!({ "output": "Hello, World", "peak_memory_pages": 18 }),
        ),
        (
            "run --env CODE=7 --env FOO=x rust-command.wasm a",
            7,
            json!({ "exit_code": 7, "peak_memory_pages": 17, "stdout": "arg 1: a\nFOO=x\n", "stderr": "done\n" }),
        ),
        (
            "run rust-command.wasm",
            0,
            json!({ "exit_code": 0, "peak_memory_pages": 17, "stderr": "done\n" }),
        ),
    ] {
        let ran = guests.run(["--json"].into_iter().chain(line.split(' ')));
        let seen = (ran.code, &*ran.stderr, report(&ran));
        assert_eq!(seen, (Some(code), "", quiet(expected)), "{line}");
    }
    let ran = guests.run(["--json", "--max-output", "5", "run", "flood.wasm"]);
    let expected = json!({ "exit_code": 0, "peak_memory_pages": 2, "stdout": ".....", "output_truncated": true });
    let cut = "pocketwasm: output truncated at 5 bytes (limit max_output_bytes); --max-output raises it\n";
    let seen = (ran.code, &*ran.stderr, report(&ran));
    assert_eq!(seen, (Some(0), cut, quiet(expected)));
}

#[test]
fn bytes_that_are_no_text() {
    let guests = Guests::new(&["rust-greet.wasm"]);
    let ran = guests.run_with(
        &["text", "--json", "rust-greet.wasm", "echo", "-"],
        b"\xff\x00a",
    );
    let report = report(&ran);
    assert_eq!(
        (ran.code, &report["output_hex"]),
        (Some(0), &json!("ff0061"))
    );
    assert_eq!(report.get("output"), None);
}

#[test]
fn calls_that_fail() {
    let guests = Guests::new(&["add.wasm", "print.wat", "exit.wat", "memory-1gib.wat"]);
    let no_file = std::io::Error::from_raw_os_error(2);
    let error = |kind, plugin, export, phase, message: &str| json!({ "kind": kind, "message": message, "plugin": plugin, "export": export, "phase": phase });
    for (name, line, code, expected) in [
        (
            "no file",
            "call nothing.wasm f",
            3,
            json!({ "error": error("NotFound", None, None, None, &format!("cannot read \"nothing.wasm\": {no_file}")) }),
        ),
        (
            "no such export",
            "call add.wasm ad",
            3,
            json!({ "error": error("NotFound", Some("add.wasm"), Some("ad"), Some("call"), "no export \"ad\"; this plugin exports: add") }),
        ),
        (
            "a parameter",
            "call add.wasm add 1 x",
            2,
            json!({ "error": error("Signature", Some("add.wasm"), Some("add"), Some("call"), "parameter 2 is \"x\"; i32 takes from -2147483648 to 4294967295, decimal or 0x hexadecimal") }),
        ),
        (
            "no directory",
            "list",
            2,
            json!({ "error": error("Usage", None, None, None, "which directory? `pocketwasm list DIR`") }),
        ),
        (
            "refused",
            "call memory-1gib.wasm f",
            4,
            json!({ "error": error("MemoryLimit", Some("memory-1gib.wasm"), None, Some("load"), "declares a memory of 16384 pages at least; the limit `max_memory_pages` is 1024") }),
        ),
        (
            "a trap",
            "call print.wasm print-and-trap",
            5,
            json!({
                "error": error("Trap", Some("print.wasm"), Some("print-and-trap"), Some("call"), "trap: `unreachable` executed"),
                "stdout": "to stdout\n", "stderr": "to stderr", "output_truncated": false, "peak_memory_pages": 1,
            }),
        ),
        (
            "an exit in a call",
            "call exit.wasm exit 7",
            5,
            json!({
                "error": error("Exit", Some("exit.wasm"), Some("exit"), Some("call"), "the guest exited with code 7"),
                "stdout": "", "stderr": "", "output_truncated": false, "peak_memory_pages": 1,
            }),
        ),
    ] {
        let ran = guests.run(["--json"].into_iter().chain(line.split(' ')));
        assert_eq!((ran.code, report(&ran)), (Some(code), expected), "{name}");
        assert!(ran.stderr.starts_with("pocketwasm: "), "{name}: {ran:?}");
    }
}

#[test]
fn a_spent_budget_is_reported_exactly() {
    let guests = Guests::new(&["loop.wat"]);
    for fuel in [0_u64, 1, 1_000_000, 3_000_001] {
        let ran = guests.run([
            "call",
            "--json",
            "--timeout",
            "1h",
            "--fuel",
            &fuel.to_string(),
            "loop.wasm",
            "spin",
        ]);
        let report = ran.json();
        let seen = (ran.code, &report["fuel_used"], &report["error"]["kind"]);
        assert_eq!(seen, (Some(6), &json!(fuel), &json!("OutOfFuel")));
    }
}

#[test]
fn lists() {
    let guests = Guests::new(&["add.wasm"]);
    guests.put("bad/b.wasm", "");
    let problem = json!({
        "kind": "InvalidModule",
        "message": "not a module this engine can run: the file is empty",
        "plugin": "bad/b", "export": null, "phase": "load",
    });
    let expected = json!({
        "plugins": [{ "name": "add", "size": 41, "convention": null, "exports": ["add"] }],
        "failed": [{ "path": "./bad/b.wasm", "error": problem }],
        "error": null,
    });
    let ran = guests.run(["list", "--json", "."]);
    assert_eq!((ran.code, ran.json()), (Some(0), expected));

    let ran = guests.run(["list", "--json", "bad"]);
    let mut problem = problem;
    problem["plugin"] = json!("b");
    let expected = json!({
        "plugins": [],
        "failed": [{ "path": "bad/b.wasm", "error": problem }],
        "error": problem,
    });
    assert_eq!((ran.code, ran.json()), (Some(4), expected));
}
