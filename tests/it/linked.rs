//! Plugins of several modules.

use crate::convention::{config, refused};
use pocketwasm::{
    Error, ErrorKind, HostContext, MissingImports, Phase, Plugin, Runner, RunnerConfig, Snapshot,
    SnapshotMode, types::Value,
};

fn try_link(config: RunnerConfig, modules: &[(&str, &str)]) -> Result<Plugin, Error> {
    let modules: Vec<(&str, Vec<u8>)> = modules
        .iter()
        .map(|(name, text)| (*name, wat::parse_str(text).expect(name)))
        .collect();
    Runner::new(config)?.load_plugin_linked("linked", &modules)
}

fn link(config: RunnerConfig, modules: &[(&str, &str)]) -> Plugin {
    try_link(config, modules).unwrap_or_else(|error| panic!("{error}"))
}

/// It owns what the others use, counts its start, and calls the host.
const PROVIDER: &str = r#"(module
    (import "env" "look" (func $look (param i32 i32) (result i32)))
    (memory (export "memory") 1 4)
    (table (export "table") 4 funcref)
    (global $count (export "count") (mut i32) (i32.const 0))
    (data (i32.const 8) "provider")
    (func $start (global.set $count (i32.add (global.get $count) (i32.const 1))))
    (start $start)
    (func (export "_initialize")
        (global.set $count (i32.add (global.get $count) (i32.const 10))))
    (func (export "look") (result i32) (call $look (i32.const 8) (i32.const 8)))
    (func (export "pages") (result i32) (memory.size))
    (func (export "trap") (unreachable))
    (func (export "endless") (loop (br 0))))"#;

const SHARES: &str = r#"(module
    (import "provider" "memory" (memory 1))
    (import "provider" "table" (table $t 2 funcref))
    (import "provider" "count" (global $count (mut i32)))
    (import "provider" "pages" (func $pages (result i32)))
    (import "provider" "trap" (func $trap))
    (import "provider" "endless" (func $endless))
    (data (i32.const 100) "main")
    (func $seven (result i32) (i32.const 7))
    (elem (table $t) (i32.const 1) func $seven)
    (func (export "count") (result i32) (global.get $count))
    (func (export "up") (global.set $count (i32.const 50)))
    (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0)))
    (func (export "grow") (param i32) (result i32)
        (drop (memory.grow (local.get 0)))
        (call $pages))
    (func (export "indirect") (result i32) (call_indirect $t (result i32) (i32.const 1)))
    (func (export "trap") (call $trap))
    (func (export "endless") (call $endless)))"#;

/// Reads the memory of whoever calls.
fn look(context: &mut HostContext<'_>, pointer: u32, length: u32) -> Result<i32, Error> {
    let text = context.read_text(pointer, length)?.to_owned();
    context.write_stdout(text.as_bytes())?;
    Ok(i32::try_from(context.memory_size() / 65_536).expect("few"))
}

fn looking() -> RunnerConfig {
    config().function("env", "look", look)
}

#[test]
fn exports_of_one_are_imports_of_another() -> Result<(), Error> {
    let modules = [("provider", PROVIDER), ("main", SHARES)];
    let plugin = link(looking(), &modules);
    let call = |export: &str, params: &[u64]| -> Result<Vec<u64>, Error> {
        let outcome = plugin.call(export).params(params).run()?;
        Ok(outcome.into_results())
    };
    // The provider's start function and initialiser have run, in each instance once.
    for _ in 0..2 {
        assert_eq!(call("count", &[])?, [11]);
    }
    assert_eq!(call("load", &[8])?, [u64::from(b'p')]);
    assert_eq!(call("load", &[100])?, [u64::from(b'm')]);
    assert_eq!(call("grow", &[2])?, [3]);
    assert_eq!(call("indirect", &[])?, [7]);
    assert_eq!(plugin.memory_pages(), 1);
    assert_eq!(plugin.imports().len(), 6);

    let mut instance = plugin.instantiate()?;
    instance.call("up").run()?;
    assert_eq!(instance.call("count").run()?.results(), [50]);
    assert_eq!(instance.global("count")?, Value::from(50));
    assert_eq!(instance.memory("memory")?.read(100, 4)?, b"main");
    instance.reset()?;
    assert_eq!(instance.call("count").run()?.results(), [11]);
    Ok(())
}

