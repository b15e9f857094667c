//! Recordings of another module or engine, and those whose answers were changed.

use crate::support::{load, record, replay, sealed};
use pocketwasm::{ENGINE, ErrorKind, HostContext, RunnerConfig};

fn calling(constant: i32) -> Vec<u8> {
    wat::parse_str(format!(
        r#"(module
            (import "env" "f" (func $f (param i32) (result i32)))
            (import "env" "g" (func $g (param i32) (result i32)))
            (memory (export "memory") 1)
            (func (export "run") (result i32)
                (i32.add
                    (call $f (i32.const {constant}))
                    (i32.add (call $g (i32.load (i32.const 64))) (call $f (i32.const 3))))))"#
    ))
    .expect("a module")
}

/// Replaces bytes that are in the file once.
#[track_caller]
fn changed(file: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let body = &file[..file.len() - 8];
    let places: Vec<usize> = (0..body.len())
        .filter(|at| body[*at..].starts_with(from))
        .collect();
    let [place] = places[..] else {
        panic!("{from:?} is at {places:?}");
    };
    sealed(&[&body[..place], to, &body[place + from.len()..]].concat())
}

#[test]
fn the_first_difference_is_named() {
    let module = calling(1);
    let answer = |context: &mut HostContext<'_>, number: i32| -> i32 {
        context.write(64, &77_i32.to_le_bytes()).expect("inside");
        number + 40
    };
    let config = RunnerConfig::new()
        .function("env", "f", answer)
        .function("env", "g", answer);
    let plugin = load(config, &module);
    let (done, file) = record(&plugin, "run", |call| call);
    let outcome = done.expect("success");
    let fuel = outcome.fuel_used();
    let differs = |problem: &str| format!("the replay differs from the recording: {problem}");
    // An `i32` is the byte 0 and the number; a return is the byte 13, and how many values follow.
    let table = [
        (
            "a result of a host function",
            changed(&file, &[13, 1, 0, 41], &[13, 1, 0, 42]),
            differs("the results: expected (i64 201), got (i64 202)"),
        ),
        (
            "a parameter",
            changed(&file, b"\x01f\x01\x00\x01", b"\x01f\x01\x00\x02"),
            differs(r#"host call 1: expected "env" "f" (i32 2), got "env" "f" (i32 1)"#),
        ),
        (
            "what a host function wrote",
            // The first of three writes, which the second call sees.
            {
                let place = file
                    .windows(4)
                    .position(|it| it == [77, 0, 0, 0])
                    .expect("a write");
                let mut body = file[..file.len() - 8].to_vec();
                body[place] = 76;
                sealed(&body)
            },
            differs(r#"host call 2: expected "env" "g" (i32 77), got "env" "g" (i32 76)"#),
        ),
        (
            "a host function of another name",
            changed(&file, b"\x03env\x01g\x01\x00", b"\x03env\x01h\x01\x00"),
            differs(r#"host call 2: expected "env" "h" (i32 77), got "env" "g" (i32 77)"#),
        ),
        (
            "a failure in place of a result",
            changed(&file, &[13, 1, 0, 41], &[14, 5, 13, 0]),
            differs("the end: expected success, got Cancelled (call): cancelled"),
        ),
    ];
    for (name, file, expected) in table {
        let error = replay(&file, &module).expect_err(name);
        assert_eq!(
            (error.kind(), error.message()),
            (ErrorKind::Difference, expected),
            "{name}"
        );
        assert_eq!(
            (error.plugin(), error.export()),
            (Some("plugin"), Some("run")),
            "{name}"
        );
    }
    // The numbers of the end.
    let number = |mut number: u64| {
        let mut bytes = Vec::new();
        while number >= 0x80 {
            bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        bytes.push(number as u8);
        bytes
    };
    let end = |fuel: u64| [&[0, 1][..], &number(fuel), &[0, 1, 0]].concat();
    let more = changed(&file, &end(fuel), &end(fuel + 1));
    let error = replay(&more, &module).expect_err("more fuel");
    let problem = format!("the fuel used: expected {}, got {fuel}", fuel + 1);
    assert_eq!(error.message(), differs(&problem));
    let less = changed(&file, &end(fuel), &end(fuel - 1));
    let error = replay(&less, &module).expect_err("less fuel");
    let problem = format!(
        "the end: expected success, got OutOfFuel (call): out of fuel: all {} units of the limit \
         `fuel` are used",
        fuel - 1
    );
    assert_eq!(error.message(), differs(&problem));
}

#[test]
fn another_module_or_engine_is_refused() {
    let module = calling(1);
    let answer = |_: &mut HostContext<'_>, number: i32| number;
    let config = RunnerConfig::new()
        .function("env", "f", answer)
        .function("env", "g", answer);
    let plugin = load(config, &module);
    let (_, file) = record(&plugin, "run", |call| call);
    let other = calling(2);
    assert_eq!(module.len(), other.len());
    assert_eq!(module.iter().zip(&other).filter(|(a, b)| a != b).count(), 1);
    let error = replay(&file, &other).expect_err("another module");
    assert_eq!(error.kind(), ErrorKind::Recording);
    assert!(
        error
            .message()
            .starts_with("the recording is one of the module of SHA-256 ")
    );
    let file = changed(&file, b"wasmi 2.0.0; det", b"wasmi 2.0.1; det");
    let error = replay(&file, &module).expect_err("another engine");
    let made_by = ENGINE.replace("2.0.0", "2.0.1");
    assert_eq!(error.kind(), ErrorKind::Recording);
    assert_eq!(
        error.message(),
        format!("the recording was made by {made_by:?}; this build has {ENGINE:?}")
    );
}
