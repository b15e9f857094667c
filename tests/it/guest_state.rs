//! The state of an instance from outside: memories, globals and tables, between calls and in host
//! functions, and whatever a guest says about them.

use crate::convention::{config, load, refused};
use pocketwasm::{
    Error, ErrorKind, HostContext, Instance, Plugin, Runner, RunnerConfig,
    types::{ExternRef, Value},
};

/// Two memories, globals of each kind, a table, and functions that change and break them.
const STATE: &str = r#"(module
    (memory $main (export "memory") 1 4)
    (memory $other (export "other") 1)
    (data (i32.const 16) "hello\00caf\c3\a9\00\ff\00")
    (global (export "fixed") i64 (i64.const 7))
    (global $count (export "count") (mut i32) (i32.const 1))
    (global (export "object") (mut externref) (ref.null extern))
    (table (export "table") 3 10 funcref)
    (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0)))
    (func (export "load_other") (param i32) (result i32) (i32.load8_u $other (local.get 0)))
    (func (export "count_up") (global.set $count (i32.add (global.get $count) (i32.const 1))))
    (func (export "pages") (result i32) (memory.size))
    (func (export "spoil")
        (i32.store8 (i32.const 16) (i32.const 0x4a))
        (global.set $count (i32.const 13))
        (unreachable)))"#;

fn several() -> RunnerConfig {
    config().max_memories(4)
}

fn instance(config: RunnerConfig, text: &str) -> Instance {
    let runner = Runner::new(config).expect("valid");
    let plugin = load(&runner, "state", text);
    plugin.instantiate().expect("instance")
}

fn call(instance: &mut Instance, export: &str, params: &[u64]) -> Vec<u64> {
    let outcome = instance.call(export).params(params).run();
    outcome.expect(export).into_results()
}

#[test]
fn memories_are_read_and_written_by_name() -> Result<(), Error> {
    let mut instance = instance(several(), STATE);
    let mut memory = instance.memory("memory")?;
    assert_eq!((memory.size(), memory.pages()), (65_536, 1));
    assert_eq!(memory.read(16, 5)?, b"hello");
    assert_eq!(memory.read_text(22, 5)?, "café");
    assert_eq!(memory.read_c_string(28, 1)?, b"\xff");
    assert_eq!(memory.read_c_text(16, 5)?, "hello");
    assert_eq!(memory.read_c_text(21, 0)?, "");
    memory.write(65_535, &[9])?;
    assert_eq!(memory.read(65_536, 0)?, b"");
    memory.write(65_536, &[])?;

    let mut other = instance.memory("other")?;
    other.write(0, b"x")?;
    assert_eq!(call(&mut instance, "load", &[65_535]), [9]);
    assert_eq!(call(&mut instance, "load_other", &[0]), [u64::from(b'x')]);
    assert_eq!(call(&mut instance, "load", &[0]), [0]);
    Ok(())
}

