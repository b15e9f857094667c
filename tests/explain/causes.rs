//! Why an operator trapped.

use crate::load;
use pocketwasm::{
    ErrorKind, MissingImports, Plugin, Runner, RunnerConfig, SnapshotMode,
    explain::{Frame, TrapCause},
};
use programs::{Options, Program, Random};
use std::hash::{BuildHasher, Hasher, RandomState};

const PROGRAMS: u32 = if cfg!(debug_assertions) { 300 } else { 5_000 };

/// The traps of a module, by the names of its exports, each with the error's message and its cause.
#[track_caller]
fn check(plugin: &Plugin, cases: &[(&str, &str, Option<&str>)]) {
    for (export, message, expected) in cases {
        let error = plugin.call(export).run().expect_err(export);
        assert_eq!(error.message(), format!("trap: {message}"), "{export}");
        let backtrace = error.backtrace();
        let backtrace = backtrace.unwrap_or_else(|| panic!("{export}: {:?}", error.unexplained()));
        let cause = backtrace.cause().map(ToString::to_string);
        assert_eq!(cause.as_deref(), *expected, "{export}");
        let text = backtrace.to_string();
        match expected {
            Some(cause) => assert!(
                text.starts_with(&format!("cause: {cause}\n   0: ")),
                "{text}"
            ),
            None => assert!(text.starts_with("   0: "), "{text}"),
        }
    }
}

const MEMORY: &str = "memory access out of bounds";
const TABLE: &str = "table access out of bounds";

fn accesses() -> Plugin {
    load(include_str!("../../fixtures/traps/accesses.wat"))
}

/// Wasmtime names the first byte outside of the memory, where its hardware finds it. It names none
/// where it compares numbers. `fixtures/traps/build` asked it.
#[test]
fn wasmtime_faults_at_the_same_addresses() {
    let plugin = accesses();
    let hex = |text: &str| u64::from_str_radix(text.trim_start_matches("0x"), 16).unwrap();
    let mut compared = 0;
    for line in include_str!("../../fixtures/traps/accesses.wasmtime.txt").lines() {
        let (export, said) = line.split_once(": ").expect(line);
        let error = plugin.call(export).run().expect_err(export);
        let cause = error.backtrace().and_then(|it| it.cause());
        let Some(said) = said.strip_prefix("memory fault at wasm address ") else {
            assert_eq!(said, "wasm trap: out of bounds memory access", "{export}");
            continue;
        };
        let (address, size) = said.split_once(" in linear memory of size ").expect(said);
        let Some(TrapCause::Access {
            address: ours,
            memory_bytes,
            ..
        }) = cause
        else {
            panic!("{export}: {cause:?}");
        };
        let first_outside = (*ours).max(*memory_bytes);
        assert_eq!(
            (first_outside, *memory_bytes),
            (hex(address), hex(size)),
            "{export}"
        );
        compared += 1;
    }
    assert_eq!(compared, 8);
}

#[test]
fn accesses_of_memory_say_where_they_are() {
    let plugin = accesses();
    check(
        &plugin,
        &[
            (
                "load",
                MEMORY,
                Some("load of 4 bytes at address 0xfffd; the memory has 0x10000 bytes"),
            ),
            (
                "load byte",
                MEMORY,
                Some("load of 1 byte at address 0x10000; the memory has 0x10000 bytes"),
            ),
            (
                "offset",
                MEMORY,
                Some("load of 2 bytes at address 0x1fffffffe; the memory has 0x10000 bytes"),
            ),
            (
                "store",
                MEMORY,
                Some("store of 8 bytes at address 0x10000; the memory has 0x10000 bytes"),
            ),
            (
                "store short",
                MEMORY,
                Some("store of 2 bytes at address 0xfffffffe; the memory has 0x10000 bytes"),
            ),
            (
                "grown",
                MEMORY,
                Some("store of 1 byte at address 0x30000; the memory has 0x30000 bytes"),
            ),
            (
                "in a loop",
                MEMORY,
                Some("store of 4 bytes at address 0x10000; the memory has 0x10000 bytes"),
            ),
            (
                "deep on the stack",
                MEMORY,
                Some("load of 4 bytes at address 0x11170; the memory has 0x10000 bytes"),
            ),
            (
                "with a parameter",
                MEMORY,
                Some("load of 1 byte at address 0x1e240; the memory has 0x10000 bytes"),
            ),
            (
                "fill",
                MEMORY,
                Some("memory.fill of 0x7 to 0xfffa; the size there is 0x10000"),
            ),
            (
                "copy",
                MEMORY,
                Some(
                    "memory.copy of 0x8 to 0x1, from 0xfffa; the size there is 0x10000, and of the \
                     source 0x10000",
                ),
            ),
            (
                "init",
                MEMORY,
                Some(
                    "memory.init of 0x6 to 0x1, from 0x3; the size there is 0x10000, and of the \
                     source 0x8",
                ),
            ),
            (
                "dropped",
                MEMORY,
                Some(
                    "memory.init of 0x2 to 0x1, from 0x3; the size there is 0x10000, and of the \
                     source 0x0",
                ),
            ),
        ],
    );
}

