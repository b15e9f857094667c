//! Calls with Rust's own types.

use crate::convention::{config, load, refused};
use pocketwasm::{
    Error, ErrorKind, Runner,
    types::{ExternRef, FuncRef},
};

const MODULE: &str = r#"(module
    (func (export "nothing"))
    (func (export "every") (param i32 i32 i64 i64 f32 f64)
        (result f64 f32 i64 i64 i32 i32)
        (local.get 5) (local.get 4) (local.get 3) (local.get 2) (local.get 1) (local.get 0))
    (func (export "references") (param i32 externref funcref) (result funcref externref i32)
        (local.get 2) (local.get 1) (local.get 0))
    (func (export "trap") (result i32) (unreachable))
    (global $count (mut i32) (i32.const 0))
    (func (export "count") (param i32) (result i32)
        (global.set $count (i32.add (global.get $count) (local.get 0)))
        (global.get $count)))"#;

fn plugin() -> pocketwasm::Plugin {
    load(&Runner::new(config()).expect("valid"), "typed", MODULE)
}

type Every = (i32, u32, i64, u64, f32, f64);
type Reversed = (f64, f32, u64, i64, u32, i32);

#[test]
fn every_type_passes_both_ways() -> Result<(), Error> {
    let plugin = plugin();
    plugin.typed::<(), ()>("nothing")?.call(())?;
    let every = plugin.typed::<Every, Reversed>("every")?;
    let params = (-1, u32::MAX, i64::MIN, u64::MAX, -1.5, f64::MAX);
    let reversed = (f64::MAX, -1.5, u64::MAX, i64::MIN, u32::MAX, -1);
    assert_eq!(every.call(params)?, reversed);
    assert_eq!(every.call_in(&mut plugin.instantiate()?, params)?, reversed);
    let nan = f32::from_bits(0x7fc0_1234);
    let (_, back, ..) = every.call((0, 0, 0, 0, nan, 0.0))?;
    assert_eq!(back.to_bits(), nan.to_bits());

    type In = (i32, Option<ExternRef>, Option<FuncRef>);
    type Out = (Option<FuncRef>, Option<ExternRef>, i32);
    let references = plugin.typed::<In, Out>("references")?;
    let object = Some(ExternRef::new("object"));
    let results = references.call((1, object.clone(), None))?;
    assert_eq!(results, (None, object, 1));
    Ok(())
}

#[cfg(feature = "simd")]
#[test]
fn vectors_pass_both_ways() -> Result<(), Error> {
    let text = r#"(module (func (export "f") (param v128 i32) (result i32 v128)
        (local.get 1) (local.get 0)))"#;
    let plugin = load(&Runner::new(config())?, "vectors", text);
    let swap = plugin.typed::<(u128, i32), (i32, u128)>("f")?;
    assert_eq!(swap.call((u128::MAX - 5, 7))?, (7, u128::MAX - 5));
    Ok(())
}

#[test]
fn other_types_are_refused_with_both() {
    let plugin = plugin();
    let export = "plugin \"typed\", export \"count\": has type (i32) -> (i32), not ";
    let error = plugin.typed::<(i32, i32), i32>("count").expect_err("two");
    assert_eq!(error.to_string(), format!("{export}(i32, i32) -> (i32)"));
    let error = plugin.typed::<i32, ()>("count").expect_err("no result");
    assert_eq!(error.to_string(), format!("{export}(i32) -> ()"));
    let error = plugin.typed::<u64, u32>("count").expect_err("64 bits");
    assert_eq!(error.to_string(), format!("{export}(i64) -> (i32)"));
    let error = plugin
        .typed::<(), ()>("nothin")
        .expect_err("no such export");
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn a_typed_call_is_a_call() -> Result<(), Error> {
    let plugin = plugin();
    let trap = plugin.typed::<(), i32>("trap")?;
    refused(
        trap.call(()),
        ErrorKind::Trap,
        "trap: `unreachable` executed",
    );
    let mut instance = plugin.instantiate()?;
    let count = instance.typed::<u32, u32>("count")?;
    assert_eq!(count.call_in(&mut instance, 40)?, 40);
    let (sum, outcome) = count.call_in_with(&mut instance, 2, |call| call.fuel(100))?;
    assert_eq!((sum, outcome.results()), (42, &[42][..]));
    // Each fresh instance counts from the beginning.
    assert_eq!(count.call(2)?, 2);
    let starved = count.call_with(2, |call| call.fuel(1)).map(|_| ());
    refused(
        starved,
        ErrorKind::OutOfFuel,
        "out of fuel: all 1 units of the limit `fuel` are used",
    );
    trap.call_in(&mut instance, ()).expect_err("a trap");
    let error = count.call_in(&mut instance, 1).expect_err("poisoned");
    assert_eq!(error.kind(), ErrorKind::Poisoned);
    Ok(())
}

/// What was checked for one plugin is checked again for another.
#[test]
fn an_instance_of_another_plugin_is_checked() -> Result<(), Error> {
    let count = plugin().typed::<i32, i32>("count")?;
    let same = plugin();
    assert_eq!(count.call_in(&mut same.instantiate()?, 3)?, 3);
    let text = r#"(module (func (export "count") (param i64) (result i32) (i32.const 1)))"#;
    let other = load(&Runner::new(config())?, "other", text);
    let error = count
        .call_in(&mut other.instantiate()?, 3)
        .expect_err("i64");
    assert_eq!(
        error.to_string(),
        "plugin \"other\", export \"count\": has type (i64) -> (i32), not (i32) -> (i32)"
    );
    Ok(())
}
