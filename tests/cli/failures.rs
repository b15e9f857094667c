//! Failures: the message and the exit code of each.

use crate::Guests;
use std::{
    io,
    process::Stdio,
    time::{Duration, Instant},
};

#[test]
fn usage() {
    let guests = Guests::new(&["add.wasm"]);
    for line in [
        "",
        "fly",
        "run",
        "run --bogus add.wasm",
        "call add.wasm",
        "call add.wasm add 1 2 --bogus",
        "call add.wasm add -x 2",
        "call --timeout 5 add.wasm add 1 2",
        "call --timeout x add.wasm add 1 2",
        "call --fuel -1 add.wasm add 1 2",
        "call --max-memory 16 add.wasm add 1 2",
        "call --max-memory 16MB add.wasm add 1 2",
        "call --max-output 1.5MiB add.wasm add 1 2",
        "call --env X add.wasm add 1 2",
        "call --env =X add.wasm add 1 2",
        "text --convention pascal add.wasm add 1",
        "text --config X add.wasm add 1",
    ] {
        let ran = guests.run(line.split_whitespace());
        assert_eq!((ran.code, &*ran.stdout), (Some(2), ""), "{line}: {ran:?}");
        assert!(ran.stderr.starts_with("pocketwasm: "), "{line}: {ran:?}");
        assert_eq!(ran.stderr.matches('\n').count(), 1, "{line}: {ran:?}");
    }
}

#[test]
fn parameters_and_settings() {
    let guests = Guests::new(&["add.wasm", "numbers.wat", "rust-greet.wasm"]);
    for (line, message) in [
        (
            "call add.wasm add 1",
            "plugin \"add.wasm\", export \"add\": takes 2 parameters (i32, i32) -> (i32), not 1",
        ),
        (
            "call add.wasm add 1 2 x",
            "plugin \"add.wasm\", export \"add\": takes 2 parameters (i32, i32) -> (i32), not 3",
        ),
        (
            "call add.wasm add 1 two",
            "plugin \"add.wasm\", export \"add\": parameter 2 is \"two\"; \
             i32 takes from -2147483648 to 4294967295, decimal or 0x hexadecimal",
        ),
        (
            "call add.wasm add 4294967296 1",
            "plugin \"add.wasm\", export \"add\": parameter 1 is \"4294967296\"; \
             i32 takes from -2147483648 to 4294967295, decimal or 0x hexadecimal",
        ),
        (
            "call numbers.wasm i64 2.5",
            "plugin \"numbers.wasm\", export \"i64\": parameter 1 is \"2.5\"; i64 takes from \
             -9223372036854775808 to 18446744073709551615, decimal or 0x hexadecimal",
        ),
        (
            "call numbers.wasm f32 1e39",
            "plugin \"numbers.wasm\", export \"f32\": parameter 1 is \"1e39\"; \
             f32 takes a decimal number within its range, inf, -inf or nan",
        ),
        (
            "call numbers.wasm f64 0x10",
            "plugin \"numbers.wasm\", export \"f64\": parameter 1 is \"0x10\"; \
             f64 takes a decimal number within its range, inf, -inf or nan",
        ),
        (
            "call numbers.wasm reference 0",
            "plugin \"numbers.wasm\", export \"reference\": \
             unsupported signature (externref) -> (): externref cannot be passed as a number; \
             pass values",
        ),
        (
            "text rust-greet.wasm add x",
            "plugin \"rust-greet.wasm\", export \"add\": has type (i32, i32) -> (i32); \
             passing bytes needs (i32, i32) -> (i64) (packed-pointer); \
             `pocketwasm call rust-greet.wasm add` passes numbers (i32, i32) -> (i32)",
        ),
        (
            "call --timeout 0s add.wasm add 1 2",
            "invalid config: `timeout` is 0ns; it must be at least 1µs",
        ),
        (
            "call --max-memory 65537p add.wasm add 1 2",
            "invalid config: `max_memory_pages` is 65537; it must be from 0 to 65536",
        ),
        ("list", "which directory? `pocketwasm list DIR`"),
    ] {
        guests
            .run(line.split(' '))
            .is(line, 2, "", &format!("pocketwasm: {message}\n"));
    }
}

