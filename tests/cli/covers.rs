//! `pocketwasm cover`.

use super::Guests;
use std::fs;

const MODULE: &str = r#"(module
    (memory (export "memory") 1)
    (func $leaf (param i32) (result i32) (i32.div_u (i32.const 12) (local.get 0)))
    (func $other (result i32) (i32.const 7))
    (func (export "choose") (param i32 i32) (result i32)
        (if (result i32) (local.get 0)
            (then (call $leaf (local.get 1)))
            (else (call $other))))
    (func (export "allocate") (param i32) (result i32) (i32.const 8))
    (func (export "first") (param $at i32) (param $length i32) (result i64)
        (if (i32.eqz (local.get $length)) (then (unreachable)))
        (block (block (block
            (br_table 0 1 2 (i32.sub (i32.load8_u (local.get $at)) (i32.const 97))))
            (return (i64.const 0x800000001)))
            (return (i64.const 0x800000001)))
        (i64.const 0x800000000)))"#;

/// The calls of `first` with "ant", "bee" and nothing.
const THREE_INPUTS: &str = "\
3 calls, 1 failed now

          functions                lines             branches  file
        2/5  40.0 %          0/0       -          4/7  57.1 %  (no source)
        2/5  40.0 %          0/0       -          4/7  57.1 %  in all
";