#[test]
fn the_limits_hold_for_all_together() {
    let modules = [("provider", PROVIDER), ("main", SHARES)];
    let plugin = link(looking(), &modules);
    let error = plugin.call("trap").run().expect_err("a trap");
    let trap = "plugin \"linked\", export \"trap\": trap: `unreachable` executed";
    assert_eq!(error.to_string(), trap);
    refused(
        plugin.call("endless").fuel(1_000_000).run(),
        ErrorKind::OutOfFuel,
        "out of fuel: all 1000000 units of the limit `fuel` are used",
    );
    let timeout = std::time::Duration::from_millis(20);
    let late = plugin.call("endless").fuel(u64::MAX).timeout(timeout).run();
    assert_eq!(late.expect_err("late").kind(), ErrorKind::Timeout);
    let plugin = link(looking().max_memory_pages(2), &modules);
    let outcome = plugin.call("grow").params(&[2]).run().expect("runs");
    assert_eq!(outcome.results(), [1]);

    let own = r#"(module (memory (export "memory") 3) (table 3 funcref))"#;
    let both = [("one", own), ("main", own)];
    refused(
        try_link(config(), &both),
        ErrorKind::ShapeLimit,
        "the number of memories of all modules together is 2; the limit `max_memories` is 1",
    );
    let several = || config().max_memories(2);
    assert_eq!(link(several(), &both).memory_pages(), 6);
    refused(
        try_link(several().max_memory_pages(5), &both),
        ErrorKind::MemoryLimit,
        "declares a memory of 6 pages at least; the limit `max_memory_pages` is 5",
    );
    refused(
        try_link(several().max_table_elements(5), &both),
        ErrorKind::ShapeLimit,
        "the number of elements in all tables of all modules together is 6; the limit \
         `max_table_elements` is 5",
    );
}

/// Each module has a memory of its own. The host reads that of its caller, also after a call back.
#[test]
fn a_host_function_uses_the_memory_of_the_module_that_calls_it() -> Result<(), Error> {
    let main = r#"(module
        (import "provider" "look" (func $provider_look (result i32)))
        (import "env" "look" (func $look (param i32 i32) (result i32)))
        (import "env" "again" (func $again (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
        (memory (export "memory") 2)
        (data (i32.const 8) "and main")
        (func (export "own") (result i32) (call $look (i32.const 8) (i32.const 8)))
        (func (export "both") (result i32 i32)
            (call $provider_look)
            (call $look (i32.const 8) (i32.const 8)))
        (func (export "nested") (result i32) (call $again (i32.const 8) (i32.const 8)))
        (func (export "far") (result i32)
            (drop (call $provider_look))
            (call $random (i32.const 100000) (i32.const 8)))
        (func (export "provider") (result i32) (call $provider_look)))"#;
    let again = |context: &mut HostContext<'_>, pointer: u32, length: u32| -> Result<i32, Error> {
        context.call("provider", &[])?;
        look(context, pointer, length)
    };
    let config = looking().function("env", "again", again).max_memories(2);
    let plugin = link(config, &[("provider", PROVIDER), ("main", main)]);
    let both = plugin.call("both").run()?;
    assert_eq!(
        (both.results(), both.stdout()),
        (&[1, 2][..], &b"providerand main"[..])
    );
    let nested = plugin.call("nested").run()?;
    assert_eq!(
        (nested.results(), nested.stdout()),
        (&[2][..], &b"providerand main"[..])
    );
    assert_eq!(plugin.call("far").run()?.results(), [0]);
    let mut instance = plugin.instantiate()?;
    instance.call("both").run()?;
    assert_eq!(instance.memory("memory")?.pages(), 2);
    Ok(())
}

/// Bytes go by a convention into the plugin's own memory, whichever module called the host last.
#[test]
fn a_convention_uses_the_plugins_own_memory() -> Result<(), Error> {
    let main = r#"(module
        (import "provider" "look" (func $provider_look (result i32)))
        (memory (export "memory") 2)
        (func (export "allocate") (param i32) (result i32)
            (drop (call $provider_look)) (i32.const 70000))
        (func (export "echo") (param i32 i32) (result i64)
            (drop (call $provider_look))
            (i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32))
                (i64.extend_i32_u (local.get 1)))))"#;
    let config = looking().max_memories(2);
    let plugin = link(config, &[("provider", PROVIDER), ("main", main)]);
    assert_eq!(plugin.call("echo").input("hello").run()?.bytes(), b"hello");
    Ok(())
}

