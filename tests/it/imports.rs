//! Memories, globals and tables that a module imports.

use crate::convention::{config, load, refused};
use pocketwasm::{
    Error, ErrorKind, HostContext, Instance, MissingImports, Phase, Plugin, Runner, RunnerConfig,
    Snapshot, SnapshotMode,
    types::{ExternRef, Value},
};

fn plugin(config: RunnerConfig, text: &str) -> Plugin {
    load(&Runner::new(config).expect("valid"), "m", text)
}

fn call(instance: &mut Instance, export: &str, params: &[u64]) -> Vec<u64> {
    let outcome = instance.call(export).params(params).run();
    outcome.expect(export).into_results()
}

const IMPORTS_MEMORY: &str = r#"(module
    (import "env" "memory" (memory 1 3))
    (data (i32.const 8) "in the module")
    (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0)))
    (func (export "store") (param i32 i32) (i32.store8 (local.get 0) (local.get 1)))
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))"#;

#[test]
fn an_imported_memory_is_made_for_each_instance() -> Result<(), Error> {
    let plugin = plugin(config(), IMPORTS_MEMORY);
    let fresh = plugin.call("load").params(&[8]).run()?;
    assert_eq!(fresh.results(), [u64::from(b'i')]);
    assert_eq!(fresh.peak_memory_pages(), 1);
    let mut one = plugin.instantiate()?;
    let mut other = plugin.instantiate()?;
    call(&mut one, "store", &[8, 1]);
    assert_eq!(call(&mut one, "load", &[8]), [1]);
    assert_eq!(call(&mut other, "load", &[8]), [u64::from(b'i')]);
    // The module does not export it, and it has the name of the import.
    assert_eq!(one.memory("memory")?.load::<u8>(8)?, 1);
    other.memory("memory")?.write(8, b"o")?;
    assert_eq!(call(&mut other, "load", &[8]), [u64::from(b'o')]);
    assert_eq!(call(&mut one, "load", &[8]), [1]);
    Ok(())
}

#[test]
fn limits_hold_for_imported_memories() {
    let minus_one = u64::from(u32::MAX);
    for (most, by, before) in [(3, 2, 1), (3, 3, minus_one), (2, 2, minus_one), (2, 1, 1)] {
        let plugin = plugin(config().max_memory_pages(most), IMPORTS_MEMORY);
        let outcome = plugin.call("grow").params(&[by]).run().expect("runs");
        assert_eq!(outcome.results(), [before], "{most} {by}");
    }
    let runner = Runner::new(config().max_memory_pages(4)).expect("valid");
    let module = wat::parse_str(r#"(module (import "env" "memory" (memory 5)))"#).expect("text");
    refused(
        runner.load_plugin("m", module),
        ErrorKind::MemoryLimit,
        "declares a memory of 5 pages at least; the limit `max_memory_pages` is 4",
    );
    refused(
        plugin(config(), IMPORTS_MEMORY)
            .call("load")
            .params(&[8])
            .max_memory_pages(0)
            .run(),
        ErrorKind::MemoryLimit,
        "declares a memory of 1 pages at least; the limit `max_memory_pages` is 0",
    );
    let runner = Runner::new(config().max_table_elements(4)).expect("valid");
    let module = r#"(module (import "env" "t" (table 5 funcref)))"#;
    let module = wat::parse_str(module).expect("text");
    refused(
        runner.load_plugin("m", module),
        ErrorKind::ShapeLimit,
        "the number of elements in all tables is 5; the limit `max_table_elements` is 4",
    );
}

#[test]
fn a_memory_begins_with_the_contents_that_it_is_given() -> Result<(), Error> {
    let mut contents = vec![7; 65_536];
    contents[8] = b'?';
    let plugin = plugin(config().memory("env", "memory", contents), IMPORTS_MEMORY);
    for _ in 0..2 {
        let mut instance = plugin.instantiate()?;
        assert_eq!(call(&mut instance, "load", &[65_535]), [7]);
        // The module's own data come after that.
        assert_eq!(call(&mut instance, "load", &[8]), [u64::from(b'i')]);
        call(&mut instance, "store", &[65_535, 9]);
    }
    Ok(())
}

/// WASI and host functions use an imported memory if none is exported.
#[test]
fn functions_of_the_host_find_an_imported_memory() -> Result<(), Error> {
    let text = r#"(module
        (import "wasi_snapshot_preview1" "fd_write"
            (func $fd_write (param i32 i32 i32 i32) (result i32)))
        (import "env" "shout" (func $shout (param i32 i32)))
        (import "env" "memory" (memory 1))
        (data (i32.const 0) "\08\00\00\00\05\00\00\00hello")
        (func (export "f") (result i32)
            (call $shout (i32.const 8) (i32.const 5))
            (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 64))))"#;
    let shout = |context: &mut HostContext<'_>, pointer: u32, length: u32| -> Result<(), Error> {
        let loud = context.read_text(pointer, length)?.to_uppercase();
        let same = context
            .memory("memory")?
            .read_text(pointer, length)?
            .to_uppercase();
        assert_eq!(loud, same);
        context.write(pointer, loud.as_bytes())
    };
    let plugin = plugin(config().function("env", "shout", shout), text);
    let outcome = plugin.call("f").run()?;
    assert_eq!(
        (outcome.results(), outcome.stdout()),
        (&[0][..], &b"HELLO"[..])
    );
    Ok(())
}

