//! Code that the engine by itself compiles wrongly. Through this crate it behaves as the
//! specification says, by every way of calling it.

use crate::support::{patient, runner, runs};
use pocketwasm::{Compilation, Error, HostContext, Runner, RunnerConfig, SnapshotMode};

/// A name, a module, and what its export `f` returns for which parameters.
type Row = (
    &'static str,
    &'static str,
    &'static [(&'static [u64], &'static [u64])],
);

/// What each of the other rows is about is in `src/module/faults`.
const ROWS: &[Row] = &[
    (
        "a tail call of an import",
        r#"(import "wasi_snapshot_preview1" "x" (func $h))
        (func $b return_call $h)
        (func (export "f") (result i32) call $b (i32.const 7))"#,
        &[(&[], &[7])],
    ),
    (
        "a tail call of an import that returns",
        r#"(import "env" "add" (func $add (param i32 i32) (result i32)))
        (func (export "f") (param i32) (result i32)
            (return_call $add (local.get 0) (i32.const 3)))"#,
        &[(&[4], &[7])],
    ),
    (
        "a tail call of an import by a table",
        r#"(import "wasi_snapshot_preview1" "x" (func $h))
        (table funcref (elem $h))
        (type $t (func))
        (func $b (return_call_indirect (type $t) (i32.const 0)))
        (func (export "f") (result i32) call $b (i32.const 7))"#,
        &[(&[], &[7])],
    ),
    (
        "a tail call of imports in element segments of every kind",
        r#"(import "wasi_snapshot_preview1" "x" (func $h))
        (import "env" "add" (func $add (param i32 i32) (result i32)))
        (table $t 12 funcref)
        (table $u 4 funcref)
        (elem (i32.const 0) func $h $b)
        (elem (table $u) (i32.const 1) func $h $h)
        (elem (i32.const 3) funcref (ref.func $h) (ref.null func) (ref.func $add))
        (elem (table $u) (i32.const 3) funcref (ref.func $h))
        (elem $passive func $h $add)
        (elem $other funcref (ref.func $add) (ref.func $h))
        (elem declare func $h)
        (global $g funcref (ref.func $h))
        (type $v (func))
        (type $a (func (param i32 i32) (result i32)))
        (func $b)
        (func $one (param i32) (return_call_indirect $t (type $v) (local.get 0)))
        (func $two (param i32) (return_call_indirect $u (type $v) (local.get 0)))
        (func $sum (param i32) (result i32)
            (return_call_indirect $t (type $a) (i32.const 3) (i32.const 4) (local.get 0)))
        (func (export "f") (result i32)
            (table.init $t $passive (i32.const 6) (i32.const 0) (i32.const 2))
            (table.init $t $other (i32.const 8) (i32.const 0) (i32.const 2))
            (table.set $t (i32.const 10) (ref.func $h))
            (table.set $t (i32.const 11) (global.get $g))
            (call $one (i32.const 0)) (call $one (i32.const 1)) (call $one (i32.const 3))
            (call $one (i32.const 6)) (call $one (i32.const 9)) (call $one (i32.const 10))
            (call $one (i32.const 11))
            (call $two (i32.const 1)) (call $two (i32.const 2)) (call $two (i32.const 3))
            (i32.add
                (call $sum (i32.const 5))
                (i32.add (call $sum (i32.const 7)) (call $sum (i32.const 8)))))"#,
        &[(&[], &[21])],
    ),
    (
        "many tail calls by a table",
        r#"(import "env" "add" (func $add (param i32 i32) (result i32)))
        (type $t (func (param i32 i32) (result i32)))
        (table funcref (elem $again $add))
        (func $again (param i32 i32) (result i32)
            (return_call_indirect (type $t)
                (i32.sub (local.get 0) (i32.const 1))
                (i32.add (local.get 1) (i32.const 1))
                (i32.eqz (local.get 0))))
        (func (export "f") (param i32) (result i32)
            (call $again (local.get 0) (i32.const 0)))"#,
        &[(&[20_000], &[20_000])],
    ),
    (
        "a block with a parameter, over a local",
        r#"(func (export "f") (param i64 i32) (result i64)
            local.get 0 i32.const 7 local.get 1
            if (param i32) (result i32) (local.set 0 (i64.const 77)) end drop)"#,
        &[(&[5, 0], &[5]), (&[5, 1], &[5])],
    ),
    (
        "what earlier calls left",
        r#"(func (export "f") (param i64 i32) (result i64 i64 i64 i64)
            local.get 0 local.get 0 local.get 0 local.get 0
            i32.const 7
            local.get 1
            if (param i32) (result i32)
                local.get 1
                block (param i32) (result i32) end
                drop
            end
            drop)"#,
        &[(&[11, 0], &[11; 4]), (&[11, 1], &[11; 4])],
    ),
    (
        "a loop with a parameter, over a local",
        r#"(func (export "f") (param i64 i32) (result i64)
            (local.set 0 (i64.add (local.get 0) (local.get 0)))
            local.get 0 local.get 1
            loop (param i32) (result i32) (local.set 0 (i64.const 77)) end drop)"#,
        &[(&[5, 0], &[10])],
    ),
    (
        "a loop with parameters, and branches to it of every kind",
        r#"(func (export "f") (param i32) (result i32 i32) (local i32)
            local.get 0 i32.const 1
            loop $l (param i32 i32) (result i32 i32)
                local.set 1
                i32.const 1 i32.sub local.tee 0
                local.get 1 i32.const 3 i32.mul
                local.get 0 i32.const 4 i32.gt_u br_if $l
                local.set 1 drop
                local.get 0 local.get 1
                block $b (param i32 i32) (result i32 i32)
                    local.get 0 br_table $b $l $l $b $b
                end
            end)"#,
        &[(&[9], &[4, 243]), (&[3], &[0, 27]), (&[1], &[0, 3])],
    ),
    (
        "an if with a parameter that is a local",
        r#"(func (export "f") (param i32 i64) (result i64)
            local.get 1 local.get 0
            if (param i64) (result i64)
                block (result i64) i64.const 5 br 0 end
                local.set 1
            end
            local.set 1 local.get 1)"#,
        &[(&[0, 9], &[9]), (&[1, 9], &[9])],
    ),
    (
        "a select after i32.eqz",
        r#"(func (export "f") (param i32) (result i32)
            (select (i32.const 1) (i32.const 127) (i32.eqz (local.get 0))))"#,
        &[(&[1], &[127]), (&[0], &[1])],
    ),
    (
        "a select after i32.ne",
        r#"(func (export "f") (param i32) (result i32)
            (select (i32.const 1) (i32.const 127) (i32.ne (local.get 0) (i32.const 0))))"#,
        &[(&[1], &[1]), (&[0], &[127])],
    ),
    (
        "a select of a type after i32.eq and nop",
        r#"(func (export "f") (param i32) (result i64)
            i64.const 1 i64.const 127 i32.const 0 local.get 0 i32.eq nop select (result i64))"#,
        &[(&[1], &[127]), (&[0], &[1])],
    ),
    (
        "a select after a loop that ends with i32.eqz",
        r#"(func (export "f") (param i32) (result f64)
            f64.const 1 f64.const 2
            loop (result i32) local.get 0 i32.eqz end
            select)"#,
        &[
            (&[1], &[0x4000_0000_0000_0000]),
            (&[0], &[0x3ff0_0000_0000_0000]),
        ],
    ),
    (
        "a select after a comparison with a global that is zero",
        r#"(global $zero i32 (i32.const 0))
        (func (export "f") (param i32) (result i32)
            i32.const 1 i32.const 127
            global.get $zero local.get 0 i32.eq select)"#,
        &[(&[1], &[127]), (&[0], &[1])],
    ),
    (
        "a store of an address at itself, plus a global that is zero",
        r#"(memory 3)
        (global $zero i32 (i32.const 0))
        (func (export "f") (param i32) (result i32) (local i32)
            (local.set 1 (i32.add (local.get 0) (i32.const 1)))
            local.get 1 local.get 1 global.get $zero i32.add i32.store offset=65536
            (i32.load offset=65536 (local.get 1)))"#,
        &[(&[3], &[4])],
    ),
    (
        "a store of an address at itself, nothing plus it",
        r#"(memory 3)
        (func (export "f") (param i32) (result i32) (local i32)
            (local.set 1 (i32.add (local.get 0) (i32.const 1)))
            local.get 1 i32.const 0 local.get 1 i32.add i32.store offset=65536
            (i32.load offset=65536 (local.get 1)))"#,
        &[(&[3], &[4])],
    ),
    (
        "a select after a comparison with nothing times a local",
        r#"(func (export "f") (param i32) (result i32)
            i32.const 1 i32.const 127
            i32.const 0 local.get 0 i32.mul local.get 0 i32.eq select)"#,
        &[(&[1], &[127]), (&[0], &[1])],
    ),
    (
        "a select after zero was computed",
        r#"(func (export "f") (param i32) (result i32)
            i32.const 1 i32.const 127
            local.get 0 i32.const 5 i32.const 5 i32.sub i32.eq select)"#,
        &[(&[1], &[127]), (&[0], &[1])],
    ),
    (
        "a select after a comparison with a zero from before a call",
        r#"(func $none)
        (func (export "f") (param i32) (result i32)
            i32.const 1 i32.const 127
            i32.const 0 call $none local.get 0 i32.eq select)"#,
        &[(&[1], &[127]), (&[0], &[1])],
    ),
    (
        "a store of an address at itself, after a call",
        r#"(memory 3)
        (func $none)
        (func (export "f") (param i32) (result i32) (local i32)
            (local.set 1 (i32.add (local.get 0) (i32.const 1)))
            local.get 1 local.get 1 call $none i32.store16 offset=65536
            (i32.load offset=65536 (local.get 1)))"#,
        &[(&[3], &[4])],
    ),
    (
        "a store of an address at itself, plus nothing",
        r#"(memory 3)
        (func (export "f") (param i32) (result i32) (local i32)
            (local.set 1 (i32.add (local.get 0) (i32.const 1)))
            local.get 1 local.get 1 i32.const 0 i32.add local.tee 1 i32.store offset=65536
            (i32.load offset=65536 (local.get 1)))"#,
        &[(&[3], &[4])],
    ),
    (
        "a store of an address at itself, far away",
        r#"(memory 3)
        (func (export "f") (param i32) (result i32) (local i32)
            (local.set 1 (i32.add (local.get 0) (i32.const 1)))
            (i32.store offset=65536 (local.get 1) (local.get 1))
            (i32.load offset=65536 (local.get 1)))"#,
        &[(&[3], &[4])],
    ),
    (
        "a store of eight bits of an address at itself, in another memory",
        r#"(memory 1)
        (memory $other 1)
        (func (export "f") (param i32) (result i32) (local i32)
            (i32.store8 $other
                (local.tee 1 (i32.add (local.get 0) (i32.const 1)))
                (local.get 1))
            (i32.load8_u $other (local.get 1)))"#,
        &[(&[3], &[4])],
    ),
    (
        "a store of a widened address at itself",
        r#"(memory 3)
        (func (export "f") (param i32) (result i64) (local i32)
            (local.set 1 (i32.add (local.get 0) (i32.const 1)))
            (i64.store offset=65536 (local.get 1) (i64.extend_i32_u (local.get 1)))
            (i64.load offset=65536 (local.get 1)))"#,
        &[(&[3], &[4])],
    ),
    (
        "a br_table with an operand between",
        r#"(func (export "f") (param i32) (result i32)
            block $a (result i32 i32)
                block $b (result i32 i32)
                    i32.const 100
                    i32.const 7 i32.const 2 local.get 0 br_table $b $a $b $a
                end
                i32.const 1000 i32.add
            end
            i32.sub)"#,
        &[
            (&[0], &[0xffff_fc1d]),
            (&[1], &[5]),
            (&[2], &[0xffff_fc1d]),
            (&[3], &[5]),
            (&[4], &[5]),
        ],
    ),
    (
        "a br_table out of the function and to a loop",
        r#"(func (export "f") (param i32 i64) (result i64 i64)
            local.get 1 i64.const 2
            loop $l (param i64 i64) (result i64 i64)
                i64.add local.set 1
                local.get 1 i32.const 5 drop
                f32.const 1
                local.get 1 i64.const 10
                local.get 1 i64.const 20 i64.gt_u
                br_table $l 1
            end)"#,
        &[(&[0, 1], &[23, 10]), (&[0, 30], &[32, 10])],
    ),
    (
        "a select after ref.is_null",
        r#"(table 2 funcref) (elem (i32.const 1) $none)
        (func $none)
        (func $get (param i32) (result funcref) (table.get (local.get 0)))
        (func (export "f") (param i32) (result i32) (local funcref)
            (local.set 1 (call $get (local.get 0)))
            (select (i32.const 1) (i32.const 127) (ref.is_null (local.get 1))))"#,
        &[(&[0], &[1]), (&[1], &[127])],
    ),
    (
        "a select after a comparison of a comparison, of 64 bits",
        r#"(func (export "f") (param i32) (result i32)
            i32.const 1 i32.const 127
            local.get 0 i32.eqz i64.extend_i32_u i64.eqz select)"#,
        &[(&[0], &[127]), (&[7], &[1])],
    ),
    (
        "a select after a select that its condition decides",
        r#"(func (export "f") (param i32) (result i32)
            i32.const 1 i32.const 127
            local.get 0 i32.eqz i32.const 9 i32.const 1 select select)"#,
        &[(&[0], &[1]), (&[7], &[127])],
    ),
    (
        "a select after a local was set to itself",
        r#"(func (export "f") (param i32) (result i32) (local i32)
            i32.const 1 i32.const 127
            local.get 0 i32.eqz local.get 1 local.set 1 select)"#,
        &[(&[0], &[1]), (&[7], &[127])],
    ),
    (
        "a select after a branch that is never taken",
        r#"(func (export "f") (param i32) (result i32)
            block
                i32.const 1 i32.const 127
                local.get 0 i32.eqz i32.const 0 br_if 0 select return
            end
            i32.const 5)"#,
        &[(&[0], &[1]), (&[7], &[127])],
    ),
    (
        "a select in a block that takes its condition",
        r#"(func (export "f") (param i32) (result i32)
            i32.const 1 i32.const 127 local.get 0 i32.eqz
            block (param i32 i32 i32) (result i32) select end)"#,
        &[(&[0], &[1]), (&[7], &[127])],
    ),
    (
        "a store of a widened address at itself, after other code",
        r#"(memory 3)
        (global $g (mut i32) (i32.const 0))
        (func (export "f") (param i32) (result i32) (local i32)
            (local.set 1 (i32.add (local.get 0) (i32.const 1)))
            local.get 1 (i64.extend_i32_u (local.get 1)) (global.set $g (i32.const 1))
            i64.store offset=65536
            (i32.load offset=65536 (local.get 1)))"#,
        &[(&[3], &[4])],
    ),
    (
        "an if whose parameter is in a register",
        r#"(func (export "f") (param i32 i64) (result i64)
            (i64.add (local.get 1) (i64.const 1))
            local.get 0
            if (param i64) (result i64)
                (drop (local.tee 1 (i64.add (i64.const 3)))) local.get 1
            else
                i64.const 5 i64.add
            end)"#,
        &[(&[0, 9], &[15]), (&[1, 9], &[13])],
    ),
    (
        "an if without else, whose parameter is a local that it sets",
        r#"(func (export "f") (param i32 i64) (result i64)
            local.get 1 local.get 0
            if (param i64) (result i64)
                drop (i64.add (local.get 1) (i64.const 3)) local.tee 1
            end)"#,
        &[(&[0, 9], &[9]), (&[1, 9], &[12])],
    ),
    (
        "growth over a local on the stack",
        r#"(memory 3 5)
        (func (export "f") (result i32) (local i32)
            i32.const 1 memory.grow local.tee 0 local.get 0
            i32.const 2 memory.grow drop drop)"#,
        &[(&[], &[3])],
    ),
];