#[test]
fn accesses_of_tables_and_indirect_calls_say_which_element() {
    let plugin = load(
        r#"(module
            (type $number (func (param i32 f64) (result i32)))
            (type $nothing (func))
            (table $first 4 funcref)
            (table $second 2 externref)
            (elem (i32.const 1) $function)
            (elem $segment func $function $function)
            (func $function (type $nothing))
            (func (export "null")
                (call_indirect (type $nothing) (i32.const 2)))
            (func (export "other type") (result i32)
                (call_indirect (type $number) (i32.const 5) (f64.const 6) (i32.const 1)))
            (func (export "outside")
                (call_indirect (type $nothing) (i32.const -1)))
            (func (export "tail call")
                (return_call_indirect (type $nothing) (i32.const 3)))
            (func (export "get") (drop (table.get $second (i32.const 2))))
            (func (export "set") (table.set $first (i32.const 9) (ref.null func)))
            (func (export "fill") (table.fill $second (i32.const 1) (ref.null extern) (i32.const 2)))
            (func (export "copy") (table.copy $first $first (i32.const 2) (i32.const 1) (i32.const 3)))
            (func (export "init") (table.init $segment (i32.const 0) (i32.const 1) (i32.const 2))))"#,
    );
    check(
        &plugin,
        &[
            (
                "null",
                "indirect call to null",
                Some("indirect call of element 2, which is null; expected is () -> ()"),
            ),
            (
                "other type",
                "indirect call to a function of another type",
                Some(
                    "indirect call of element 1, which has type () -> (); expected is (i32, f64) -> \
                     (i32)",
                ),
            ),
            (
                "outside",
                TABLE,
                Some("indirect call of element 4294967295; the table has 4"),
            ),
            (
                "tail call",
                "indirect call to null",
                Some("indirect call of element 3, which is null; expected is () -> ()"),
            ),
            ("get", TABLE, Some("table.get of element 2; table 1 has 2")),
            (
                "set",
                TABLE,
                Some("table.set of element 9; the table has 4"),
            ),
            (
                "fill",
                TABLE,
                Some("table.fill of 0x2 to 0x1; the size there is 0x2"),
            ),
            (
                "copy",
                TABLE,
                Some(
                    "table.copy of 0x3 to 0x2, from 0x1; the size there is 0x4, and of the source \
                     0x4",
                ),
            ),
            (
                "init",
                TABLE,
                Some(
                    "table.init of 0x2 to 0x0, from 0x1; the size there is 0x4, and of the source \
                     0x2",
                ),
            ),
        ],
    );
}

#[test]
fn numbers_are_shown_and_what_needs_no_cause_has_none() {
    let plugin = load(
        r#"(module
            (func (export "div_s") (drop (i32.div_s (i32.const -7) (i32.const 0))))
            (func (export "overflow")
                (drop (i32.div_s (i32.const 0x80000000) (i32.const -1))))
            (func (export "rem_u") (drop (i64.rem_u (i64.const -1) (i64.const 0))))
            (func (export "overflow64")
                (drop (i64.div_s (i64.const 0x8000000000000000) (i64.const -1))))
            (func (export "trunc") (drop (i32.trunc_f64_s (f64.const 3e9))))
            (func (export "nan") (drop (i64.trunc_f32_u (f32.const nan))))
            (func (export "unreachable") (unreachable)))"#,
    );
    let (zero, overflow) = ("integer divided by zero", "integer overflow");
    check(
        &plugin,
        &[
            ("div_s", zero, Some("i32.div_s of -7 by 0")),
            ("overflow", overflow, Some("i32.div_s of -2147483648 by -1")),
            (
                "rem_u",
                zero,
                Some("i64.rem_u of 18446744073709551615 by 0"),
            ),
            (
                "overflow64",
                overflow,
                Some("i64.div_s of -9223372036854775808 by -1"),
            ),
            ("trunc", overflow, Some("i32.trunc_f64_s of 3000000000.0")),
            (
                "nan",
                "float has no integer value",
                Some("i64.trunc_f32_u of NaN"),
            ),
            ("unreachable", "`unreachable` executed", None),
        ],
    );
}

#[test]
fn the_numbers_are_typed_and_other_memories_have_theirs() {
    let config = RunnerConfig::new().explain(true).max_memories(2);
    let runner = Runner::new(config).expect("a valid config");
    let module = r#"(module
        (memory 1)
        (memory $second 2)
        (func (export "trap") (i32.store $second (i32.const 131070) (i32.const 1))))"#;
    let module = wat::parse_str(module).expect("valid");
    let plugin = runner.load_plugin("second", module).expect("valid");
    let error = plugin.call("trap").run().unwrap_err();
    let cause = error.backtrace().and_then(|it| it.cause());
    let Some(TrapCause::Access {
        is_store,
        memory,
        address,
        length,
        memory_bytes,
        ..
    }) = cause
    else {
        panic!("{cause:?}");
    };
    let found = (*is_store, *memory, *address, *length, *memory_bytes);
    assert_eq!(found, (true, 1, 131_070, 4, 131_072));
}