#[test]
fn what_does_not_fit_is_refused_at_load() {
    let cases: [(&str, &str, ErrorKind, &str); 11] = [
        (
            r#"(func (export "f") (param i32))"#,
            r#"(import "lib" "f" (func))"#,
            ErrorKind::UnsupportedImport,
            "unsupported import: module \"main\": \"lib\" \"f\" of type () -> (): that module's \
             export has type (i32) -> ()",
        ),
        (
            r#"(memory (export "m") 1)"#,
            r#"(import "lib" "m" (memory 2))"#,
            ErrorKind::UnsupportedImport,
            "unsupported import: module \"main\": \"lib\" \"m\" of type memory 2..: that module's \
             export has type memory 1..",
        ),
        (
            r#"(memory (export "m") 1)"#,
            r#"(import "lib" "m" (memory 1 2))"#,
            ErrorKind::UnsupportedImport,
            "unsupported import: module \"main\": \"lib\" \"m\" of type memory 1..2: that module's \
             export has type memory 1..",
        ),
        (
            r#"(memory (export "m") 1 (pagesize 1))"#,
            r#"(import "lib" "m" (memory 1))"#,
            ErrorKind::UnsupportedImport,
            "unsupported import: module \"main\": \"lib\" \"m\" of type memory 1..: that module's \
             export has type memory 1.. with pages of 1 byte",
        ),
        (
            r#"(table (export "t") 2 externref)"#,
            r#"(import "lib" "t" (table 2 funcref))"#,
            ErrorKind::UnsupportedImport,
            "unsupported import: module \"main\": \"lib\" \"t\" of type table 2.. of funcref: that \
             module's export has type table 2.. of externref",
        ),
        (
            r#"(global (export "g") i32 (i32.const 1))"#,
            r#"(import "lib" "g" (global (mut i32)))"#,
            ErrorKind::UnsupportedImport,
            "unsupported import: module \"main\": \"lib\" \"g\" of type global mut i32: that \
             module's export has type global i32",
        ),
        // One memory by two names. The engine would use it after it was freed.
        (
            r#"(memory (export "m") (export "n") 1)"#,
            r#"(import "lib" "m" (memory 1)) (import "lib" "n" (memory 1))"#,
            ErrorKind::UnsupportedImport,
            "unsupported import: module \"main\": \"lib\" \"n\" of type memory 1..: another import of \
             the module is, or may be, the same memory",
        ),
        (
            "",
            r#"(import "lib" "f" (func))"#,
            ErrorKind::UnsupportedImport,
            "unsupported import: module \"main\": \"lib\" \"f\" of type () -> (): not WASI, not of \
             a known convention, and not among the functions registered with this runner: none",
        ),
        (
            r#"(import "main" "f" (func))"#,
            r#"(func (export "f"))"#,
            ErrorKind::UnsupportedImport,
            "unsupported import: module \"lib\": \"main\" \"f\" of type () -> (): not WASI, not of \
             a known convention, and not among the functions registered with this runner: none",
        ),
        (
            r#"(func (result i32))"#,
            "",
            ErrorKind::InvalidModule,
            "not a module this engine can run: module \"lib\": type mismatch: expected i32 but \
             nothing on stack (at offset 0x18)",
        ),
        (
            r#"(func)"#,
            r#"(func (local i32) (drop (i64.eqz (local.get 0))))"#,
            ErrorKind::InvalidModule,
            "not a module this engine can run: module \"main\": type mismatch: expected i64, found \
             i32 (at offset 0x1b)",
        ),
    ];
    for (lib, main, kind, said) in cases {
        let (lib, main) = (format!("(module {lib})"), format!("(module {main})"));
        let result = try_link(config().max_memories(2), &[("lib", &lib), ("main", &main)]);
        refused(result, kind, said);
    }
    let none: [(&str, &str); 0] = [];
    refused(
        try_link(config(), &none),
        ErrorKind::InvalidModule,
        "not a module this engine can run: there is no module to load",
    );
    refused(
        try_link(config(), &[("a", "(module)"), ("a", "(module)")]),
        ErrorKind::InvalidConfig,
        "invalid config: `modules` have the name \"a\" twice",
    );
}

