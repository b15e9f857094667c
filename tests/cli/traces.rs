//! `pocketwasm trace`.

use super::Guests;

const MODULE: &str = r#"(module
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func $half (param i64) (result f64)
        (f64.div (f64.convert_i64_s (local.get 0)) (f64.const 2)))
    (func $hop (param i64) (result f64) (return_call $half (local.get 0)))
    (func (export "run") (param i64) (result f64)
        (drop (call $random (i32.const 64) (i32.const 3)))
        (call $hop (local.get 0)))
    (func $loop (param i32)
        (if (local.get 0) (then (call $loop (i32.sub (local.get 0) (i32.const 1))))))
    (func (export "deep") (param i32) (call $loop (local.get 0)))
    (func $fail (param i32) unreachable)
    (func (export "fail") (call $fail (i32.const 7))))"#;

#[test]
fn calls_are_shown_with_their_values() {
    let guests = Guests::new(&[]);
    guests.put("calls.wat", MODULE);
    let run = |args: &[&str]| guests.run([&["trace"], args].concat());
    let text = run(&["calls.wat", "run", "7"]).stdout;
    let (random, _) = text.split_once(" at 0x40: ").unwrap();
    assert!(random.ends_with("wrote 3 bytes"), "{text}");
    let without_bytes: String = text
        .lines()
        .map(|line| line.split("; wrote").next().unwrap().to_owned() + "\n")
        .collect();
    let expected = "           6  > function 3(i64 7)
           6    > host wasi_snapshot_preview1.random_get(i32 64, i32 3)
          56    < host wasi_snapshot_preview1.random_get = i32 0
          59    > hop(i64 7)
          64    ^ hop
          64    > half(i64 7)
          64    < half = f64 3.5
          64  < function 3 = f64 3.5
8 events, 64 units of fuel
";
    assert_eq!(without_bytes, expected);
    for (name, args, code, stdout, stderr) in [
        (
            "a name",
            &["--function", "h*", "calls.wat", "run", "0"][..],
            0,
            "          59    > hop(i64 0)\n          64    ^ hop\n          64    > half(i64 0)\n\
             \x20         64    < half = f64 0\n4 events, 64 units of fuel\n",
            "",
        ),
        (
            "a window",
            &[
                "--from-fuel",
                "60",
                "--to-fuel",
                "63",
                "calls.wat",
                "run",
                "0",
            ],
            0,
            "0 events, 64 units of fuel\n",
            "",
        ),
        (
            "a limit",
            &["--max-events", "1", "calls.wat", "deep", "2"],
            0,
            "           3  > function 5(i32 2)\n\
             1 events, 22 units of fuel; there were more: --max-events, --function, --from-fuel\n",
            "",
        ),
        (
            "json",
            &["--json", "--function", "half", "calls.wat", "run", "7"],
            0,
            concat!(
                r#"{"arguments":[{"type":"i64","value":7}],"depth":1,"event":"call","fuel":64,"#,
                r#""function":1,"host":false,"name":"half"}"#,
                "\n",
                r#"{"depth":1,"event":"return","fuel":64,"function":1,"host":false,"name":"half","#,
                r#""results":[{"type":"f64","value":3.5}]}"#,
                "\n",
                r#"{"cut":false,"event":"end","events":2,"fuel_used":64}"#,
                "\n"
            ),
            "",
        ),
        (
            "a trap",
            &["calls.wat", "fail"],
            5,
            "           3  > function 7()\n           4    > fail(i32 7)\n\
             2 events, 4 units of fuel\n",
            "pocketwasm: plugin \"calls.wat\", export \"fail\": trap: `unreachable` executed\n",
        ),
    ] {
        run(args).is(name, code, stdout, stderr);
    }
}

#[test]
fn a_recording_has_the_trace_of_its_call() {
    let guests = Guests::new(&[]);
    guests.put("calls.wat", MODULE);
    // What the host answered is in the recording: a random number that cannot be had again.
    let args = [
        "call",
        "--real-random",
        "--record",
        "it",
        "calls.wat",
        "run",
        "7",
    ];
    assert_eq!(guests.run(args).code, Some(0));
    let trace = |args: &[&str]| {
        let ran = guests.run([&["trace"], args].concat());
        assert_eq!((ran.code, &*ran.stderr), (Some(0), ""), "{args:?}");
        ran.stdout
    };
    let first = trace(&["--recording", "it"]);
    assert_eq!(first.lines().count(), 9, "{first}");
    assert!(first.contains("; wrote 3 bytes at 0x40: "), "{first}");
    assert_eq!(
        trace(&["--recording", "it", "--module", "calls.wat"]),
        first
    );
    let other = trace(&["--real-random", "calls.wat", "run", "7"]);
    assert_ne!(other, first);
    let half = trace(&["--recording", "it", "--function", "half"]);
    assert!(half.ends_with("2 events, 64 units of fuel\n"), "{half}");

    let args = ["call", "--record", "it", "calls.wat", "fail"];
    assert_eq!(guests.run(args).code, Some(5));
    let ran = guests.run(["trace", "--recording", "it"]);
    assert_eq!(ran.code, Some(5));
    assert!(
        ran.stdout
            .ends_with("> fail(i32 7)\n2 events, 4 units of fuel\n"),
        "{ran:?}"
    );
    assert!(ran.stderr.contains("`unreachable` executed"), "{ran:?}");
}