#[test]
fn not_found() {
    let guests = Guests::new(&["add.wasm", "rust-greet.wasm"]);
    // In the system's own words.
    let no_file = io::Error::from_raw_os_error(2);
    let there = "; modules in that folder: \"add.wasm\", \"rust-greet.wasm\"";
    for (line, message) in [
        (
            "call nothing.wasm f",
            format!("cannot read \"nothing.wasm\": {no_file}{there}"),
        ),
        (
            "run nothing.wasm",
            format!("cannot read \"nothing.wasm\": {no_file}{there}"),
        ),
        (
            "inspect nothing.wasm",
            format!("cannot read \"nothing.wasm\": {no_file}{there}"),
        ),
        (
            "list nothing",
            format!("cannot read the directory \"nothing\": {no_file}; no directory is in ."),
        ),
        (
            "call --plugins nothing add add 1 2",
            format!("cannot read the directory \"nothing\": {no_file}; no directory is in ."),
        ),
        (
            "run --stdin nothing rust-greet.wasm",
            format!("cannot open \"nothing\": {no_file}"),
        ),
        (
            "text rust-greet.wasm gret World",
            "plugin \"rust-greet.wasm\", export \"gret\": no export \"gret\"; \
             this plugin exports: greet, add, echo, allocate, deallocate"
                .to_owned(),
        ),
        (
            "run add.wasm",
            "plugin \"add.wasm\", export \"_start\": no export \"_start\"; \
             this plugin exports: add; it is no command; `pocketwasm call add.wasm EXPORT` calls an \
             export with numbers, `pocketwasm text add.wasm EXPORT` with text"
                .to_owned(),
        ),
    ] {
        guests
            .run(line.split(' '))
            .is(line, 3, "", &format!("pocketwasm: {message}\n"));
    }
}

#[test]
fn refused_modules() {
    let guests = Guests::new(&[
        "memory-1gib.wat",
        "unknown-import.wat",
        "add.wasm",
        "rust-greet.wasm",
    ]);
    guests.put("text.wat", "(module\n  (fun))");
    guests.put("empty.wasm", "");
    guests.put("noise.wasm", "MZ\x7f\x1b[2J");
    let whole = std::fs::read(guests.0.path().join("add.wasm")).unwrap();
    guests.put("half.wasm", &whole[..whole.len() / 2]);
    for (module, message) in [
        (
            "text.wat",
            "not a module as text: expected valid module field (at 2:4)",
        ),
        (
            "empty.wasm",
            "not a module this engine can run: the file is empty",
        ),
        (
            "noise.wasm",
            "not a module this engine can run: it does not begin with the magic bytes \\0asm",
        ),
        (
            "half.wasm",
            "not a module this engine can run: unexpected end-of-file (at offset 0x13)",
        ),
        (
            "memory-1gib.wasm",
            "declares a memory of 16384 pages at least; the limit `max_memory_pages` is 1024; \
             --max-memory raises it",
        ),
        (
            "unknown-import.wasm",
            "unsupported import: \"cloud\" \"launch\" of type (i32) -> (): \
             not WASI, not of a known convention, and not among the functions registered with \
             this runner: none; `pocketwasm inspect` marks all that is missing",
        ),
    ] {
        let message = format!("pocketwasm: plugin \"{module}\", load: {message}\n");
        guests
            .run(["call", module, "f"])
            .is(module, 4, "", &message);
    }
    let ran = guests.run(["text", "--max-memory", "1MiB", "rust-greet.wasm", "greet"]);
    let message = "pocketwasm: plugin \"rust-greet.wasm\", load: declares a memory of 17 pages \
                   at least; the limit `max_memory_pages` is 16; --max-memory raises it\n";
    ran.is("--max-memory", 4, "", message);
}