#[test]
fn a_library_that_fails_to_begin_fails_the_call_in_its_phase() -> Result<(), Error> {
    let begins = |body: &str| {
        let text = format!("(module {body})");
        let modules = [
            ("lib", text.as_str()),
            ("main", r#"(module (func (export "f")))"#),
        ];
        link(config().missing_imports(MissingImports::Trap), &modules)
    };
    for (body, phase) in [
        ("(func $s (unreachable)) (start $s)", Phase::Start),
        (
            r#"(func (export "_initialize") (unreachable))"#,
            Phase::Initialize,
        ),
        (
            r#"(memory 1) (data (i32.const 70000) "x")"#,
            Phase::Instantiate,
        ),
    ] {
        let plugin = begins(body);
        let error = plugin.call("f").run().expect_err(body);
        assert_eq!(
            (error.kind(), error.phase()),
            (ErrorKind::Trap, Some(phase)),
            "{body}"
        );
        let error = plugin.instantiate().expect_err(body);
        assert_eq!(error.phase(), Some(phase), "{body}");
    }
    let endless = begins(r#"(func (export "_initialize") (loop (br 0)))"#);
    let error = endless.call("f").fuel(100_000).run().expect_err("endless");
    assert_eq!(error.kind(), ErrorKind::OutOfFuel);
    assert_eq!(
        error.outcome().map(pocketwasm::Outcome::fuel_used),
        Some(100_000)
    );
    Ok(())
}

#[test]
fn a_plugin_of_several_modules_is_a_plugin() -> Result<(), Error> {
    let modules = [("provider", PROVIDER), ("main", SHARES)];
    for (mode, spares) in [(SnapshotMode::Never, 0), (SnapshotMode::WherePossible, 2)] {
        let config = looking().snapshots(mode).spare_instances(spares);
        let plugin = link(config, &modules);
        assert!(matches!(plugin.snapshot(), Snapshot::Refused { .. }));
        let fuel = plugin.call("count").run()?.fuel_used();
        for _ in 0..3 {
            assert_eq!(plugin.call("count").run()?.fuel_used(), fuel);
        }
    }
    // Two instances share nothing.
    let plugin = link(looking(), &modules);
    let (mut one, mut other) = (plugin.instantiate()?, plugin.instantiate()?);
    one.call("up").run()?;
    one.memory("memory")?.write(8, b"x")?;
    assert_eq!(other.call("count").run()?.results(), [11]);
    assert_eq!(other.memory("memory")?.load::<u8>(8)?, b'p');
    // The hash is of all.
    let renamed = [("provider", PROVIDER), ("other", SHARES)];
    assert_ne!(plugin.sha256(), link(looking(), &renamed).sha256());
    assert_eq!(plugin.sha256(), link(looking(), &modules).sha256());
    Ok(())
}

/// A tail call in one module reaches a function of the host that another imports, and the function
/// that called it has nothing on the stack. The engine would use the host's own addresses.
#[test]
fn a_tail_call_reaches_a_host_function_of_another_module() {
    let nothing = |_: &mut HostContext<'_>| {};
    let host = r#"(import "env" "nothing" (func $nothing))"#;
    let by_table = format!(
        r#"(module {host}
            (table (export "table") 1 funcref) (elem (i32.const 0) $nothing))"#
    );
    let by_export = format!(r#"(module {host} (export "nothing" (func $nothing)))"#);
    let by_result = format!(
        r#"(module {host} (elem declare func $nothing)
            (func (export "reference") (result funcref) (ref.func $nothing)))"#
    );
    let caller_elsewhere = format!(
        r#"(module {host}
            (type $f (func))
            (table (export "table") 2 funcref) (elem (i32.const 0) $nothing)
            (func (export "seven") (result i32)
                (call_indirect (type $f) (i32.const 1))
                (i32.const 7)))"#
    );
    let cases = [
        (
            "by a table",
            &by_table,
            r#"(import "lib" "table" (table 1 funcref))
            (func $between (return_call_indirect (i32.const 0)))
            (func (export "f") (result i32) (call $between) (i32.const 7))"#,
        ),
        (
            "by an export",
            &by_export,
            r#"(import "lib" "nothing" (func $nothing))
            (func $between (return_call $nothing))
            (func (export "f") (result i32) (call $between) (i32.const 7))"#,
        ),
        (
            "by a reference",
            &by_result,
            r#"(import "lib" "reference" (func $reference (result funcref)))
            (table 1 funcref)
            (func $set (table.set (i32.const 0) (call $reference)))
            (func $between (return_call_indirect (i32.const 0)))
            (func (export "f") (result i32)
                (call $set) (call $between) (i32.const 7))"#,
        ),
        (
            "called from the other module",
            &caller_elsewhere,
            r#"(import "lib" "table" (table 2 funcref))
            (import "lib" "seven" (func $seven (result i32)))
            (func $between (return_call_indirect (i32.const 0)))
            (elem (i32.const 1) $between)
            (func (export "f") (result i32) (call $seven))"#,
        ),
    ];
    for (name, lib, main) in cases {
        let config = config().function("env", "nothing", nothing);
        let main = format!("(module {main})");
        let plugin = link(config, &[("lib", lib), ("main", &main)]);
        let outcome = plugin.call("f").run().expect(name);
        assert_eq!(outcome.results(), [7], "{name}");
    }
}
