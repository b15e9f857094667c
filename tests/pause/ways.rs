//! A host function that answers later is as one that answers at once, however the guest comes to it.

use crate::support::{IMPORTS, answered, functions, patient, text, told};
use pocketwasm::{
    Instance,
    types::{Value, ValueType},
};

/// Ways in which a guest comes to a host function, and how often the function waits.
const WAYS: &[(&str, u32, &str)] = &[
    (
        "a call",
        1,
        r#"(func (export "f") (result i32) (call $to (i32.const 4)))"#,
    ),
    (
        "a loop",
        10,
        r#"(func (export "f") (result i32) (local $i i32) (local $sum i32)
        (loop $again
            (local.set $sum (i32.add (i32.mul (local.get $sum) (i32.const 5))
                (call $to (local.get $i))))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $i) (i32.const 10))))
        (local.get $sum))"#,
    ),
    (
        "values that live on",
        2,
        r#"(func (export "f") (param i64 f32 f64) (result i64 f32 f64 i32)
        (i64.add (local.get 0) (i64.const 3))
        (f32.mul (local.get 1) (f32.const 2))
        (f64.sub (local.get 2) (f64.const 1))
        (i32.add (call $to (i32.wrap_i64 (local.get 0))) (call $to (i32.const 8))))
        (func (export "g"))"#,
    ),
    (
        "a table",
        3,
        r#"(table funcref (elem $to $inner))
        (type $t (func (param i32) (result i32)))
        (func $inner (type $t) (i32.sub (call $to (local.get 0)) (i32.const 1)))
        (func (export "f") (result i32) (local $i i32)
            (i32.add
                (call_indirect (type $t) (i32.const 3) (i32.const 0))
                (i32.add
                    (call_indirect (type $t) (i32.const 4) (i32.const 1))
                    (call_indirect (type $t) (i32.const 5) (i32.const 0)))))"#,
    ),
    (
        "recursion",
        101,
        r#"(func $deep (param i32) (result i32)
            (if (result i32) (i32.eqz (local.get 0)) (then (call $to (i32.const 1)))
                (else (i32.add
                    (call $deep (i32.sub (local.get 0) (i32.const 1)))
                    (call $to (local.get 0))))))
        (func (export "f") (result i32) (call $deep (i32.const 100)))"#,
    ),
    (
        "no results",
        2,
        r#"(func (export "f") (result i32) (local $x i32)
        (local.set $x (i32.const 7)) (call $nothing) (call $nothing) (local.get $x))"#,
    ),
    (
        "no slots",
        2,
        r#"(func $g (call $nothing)) (func (export "f") (call $g) (call $g))"#,
    ),
    (
        "ten results",
        2,
        r#"(func (export "f") (result i32)
        (call $ten (i32.const 2)) (drop (call $to))
        i32.add i32.mul i32.add i32.mul i32.add i32.mul i32.add i32.mul)"#,
    ),
    (
        "all types",
        1,
        r#"(func (export "f") (result i32 i64 f32 f64 externref)
        (call $all (i32.const 6)))"#,
    ),
    (
        "growing tables",
        4,
        r#"(table $t 1 externref) (func (export "f") (result i32) (local $i i32)
        (loop $again
            (drop (table.grow $t (ref.null extern) (i32.const 3)))
            (drop (call $to (i32.const 1)))
            (drop (table.grow $t (ref.null extern) (i32.const 4)))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $i) (i32.const 4))))
        (table.size $t))"#,
    ),
    (
        "growing memory",
        4,
        r#"(memory (export "memory") 1) (func (export "f") (result i32)
        (local $i i32)
        (loop $again
            (i32.store (i32.sub (i32.shl (memory.size) (i32.const 16)) (i32.const 4))
                (call $to (memory.grow (i32.const 1))))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $i) (i32.const 4))))
        (i32.load (i32.sub (i32.shl (memory.size) (i32.const 16)) (i32.const 4))))"#,
    ),
    (
        "a start function",
        1,
        r#"(global $g (mut i32) (i32.const 0))
        (func $start (global.set $g (call $to (i32.const 3)))) (start $start)
        (func (export "f") (result i32) (global.get $g))"#,
    ),
    (
        "a start function of the host's",
        1,
        r#"(start $nothing)
        (func (export "f") (result i32) (i32.const 2))"#,
    ),
    (
        "an initialiser",
        2,
        r#"(global $g (mut i32) (i32.const 0))
        (func (export "_initialize") (global.set $g (call $to (i32.const 3))))
        (func (export "f") (result i32) (i32.add (global.get $g) (call $to (i32.const 1))))"#,
    ),
    ("an export of the host's", 1, r#"(export "f" (func $to))"#),
    (
        "a tail call as the last act",
        1,
        r#"(func (export "f") (result i32)
        (return_call $to (i32.const 9)))"#,
    ),
    (
        "a tail call without slots",
        1,
        r#"(func (export "f") (return_call $nothing))"#,
    ),
];

#[test]
fn a_function_that_answers_later_is_as_one_that_answers_at_once() {
    for (what, waits, body) in WAYS {
        let module = format!("(module {IMPORTS} {body})");
        let at_once = text(functions(patient(), false), &module);
        let later = text(functions(patient(), true), &module);
        let params = match at_once
            .exports()
            .iter()
            .find(|it| &*it.name == "f")
            .unwrap()
            .ty
            .signature()
        {
            Some(signature) => signature
                .params()
                .iter()
                .map(|ty| match ty {
                    ValueType::I32 => Value::I32(11),
                    ValueType::I64 => Value::I64(-70_000_000_000),
                    ValueType::F32 => Value::F32(0.1),
                    _ => Value::F64(1e300),
                })
                .collect::<Vec<Value>>(),
            None => panic!("{what}"),
        };
        let whole = at_once.call("f").values(&params).run();
        assert!(whole.is_ok(), "{what}: {whole:?}");
        for portion in [1, 7, 50, u64::MAX] {
            let (ended, waited) =
                answered(later.call("f").values(&params).run_for(portion), portion);
            let (told, whole) = (told(&ended), told(&whole));
            // An object is another one each time.
            assert_eq!(told, whole, "{what}, portions of {portion}");
            assert_eq!(waited, *waits, "{what}, portions of {portion}");
        }
        // In an instance that is kept, and whose every call is for numbers if it can be.
        if let (Ok(kept), false) = (
            at_once.instantiate(),
            what.contains("start") || what.contains("initialiser"),
        ) {
            let mut kept: Instance = kept;
            let whole = kept.call("f").values(&params).run();
            let mut kept = later.instantiate().unwrap();
            let (ended, _) = answered(kept.call("f").values(&params).run_for(3), 3);
            assert_eq!(told(&ended), told(&whole), "{what}, kept");
        }
    }
}
