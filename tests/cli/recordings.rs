//! `--record` and `pocketwasm replay`.

use crate::Guests;

/// Records a command line, and replays it: the same output and the same code.
#[track_caller]
fn same(guests: &Guests, line: &[&str], input: &[u8]) {
    let recorded = [line[0], "--record", "call.pwrec"];
    let recorded: Vec<&str> = recorded
        .into_iter()
        .chain(line[1..].iter().copied())
        .collect();
    let plain = guests.run_with(line, input);
    let first = guests.run_with(&recorded, input);
    assert_eq!(first, plain, "{line:?}");
    let again = guests.run(["replay", "call.pwrec"]);
    assert_eq!(again, first, "{line:?}");
}

#[test]
fn a_replay_prints_what_the_command_printed_and_exits_as_it_did() {
    let guests = Guests::new(&[
        "add.wasm",
        "rust-greet.wasm",
        "as-greet.wasm",
        "rust-command.wasm",
        "counter.wat",
        "loop.wat",
        "numbers.wat",
    ]);
    for line in [
        &["call", "add.wasm", "add", "2", "-40"][..],
        &["call", "--fuel", "3", "add.wasm", "add", "2", "40"],
        &["text", "rust-greet.wasm", "greet", "Ada"],
        &["text", "as-greet.wasm", "fail", "no"],
        &[
            "text",
            "--max-output",
            "3",
            "rust-command.wasm",
            "_start",
            "some input",
        ],
        &["run", "rust-command.wasm", "one", "two"],
        &[
            "run",
            "--env",
            "CODE=7",
            "--env",
            "FOO=x",
            "rust-command.wasm",
            "one",
        ],
        &["run", "--env", "CODE=256", "rust-command.wasm"],
        &[
            "run",
            "--max-output",
            "5",
            "--fail-on-truncation",
            "rust-command.wasm",
            "one",
        ],
    ] {
        same(&guests, line, b"from stdin\n");
    }
}

#[test]
fn a_replay_needs_nothing_of_the_host() {
    let guests = Guests::new(&["rust-clock.wasm", "rust-shell.wasm"]);
    same_but_time(
        &guests,
        &["run", "--real-clock", "--real-random", "rust-clock.wasm"],
    );
    guests.put("data/in.txt", "some text");
    let line = [
        "run",
        "--record",
        "f",
        "--files",
        "data:/data",
        "rust-shell.wasm",
        "cat",
        "/data/in.txt",
    ];
    let first = guests.run(line);
    assert_eq!(first.code, Some(0), "{first:?}");
    std::fs::remove_dir_all(guests.0.path().join("data")).unwrap();
    assert_eq!(guests.run(["replay", "f"]), first);
}

#[track_caller]
fn same_but_time(guests: &Guests, line: &[&str]) {
    let recorded = [line[0], "--record", "call.pwrec"];
    let recorded: Vec<&str> = recorded
        .into_iter()
        .chain(line[1..].iter().copied())
        .collect();
    let first = guests.run(&recorded);
    assert_eq!(first.code, Some(0), "{first:?}");
    assert_eq!(guests.run(["replay", "call.pwrec"]), first);
}