#[cfg(unix)]
#[test]
fn a_directory_is_no_module() {
    let guests = Guests::new(&[]);
    guests.put("folder.wasm/file", "");
    let ran = guests.run(["call", "folder.wasm", "f"]);
    let message = "pocketwasm: cannot read \"folder.wasm\": is a directory; \
                   `--plugins folder.wasm NAME` takes a plugin in it\n";
    ran.is("a directory", 3, "", message);
}

#[test]
fn guests_that_fail() {
    let guests = Guests::new(&["print.wat", "exit.wat", "result-past-memory.wat"]);
    for (line, output, message) in [
        (
            "call print.wasm print-and-trap",
            "to stdout\nto stderr\n",
            "plugin \"print.wasm\", export \"print-and-trap\": trap: `unreachable` executed",
        ),
        (
            "call exit.wasm exit 7",
            "",
            "plugin \"exit.wasm\", export \"exit\": the guest exited with code 7",
        ),
        (
            "text result-past-memory.wasm text x",
            "",
            "plugin \"result-past-memory.wasm\", export \"text\": \
             the result at 0x10000 with length 10 is outside the memory of 65536 bytes",
        ),
    ] {
        guests
            .run(line.split(' '))
            .is(line, 5, "", &format!("{output}pocketwasm: {message}\n"));
    }
    guests
        .run(["call", "exit.wasm", "exit", "0"])
        .is("exit 0 is success", 0, "", "");
}

#[test]
fn endless_loops_end_with_their_limit() {
    let guests = Guests::new(&["loop.wat"]);
    for (args, export) in [
        (&["call", "loop.wasm", "spin"][..], "spin"),
        (&["text", "loop.wasm", "text", "x"], "text"),
        (&["run", "loop.wasm"], "_start"),
    ] {
        for (flags, problem) in [
            (
                &["--timeout", "100ms"][..],
                "timed out: the limit `timeout` is 100ms; --timeout raises it",
            ),
            (
                &["--fuel", "1000000", "--timeout", "1h"],
                "out of fuel: all 1000000 units of the limit `fuel` are used; --fuel raises it",
            ),
        ] {
            let began = Instant::now();
            let ran = guests.run([flags, args].concat());
            let message =
                format!("pocketwasm: plugin \"loop.wasm\", export \"{export}\": {problem}\n");
            ran.is(export, 6, "", &message);
            assert!(began.elapsed() < Duration::from_secs(60));
        }
    }
}

