//! The imports that a module may have, and the errors for others.

use super::guest::{BADF, NOSYS, PREVIEW1, SUCCESS, UNSTABLE, load};
use pocketwasm::{ErrorKind, Runner, RunnerConfig};

fn refusal(imports: &str) -> String {
    let runner = Runner::new(RunnerConfig::new()).unwrap();
    let bytes = wat::parse_str(format!("(module {imports})")).unwrap();
    let error = runner.load_plugin("guest", &bytes).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnsupportedImport, "{imports}");
    assert!(runner.plugins().is_empty());
    error.to_string()
}

/// A type that no guest of WASI has is refused at load, with the type that there is.
#[test]
fn refused() {
    let cases = [
        (
            r#"(import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32) (result i32)))"#,
            r#""wasi_snapshot_preview1" "fd_write" of type (i32, i32, i32) -> (i32): the function has type (i32, i32, i32, i32) -> (i32)"#,
        ),
        (
            r#"(import "wasi_unstable" "fd_seek" (func (param i32 i32 i32 i32) (result i32)))"#,
            r#""wasi_unstable" "fd_seek" of type (i32, i32, i32, i32) -> (i32): the function has type (i32, i64, i32, i32) -> (i32)"#,
        ),
        (
            r#"(import "wasi_snapshot_preview1" "proc_exit" (func (param i32) (result i32)))"#,
            r#""wasi_snapshot_preview1" "proc_exit" of type (i32) -> (i32): the function has type (i32) -> ()"#,
        ),
        (
            r#"(import "wasi_snapshot_preview1" "sched_yield" (func))"#,
            r#""wasi_snapshot_preview1" "sched_yield" of type () -> (): the function has type () -> (i32)"#,
        ),
        (
            r#"(import "wasi_snapshot_preview1" "path_open" (func (result i64)))"#,
            r#""wasi_snapshot_preview1" "path_open" of type () -> (i64): no function of WASI has such a type"#,
        ),
        (
            r#"(import "wasi_snapshot_preview1" "path_open" (func (result f32)))"#,
            r#""wasi_snapshot_preview1" "path_open" of type () -> (f32): no function of WASI has such a type"#,
        ),
        (
            r#"(import "wasi_snapshot_preview1" "path_open" (func (result i32 i32)))"#,
            r#""wasi_snapshot_preview1" "path_open" of type () -> (i32, i32): no function of WASI has such a type"#,
        ),
        (
            r#"(import "wasi_snapshot_preview1" "path_open" (func (param externref) (result i32)))"#,
            r#""wasi_snapshot_preview1" "path_open" of type (externref) -> (i32): no function of WASI has such a type"#,
        ),
        (
            r#"(import "wasi_snapshot_preview1" "fd_sync" (func (param i32) (result i32)))
               (import "wasi_snapshot_preview1" "fd_sync" (func (param i64) (result i32)))"#,
            r#""wasi_snapshot_preview1" "fd_sync" of type (i64) -> (i32): it is imported with another type too"#,
        ),
        (
            r#"(import "wasi_snapshot_preview1" "fd_write" (global i32))"#,
            r#""wasi_snapshot_preview1" "fd_write" of type global i32: not among the globals given to this runner: none"#,
        ),
        (
            r#"(import "wasi_snapshot_preview2" "fd_write" (func (param i32 i32 i32 i32) (result i32)))"#,
            r#""wasi_snapshot_preview2" "fd_write" of type (i32, i32, i32, i32) -> (i32): not WASI, not of a known convention, and not among the functions registered with this runner: none"#,
        ),
        (
            r#"(import "env" "print" (func (param i32 i32)))"#,
            r#""env" "print" of type (i32, i32) -> (): not WASI, not of a known convention, and not among the functions registered with this runner: none"#,
        ),
        (
            r#"(import "" "a\nb\"" (func))"#,
            r#""" "a\nb\"" of type () -> (): not WASI, not of a known convention, and not among the functions registered with this runner: none"#,
        ),
    ];
    for (imports, problem) in cases {
        let message = format!("plugin \"guest\", load: unsupported import: {problem}");
        assert_eq!(refusal(imports), message);
    }
}

/// Toolchains import a function more than once; each import is the same function.
#[test]
fn twice() {
    for module in [PREVIEW1, UNSTABLE] {
        let plugin = load(
            RunnerConfig::new(),
            &format!(
                r#"(module
                (import {module:?} "sched_yield" (func $a (result i32)))
                (import {module:?} "sched_yield" (func $b (result i32)))
                (import {module:?} "fd_sync" (func $c (param i32) (result i32)))
                (import {module:?} "fd_sync" (func $d (param i32) (result i32)))
                (func (export "f") (result i32 i32 i32 i32)
                  call $a call $b (call $c (i32.const 1)) (call $d (i32.const 1))))"#
            ),
        );
        let outcome = plugin.call("f").run().unwrap();
        assert_eq!(outcome.results(), [SUCCESS, SUCCESS, BADF, BADF]);
    }
}

/// Both versions in one module, as linking old objects with new ones makes.
#[test]
fn both_versions_at_once() {
    let plugin = load(
        RunnerConfig::new(),
        r#"(module
        (import "wasi_snapshot_preview1" "fd_filestat_get" (func $new (param i32 i32) (result i32)))
        (import "wasi_unstable" "fd_filestat_get" (func $old (param i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "f") (result i32 i32 i32 i32)
          (call $new (i32.const 1) (i32.const 0))
          (call $old (i32.const 1) (i32.const 128))
          (i32.load (i32.const 24))
          (i32.load (i32.const 148))))"#,
    );
    let outcome = plugin.call("f").run().unwrap();
    assert_eq!(outcome.results(), [SUCCESS, SUCCESS, 1, 1]);
}

/// What is not of preview1 at all is a stub by the type that the module gives it.
#[test]
fn unknown_functions() {
    let plugin = load(
        RunnerConfig::new(),
        r#"(module
        (import "wasi_snapshot_preview1" "fd_teleport" (func $a (param f64 f32 i64) (result i32)))
        (import "wasi_snapshot_preview1" "thread_spawn" (func $b (param i32) (result i32)))
        (import "wasi_snapshot_preview1" "" (func $c (result i32)))
        (import "wasi_unstable" "sock_dance" (func $d (result i32)))
        (import "wasi_unstable" "path_nowhere" (func $e (param i32)))
        (func (export "f") (result i32 i32 i32 i32)
          (call $a (f64.const 1) (f32.const 2) (i64.const 3))
          (call $b (i32.const 1))
          (call $c)
          (call $d)
          (call $e (i32.const 1))))"#,
    );
    let outcome = plugin.call("f").run().unwrap();
    assert_eq!(outcome.results(), [BADF, NOSYS, NOSYS, BADF]);
}