const GLOBALS: &str = r#"(module
    (import "env" "base" (global $base i32))
    (import "env" "count" (global $count (mut i64)))
    (import "env" "ratio" (global $ratio f64))
    (import "env" "object" (global $object externref))
    (memory (export "memory") 1)
    (data (global.get $base) "x")
    (global $own i32 (global.get $base))
    (export "again" (global $count))
    (func (export "base") (result i32) (i32.add (global.get $base) (global.get $own)))
    (func (export "count") (result i64)
        (global.set $count (i64.add (global.get $count) (i64.const 1)))
        (global.get $count))
    (func (export "ratio") (result f64) (global.get $ratio))
    (func (export "object") (result externref) (global.get $object)))"#;

#[test]
fn globals_have_the_embedders_values_in_each_instance() -> Result<(), Error> {
    let object = ExternRef::new("object");
    let config = config()
        .global("env", "base", 1_024)
        .global("env", "count", 40_i64)
        .global("env", "ratio", 2.5)
        .global("env", "object", object.clone());
    let plugin = plugin(config, GLOBALS);
    for _ in 0..2 {
        let mut instance = plugin.instantiate()?;
        assert_eq!(call(&mut instance, "base", &[]), [2_048]);
        assert_eq!(call(&mut instance, "count", &[]), [41]);
        assert_eq!(call(&mut instance, "count", &[]), [42]);
        assert_eq!(call(&mut instance, "ratio", &[]), [2.5_f64.to_bits()]);
        assert_eq!(instance.memory("memory")?.load::<u8>(1_024)?, b'x');
        assert_eq!(instance.global("again")?, Value::from(42_i64));
        assert_eq!(instance.global("ratio")?, Value::from(2.5));
        instance.set_global("count", 1_i64)?;
        assert_eq!(call(&mut instance, "count", &[]), [2]);
        let outcome = instance.call("object").values(&[]).run()?;
        assert_eq!(outcome.values(), [Value::from(object.clone())]);
    }
    Ok(())
}

const TABLES: &str = r#"(module
    (import "env" "objects" (table $objects 2 5 externref))
    (import "env" "functions" (table $functions 2 funcref))
    (func $seven (result i32) (i32.const 7))
    (elem (table $functions) (i32.const 1) func $seven)
    (func (export "object") (param i32) (result externref)
        (table.get $objects (local.get 0)))
    (func (export "grow") (param i32) (result i32)
        (table.grow $objects (ref.null extern) (local.get 0)))
    (func (export "call") (param i32) (result i32)
        (call_indirect $functions (result i32) (local.get 0))))"#;

#[test]
fn tables_have_what_the_import_and_the_embedder_say() -> Result<(), Error> {
    let one = ExternRef::new(1_u8);
    let plugin = plugin(config().table("env", "objects", [one.clone()]), TABLES);
    let mut instance = plugin.instantiate()?;
    for (index, expected) in [(0, Some(one)), (1, None)] {
        let outcome = instance.call("object").values(&[Value::I32(index)]).run()?;
        assert_eq!(outcome.values(), [Value::from(expected)]);
    }
    assert_eq!(call(&mut instance, "call", &[1]), [7]);
    assert_eq!(call(&mut instance, "grow", &[3]), [2]);
    assert_eq!(call(&mut instance, "grow", &[1]), [u64::from(u32::MAX)]);
    assert_eq!(
        (
            instance.table_size("objects")?,
            instance.table_size("functions")?
        ),
        (5, 2)
    );
    let fresh = plugin.call("call").params(&[0]).run();
    refused(fresh, ErrorKind::Trap, "trap: indirect call to null");
    Ok(())
}

