//! `run`: running WASI commands.

use crate::{Guests, Ran};
use std::{
    io::{BufRead, BufReader},
    process::Stdio,
    time::{Duration, Instant},
};

const COMMANDS: [&str; 4] = [
    "go-command.wasm",
    "rust-command.wasm",
    "c-command.wasm",
    "zig-command.wasm",
];

/// Long enough for any machine; what would take for ever does not end within it.
const HANG: Duration = Duration::from_secs(60);

#[test]
fn arguments_environment_streams_and_exit_code() {
    let guests = Guests::new(&COMMANDS);
    for module in COMMANDS {
        let args = [
            "run",
            "--timeout",
            "1h",
            "--env",
            "FOO=x",
            "--env",
            "CODE=7",
            module,
            "a",
            "b",
        ];
        let ran = guests.run_with(&args, b"hello");
        let stdout = "arg 1: a\narg 2: b\nFOO=x\nstdin: 5 bytes\nHELLO\n";
        ran.is(module, 7, stdout, "done\n");
    }
}

#[test]
fn everything_after_the_module_is_the_guests() {
    let guests = Guests::new(&["rust-command.wasm"]);
    let line = "run rust-command.wasm --json --fuel 1 -- --env X --help -5";
    let stdout = "arg 1: --json\narg 2: --fuel\narg 3: 1\narg 4: --\narg 5: --env\narg 6: X\n\
                  arg 7: --help\narg 8: -5\n";
    guests.run(line.split(' ')).is(line, 0, stdout, "done\n");
}

#[test]
fn exit_codes_pass_through() {
    let guests = Guests::new(&["exit.wat"]);
    // The guest exits with the number of its arguments, of which its name is the first.
    for count in [1, 2, 7, 255, 256, 257] {
        let args = ["run", "exit.wasm"]
            .into_iter()
            .chain(["x"].into_iter().cycle().take(count - 1));
        // What a process cannot say in eight bits must at least not say success.
        let code = match count {
            256 => 1,
            count => i32::try_from(count % 256).unwrap(),
        };
        guests.run(args).is(&count.to_string(), code, "", "");
    }
}

#[test]
fn stdin_from_a_file() {
    let guests = Guests::new(&["rust-command.wasm"]);
    guests.put("input", vec![b'a'; 20_000]);
    let ran = guests.run_with(
        &[
            "run",
            "--timeout",
            "1h",
            "--stdin",
            "input",
            "rust-command.wasm",
        ],
        b"not this",
    );
    let stdout = format!("stdin: 20000 bytes\n{}\n", "A".repeat(20_000));
    ran.is("a file", 0, &stdout, "done\n");
}

#[test]
fn stdin_is_not_read_unasked() {
    let guests = Guests::new(&["print.wat"]);
    let began = Instant::now();
    let mut child = guests
        .command(["run", "--timeout", "1h", "print.wasm"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    // Held open until the program has ended by itself.
    let stdin = child.stdin.take();
    let ran = Ran::from(child.wait_with_output().unwrap());
    drop(stdin);
    ran.is("an open pipe", 0, "to stdout\n", "to stderr");
    assert!(began.elapsed() < HANG);
}

#[test]
fn waiting_for_stdin_ends_with_the_call() {
    let guests = Guests::new(&["go-command.wasm", "rust-command.wasm"]);
    for module in ["go-command.wasm", "rust-command.wasm"] {
        let began = Instant::now();
        let mut child = guests
            .command(["run", "--timeout", "2s", module])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take();
        let ran = Ran::from(child.wait_with_output().unwrap());
        drop(stdin);
        let message = format!(
            "pocketwasm: plugin \"{module}\", export \"_start\": \
             timed out: the limit `timeout` is 2s; --timeout raises it\n"
        );
        ran.is(module, 6, "", &message);
        assert!(began.elapsed() < HANG);
    }
}

#[test]
fn output_is_passed_on_while_the_guest_runs() {
    let guests = Guests::new(&["rust-command.wasm"]);
    let mut child = guests
        .command(["run", "--timeout", "1h", "rust-command.wasm", "early"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    // The guest now waits for its stdin, which ends only after its first line was read here.
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "arg 1: early\n");
    drop(child.stdin.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn time_and_randomness_are_the_same_unless_asked_for() {
    let guests = Guests::new(&["rust-clock.wasm"]);
    let run = |flags: &[&str]| {
        let ran = guests.run([&["run", "--timeout", "1h"], flags, &["rust-clock.wasm"]].concat());
        assert_eq!(ran.code, Some(0), "{ran:?}");
        ran.stdout
    };
    assert_eq!(run(&[]), run(&[]));
    assert_ne!(run(&["--real-clock"]), run(&[]));
    assert_ne!(run(&["--real-random"]), run(&["--real-random"]));
}

#[cfg(unix)]
#[test]
fn a_closed_stdout_ends_the_guest() {
    let guests = Guests::new(&["chatter.wat"]);
    let began = Instant::now();
    let mut child = guests
        .command([
            "run",
            "--timeout",
            "1h",
            "--max-output",
            "1GiB",
            "chatter.wasm",
        ])
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ran = Ran::from(child.wait_with_output().unwrap());
    ran.is("a command", 141, "", "");
    assert!(began.elapsed() < HANG);
}