#[cfg(feature = "simd")]
const VECTORS: &[Row] = &[
    (
        "a br_table with one vector and an operand between",
        r#"(func (export "f") (param i32) (result i32)
            block $a (result v128)
                block $b (result v128)
                    i32.const 100
                    v128.const i32x4 7 7 7 7 local.get 0 br_table $a $b
                end
                i32x4.extract_lane 0 i32.const 1000 i32.add i32x4.splat
            end
            i32x4.extract_lane 0)"#,
        &[(&[0], &[7]), (&[1], &[1_007])],
    ),
    (
        "a store of a lane far away",
        r#"(memory 2)
        (func (export "f") (result i32) (local v128)
            (v128.store8_lane offset=65536 0 (i32.const 0) (local.get 0)) (i32.const 5))"#,
        &[(&[], &[5])],
    ),
    (
        "stores of lanes of every size",
        r#"(memory 2)
        (memory $other 1)
        (func (export "f") (param i32) (result i64 i64) (local $v v128)
            (local.set $v (v128.const i64x2 0x0807060504030201 0x100f0e0d0c0b0a09))
            (v128.store8_lane offset=65536 9 (local.get 0) (local.get $v))
            (v128.store16_lane offset=65537 3 (local.get 0) (local.get $v))
            (v128.store32_lane offset=65539 3 (local.get 0) (local.get $v))
            (v128.store64_lane $other 1 (local.get 0) (local.get $v))
            (i64.load offset=65536 (local.get 0))
            (i64.load $other (local.get 0)))"#,
        &[(&[0], &[0x0010_0f0e_0d08_070a, 0x100f_0e0d_0c0b_0a09])],
    ),
];
#[cfg(not(feature = "simd"))]
const VECTORS: &[Row] = &[];