/// The same name is the same global.
#[test]
fn what_is_imported_twice_is_one() -> Result<(), Error> {
    let text = r#"(module
        (import "env" "a" (memory $a 1))
        (import "env" "b" (memory $b 1))
        (import "env" "g" (global $g (mut i32)))
        (import "env" "g" (global $h (mut i32)))
        (func (export "f") (result i32 i32)
            (i32.store8 $a (i32.const 0) (i32.const 5))
            (global.set $g (i32.const 6))
            (i32.load8_u $b (i32.const 0))
            (global.get $h)))"#;
    let plugin = plugin(config().max_memories(2).global("env", "g", 0), text);
    // Other names are other memories.
    assert_eq!(plugin.call("f").run()?.results(), [0, 6]);
    Ok(())
}

/// The engine would use a memory after it was freed that has two indices in a module and grows by
/// the second.
#[test]
fn no_memory_is_imported_twice() {
    let two = r#"(module
        (import "env" "memory" (memory $a 1))
        (import "env" "memory" (memory $b 1))
        (func (export "f") (result i32)
            (drop (memory.grow $b (i32.const 100)))
            (i32.store $a (i32.const 0) (i32.const 7))
            (i32.load $b (i32.const 0))))"#;
    let runner = Runner::new(config().max_memories(2)).expect("valid");
    refused(
        runner.load_plugin("m", wat::parse_str(two).expect("text")),
        ErrorKind::UnsupportedImport,
        "unsupported import: \"env\" \"memory\" of type memory 1..: another import of the module is, or \
         may be, the same memory",
    );
}

/// The engine lists a module's imports by kind, and not in the module's order.
#[test]
fn imports_of_all_kinds_come_in_any_order() -> Result<(), Error> {
    let imports = [
        r#"(import "env" "memory" (memory 1))"#,
        r#"(import "env" "table" (table $t 2 funcref))"#,
        r#"(import "env" "objects" (table $o 1 externref))"#,
        r#"(import "env" "global" (global $g i32))"#,
        r#"(import "env" "host" (func $host (result i32)))"#,
    ];
    let config = config()
        .memory("env", "memory", *b"\x07")
        .table("env", "objects", [ExternRef::new(1)])
        .global("env", "global", 100)
        .function("env", "host", |_: &mut HostContext<'_>| 1000);
    let runner = Runner::new(config)?;
    for turn in 0..imports.len() {
        let mut imports = imports;
        imports.rotate_left(turn);
        for backwards in [false, true] {
            if backwards {
                imports.reverse();
            }
            let imports = imports.concat();
            let module = format!(
                r#"(module {imports}
                    (elem (table $t) (i32.const 1) func $ten)
                    (func $ten (result i32) (i32.const 10))
                    (func (export "sum") (result i32)
                        (i32.add (global.get $g)
                        (i32.add (call $host)
                        (i32.add (i32.load8_u (i32.const 0))
                        (i32.add (call_indirect $t (result i32) (i32.const 1))
                        (i32.mul (i32.const 10000)
                            (i32.eqz (ref.is_null (table.get $o (i32.const 0)))))))))))"#
            );
            let module = wat::parse_str(&module).expect(&imports);
            let plugin = runner.load_plugin("m", module).expect(&imports);
            let outcome = plugin.call("sum").run().expect(&imports);
            assert_eq!(outcome.results(), [11_117], "{imports}");
        }
    }
    Ok(())
}

#[test]
fn what_does_not_fit_is_refused_at_load() {
    let config = || {
        config()
            .global("env", "g", 1)
            .memory("env", "big", vec![1; 65_537])
            .table("env", "t", [ExternRef::new(1), ExternRef::new(2)])
    };
    let cases = [
        (
            r#"(import "env" "h" (global i32))"#,
            "\"env\" \"h\" of type global i32: not among the globals given to this runner: env.g",
        ),
        (
            r#"(import "env" "g" (global i64))"#,
            "\"env\" \"g\" of type global i64: the runner's global has type i32",
        ),
        (
            r#"(import "env" "g" (func))"#,
            "\"env\" \"g\" of type () -> (): not WASI, not of a known convention, and not among the \
             functions registered with this runner: none",
        ),
        (
            r#"(import "env" "big" (memory 1))"#,
            "\"env\" \"big\" of type memory 1..: it begins with 65536 bytes, and the runner's \
             contents have 65537",
        ),
        (
            r#"(import "env" "m" (memory 1 (pagesize 1)))"#,
            "\"env\" \"m\" of type memory 1.. with pages of 1 byte: a memory with pages of its own \
             size cannot be imported",
        ),
        (
            r#"(import "env" "t" (table 1 externref))"#,
            "\"env\" \"t\" of type table 1.. of externref: it begins with 1 elements, and the \
             runner's contents have 2",
        ),
        (
            r#"(import "env" "t" (table 2 funcref))"#,
            "\"env\" \"t\" of type table 2.. of funcref: it holds functions, and the runner's \
             contents are objects",
        ),
        (
            r#"(import "env" "u" (table 2 funcref)) (import "env" "u" (table 3 funcref))"#,
            "\"env\" \"u\" of type table 3.. of funcref: it is imported with another type too",
        ),
    ];
    for (imports, said) in cases {
        let module = wat::parse_str(format!("(module {imports})")).expect(imports);
        let runner = Runner::new(config()).expect("valid");
        let description = runner.describe_module(&module).expect(imports);
        let missing = (0..2).find_map(|index| description.missing(index));
        assert!(missing.is_some_and(|why| said.ends_with(why)), "{imports}");
        refused(
            runner.load_plugin("m", module),
            ErrorKind::UnsupportedImport,
            &format!("unsupported import: {said}"),
        );
    }
}

