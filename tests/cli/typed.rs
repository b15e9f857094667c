//! The accepted forms of command lines and input.

use crate::{Guests, Ran};
use std::{fs, process::Stdio};

const ADD: &str = r#"(module
    (func (export "add") (param i32 i32) (result i32)
        (i32.add (local.get 0) (local.get 1))))"#;

/// The same module as a binary, as text and from standard input.
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
    // An export without input neither reads standard input nor waits for its end.
    let mut child = guests
        .command(["text", "version.wat", "version"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let stdin = child.stdin.take();
    let ran = Ran::from(child.wait_with_output().unwrap());
    drop(stdin);
    assert!(!ran.stderr.contains("standard input"), "{ran:?}");
    // Reading a pipe that stays open ends with the call's timeout.
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

/// For a missing directory, an empty one and a file, every command reports the same message and
/// exit code.
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
            // Everything after the module belongs to the guest.
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
