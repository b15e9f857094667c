//! Mistakes on the command line, and descriptions of modules that cannot be loaded.

use crate::Guests;
use std::fs;

/// Common mistakes are reported on one line that says what would have worked.
#[test]
fn mistakes() {
    let guests = Guests::new(&["add.wasm", "rust-greet.wasm"]);
    guests.put("wbg.wat", r#"(module (import "wbg" "__wbg_log" (func)))"#);
    guests.put(
        "js.wat",
        r#"(module (import "gojs" "runtime.wasmExit" (func)))"#,
    );
    guests.put("page.wasm", "<!doctype html>");
    guests.put("component.wasm", b"\0asm\x0d\0\x01\0");
    guests.put("gc.wat", "(module (type (struct)))");
    guests.put(
        "exceptions.wat",
        "(module (func (block (try_table (catch_all 0)))))",
    );
    for (line, code, worked) in [
        ("", 2, "which command? There are run, call, text"),
        (
            "fly",
            2,
            "no command and no file \"fly\"; commands are run, call",
        ),
        (
            "cal add.wasm add 1 2",
            2,
            "no command \"cal\"; there is \"call\"",
        ),
        ("gret.wasm", 3, "modules in that folder: \"add.wasm\""),
        ("call add add 1 2", 3, "; add.wasm is there"),
        (
            "call nowhere/add.wasm add",
            3,
            "; there is no folder nowhere",
        ),
        ("call . add", 3, "; `--plugins . NAME` takes a plugin in it"),
        (
            "call add.wasm",
            2,
            "add.wasm exports add (i32, i32) -> (i32)",
        ),
        (
            "text rust-greet.wasm",
            2,
            "which export? `pocketwasm text rust-greet.wasm EXPORT`",
        ),
        (
            "bench add.wasm",
            2,
            "which export? `pocketwasm bench add.wasm EXPORT`",
        ),
        ("call add.wasm ad 1 2", 3, "this plugin exports: add"),
        (
            "call add.wasm add 1",
            2,
            "takes 2 parameters (i32, i32) -> (i32), not 1",
        ),
        (
            "call rust-greet.wasm greet World",
            2,
            "; `pocketwasm text rust-greet.wasm greet` passes text",
        ),
        (
            "text add.wasm add 1 2",
            2,
            "; `pocketwasm call add.wasm add` passes numbers",
        ),
        (
            "run add.wasm",
            3,
            "; it is no command; `pocketwasm call add.wasm EXPORT`",
        ),
        (
            "call --fuel 5s add.wasm add 1 2",
            2,
            "it takes a whole number",
        ),
        ("call --timeout 5 add.wasm add 1 2", 2, "such as 100ms"),
        ("call --max-memory 16 add.wasm add 1 2", 2, "as in 16MiB"),
        (
            "call --fule 5 add.wasm add 1 2",
            2,
            "; a similar argument exists: '--fuel'",
        ),
        (
            "list --timeout 5s .",
            2,
            "; usage: pocketwasm list [OPTIONS] [DIR]; `pocketwasm list --help` says more",
        ),
        ("new plugin --fuel 5", 2, "; usage: pocketwasm new"),
        ("new plugin", 2, "not provided: --lang <LANGUAGE>"),
        (
            "new plugin --lang cobol",
            2,
            "[possible values: rust, c, zig",
        ),
        (
            "text --convention pascal add.wasm x",
            2,
            "there are typst, extism",
        ),
        ("text --env X add.wasm x", 2, "a variable is NAME=VALUE"),
        ("list", 2, "`pocketwasm list DIR`"),
        (
            "list add.wasm",
            3,
            "; `pocketwasm inspect add.wasm` describes a file",
        ),
        (
            "call wbg.wat f",
            4,
            "; wasm-bindgen made it for JavaScript; the target wasm32-wasip1",
        ),
        (
            "run js.wat",
            4,
            "; it was built with GOOS=js; GOOS=wasip1 runs here",
        ),
        (
            "call component.wasm f",
            4,
            "this is a component; only core modules can run",
        ),
        (
            "call page.wasm f",
            4,
            "it does not begin with the magic bytes \\0asm",
        ),
        (
            "call gc.wat f",
            4,
            "garbage collection (GC), which is not supported",
        ),
        (
            "call exceptions.wat f",
            4,
            "exceptions, which are not supported",
        ),
        ("man fly", 2, "no command \"fly\"; there are run"),
        ("completions tcsh", 2, "[possible values: bash"),
    ] {
        let ran = guests.run(line.split_whitespace());
        assert_eq!(
            (ran.code, &*ran.stdout),
            (Some(code), ""),
            "{line}: {ran:?}"
        );
        assert!(ran.stderr.starts_with("pocketwasm: "), "{line}: {ran:?}");
        assert_eq!(ran.stderr.matches('\n').count(), 1, "{line}: {ran:?}");
        assert!(ran.stderr.contains(worked), "{line}: {ran:?}");
    }
    // With --json, programs get the same message as an object.
    let report = guests.run(["call", "--json", "--fule", "5"]).json();
    assert_eq!(report["error"]["kind"], "Usage");
}

#[cfg(not(feature = "gateway"))]
#[test]
fn a_build_without_the_gateway_says_so() {
    let guests = Guests::new(&[]);
    let message = "pocketwasm: this build has no gateway; `cargo install pocketwasm --features \
                   gateway` installs one that has\n";
    for line in [
        "serve",
        "serve --plugins x --listen localhost:0",
        "serve --help",
    ] {
        guests.run(line.split(' ')).is(line, 2, "", message);
    }
}

/// The help of each command lists exactly the options that it uses.
#[test]
fn help_names_what_a_command_uses() {
    let guests = Guests::new(&[]);
    let help = |command: &str| guests.run([command, "--help"]).stdout;
    let has = |text: &str, option: &str| {
        text.lines().any(|line| {
            let line = line.trim_start();
            line == option || line.starts_with(&format!("{option} "))
        })
    };
    for (option, commands) in [
        (
            "--fuel",
            &["run", "call", "text", "inspect", "snapshot", "bench"][..],
        ),
        ("--max-input", &["run", "call", "text", "snapshot", "bench"]),
        (
            "--max-module",
            &[
                "run", "call", "text", "list", "inspect", "snapshot", "bench",
            ],
        ),
        ("--fail-on-truncation", &["run", "call", "text"]),
        ("--env", &["run", "call", "text"]),
        (
            "--plugins",
            &[
                "run", "call", "text", "list", "inspect", "snapshot", "bench",
            ],
        ),
        (
            "--json",
            &[
                "run", "call", "text", "list", "inspect", "snapshot", "bench", "new",
            ],
        ),
    ] {
        for command in [
            "run",
            "call",
            "text",
            "list",
            "inspect",
            "snapshot",
            "bench",
            "new",
            "man",
            "completions",
        ] {
            assert_eq!(
                has(&help(command), option),
                commands.contains(&command),
                "{command} {option}"
            );
        }
    }
}

/// A module that cannot be loaded is described as far as possible, with its missing imports marked.
#[test]
fn inspecting_what_cannot_be_loaded() {
    let guests = Guests::new(&["unknown-import.wat", "memory-1gib.wat"]);
    guests.put(
        "gc.wasm",
        wat::parse_str("(module (type (struct)))").unwrap(),
    );
    guests.put(
        "typed.wat",
        r#"(module
        (import "wasi_snapshot_preview1" "fd_write" (func (param i32)))
        (import "wasi_snapshot_preview1" "sched_yield" (func (result i32)))
        (import "env" "memory" (memory 1))
        (import "env" "base" (global i32))
        (func (export "f")))"#,
    );
    let missing = "not WASI, not of a known convention, and not among the functions registered with \
                   this runner: none";
    for (module, has) in [
        (
            "unknown-import.wasm",
            &[
                "imports     1, 1 missing\n",
                "  cloud launch: (i32) -> ()  MISSING: ",
                missing,
                "exports     ",
            ][..],
        ),
        (
            "memory-1gib.wasm",
            &[
                "memory      16384 pages of 64 KiB\n",
                "  memory: memory 16384..\n",
            ],
        ),
        (
            "gc.wasm",
            &["name        gc.wasm\nsha256      ", "\nengine      "],
        ),
        (
            "typed.wat",
            &[
                "imports     4, 2 missing\n",
                "fd_write: (i32) -> ()  MISSING: the function has type (i32, i32, i32, i32) -> (i32)\n",
                "sched_yield: () -> (i32)\n",
                "  env memory: memory 1..\n",
                "env base: global i32  MISSING: not among the globals given to this runner: none\n",
                "  f: () -> ()\n",
            ],
        ),
    ] {
        let ran = guests.run(["inspect", module]);
        assert_eq!(ran.code, Some(4), "{module}: {ran:?}");
        assert_eq!(ran.stderr.matches('\n').count(), 1, "{module}: {ran:?}");
        for text in has {
            assert!(ran.stdout.contains(text), "{module}: {text:?}: {ran:?}");
        }
    }
    let report = guests
        .run(["inspect", "--json", "unknown-import.wasm"])
        .json();
    assert_eq!(report["imports"][0]["missing"], missing);
    assert_eq!(report["error"]["kind"], "UnsupportedImport");
    let report = guests.run(["inspect", "--json", "gc.wasm"]).json();
    assert_eq!(
        (&report["imports"], &report["size"]),
        (&serde_json::Value::Null, &13.into())
    );
}