/// The initialiser runs in each instance, as the plugin says.
#[test]
fn no_snapshot_is_taken_of_a_module_that_imports_a_memory() -> Result<(), Error> {
    let text = IMPORTS_MEMORY.replace(
        "(func (export \"load\")",
        "(func (export \"_initialize\") (i32.store8 (i32.const 8) (i32.const 1)))
         (func (export \"load\")",
    );
    for mode in [SnapshotMode::WhereItPays, SnapshotMode::WherePossible] {
        let plugin = plugin(config().snapshots(mode), &text);
        let Snapshot::Refused { why, .. } = plugin.snapshot() else {
            panic!("{mode:?}: {:?}", plugin.snapshot());
        };
        assert_eq!(
            &**why,
            "no snapshot can be made: it imports more than functions"
        );
        for _ in 0..2 {
            assert_eq!(plugin.call("load").params(&[8]).run()?.results(), [1]);
        }
    }
    Ok(())
}

const MISSING: &str = r#"(module
    (import "cloud" "launch" (func $launch (param i32 externref) (result i64)))
    (import "wasi_snapshot_preview1" "fd_write" (func $odd (result f32)))
    (func (export "launch") (drop (call $launch (i32.const 1) (ref.null extern))))
    (func (export "odd") (drop (call $odd)))
    (func (export "add") (result i32) (i32.const 42)))"#;

#[test]
fn a_missing_function_traps_where_the_embedder_says_that() -> Result<(), Error> {
    let trap = || config().missing_imports(MissingImports::Trap);
    let plugin = plugin(trap(), MISSING);
    assert_eq!(plugin.call("add").run()?.results(), [42]);
    for (export, said) in [
        (
            "launch",
            "unsupported import: \"cloud\" \"launch\" of type (i32, externref) -> (i64): not WASI, \
             not of a known convention, and not among the functions registered with this runner: \
             none",
        ),
        (
            "odd",
            "unsupported import: \"wasi_snapshot_preview1\" \"fd_write\" of type () -> (f32): the \
             function has type (i32, i32, i32, i32) -> (i32)",
        ),
    ] {
        let mut instance = plugin.instantiate()?;
        let result = instance.call(export).run();
        let error = result.expect_err(export);
        assert_eq!(
            (error.kind(), error.message().as_str()),
            (ErrorKind::UnsupportedImport, said)
        );
        assert_eq!(
            (error.export(), error.phase()),
            (Some(export), Some(Phase::Call))
        );
        assert!(instance.is_poisoned());
    }
    let runner = Runner::new(trap())?;
    let module = wat::parse_str(MISSING).expect("text");
    let description = runner.describe_module(module)?;
    assert!(description.missing(0).is_some() && description.missing(1).is_some());

    // What is no function, and what would be two functions of one name, is still refused.
    for imports in [
        r#"(import "env" "g" (global i32))"#,
        r#"(import "env" "f" (func (param i32))) (import "env" "f" (func (param i64)))"#,
    ] {
        let module = wat::parse_str(format!("(module {imports})")).expect(imports);
        let error = runner.load_plugin("m", module).expect_err(imports);
        assert_eq!(error.kind(), ErrorKind::UnsupportedImport, "{imports}");
    }
    Ok(())
}

/// An initialiser that reaches one is no reason to refuse the module at load: each call says it.
#[test]
fn an_initialiser_that_needs_what_is_missing_fails_in_each_call() {
    let text = MISSING.replace("(export \"odd\")", "(export \"_initialize\")");
    let config = config()
        .missing_imports(MissingImports::Trap)
        .snapshots(SnapshotMode::WherePossible);
    let error = plugin(config, &text)
        .call("add")
        .run()
        .expect_err("missing");
    assert_eq!(
        (error.kind(), error.phase()),
        (ErrorKind::UnsupportedImport, Some(Phase::Initialize))
    );
}