#[test]
fn cut_output_is_said_to_be_cut() {
    let guests = Guests::new(&["flood.wat", "chatter.wat"]);
    let cut = "pocketwasm: output truncated at 100000 bytes (limit max_output_bytes); \
               --max-output raises it\n";
    let dots = ".".repeat(100_000);
    for (args, stdout, stderr) in [
        (
            &["call", "flood.wasm", "flood"][..],
            "100000\n",
            format!("{dots}\n{cut}"),
        ),
        (
            &["text", "flood.wasm", "text", "in"],
            "in",
            format!("{dots}\n{cut}"),
        ),
        (&["run", "flood.wasm"], &dots, cut.to_owned()),
    ] {
        let ran = guests.run([&["--max-output", "100000"], args].concat());
        ran.is(args[0], 0, stdout, &stderr);
        let flags = ["--fail-on-truncation", "--max-output", "100000"];
        let ran = guests.run([&flags[..], args].concat());
        ran.is("told in the exit code", 6, stdout, &stderr);
        let ran = guests.run([&flags[..], &["--json"], args].concat());
        assert_eq!((ran.code, &*ran.stderr), (Some(6), cut), "{ran:?}");
    }
    // Output that is passed on has a higher limit than output that is kept.
    guests.put(
        "much.wat",
        r#"(module
            (import "wasi_snapshot_preview1" "fd_write"
                (func $write (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 2)
            (data (i32.const 0) "\10\00\00\00\00\00\01\00")
            (func (export "_start") (local $left i32)
                (local.set $left (i32.const 100))
                (loop $more
                    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
                    (br_if $more (local.tee $left
                        (i32.sub (local.get $left) (i32.const 1)))))))"#,
    );
    let ran = guests.run(["run", "--fail-on-truncation", "much.wat"]);
    assert_eq!(
        (ran.code, ran.stdout.len()),
        (Some(0), 6_553_600),
        "{}",
        ran.stderr
    );
    let ran = guests.run(["run", "--json", "--fail-on-truncation", "much.wat"]);
    assert_eq!(ran.code, Some(6), "{}", ran.stderr);
    let ran = guests.run([
        "run",
        "--max-output",
        "7",
        "--fuel",
        "100000",
        "chatter.wasm",
    ]);
    let stderr = "pocketwasm: output truncated at 7 bytes (limit max_output_bytes); --max-output \
                  raises it\n\
                  pocketwasm: plugin \"chatter.wasm\", export \"_start\": \
                  out of fuel: all 100000 units of the limit `fuel` are used; --fuel raises it\n";
    ran.is("before an error", 6, "more\nmo", stderr);
}

#[cfg(unix)]
#[test]
fn a_result_that_nobody_takes() {
    let guests = Guests::new(&["add.wasm", "rust-greet.wasm"]);
    for line in [
        "call add.wasm add 1 2",
        "call --json add.wasm add 1 2",
        "text rust-greet.wasm greet",
        "inspect add.wasm",
        "inspect --json add.wasm",
        "bench -n 1 add.wasm add 1 2",
        "list .",
        "list --json .",
        "new --lang c plugin",
        "man",
        "completions zsh",
    ] {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let mut child = guests
            .command(line.split(' '))
            .stdout(writer)
            .spawn()
            .unwrap();
        let ran = crate::Ran::from({
            child.stdin = None;
            child.wait_with_output().unwrap()
        });
        ran.is(line, 141, "", "");
    }
}

#[test]
fn logging_is_for_those_who_ask() {
    let guests = Guests::new(&["print.wat"]);
    let mut command = guests.command(["call", "print.wasm", "print"]);
    let output = command
        .env("RUST_LOG", "debug")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let ran = crate::Ran::from(output);
    assert_eq!((ran.code, &*ran.stdout), (Some(0), "7\n"), "{ran:?}");
    assert!(ran.stderr.contains("compiled \"print.wasm\""), "{ran:?}");
    assert_eq!(ran.stderr.matches("to stdout").count(), 1, "{ran:?}");
}

/// A guest that exits before the export runs sets the exit code. The message says why there is no
/// result.
#[test]
fn a_program_that_ends_while_it_is_readied() {
    let guests = Guests::new(&[]);
    for (name, code, ends) in [
        ("start", 0, "(start $ends)"),
        ("initialize", 0, "(export \"_initialize\" (func $ends))"),
        ("start-7", 7, "(start $ends)"),
    ] {
        let module = format!(
            r#"(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
                (memory (export "memory") 1)
                (func $ends (call $exit (i32.const {code})))
                (func (export "_start") (unreachable))
                (func (export "f") (result i32) (i32.const 3)) {ends})"#
        );
        let file = format!("{name}.wasm");
        guests.put(&file, wat::parse_str(module).unwrap());
        let ran = guests.run(["run", &file]);
        assert_eq!(
            (ran.code, &*ran.stdout),
            (Some(code), ""),
            "{name}: {ran:?}"
        );
        let ran = guests.run(["call", &file, "f"]);
        let called = if code == 0 { 0 } else { 5 };
        assert_eq!(
            (ran.code, &*ran.stdout),
            (Some(called), ""),
            "{name}: {ran:?}"
        );
        let said = format!("the guest exited with code {code}\n");
        assert!(ran.stderr.ends_with(&said), "{name}: {ran:?}");
    }
}
