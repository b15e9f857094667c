//! `call` and `text`: calls with numbers and with bytes.

use crate::{Guests, Ran};

#[test]
fn the_greeting_of_every_toolchain() {
    let modules = [
        "rust-greet.wasm",
        "c-greet.wasm",
        "zig-greet.wasm",
        "go-greet.wasm",
    ];
    let guests = Guests::new(&modules);
    for module in modules {
        let ran = guests.run(["text", "--timeout", "1h", module, "greet", "World"]);
        ran.is(module, 0, "Hello, World", "");
    }
}

#[test]
fn text_is_bytes_as_they_are() {
    let guests = Guests::new(&["rust-greet.wasm"]);
    let bytes = b"\xff\xfe\0 \x1b[2J\r\n";
    for (name, args, stdin, expected) in [
        ("piped in", &["greet"][..], &b"all"[..], &b"Hello, all"[..]),
        ("no input", &["greet"], b"", b"Hello, "),
        ("an empty input", &["greet", ""], b"unread", b"Hello, "),
        ("a number", &["greet", "-5"], b"", b"Hello, -5"),
        (
            "a flag after --",
            &["greet", "--", "--json"],
            b"",
            b"Hello, --json",
        ),
        ("stdin", &["echo", "-"], bytes, bytes),
        ("empty stdin", &["echo", "-"], b"", b""),
    ] {
        let args = [&["text", "rust-greet.wasm"], args].concat();
        let ran = guests.run_with(&args, stdin);
        ran.is(name, 0, &String::from_utf8_lossy(expected), "");
    }
}

#[test]
fn input_beyond_the_limit_is_refused() {
    let guests = Guests::new(&["rust-greet.wasm"]);
    let ran = guests.run_with(
        &["text", "rust-greet.wasm", "echo", "-"],
        &vec![b'.'; (16 << 20) + 100],
    );
    let message = "pocketwasm: plugin \"rust-greet.wasm\", export \"echo\": \
                   an input of 16777217 bytes; the limit `max_input_bytes` is 16777216; --max-input raises it\n";
    ran.is("17 MiB", 6, "", message);
}

#[test]
fn numbers_by_the_signature() {
    let guests = Guests::new(&["numbers.wat", "add.wasm"]);
    for (args, stdout) in [
        (&["add.wasm", "add", "2", "40"][..], "42\n"),
        (&["add.wasm", "add", "-5", "3"], "-2\n"),
        (&["add.wasm", "add", "--", "-5", "3"], "-2\n"),
        (&["add.wasm", "add", "--", "-0x10", "3"], "-13\n"),
        (&["add.wasm", "add", "4294967295", "1"], "0\n"),
        (&["numbers.wasm", "none"], ""),
        (&["numbers.wasm", "i32", "4294967295"], "-1\n"),
        (&["numbers.wasm", "i32", "-2147483648"], "-2147483648\n"),
        (&["numbers.wasm", "i64", "0xffffffffffffffff"], "-1\n"),
        (
            &["numbers.wasm", "i64", "9007199254740993"],
            "9007199254740993\n",
        ),
        (&["numbers.wasm", "f32", "0.1"], "0.1\n"),
        (&["numbers.wasm", "f32", "-2.5"], "-2.5\n"),
        (&["numbers.wasm", "f64", "1e300"], "1e300\n"),
        (&["numbers.wasm", "f64", "3"], "3\n"),
        (&["numbers.wasm", "f64", "nan"], "NaN\n"),
        (&["numbers.wasm", "f64", "inf"], "inf\n"),
        (&["numbers.wasm", "f64", "--", "-inf"], "-inf\n"),
        (&["numbers.wasm", "f64", "-inf"], "-inf\n"),
        (&["numbers.wasm", "f64", "-Infinity"], "-inf\n"),
        (&["numbers.wasm", "f64", "-nan"], "NaN\n"),
        (&["numbers.wasm", "f64", "-4e-3"], "-0.004\n"),
        (&["numbers.wasm", "f64", "-1e-7"], "-1e-7\n"),
        (&["numbers.wasm", "f64", "-.5"], "-0.5\n"),
        (&["numbers.wasm", "f64", "-5."], "-5\n"),
        (&["numbers.wasm", "i32", "-0x10"], "-16\n"),
        (
            &["numbers.wasm", "f64", "-4E-3", "--fuel", "1000"],
            "-0.004\n",
        ),
        (
            &["numbers.wasm", "all", "1", "-2", "2.5", "-0"],
            "1\n-2\n2.5\n-0\n",
        ),
    ] {
        guests
            .run([&["call"], args].concat())
            .is(&args.join(" "), 0, stdout, "");
    }
}

