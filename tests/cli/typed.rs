//! The program as one types it: what is taken where, and what would have worked where it is not.

use crate::{Guests, Ran};
use std::{fs, process::Stdio};

const ADD: &str = r#"(module
    (func (export "add") (param i32 i32) (result i32)
        (i32.add (local.get 0) (local.get 1))))"#;

/// The same program in every form in which a module can come.
#[test]
fn a_module_is_a_file_a_text_or_standard_input() {
    let guests = Guests::new(&["add.wasm", "rust-greet.wasm", "rust-command.wasm"]);
    guests.put("add.wat", ADD);
    guests.put("add.txt", format!("\n ;; a comment\n{ADD}"));
    let read = |name: &str| fs::read(guests.0.path().join(name)).unwrap();
    let (add, greet, command) = (
        read("add.wasm"),
        read("rust-greet.wasm"),
        read("rust-command.wasm"),
    );
    for (name, line, stdin, stdout) in [
        ("text", "call add.wat add 2 -40", &b""[..], "-38\n"),
        (
            "text by its beginning",
            "call add.txt add 2 40",
            b"",
            "42\n",
        ),
        ("stdin", "call - add 2 40", &add, "42\n"),
        ("text by stdin", "call - add 2 40", ADD.as_bytes(), "42\n"),
        (
            "bytes by stdin",
            "text - greet World",
            &greet,
            "Hello, World",
        ),
        ("a command by stdin", "run - a", &command, "arg 1: a\n"),
        (
            "a command alone",
            "rust-command.wasm a --json",
            b"",
            "arg 1: a\narg 2: --json\n",
        ),
        (
            "with options before",
            "--env CODE=0 rust-command.wasm",
            b"",
            "",
        ),
        ("alone by stdin", "- a", &command, "arg 1: a\n"),
    ] {
        let args: Vec<&str> = line.split(' ').collect();
        let ran = guests.run_with(&args, stdin);
        assert_eq!(
            (ran.code, &*ran.stdout),
            (Some(0), stdout),
            "{name}: {ran:?}"
        );
    }
    for (line, begins) in [
        ("inspect -", "name        stdin\n"),
        ("inspect add.wat", "name        add.wat\n"),
        ("bench add.wat add 1 2 -n 1", "            "),
        ("bench - add 1 2 -n 1", "            "),
        ("snapshot - -o out.wasm", ""),
        ("snapshot add.wat -o out.wasm", ""),
    ] {
        let args: Vec<&str> = line.split(' ').collect();
        let ran = guests.run_with(&args, &add);
        assert_eq!(ran.code, Some(0), "{line}: {ran:?}");
        assert!(ran.stdout.starts_with(begins), "{line}: {ran:?}");
    }
    guests.put("plugins/greet.wasm", greet);
    let ran = guests.run([
        "snapshot",
        "--plugins",
        "plugins",
        "greet",
        "-o",
        "out.wasm",
    ]);
    ran.is("a snapshot of a plugin", 0, "", "");
}

#[test]
fn what_is_piped_in_is_the_input_where_there_is_no_other() {
    let guests = Guests::new(&["rust-greet.wasm", "rust-command.wasm"]);
    guests.put(
        "version.wat",
        r#"(module
        (memory (export "memory") 1)
        (data (i32.const 8) "v1.2\00")
        (func (export "malloc") (param i32) (result i32) (i32.const 64))
        (func (export "version") (result i32) (i32.const 8)))"#,
    );
    guests.put("file", "the file");
    for (name, line, stdout) in [
        ("text", "text rust-greet.wasm greet", "Hello, piped"),
        (
            "an argument goes before",
            "text rust-greet.wasm greet all",
            "Hello, all",
        ),
        (
            "a command",
            "text rust-command.wasm _start",
            "stdin: 5 bytes\nPIPED\n",
        ),
        (
            "--stdin goes before",
            "text --stdin file rust-command.wasm _start",
            "stdin: 8 bytes\nTHE FILE\n",
        ),
        ("run", "run rust-command.wasm", "stdin: 5 bytes\nPIPED\n"),
    ] {
        let args: Vec<&str> = line.split(' ').collect();
        let ran = guests.run_with(&args, b"piped");
        assert_eq!(
            (ran.code, &*ran.stdout),
            (Some(0), stdout),
            "{name}: {ran:?}"
        );
    }
    // What takes nothing leaves it to whoever reads next, and does not wait for its end.
    let mut child = guests
        .command(["text", "version.wat", "version"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let stdin = child.stdin.take();
    let ran = Ran::from(child.wait_with_output().unwrap());
    drop(stdin);
    assert!(!ran.stderr.contains("standard input"), "{ran:?}");
    // A pipe that stays open ends with the call's time.
    let mut child = guests
        .command(["text", "--timeout", "200ms", "rust-greet.wasm", "greet"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let stdin = child.stdin.take();
    let ran = Ran::from(child.wait_with_output().unwrap());
    drop(stdin);
    let message = "pocketwasm: standard input did not end within the limit `timeout`, 200ms: timed \
                   out; `\"\"` is an empty input, and < /dev/null has no end to wait for\n";
    ran.is("an open pipe", 6, "", message);
}

/// A directory that is not there, an empty one, a file in its place: each one sentence and one code
/// for every command.
#[test]
fn directories() {
    let guests = Guests::new(&["add.wasm"]);
    fs::create_dir(guests.0.path().join("empty")).unwrap();
    let no_file = std::io::Error::from_raw_os_error(2);
    for (directory, message) in [
        (
            "nowhere",
            format!("cannot read the directory \"nowhere\": {no_file}; directories in .: \"empty\""),
        ),
        (
            "empty",
            "no plugins in the directory \"empty\"; a plugin is a file that ends with .wasm".to_owned(),
        ),
        (
            "add.wasm",
            "cannot read the directory \"add.wasm\": not a directory; `pocketwasm inspect add.wasm` \
             describes a file"
                .to_owned(),
        ),
    ] {
        for line in [
            "list",
            "call x f",
            "text x f",
            "run x",
            "inspect x",
            "bench x f",
            "snapshot x -o out.wasm",
            #[cfg(feature = "gateway")]
            "serve --listen 127.0.0.1:0",
        ] {
            let args = line.split(' ').chain(["--plugins", directory]);
            // What follows a module is the guest's.
            let args: Vec<&str> = match line {
                "run x" => vec!["run", "--plugins", directory, "x"],
                _ => args.collect(),
            };
            let ran = guests.run(args);
            ran.is(line, 3, "", &format!("pocketwasm: {message}\n"));
        }
        let ran = guests.run(["list", directory]);
        ran.is("list", 3, "", &format!("pocketwasm: {message}\n"));
    }
}

/// A limit that stops, the option that raises it, and that it does.
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

/// What a new user mistypes: one line, which says what would have worked.
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
    // For programs too, whatever was mistyped.
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

/// The help of each command has the options that it uses and no others.
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

/// What is known of a module that cannot be loaded is shown, and what is missing is marked.
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
                "imports     3, 2 missing\n",
                "fd_write: (i32) -> ()  MISSING: the function has type (i32, i32, i32, i32) -> (i32)\n",
                "sched_yield: () -> (i32)\n",
                "env memory: memory 1..  MISSING: only functions can be imported\n",
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
