//! Standard input, arguments and environment: a guest sees what its call sets, and nothing else.

use super::guest::{Guest, PREVIEW1, SUCCESS, load, text};
use pocketwasm::{Call, Error, ErrorKind, Plugin, Runner, RunnerConfig};
use std::{io::Cursor, sync::LazyLock};

/// The commands, compiled once.
static COMMANDS: LazyLock<[(&str, Plugin); 4]> = LazyLock::new(|| {
    let runner = Runner::new(RunnerConfig::new()).unwrap();
    ["rust", "c", "zig", "go"].map(|language| {
        let path = format!("fixtures/{language}-command.wasm");
        (language, runner.plugin_at(path).unwrap())
    })
});

/// What a command printed, what it said on stderr, and how it ended.
fn ending(call: Call<'_>) -> (String, String, i32) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    match call.run() {
        Ok(outcome) => (text(outcome.stdout()), text(outcome.stderr()), 0),
        Err(error) => {
            let code = error.exit_code();
            let outcome = error.outcome().expect("the call had begun");
            (
                text(outcome.stdout()),
                text(outcome.stderr()),
                code.unwrap_or_else(|| panic!("{error}")),
            )
        }
    }
}

/// The commands of four toolchains behave alike.
#[test]
fn commands() {
    type Given = for<'a> fn(Call<'a>) -> Call<'a>;
    let cases: [(&str, Given, &str, i32); 9] = [
        ("nothing", |call| call, "", 0),
        (
            "arguments",
            |call| call.args(["a", "b"]),
            "arg 1: a\narg 2: b\n",
            0,
        ),
        (
            "odd arguments",
            |call| call.args(["", " x y ", "é"]),
            "arg 1: \narg 2:  x y \narg 3: é\n",
            0,
        ),
        ("a variable", |call| call.env("FOO", "x"), "FOO=x\n", 0),
        ("another variable", |call| call.env("BAR", "x"), "", 0),
        (
            "input",
            |call| call.stdin("hello"),
            "stdin: 5 bytes\nHELLO\n",
            0,
        ),
        (
            "input from a reader",
            |call| call.stdin_from(Cursor::new("hello")),
            "stdin: 5 bytes\nHELLO\n",
            0,
        ),
        ("an exit code", |call| call.env("CODE", "7"), "", 7),
        (
            "all at once",
            |call| {
                call.args(["a"])
                    .env("FOO", "x")
                    .stdin("hey")
                    .env("CODE", "125")
            },
            "arg 1: a\nFOO=x\nstdin: 3 bytes\nHEY\n",
            125,
        ),
    ];
    for (language, plugin) in &*COMMANDS {
        for (name, given, stdout, code) in cases {
            let (out, err, ended) = ending(given(plugin.call("_start")));
            assert_eq!(out, stdout, "{language}, {name}");
            assert_eq!(err, "done\n", "{language}, {name}");
            assert_eq!(ended, code, "{language}, {name}");
        }
    }
}

/// Long input reaches each toolchain whole, whatever buffers it reads with.
#[test]
fn long_input() {
    let input = "0123456789abcde\n".repeat(1_250);
    let expected = format!("stdin: {} bytes\n{}\n", input.len(), input.to_uppercase());
    for (language, plugin) in &*COMMANDS {
        let bytes = ending(plugin.call("_start").stdin(input.clone()));
        assert!(bytes.0 == expected, "{language}, bytes");
        let reader = Cursor::new(input.clone());
        let read = ending(plugin.call("_start").stdin_from(reader));
        assert!(read.0 == expected, "{language}, reader");
    }
}

/// The strings that a guest finds by a pair of functions.
fn strings(
    guest: &mut Guest,
    sizes: &str,
    get: &str,
    given: impl for<'a> Fn(Call<'a>) -> Call<'a>,
) -> Vec<String> {
    let outcome = guest.call(sizes, &[16, 20], &given).unwrap();
    assert_eq!(outcome.results(), [SUCCESS]);
    let outcome = guest.call(get, &[64, 4096], &given).unwrap();
    assert_eq!(outcome.results(), [SUCCESS]);
    let (count, size) = (guest.u32(16), guest.u32(20) as usize);
    let memory = guest.memory();
    let mut end = 4096;
    let strings = (0..count).map(|index| {
        let at = guest.u32(64 + 4 * index) as usize;
        assert_eq!(at, end, "one after the other");
        let rest = &memory[at..];
        let length = rest
            .iter()
            .position(|byte| *byte == 0)
            .expect("a zero byte");
        end = at + length + 1;
        String::from_utf8(rest[..length].to_vec()).unwrap()
    });
    let strings = strings.collect();
    assert_eq!(end, 4096 + size);
    strings
}