#[cfg(feature = "simd")]
#[test]
fn accesses_of_vectors_have_their_lengths() {
    let plugin = load(
        r#"(module
            (memory 1)
            (func (export "load") (drop (v128.load (i32.const 65521))))
            (func (export "widening") (drop (v128.load8x8_s (i32.const 65529))))
            (func (export "store") (v128.store (i32.const 65535) (v128.const i64x2 1 2)))
            (func (export "load lane")
                (drop (v128.load32_lane 1 (i32.const 65533) (v128.const i64x2 1 2))))
            (func (export "store lane")
                (v128.store8_lane 3 (i32.const 65536) (v128.const i64x2 1 2))))"#,
    );
    let has = "the memory has 0x10000 bytes";
    for (export, expected) in [
        ("load", "load of 16 bytes at address 0xfff1"),
        ("widening", "load of 8 bytes at address 0xfff9"),
        ("store", "store of 16 bytes at address 0xffff"),
        ("load lane", "load of 4 bytes at address 0xfffd"),
        ("store lane", "store of 1 byte at address 0x10000"),
    ] {
        let expected = format!("{expected}; {has}");
        check(&plugin, &[(export, MEMORY, Some(&*expected))]);
    }
}

#[test]
fn an_end_that_is_no_trap_has_no_cause() {
    let plugin = load(
        r#"(module
            (memory 1)
            (func (export "endless") (loop (drop (i32.load (i32.const 0))) (br 0)))
            (func $deep (export "deep") (drop (i32.load (i32.const 0))) (call $deep)))"#,
    );
    let endless = plugin.call("endless").fuel(10_000).run().unwrap_err();
    assert_eq!(endless.kind(), ErrorKind::OutOfFuel);
    assert_eq!(endless.backtrace().expect("pure").cause(), None);
    let deep = plugin.call("deep").run().unwrap_err();
    assert_eq!(deep.kind(), ErrorKind::Trap);
    assert_eq!(deep.backtrace().expect("pure").cause(), None);
}

/// Programs that nobody has thought of: each trap whose operands say more has a cause, and no replay
/// goes another way.
#[test]
fn generated_programs_have_causes_and_dumps() {
    let seed = match std::env::var("POCKETWASM_DIFFERENTIAL_SEED") {
        Ok(seed) => seed.parse().expect("a number"),
        Err(_) => RandomState::new().build_hasher().finish(),
    };
    println!("seed {seed}");
    let config = RunnerConfig::new()
        .missing_imports(MissingImports::Trap)
        .core_dumps(true)
        .max_memories(100)
        .max_memory_pages(24)
        .max_table_elements(1_000)
        .max_results(100)
        .snapshots(SnapshotMode::Never)
        .fuel(60_000);
    let runner = Runner::new(config).expect("a valid config");
    let options = Options {
        simd: cfg!(feature = "simd"),
        ..Options::default()
    };
    let mut seeds = Random::new(seed);
    let (mut explained, mut causes) = (0, 0);
    for _ in 0..PROGRAMS {
        let number = seeds.bits();
        let program = Program::generate(number, options);
        let Ok(plugin) = runner.load_plugin("program", program.encode()) else {
            continue;
        };
        for call in &program.calls {
            let name = format!("seed {seed}, program {number}, {call:?}");
            let Err(error) = plugin.call(&call.export).params(&call.params).run() else {
                continue;
            };
            let message = error.message();
            let is_trap = message.starts_with("trap: ");
            if !is_trap && error.kind() != ErrorKind::OutOfFuel {
                continue;
            }
            let Some(backtrace) = error.backtrace() else {
                panic!("{name}: {message}: {:?}", error.unexplained());
            };
            explained += 1;
            let dump = error.core_dump().expect(&name);
            let mut functions = Vec::new();
            for payload in wasmparser::Parser::new(0).parse_all(dump) {
                if let wasmparser::Payload::CustomSection(section) = payload.expect(&name)
                    && let wasmparser::KnownCustom::CoreDumpStack(stack) = section.as_known()
                {
                    functions.extend(stack.frames.iter().map(|frame| frame.funcidx));
                }
            }
            let frames = backtrace.frames().iter();
            let expected: Vec<u32> = frames.map(Frame::function).collect();
            assert_eq!(functions, expected, "{name}");
            let needs_none = ["`unreachable`", "call stack exhausted", "missing"];
            let needs_none = needs_none.iter().any(|part| message.contains(part));
            let is_cause = backtrace.cause().is_some();
            // A segment that does not fit traps before any function has begun.
            let has_cause = is_trap && !needs_none && !expected.is_empty();
            assert_eq!(is_cause, has_cause, "{name}: {message}\n{backtrace}");
            causes += u32::from(is_cause);
        }
    }
    println!("{explained} explained, {causes} causes");
    assert!(explained > 10 && causes > 0, "{explained}, {causes}");
}