#[test]
fn numbers_are_little_endian() -> Result<(), Error> {
    let mut instance = instance(several(), STATE);
    let mut memory = instance.memory("memory")?;
    macro_rules! both_ways {
        ($($ty:ty: $value:expr, $bytes:expr;)*) => {$(
            let bytes: &[u8] = &$bytes;
            memory.store::<$ty>(100, $value)?;
            let length = u32::try_from(bytes.len()).expect("few");
            assert_eq!(memory.read(100, length)?, bytes, stringify!($ty));
            assert_eq!(memory.load::<$ty>(100)?, $value, stringify!($ty));
        )*};
    }
    both_ways! {
        u8: 0xfe, [0xfe];
        i8: -2, [0xfe];
        u16: 0x0102, [2, 1];
        i16: -2, [0xfe, 0xff];
        u32: 0x0102_0304, [4, 3, 2, 1];
        i32: -2, [0xfe, 0xff, 0xff, 0xff];
        u64: 0x0102_0304_0506_0708, [8, 7, 6, 5, 4, 3, 2, 1];
        i64: -2, [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        u128: 1, [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        i128: -1, [0xff; 16];
        f32: -1.5, [0, 0, 0xc0, 0xbf];
        f64: -1.5, [0, 0, 0, 0, 0, 0, 0xf8, 0xbf];
    }
    Ok(())
}

/// The same hostile pointers and lengths, from outside and in a host function.
#[test]
fn what_is_outside_a_memory_is_an_error() {
    type Access = fn(&mut pocketwasm::Memory<'_>) -> Result<(), Error>;
    let cases: [(&str, Access, &str); 12] = [
        (
            "read across the end",
            |memory| memory.read(65_535, 2).map(|_| ()),
            "what the host reads or writes at 0xffff with length 2 is outside the memory of 65536 \
             bytes",
        ),
        (
            "read behind the end",
            |memory| memory.read(65_537, 0).map(|_| ()),
            "what the host reads or writes at 0x10001 with length 0 is outside the memory of 65536 \
             bytes",
        ),
        (
            "all there could be",
            |memory| memory.read(u32::MAX, u32::MAX).map(|_| ()),
            "what the host reads or writes at 0xffffffff with length 4294967295 is outside the \
             memory of 65536 bytes",
        ),
        (
            "write across the end",
            |memory| memory.write(65_535, &[1, 2]),
            "what the host reads or writes at 0xffff with length 2 is outside the memory of 65536 \
             bytes",
        ),
        (
            "load across the end",
            |memory| memory.load::<u64>(65_529).map(|_| ()),
            "what the host reads or writes at 0xfff9 with length 8 is outside the memory of 65536 \
             bytes",
        ),
        (
            "store behind the end",
            |memory| memory.store(u32::MAX, 1_u8),
            "what the host reads or writes at 0xffffffff with length 1 is outside the memory of \
             65536 bytes",
        ),
        (
            "no UTF-8",
            |memory| memory.read_text(28, 1).map(|_| ()),
            "what the host reads at 0x1c is not UTF-8",
        ),
        (
            "a C string that is no UTF-8",
            |memory| memory.read_c_text(28, 8).map(|_| ()),
            "what the host reads at 0x1c is not UTF-8",
        ),
        (
            "a C string that is too long",
            |memory| memory.read_c_string(16, 4).map(|_| ()),
            "the text at 0x10 has more than 4 bytes",
        ),
        (
            "a C string without an end",
            |memory| {
                memory.write(65_534, b"xy")?;
                memory.read_c_string(65_534, u32::MAX).map(|_| ())
            },
            "the text at 0xfffe has no zero byte before the memory's end",
        ),
        (
            "a C string at the end",
            |memory| memory.read_c_string(65_536, 8).map(|_| ()),
            "the text at 0x10000 has no zero byte before the memory's end",
        ),
        (
            "a C string behind the end",
            |memory| memory.read_c_string(u32::MAX, 8).map(|_| ()),
            "what the host reads or writes at 0xffffffff with length 0 is outside the memory of \
             65536 bytes",
        ),
    ];
    let text = STATE.replace(
        "(memory $main",
        r#"(import "env" "f" (func $f)) (func (export "f") (call $f)) (memory $main"#,
    );
    for (name, access, said) in cases {
        let mut outside = instance(several(), STATE);
        let result = access(&mut outside.memory("memory").expect(name));
        refused(result, ErrorKind::GuestData, said);
        let inside = move |context: &mut HostContext<'_>| access(&mut context.memory("memory")?);
        let mut inside = instance(several().function("env", "f", inside), &text);
        refused(inside.call("f").run(), ErrorKind::GuestData, said);
        // Nothing was written, and the plugin is named.
        assert_eq!(
            outside
                .memory("memory")
                .expect(name)
                .load::<u8>(65_535)
                .ok(),
            Some(if name.ends_with("without an end") {
                b'y'
            } else {
                0
            }),
            "{name}"
        );
        let error = access(&mut outside.memory("memory").expect(name)).expect_err(name);
        assert_eq!(error.plugin(), Some("state"), "{name}");
    }
}

#[test]
fn memories_grow_within_the_limits() -> Result<(), Error> {
    let mut instance = instance(several().max_memory_pages(4), STATE);
    let mut memory = instance.memory("memory")?;
    assert_eq!(memory.grow(0)?, 1);
    assert_eq!(memory.grow(1)?, 1);
    assert_eq!(memory.pages(), 2);
    // The other memory has a page of the four.
    for pages in [2, 3, 65_536, u64::MAX] {
        refused(
            memory.grow(pages),
            ErrorKind::MemoryLimit,
            &format!(
                "the memory has 2 pages and cannot grow by {pages}: the module's own maximum or \
                 the limit `max_memory_pages`, 4, forbids it"
            ),
        );
    }
    assert_eq!(memory.grow(1)?, 2);
    assert_eq!(call(&mut instance, "pages", &[]), [3]);
    // A page of the new ones, which the guest can reach now.
    instance.memory("memory")?.write(3 * 65_536 - 1, &[5])?;
    assert_eq!(call(&mut instance, "load", &[3 * 65_536 - 1]), [5]);
    // The limit that a call had of its own is over with the call.
    let mut instance = self::instance(several(), STATE);
    instance.call("pages").max_memory_pages(2).run()?;
    assert_eq!(instance.memory("memory")?.grow(3)?, 1);
    let error = instance
        .memory("memory")?
        .grow(1)
        .expect_err("its own maximum");
    assert_eq!(error.kind(), ErrorKind::MemoryLimit);
    let outcome = instance.call("pages").run()?;
    assert_eq!(
        (outcome.results(), outcome.peak_memory_pages()),
        (&[4][..], 5)
    );
    Ok(())
}

#[test]
fn globals_and_tables_by_name() -> Result<(), Error> {
    let mut instance = instance(several(), STATE);
    assert_eq!(instance.global("fixed")?, Value::from(7_i64));
    instance.set_global("count", 41)?;
    call(&mut instance, "count_up", &[]);
    assert_eq!(instance.global("count")?, Value::from(42));
    let object = ExternRef::new("object");
    instance.set_global("object", object.clone())?;
    assert_eq!(instance.global("object")?, Value::from(object));
    assert_eq!(instance.table_size("table")?, 3);

    let cases: [(&str, Result<(), Error>, ErrorKind, &str); 7] = [
        (
            "immutable",
            instance.set_global("fixed", 8_i64),
            ErrorKind::Signature,
            "the global \"fixed\" cannot be set: it is not mutable",
        ),
        (
            "another type",
            instance.set_global("count", 8_i64),
            ErrorKind::Signature,
            "the global \"count\" has type i32, not i64",
        ),
        (
            "no such global",
            instance.set_global("cout", 8),
            ErrorKind::NotFound,
            "no global \"cout\"; this plugin's globals: count, fixed, object",
        ),
        (
            "a memory is no global",
            instance.global("memory").map(|_| ()),
            ErrorKind::NotFound,
            "no global \"memory\"; this plugin's globals: count, fixed, object",
        ),
        (
            "a function is no memory",
            instance.memory("load").map(|_| ()),
            ErrorKind::NotFound,
            "no memory \"load\"; this plugin's memories: other, memory",
        ),
        (
            "no such table",
            instance.table_size("t").map(|_| ()),
            ErrorKind::NotFound,
            "no table \"t\"; this plugin's tables: table",
        ),
        (
            "this crate's own table",
            instance.table_size("exported functions").map(|_| ()),
            ErrorKind::NotFound,
            "no table \"exported functions\"; this plugin's tables: table",
        ),
    ];
    for (name, result, kind, said) in cases {
        let error = result.expect_err(name);
        assert_eq!(
            (error.kind(), error.message().as_str()),
            (kind, said),
            "{name}"
        );
    }
    Ok(())
}

/// With eight functions and more they are in a table of this crate's, which nobody sees.
#[test]
fn a_table_that_this_crate_adds_is_not_the_guests() {
    let functions: String = (0..12)
        .map(|index| format!(r#"(func (export "f{index}"))"#))
        .collect();
    let mut instance = instance(config(), &format!("(module {functions})"));
    for name in ["exported functions", "f0"] {
        refused(
            instance.table_size(name),
            ErrorKind::NotFound,
            &format!("no table \"{name}\"; this plugin's tables: none"),
        );
    }
}

/// A module with a larger memory gets exports of its state, which make its instances as new after a
/// call.
#[test]
fn exports_that_this_crate_adds_for_the_state_are_not_the_guests() {
    let text = r#"(module
        (import "env" "look" (func $look))
        (memory (export "memory") 4)
        (global (export "state 0") (mut i32) (i32.const 5))
        (global (mut i32) (i32.const 6))
        (func (export "look") (call $look)))"#;
    let look = |context: &mut HostContext<'_>| -> Result<(), Error> {
        for name in ["state 1", "state  0", "state  1", "state  memory"] {
            assert!(context.global(name).is_err(), "{name}");
            assert!(context.memory(name).is_err(), "{name}");
        }
        assert_eq!(context.global("state 0")?, Value::from(5));
        context.set_global("state 0", 7)?;
        context.memory("memory")?.write(9, b"left")?;
        assert_eq!(context.memory("memory")?.read(0, 9)?, [0; 9]);
        Ok(())
    };
    let runner = Runner::new(config().function("env", "look", look)).expect("valid");
    let plugin = load(&runner, "state", text);
    // The same instance serves some of these calls, and each finds what the first found.
    for _ in 0..5 {
        plugin.call("look").run().expect("looks");
    }
    let mut instance = plugin.instantiate().expect("instance");
    refused(
        instance.global("state  1"),
        ErrorKind::NotFound,
        "no global \"state  1\"; this plugin's globals: state 0",
    );
}

#[test]
fn after_a_trap_the_state_can_be_read() -> Result<(), Error> {
    let mut instance = instance(several(), STATE);
    instance.call("spoil").run().expect_err("a trap");
    assert!(instance.is_poisoned());
    assert_eq!(instance.memory("memory")?.read_c_text(16, 9)?, "Jello");
    assert_eq!(instance.global("count")?, Value::from(13));
    assert_eq!(instance.table_size("table")?, 3);
    // Repairing the state does not make it known: no call runs.
    instance.memory("memory")?.write(16, b"h")?;
    instance.set_global("count", 1)?;
    let error = instance.call("count_up").run().expect_err("poisoned");
    assert_eq!(error.kind(), ErrorKind::Poisoned);
    Ok(())
}

#[test]
fn a_closed_runners_instances_can_still_be_read() -> Result<(), Error> {
    let runner = Runner::new(several()).expect("valid");
    let mut instance = load(&runner, "state", STATE).instantiate()?;
    runner.close();
    assert_eq!(
        instance.call("count_up").run().expect_err("closed").kind(),
        ErrorKind::Closed
    );
    assert_eq!(instance.memory("memory")?.read_c_text(16, 9)?, "hello");
    assert_eq!(instance.global("count")?, Value::from(1));
    drop(runner);
    assert_eq!(instance.memory("memory")?.grow(1)?, 1);
    Ok(())
}

/// A guest that loads and stores around a host function which grows its memories.
const GROWN: &str = r#"(module
    (import "env" "grow" (func $grow (param i32)))
    (memory $main (export "memory") 1)
    (memory $other (export "other") 1)
    (global $count (export "count") (mut i32) (i32.const 1))
    (func (export "f") (param $by i32) (result i32 i32 i32)
        (local $address i32)
        (i32.store8 (i32.const 8) (i32.const 7))
        (i32.store8 $other (i32.const 8) (i32.const 9))
        (call $grow (local.get $by))
        ;; What was there is still there, and the last new byte is there too.
        (local.set $address (i32.sub (i32.shl (memory.size) (i32.const 16)) (i32.const 1)))
        (i32.store8 (local.get $address) (i32.load8_u (i32.const 8)))
        (i32.load8_u (local.get $address))
        (local.set $address (i32.sub (i32.shl (memory.size $other) (i32.const 16)) (i32.const 1)))
        (i32.store8 $other (local.get $address) (i32.load8_u $other (i32.const 8)))
        (i32.load8_u $other (local.get $address))
        (global.get $count)))"#;

fn growing(config: RunnerConfig) -> Plugin {
    let grow = |context: &mut HostContext<'_>, by: u32| -> Result<(), Error> {
        for name in ["memory", "other"] {
            let mut memory = context.memory(name)?;
            memory.grow(by.into())?;
            let last = u32::try_from(memory.size() - 1).expect("small");
            memory.store(last, 1_u8)?;
        }
        let pages = context.memory("other")?.pages();
        context.set_global("count", u32::try_from(pages).expect("few"))?;
        assert_eq!(context.global("count")?.get::<u32>(), Some(1 + by));
        Ok(())
    };
    let config = config.max_memories(2).function("env", "grow", grow);
    load(&Runner::new(config).expect("valid"), "grown", GROWN)
}

#[test]
fn a_host_function_may_grow_what_the_guest_is_using() {
    for by in [1_u64, 2, 30] {
        let plugin = growing(config());
        let outcome = plugin.call("f").params(&[by]).run().expect("runs");
        assert_eq!(outcome.results(), [7, 9, by + 1]);
        assert_eq!(u64::from(outcome.peak_memory_pages()), 2 * (by + 1));
    }
}

#[test]
fn what_a_host_function_grows_is_limited_and_costs_fuel() {
    refused(
        growing(config().max_memory_pages(10))
            .call("f")
            .params(&[5])
            .run(),
        ErrorKind::MemoryLimit,
        "the memory has 1 pages and cannot grow by 5: the module's own maximum or the limit \
         `max_memory_pages`, 10, forbids it",
    );
    refused(
        growing(config())
            .call("f")
            .params(&[2])
            .max_memory_pages(4)
            .run(),
        ErrorKind::MemoryLimit,
        "the memory has 1 pages and cannot grow by 2: the module's own maximum or the limit \
         `max_memory_pages`, 4, forbids it",
    );
    let fuel = |by| {
        let plugin = growing(config());
        plugin
            .call("f")
            .params(&[by])
            .run()
            .expect("runs")
            .fuel_used()
    };
    // 1,024 units for each page of 65,536 bytes, in both memories.
    assert_eq!(fuel(11) - fuel(1), 2 * 10 * 1_024);
    refused(
        growing(config()).call("f").params(&[4]).fuel(5_000).run(),
        ErrorKind::OutOfFuel,
        "out of fuel: all 5000 units of the limit `fuel` are used",
    );
}