fn rows() -> impl Iterator<Item = &'static Row> {
    ROWS.iter().chain(VECTORS)
}

/// A row's module with more in it.
fn module((name, text, _): &Row, more: &str) -> Vec<u8> {
    let module = wat::parse_str(format!("(module {text} {more})"));
    module.unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Loads a module and calls it as the row says.
fn check(runner: &Runner, module: &[u8], (name, _, calls): &Row) {
    let plugin = runner.load_plugin("m", module).expect(name);
    for (params, results) in *calls {
        let outcome = runs(plugin.call("f").params(params));
        assert_eq!(outcome.results(), *results, "{name}");
    }
}

fn config() -> RunnerConfig {
    let add =
        |_: &mut HostContext<'_>, a: u32, b: u32| -> Result<u32, Error> { Ok(a.wrapping_add(b)) };
    patient().max_memories(2).function("env", "add", add)
}

#[test]
fn means_what_the_specification_says() {
    for compilation in [Compilation::AtLoad, Compilation::WhenCalled] {
        for slice in [1, 7, 50_000] {
            let runner = runner(config().compilation(compilation).slice(slice));
            for row in rows() {
                let (name, _, calls) = row;
                let plugin = runner.load_plugin("m", module(row, "")).expect(name);
                let mut kept = plugin.instantiate().expect(name);
                for (params, results) in *calls {
                    let said = format!("{name}, {params:?}, {compilation:?}, slice {slice}");
                    let fresh = runs(plugin.call("f").params(params));
                    assert_eq!(fresh.results(), *results, "{said}");
                    let again = runs(kept.call("f").params(params));
                    assert_eq!(again.results(), *results, "{said}");
                }
            }
        }
    }
}

#[test]
fn means_the_same_without_loading_by_name() {
    let runner = runner(config());
    for row in rows() {
        let (name, _, calls) = row;
        for (params, results) in *calls {
            let ran = runner.run_module(&module(row, ""), "f", params);
            assert_eq!(ran.expect(name), *results, "{name}");
        }
    }
}

/// With an initialiser before the function, in the module itself and in one that is written.
#[test]
fn means_the_same_in_snapshots() {
    let runner = runner(config().snapshots(SnapshotMode::WherePossible));
    for row in rows() {
        let ready = r#"(func (export "_initialize") (global.set $ready (i32.const 1)))
            (global $ready (mut i32) (i32.const 0))"#;
        let module = module(row, ready);
        check(&runner, &module, row);
        // There is no snapshot of code that changes a table, nor of two memories.
        if let Ok(written) = runner.snapshot_module(&module, None) {
            check(&runner, &written, row);
        }
    }
}

/// A memory of single bytes ends where its size would not be a number of 32 bits any more.
#[cfg(target_pointer_width = "64")]
#[test]
fn a_memory_of_bytes_has_fewer_than_2_to_the_32() {
    let runner = runner(config().max_memory_pages(65_536));
    for memory in ["0 (pagesize 1)", "0 0xffffffff (pagesize 1)"] {
        let text = format!(
            r#"(module (memory {memory})
                (func (export "f") (param i32) (result i64)
                    (i64.extend_i32_u (memory.grow (local.get 0)))))"#
        );
        let module = wat::parse_str(text).expect(memory);
        let plugin = runner.load_plugin("m", module).expect(memory);
        let mut kept = plugin.instantiate().expect("starts");
        for (pages, before) in [(5, 0), (0xffff_fffb, 0xffff_ffff), (0, 5)] {
            let outcome = runs(kept.call("f").params(&[pages]));
            assert_eq!(outcome.results(), [before], "{memory}");
        }
    }
}

/// What tail calls are for: they take no stack, also where one of them reaches the host.
#[test]
fn a_million_tail_calls() {
    let (_, text, _) = rows()
        .find(|(name, ..)| *name == "many tail calls by a table")
        .expect("it is a row");
    let module = wat::parse_str(format!("(module {text})")).expect("text");
    let runner = runner(config().max_recursion_depth(4));
    let plugin = runner.load_plugin("m", module).expect("loads");
    let outcome = runs(plugin.call("f").params(&[1_000_000]));
    assert_eq!(outcome.results(), [1_000_000]);
}

/// Many exported functions move into a table.
#[test]
fn means_the_same_among_many_exports() {
    let many: String = (0..9)
        .map(|number| format!("(func (export \"e{number}\"))"))
        .collect();
    let runner = runner(config());
    for row in rows() {
        check(&runner, &module(row, &many), row);
    }
}