#[test]
fn reports_carry_any_bytes() {
    let guests = Guests::new(&["rust-command.wasm"]);
    guests.put("bytes.wat", r#"(module
        (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "\10\00\00\00\03\00\00\00")
        (data (i32.const 16) "\ff\00a")
        (func (export "_start")
            (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
            (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))))"#);
    for (line, names) in [
        ("run --json bytes.wat", &["stdout_hex", "stderr_hex"][..]),
        (
            "call --json bytes.wat _start",
            &["stdout_hex", "stderr_hex"],
        ),
        (
            "text --json bytes.wat _start",
            &["output_hex", "stderr_hex"],
        ),
    ] {
        let ran = guests.run(line.split(' '));
        let report = ran.json();
        for name in names {
            assert_eq!(report[*name], "ff0061", "{line}: {ran:?}");
        }
        assert_eq!(report.get("stderr"), None, "{line}");
    }
}

#[test]
fn completions_and_the_manual() {
    let guests = Guests::new(&[]);
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ran = guests.run(["completions", shell]);
        assert_eq!((ran.code, &*ran.stderr), (Some(0), ""), "{shell}");
        for word in ["inspect", "max-module", "fail-on-truncation"] {
            assert!(ran.stdout.contains(word), "{shell}: {word}");
        }
    }
    let ran = guests.run(["man"]);
    assert!(ran.stdout.contains(".SH NAME\npocketwasm"), "{ran:?}");
    let ran = guests.run(["man", "run"]);
    assert!(ran.stdout.contains(".SH NAME\npocketwasm\\-run"), "{ran:?}");
    guests
        .run(["man", "--output", "pages"])
        .is("pages", 0, "", "");
    for page in ["pocketwasm.1", "pocketwasm-run.1", "pocketwasm-call.1"] {
        let text = fs::read_to_string(guests.0.path().join("pages").join(page)).unwrap();
        assert!(text.contains(".SH SYNOPSIS"), "{page}");
    }
}