#[test]
fn the_module_is_found_or_asked_for() {
    let guests = Guests::new(&["add.wasm", "rust-greet.wasm"]);
    let line = ["call", "--record", "a", "add.wasm", "add", "2", "40"];
    assert_eq!(guests.run(line).stdout, "42\n");
    std::fs::rename(
        guests.0.path().join("add.wasm"),
        guests.0.path().join("moved.wasm"),
    )
    .unwrap();
    let ran = guests.run(["replay", "a"]);
    assert_eq!(ran.code, Some(3));
    assert!(
        ran.stderr
            .contains("`--module FILE` names the module that was called"),
        "{ran:?}"
    );
    let ran = guests.run(["replay", "a", "--module", "moved.wasm"]);
    assert_eq!((ran.code, &*ran.stdout), (Some(0), "42\n"), "{ran:?}");
    let ran = guests.run(["replay", "a", "--module", "rust-greet.wasm"]);
    assert_eq!(ran.code, Some(4));
    assert!(
        ran.stderr
            .starts_with("pocketwasm: the recording is one of the module of SHA-256 "),
        "{ran:?}"
    );
    let ran = guests.run(["replay", "moved.wasm"]);
    assert_eq!(ran.code, Some(4));
    assert_eq!(
        ran.stderr,
        "pocketwasm: not a recording: it does not begin with PWRECORD\n"
    );
    let ran = guests.run(["replay", "nothing"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
}

#[test]
fn a_report_in_json_is_replayed() {
    let guests = Guests::new(&["add.wasm"]);
    let line = [
        "call", "--json", "--record", "a", "add.wasm", "add", "2", "40",
    ];
    let report = |stdout: &str| {
        let mut report: serde_json::Value = serde_json::from_str(stdout).unwrap();
        report["elapsed_us"] = 0.into();
        report
    };
    let first = guests.run(line);
    let again = guests.run(["replay", "a"]);
    assert_eq!(report(&again.stdout), report(&first.stdout));
    let line = ["call", "--record", "a", "add.wasm", "add", "2", "40"];
    guests.run(line);
    let again = guests.run(["replay", "--json", "a"]);
    assert_eq!(report(&again.stdout), report(&first.stdout));
}

/// A guest whose trap is in `$leaf`, with the fuel of both functions.
const TRAPS: &str = r#"(module
    (func $leaf (param i32) (result i32) (i32.div_u (i32.const 6) (local.get 0)))
    (func $main (export "main") (param i32) (result i32) (call $leaf (local.get 0))))"#;

#[test]
fn a_replayed_error_is_explained_elsewhere() {
    let guests = Guests::new(&["traps/rust.wasm"]);
    let output = |line: &[&str]| {
        let output = guests.command(line.iter().copied()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (
            output.status.code(),
            text(output.stderr),
            text(output.stdout),
        )
    };
    guests.put("traps.wat", TRAPS);
    let line = ["call", "--record", "a", "traps.wat", "main", "0"];
    let first = output(&line);
    std::fs::remove_file(guests.0.path().join("traps.wat")).unwrap();
    guests.put("elsewhere/moved.wat", TRAPS);
    let replay = ["replay", "--module", "elsewhere/moved.wat", "a"];
    assert_eq!(output(&replay), first);
    let (code, stderr, _) = first;
    assert_eq!(code, Some(5));
    let lines: Vec<&str> = stderr.lines().collect();
    let [error, head, cause, leaf, main] = &lines[..] else {
        panic!("{stderr}");
    };
    assert_eq!(*head, "pocketwasm: backtrace, the innermost function first");
    assert_eq!(*cause, "  cause: i32.div_u of 6 by 0");
    assert!(
        leaf.ends_with(" leaf") && main.ends_with(" main"),
        "{stderr}"
    );
    let plain = [&replay[..], &["--no-explain"]].concat();
    assert_eq!(
        output(&plain),
        (Some(5), format!("{error}\n"), String::new())
    );
    let (_, _, json) = output(&[&replay[..], &["--json"]].concat());
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(report["backtrace"][0]["name"], "leaf", "{json}");

    output(&[
        "call",
        "--record",
        "b",
        "--no-explain",
        "traps/rust.wasm",
        "trap",
    ]);
    let (_, stderr, _) = output(&["replay", "b"]);
    assert!(stderr.contains("rust.rs:14"), "{stderr}");
}

#[test]
fn a_recording_is_profiled() {
    let guests = Guests::new(&[]);
    guests.put("traps.wat", TRAPS);
    let line = ["call", "--record", "a", "traps.wat", "main", "3"];
    assert_eq!(guests.run(line).stdout, "2\n");
    let direct = guests.run(["profile", "traps.wat", "main", "3"]);
    assert_eq!(direct.code, Some(0), "{direct:?}");
    assert!(direct.stdout.contains(" leaf\n"), "{direct:?}");
    assert_eq!(guests.run(["profile", "--recording", "a"]), direct);
    guests.put("moved.wat", TRAPS);
    std::fs::remove_file(guests.0.path().join("traps.wat")).unwrap();
    let moved = ["profile", "--recording", "a", "--module", "moved.wat"];
    assert_eq!(guests.run(moved), direct);
    let both = guests.run(["profile", "--recording", "a", "moved.wat", "main"]);
    assert_eq!(both.code, Some(2), "{both:?}");
    let neither = guests.run(["profile", "--module", "moved.wat"]);
    assert_eq!(neither.code, Some(2), "{neither:?}");
}