#[test]
fn one_call() {
    let guests = Guests::new(&[]);
    guests.put("m.wat", MODULE);
    let expected = "\
1 call

          functions                lines             branches  file
        2/5  40.0 %          0/0       -          1/7  14.2 %  (no source)
        2/5  40.0 %          0/0       -          1/7  14.2 %  in all
";
    let ran = guests.run(["cover", "m.wat", "choose", "1", "4"]);
    ran.is("a call", 0, expected, "");
    // The other arm.
    let report = guests
        .run(["cover", "--json", "m.wat", "choose", "0", "4"])
        .json();
    assert_eq!(
        report["branches"],
        serde_json::json!({ "hit": 1, "all": 7 })
    );
    let functions = report["files"][0]["functions"].as_array().unwrap();
    let names: Vec<&str> = functions
        .iter()
        .filter(|it| it["calls"] == 1)
        .map(|it| it["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["function 2", "other"]);

    let ran = guests.run(["cover", "m.wat", "choose", "1", "0"]);
    let message =
        "pocketwasm: plugin \"m.wat\", export \"choose\": trap: integer divided by zero\n";
    let table = expected.replace("1 call\n", "1 call, 1 failed now\n");
    ran.is("a trap", 5, &table, message);
}

#[test]
fn inputs_that_are_added_up() {
    let guests = Guests::new(&[]);
    guests.put("m.wat", MODULE);
    for (name, content) in [("in/1", "ant"), ("in/2", "bee"), ("in/3", "")] {
        guests.put(name, content);
    }
    let args = [
        "cover", "--inputs", "in", "--append", "sum", "m.wat", "first",
    ];
    let ran = guests.run(args);
    let message =
        "pocketwasm: in/3: plugin \"m.wat\", export \"first\": trap: `unreachable` executed\n";
    ran.is("a directory", 5, THREE_INPUTS, message);

    guests.put("more/1", "cat");
    let args = [
        "cover", "--inputs", "more", "--append", "sum", "m.wat", "first",
    ];
    let expected = "\
4 calls

          functions                lines             branches  file
        2/5  40.0 %          0/0       -          5/7  71.4 %  (no source)
        2/5  40.0 %          0/0       -          5/7  71.4 %  in all
";
    guests.run(args).is("another directory", 0, expected, "");
    // Without a call, from two files.
    let args = ["cover", "--append", "other", "m.wat", "choose", "1", "1"];
    assert_eq!(guests.run(args).code, Some(0));
    let args = ["cover", "--merge", "sum", "--merge", "other", "m.wat"];
    let expected = "\
5 calls

          functions                lines             branches  file
        4/5  80.0 %          0/0       -          6/7  85.7 %  (no source)
        4/5  80.0 %          0/0       -          6/7  85.7 %  in all
";
    guests.run(args).is("merged", 0, expected, "");
    assert!(!guests.0.path().join("sum.lock").exists());
}

#[test]
fn recordings_are_replayed() {
    let guests = Guests::new(&["rust-clock.wasm"]);
    guests.put("m.wat", MODULE);
    for (name, input) in [("1", "ant"), ("2", "bee"), ("3", "")] {
        guests.run(["text", "--record", name, "m.wat", "first", input]);
    }
    let args = [
        "cover",
        "--recording",
        "1",
        "--recording",
        "2",
        "--recording",
        "3",
        "m.wat",
    ];
    let message =
        "pocketwasm: 3: plugin \"m.wat\", export \"first\": trap: `unreachable` executed\n";
    guests.run(args).is("recordings", 5, THREE_INPUTS, message);

    // A real clock is read from the recording.
    let args = [
        "run",
        "--real-clock",
        "--real-random",
        "--record",
        "clock",
        "rust-clock.wasm",
    ];
    assert_eq!(guests.run(args).code, Some(0));
    let args = ["cover", "--json", "--recording", "clock", "rust-clock.wasm"];
    let report = guests.run(args).json();
    assert_eq!(report["calls"], 1, "{report}");
    assert_eq!(report["failed"], 0, "{report}");

    let ran = guests.run(["cover", "--recording", "clock", "m.wat"]);
    assert_eq!(ran.code, Some(4), "{ran:?}");
    let message = "pocketwasm: the recording is one of the module of SHA-256 ";
    assert!(ran.stderr.starts_with(message), "{ran:?}");
}

#[test]
fn lines_for_other_tools() {
    let guests = Guests::new(&[]);
    let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/coverage");
    for name in ["c.wasm", "rust.wasm"] {
        guests.put(name, fs::read(fixtures.join(name)).unwrap());
    }
    let args = ["cover", "--lcov", "c.info", "c.wasm", "classify", "97"];
    let expected = "\
1 call

          functions                lines             branches  file
        2/3  66.6 %        16/30  53.3 %         9/20  45.0 %  ./c.c
        2/3  66.6 %        16/30  53.3 %         9/20  45.0 %  in all
";
    guests.run(args).is("C", 0, expected, "");
    let lcov = fs::read_to_string(guests.0.path().join("c.info")).unwrap();
    let beginning = "TN:\nSF:./c.c\nFN:4,divisor\nFN:13,never\nFN:18,classify\nFNDA:1,divisor\n\
                     FNDA:0,never\nFNDA:1,classify\nFNF:3\nFNH:2\nBRDA:5,0,0,1\nBRDA:5,0,1,8\n";
    assert!(lcov.starts_with(beginning), "{lcov}");
    // A branch to which nothing came.
    assert!(lcov.contains("BRDA:25,6,0,-\n"), "{lcov}");
    assert!(lcov.contains("DA:14,0\n"), "{lcov}");
    assert!(lcov.ends_with("LF:30\nLH:16\nend_of_record\n"), "{lcov}");

    let args = ["cover", "--source", "./rust", "rust.wasm", "classify", "97"];
    let ran = guests.run(args);
    assert!(ran.stdout.contains("./rust.rs\n"), "{ran:?}");
    assert!(!ran.stdout.contains("/core/"), "{ran:?}");

    guests.put("m.wat", MODULE);
    let args = ["cover", "--lcov", "m.info", "m.wat", "choose", "0", "0"];
    let ran = guests.run(args);
    let message = "pocketwasm: no lines: the module has no DWARF of these files; compilers write it \
                   with -g\n";
    assert_eq!((ran.code, &*ran.stderr), (Some(0), message));
}

#[test]
fn what_is_wrong_with_coverage() {
    let guests = Guests::new(&["add.wasm", "c-greet.wasm"]);
    guests.put("empty/sub/file", "");
    guests.put("broken", "pocketwasm coverage 1\n1 1\n");
    assert_eq!(
        guests
            .run(["cover", "--append", "sum", "add.wasm", "add", "1", "2"])
            .code,
        Some(0)
    );
    for (name, args, code, message) in [
        (
            "nothing to cover",
            &["cover", "add.wasm"][..],
            2,
            "what is to be covered? An export, recordings by --recording FILE, or files of earlier runs \
             by --merge FILE",
        ),
        (
            "standard input",
            &["cover", "-", "add"],
            2,
            "`cover` reads the module twice, which standard input cannot give",
        ),
        (
            "no files",
            &["cover", "--inputs", "empty", "c-greet.wasm", "greet"],
            2,
            "no files in the directory \"empty\"",
        ),
        (
            "a broken file",
            &["cover", "--merge", "broken", "add.wasm"],
            2,
            "\"broken\": invalid config: `coverage` is no file of coverage: line 2 belongs to no module",
        ),
        (
            "no such export",
            &["cover", "add.wasm", "ad", "1", "2"],
            3,
            "plugin \"add.wasm\", export \"ad\": no export \"ad\"; this plugin exports: add",
        ),
    ] {
        let ran = guests.run(args);
        ran.is(name, code, "", &format!("pocketwasm: {message}\n"));
    }
    let ran = guests.run(["cover", "--merge", "sum", "c-greet.wasm"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    let message = "pocketwasm: invalid config: `coverage` has no calls of this module, whose SHA-256 begins with ";
    assert!(ran.stderr.starts_with(message), "{ran:?}");
}

#[test]
fn processes_that_append_at_the_same_time() {
    let guests = Guests::new(&["add.wasm"]);
    let args = ["cover", "--append", "sum", "add.wasm", "add", "1", "2"];
    let children: Vec<_> = (0..8)
        .map(|_| guests.command(args).spawn().unwrap())
        .collect();
    for child in children {
        assert!(child.wait_with_output().unwrap().status.success());
    }
    let report = guests
        .run(["cover", "--json", "--merge", "sum", "add.wasm"])
        .json();
    assert_eq!(report["calls"], 8);
}