#[test]
fn flags_may_be_anywhere() {
    let guests = Guests::new(&["add.wasm"]);
    let message = "pocketwasm: plugin \"add.wasm\", export \"add\": \
                   out of fuel: all 2 units of the limit `fuel` are used; --fuel raises it\n";
    for line in [
        "--fuel 2 call add.wasm add 2 40",
        "call --fuel 2 add.wasm add 2 40",
        "call add.wasm --fuel 2 add 2 40",
        "call add.wasm add 2 --fuel=2 40",
        "call add.wasm add 2 40 --fuel 2",
    ] {
        guests.run(line.split(' ')).is(line, 6, "", message);
    }
}

#[test]
fn the_result_is_alone_on_stdout() {
    let guests = Guests::new(&["print.wat"]);
    for (args, stdout) in [
        (&["call", "print.wasm", "print"][..], "7\n"),
        (&["text", "print.wasm", "text", "in"], "in"),
    ] {
        guests
            .run(args)
            .is(args[0], 0, stdout, "to stdout\nto stderr");
    }
    let ran = guests.run(["call", "print.wasm", "print-and-trap"]);
    let stderr = "to stdout\nto stderr\npocketwasm: plugin \"print.wasm\", \
                  export \"print-and-trap\": trap: `unreachable` executed\n";
    ran.is("an error has a line of its own", 5, "", stderr);
}

#[test]
fn a_plugins_name_goes_before_a_path() {
    let guests = Guests::new(&["add.wasm", "numbers.wat"]);
    let add = std::fs::read(guests.0.path().join("add.wasm")).unwrap();
    guests.put("plugins/nested/add.wasm", &add);
    guests.put("plugins/numbers.wasm", &add);
    guests.put("plugins/broken.wasm", "not a module");
    for (name, module, expected) in [
        ("by name", "nested/add", Ok("3\n")),
        ("by name with suffix", "nested/add.wasm", Ok("3\n")),
        ("a plugin and a file", "numbers.wasm", Ok("3\n")),
        ("only a file", "add.wasm", Ok("3\n")),
        (
            "a plugin that is broken",
            "broken",
            Err((
                4,
                "pocketwasm: plugin \"broken\", load: not a module this engine can run: \
                 it does not begin with the magic bytes \\0asm\n",
            )),
        ),
        (
            "neither",
            "nested/ad",
            Err((
                3,
                "pocketwasm: no plugin \"nested/ad\"; loaded are: nested/add, numbers\n",
            )),
        ),
    ] {
        let ran: Ran = guests.run(["call", "--plugins", "plugins", module, "add", "1", "2"]);
        match expected {
            Ok(stdout) => ran.is(name, 0, stdout, ""),
            Err((code, stderr)) => ran.is(name, code, "", stderr),
        }
    }
}

#[test]
fn a_guest_sees_only_what_it_is_given() {
    // This reads the environment and stdin in a function that is called by hand.
    let guests = Guests::new(&["rust-command.wasm"]);
    guests.put("input", "hello");
    let ran = guests.run_with(&["call", "rust-command.wasm", "_start"], b"not the guest's");
    ran.is("nothing", 0, "", "done\n");
    let ran = guests.run([
        "call",
        "rust-command.wasm",
        "_start",
        "--env",
        "FOO=a=b",
        "--stdin",
        "input",
    ]);
    ran.is(
        "named things",
        0,
        "",
        "FOO=a=b\nstdin: 5 bytes\nHELLO\ndone\n",
    );
}
