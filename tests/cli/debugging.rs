//! `pocketwasm debug`: sessions with all that they print.

use super::Guests;

const MODULE: &str = r#"(module
    (memory (export "memory") 1)
    (data (i32.const 16) "hello, debugger")
    (global $calls (mut i32) (i32.const 0))
    (global $limit i64 (i64.const -5))
    (func $square (param $side i32) (result i32) (local $area i32) (local f64)
        (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
        (local.set $area (i32.mul (local.get $side) (local.get $side)))
        (i32.store8 (i32.const 16) (local.get $area))
        (local.get $area))
    (func $empty)
    (func (export "run") (param i32) (result i32)
        (loop
            (call $empty)
            (drop (call $square (local.get 0)))
            (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
        (i32.div_u (i32.const 1) (local.get 0))))"#;

/// Runs the commands of a transcript, which are its lines that begin with `>`, and compares all that
/// is printed.
#[track_caller]
fn compare(guests: &Guests, name: &str, transcript: &str) {
    let transcript = transcript.replace("\r\n", "\n");
    let commands = transcript.lines().filter_map(|line| line.strip_prefix('>'));
    let input: String = commands.map(|command| format!("{command}\n")).collect();
    let ran = guests.run_with(&["debug", "call.recording"], input.as_bytes());
    ran.is(name, 0, &transcript, "");
}

/// A recording of a call with that exit code.
fn record(guests: &Guests, call: &[&str], code: i32) {
    let args = [&["call", "--record", "call.recording"], call].concat();
    assert_eq!(guests.run(args).code, Some(code));
}

#[test]
fn sessions_print_what_they_should() {
    let guests = Guests::new(&[]);
    guests.put("square.wat", MODULE);
    record(&guests, &["square.wat", "run", "3"], 5);
    for (name, transcript) in [
        ("motions", include_str!("sessions/motions.txt")),
        ("values", include_str!("sessions/values.txt")),
        ("limits and mistakes", include_str!("sessions/mistakes.txt")),
    ] {
        compare(&guests, name, transcript);
    }
}

#[test]
fn lines_of_source_are_shown_where_they_are() {
    let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let source = std::fs::read_to_string(fixtures.join("traps/c.c")).unwrap();
    let guests = Guests::new(&["traps/c.wasm"]);
    // The module was compiled where its source is `./c.c`.
    guests.put("c.c", source);
    record(&guests, &["traps/c.wasm", "trap"], 5);
    compare(&guests, "lines", include_str!("sessions/lines.txt"));
    std::fs::remove_file(guests.0.path().join("c.c")).unwrap();
    compare(&guests, "no source", include_str!("sessions/no-source.txt"));
}

#[test]
fn what_hinders_a_session_is_said() {
    let guests = Guests::new(&["add.wasm"]);
    let missing = guests.run(["debug", "no.recording"]);
    assert_eq!(missing.code, Some(3), "{missing:?}");
    record(&guests, &["add.wasm", "add", "1", "2"], 0);
    guests.put("other.wat", "(module)");
    let other = guests.run(["debug", "call.recording", "--module", "other.wat"]);
    assert_eq!((other.code, &*other.stdout), (Some(4), ""), "{other:?}");
}