#[test]
fn arguments() {
    let functions = ["args_sizes_get", "args_get"];
    let mut guest = Guest::new(&functions);
    let mut of = |given: &[&str]| {
        let given: Vec<String> = given.iter().map(ToString::to_string).collect();
        strings(&mut guest, functions[0], functions[1], |call| {
            call.args(given.clone())
        })
    };
    assert_eq!(of(&[]), ["guest"], "the plugin's name comes first");
    assert_eq!(of(&["", "é", "a b"]), ["guest", "", "é", "a b"]);
    let many: Vec<String> = (0..500).map(|number| number.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(of(&many)[1..], many);
    // Each call of an instance has its own.
    assert_eq!(of(&["z"]), ["guest", "z"]);
}

#[test]
fn environment() {
    let functions = ["environ_sizes_get", "environ_get"];
    let mut guest = Guest::new(&functions);
    let mut of = |given: &[(&str, &str)]| {
        let given: Vec<(String, String)> = given
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect();
        strings(&mut guest, functions[0], functions[1], |call| {
            given
                .iter()
                .fold(call, |call, (name, value)| call.env(name, value))
        })
    };
    assert_eq!(of(&[]), [""; 0], "never the host's own");
    assert_eq!(
        of(&[("B", "2=2"), ("A", ""), ("é", "ü\n")]),
        ["B=2=2", "A=", "é=ü\n"]
    );
    assert_eq!(of(&[("C", "3")]), ["C=3"]);
}

/// Every call of an instance reads its own input from the start.
#[test]
fn input_of_an_instance() {
    let mut guest = Guest::new(&["fd_read"]);
    guest.put_vectors(64, &[(1024, 4)]);
    for (input, expected) in [("abcdef", "abcd"), ("xyzuvw", "xyzu")] {
        let outcome = guest.call("fd_read", &[0, 64, 1, 8], |call| call.stdin(input));
        assert_eq!(outcome.unwrap().results(), [SUCCESS]);
        assert_eq!(guest.bytes(1024, 4), expected.as_bytes());
    }
    assert_eq!(guest.errno("fd_read", &[0, 64, 1, 8]), SUCCESS);
    assert_eq!(guest.u32(8), 0, "no input by default");
}

/// What no guest could make sense of is refused before it runs.
#[test]
fn refused() {
    let config = RunnerConfig::new().max_input_bytes(10);
    let plugin = load(config, &text(PREVIEW1, &["sched_yield"]));
    type Given = for<'a> fn(Call<'a>) -> Call<'a>;
    let cases: [(Given, ErrorKind, &str); 9] = [
        (
            |call| call.args(["a", "b\0c"]),
            ErrorKind::InvalidConfig,
            "invalid config: `args` has a zero byte",
        ),
        (
            |call| call.env("A\0", "b"),
            ErrorKind::InvalidConfig,
            "invalid config: `env` has a zero byte",
        ),
        (
            |call| call.env("A", "\0"),
            ErrorKind::InvalidConfig,
            "invalid config: `env` has a zero byte",
        ),
        (
            |call| call.env("", "b"),
            ErrorKind::InvalidConfig,
            "invalid config: `env` cannot have a variable named \"\"",
        ),
        (
            |call| call.env("A=B", "c"),
            ErrorKind::InvalidConfig,
            "invalid config: `env` cannot have a variable named \"A=B\"",
        ),
        (
            |call| call.args(["12345", "678901"]),
            ErrorKind::TooLarge,
            "arguments of 11 bytes; the limit `max_input_bytes` is 10",
        ),
        (
            |call| call.env("A", "12").env("B", "12345"),
            ErrorKind::TooLarge,
            "an environment of 11 bytes; the limit `max_input_bytes` is 10",
        ),
        (
            |call| call.stdin([0; 11]),
            ErrorKind::TooLarge,
            "stdin of 11 bytes; the limit `max_input_bytes` is 10",
        ),
        // The first mistake is the one that is told.
        (
            |call| call.stdin([0; 11]).args(["\0"]),
            ErrorKind::TooLarge,
            "stdin of 11 bytes; the limit `max_input_bytes` is 10",
        ),
    ];
    for (given, kind, message) in cases {
        let error: Error = given(plugin.call("sched_yield")).run().unwrap_err();
        assert_eq!(error.kind(), kind, "{message}");
        let message = format!("plugin \"guest\", export \"sched_yield\": {message}");
        assert_eq!(error.to_string(), message);
        assert!(error.outcome().is_none(), "nothing ran");
    }
    let call = plugin.call("sched_yield").args(["12345", "67890"]);
    call.env("A", "12345678")
        .stdin([0; 10])
        .run()
        .expect("just enough");
}
