//! Values of all types in signatures: of exports, of host functions, through references.

use crate::convention::{config, load, refused};
use pocketwasm::{
    Error, ErrorKind, HostContext, HostFunction, Runner, RunnerConfig,
    types::{ExternRef, FuncRef, Signature, Value, ValueType},
};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

fn runner(config: RunnerConfig) -> Runner {
    Runner::new(config).expect("valid")
}

/// A guest whose `f` passes its parameters to `env.f` and returns its results.
fn relay(params: &str, results: &str) -> String {
    let gets: String = (0..params.split_whitespace().count())
        .map(|index| format!("(local.get {index})"))
        .collect();
    format!(
        r#"(module
            (import "env" "f" (func $f (param {params}) (result {results})))
            (func (export "f") (param {params}) (result {results}) (call $f {gets})))"#
    )
}

#[test]
fn a_closure_has_up_to_sixteen_parameters_and_results() {
    macro_rules! sum {
        ($($name:ident)*) => {
            |_: &mut HostContext<'_>, $($name: u64),*| -> u64 {
                // Each at its own place: a swap changes the sum.
                [$($name),*].iter().zip(1..).map(|(value, place)| value * place).sum()
            }
        };
    }
    let nine = sum!(a b c d e g h i j);
    let sixteen = sum!(a b c d e g h i j k l m n o p q);
    let config = config()
        .function("env", "nine", nine)
        .function("env", "sixteen", sixteen);
    let runner = runner(config);
    for (name, count, sum) in [("nine", 9_u64, 285), ("sixteen", 16, 1_496)] {
        let params = "i64 ".repeat(usize::try_from(count).expect("few"));
        let text = relay(&params, "i64").replace("\"env\" \"f\"", &format!("\"env\" \"{name}\""));
        let plugin = load(&runner, name, &text);
        let params: Vec<u64> = (1..=count).collect();
        let outcome = plugin.call("f").params(&params).run().expect(name);
        assert_eq!(outcome.results(), [sum], "{name}");
    }
}

#[test]
fn a_closure_returns_up_to_sixteen_results() {
    type Five = (i32, i64, f32, f64, u32);
    let five = |_: &mut HostContext<'_>| -> Result<Five, Error> { Ok((-1, -2, 3.5, 4.5, 5)) };
    let types = "i32 i64 f32 f64 i32";
    let plugin = load(
        &runner(config().function("env", "f", five)),
        "five",
        &relay("", types),
    );
    let outcome = plugin.call("f").values(&[]).run().expect("runs");
    let expected: [Value; 5] = [
        Value::from(-1_i32),
        Value::from(-2_i64),
        Value::from(3.5_f32),
        Value::from(4.5_f64),
        Value::from(5_u32),
    ];
    assert_eq!(outcome.values(), expected);
    assert!(outcome.results().is_empty());
}

#[test]
fn a_function_of_any_signature_takes_and_returns_values() {
    let signature = Signature::new(
        [ValueType::I32, ValueType::ExternRef, ValueType::F64],
        [ValueType::F64, ValueType::ExternRef, ValueType::I32],
    );
    let reverse = HostFunction::new(signature, |_, params, results| {
        for (to, from) in results.iter_mut().zip(params.iter().rev()) {
            *to = from.clone();
        }
        Ok::<_, Error>(())
    });
    assert_eq!(
        format!("{reverse:?}"),
        "HostFunction((i32, externref, f64) -> (f64, externref, i32))"
    );
    let runner = runner(config().function("env", "f", reverse));
    let plugin = load(
        &runner,
        "reverse",
        &relay("i32 externref f64", "f64 externref i32"),
    );
    let object = Value::from(ExternRef::new(7_u8));
    let params = [Value::from(1_i32), object.clone(), Value::from(f64::NAN)];
    let outcome = plugin.call("f").values(&params).run().expect("runs");
    let [a, b, c] = params;
    assert_eq!(outcome.values(), [c, b, a]);
}

#[test]
fn wrong_values_are_refused_with_what_is_wrong() {
    let wrong = |signature: Signature, value: Value| {
        HostFunction::new(signature, move |_, _, results| {
            results[0] = value.clone();
            Ok::<_, Error>(())
        })
    };
    let one = |ty| Signature::new([], [ty]);
    let cases = [
        (
            "i32",
            wrong(one(ValueType::I32), Value::from(1_i64)),
            "host function \"env\" \"f\": result 1 is of type i64; its signature says i32",
        ),
        (
            "externref",
            wrong(one(ValueType::ExternRef), Value::FuncRef(None)),
            "host function \"env\" \"f\": result 1 is of type funcref; its signature says \
             externref",
        ),
    ];
    for (results, function, said) in cases {
        let runner = runner(config().function("env", "f", function));
        let plugin = load(&runner, results, &relay("", results));
        refused(plugin.call("f").values(&[]).run(), ErrorKind::Host, said);
    }
    let runner = runner(config());
    let plugin = load(
        &runner,
        "takes",
        r#"(module (func (export "f") (param i32 externref)))"#,
    );
    let cases: [(&[Value], &str); 3] = [
        (&[], "takes 2 parameters (i32, externref) -> (), not 0"),
        (
            &[Value::I32(1), Value::I32(2), Value::I32(3)],
            "takes 2 parameters (i32, externref) -> (), not 3",
        ),
        (
            &[Value::I32(1), Value::I32(2)],
            "parameter 2 is of type i32, not externref",
        ),
    ];
    for (values, said) in cases {
        let result = plugin.call("f").values(values).run();
        refused(result, ErrorKind::Signature, said);
    }
}

/// A guest that keeps a reference in a table, a global and a local, and gives it back.
const KEEPER: &str = r#"(module
    (import "env" "made" (func $made (result externref)))
    (table $t 1 externref)
    (func (export "put") (param externref) (table.set $t (i32.const 0) (local.get 0)))
    (func (export "get") (result externref) (table.get $t (i32.const 0)))
    (func (export "make") (param i32)
        (loop
            (table.set $t (i32.const 0) (call $made))
            (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))"#;

#[test]
fn an_object_comes_back_as_it_was_given() {
    let made = |_: &mut HostContext<'_>| Some(ExternRef::new(String::from("made")));
    let runner = runner(config().function("env", "made", made));
    let plugin = load(&runner, "keeper", KEEPER);
    let mut instance = plugin.instantiate().expect("instance");
    let get = |instance: &mut pocketwasm::Instance| {
        let outcome = instance.call("get").values(&[]).run().expect("get");
        outcome.values()[0]
            .get::<Option<ExternRef>>()
            .expect("a reference")
    };
    assert_eq!(get(&mut instance), None);
    let object = ExternRef::new(String::from("given"));
    let given = [Value::from(object.clone())];
    instance.call("put").values(&given).run().expect("put");
    assert_eq!(get(&mut instance), Some(object));
    instance
        .call("make")
        .values(&[Value::I32(1)])
        .run()
        .expect("make");
    let made = get(&mut instance).expect("an object");
    assert_eq!(
        made.downcast_ref::<String>().map(String::as_str),
        Some("made")
    );
}

#[test]
fn objects_that_an_instance_holds_are_counted() {
    let same = ExternRef::new(0_u8);
    let repeated = move |_: &mut HostContext<'_>| Some(same.clone());
    let fresh = |_: &mut HostContext<'_>| Some(ExternRef::new(0_u8));
    // The table has one element, and the store holds up to two objects.
    let limited = || config().max_table_elements(2);
    let plugin = load(
        &runner(limited().function("env", "made", repeated)),
        "one",
        KEEPER,
    );
    plugin
        .call("make")
        .params(&[100])
        .run()
        .expect("one object");
    let plugin = load(
        &runner(limited().function("env", "made", fresh)),
        "many",
        KEEPER,
    );
    plugin.call("make").params(&[2]).run().expect("two objects");
    refused(
        plugin.call("make").params(&[3]).run(),
        ErrorKind::Host,
        "the instance holds 2 references to objects of the host; the limit `max_table_elements` \
         allows no more",
    );
}

/// An object that a guest was given lives as long as the instance, and an instance that holds one
/// serves no other call.
#[test]
fn an_object_is_gone_with_its_call() {
    struct Counted(Arc<AtomicUsize>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
    }
    let alive = Arc::new(AtomicUsize::new(0));
    let counter = alive.clone();
    let give = move |_: &mut HostContext<'_>| {
        counter.fetch_add(1, Ordering::Relaxed);
        Some(ExternRef::new(Counted(counter.clone())))
    };
    let runner = runner(config().function("env", "give", give));
    let text = r#"(module
        (import "env" "give" (func $give (result externref)))
        (memory (export "memory") 8)
        (func (export "f") (drop (call $give))))"#;
    let plugin = load(&runner, "gives", text);
    for round in 0..5 {
        plugin.call("f").run().expect("runs");
        assert_eq!(alive.load(Ordering::Relaxed), 0, "{round}");
    }
}

const PICKER: &str = r#"(module
    (import "env" "apply" (func $apply (param funcref i32) (result i32)))
    (func $next (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
    (func $trap (param i32) (result i32) (unreachable))
    (elem declare func $next $trap $apply)
    (func (export "next") (result funcref) (ref.func $next))
    (func (export "trap") (result funcref) (ref.func $trap))
    (func (export "host") (result funcref) (ref.func $apply))
    (func (export "null") (result funcref) (ref.null func))
    (func (export "apply") (param i32) (result i32)
        (call $apply (ref.func $next) (local.get 0))))"#;

fn apply(
    context: &mut HostContext<'_>,
    function: Option<FuncRef>,
    number: i32,
) -> Result<i32, Error> {
    let Some(function) = function else {
        return Ok(-1);
    };
    let results = context.call_reference(&function, &[Value::from(number)])?;
    Ok(results[0].get().expect("an i32"))
}

fn picked(instance: &mut pocketwasm::Instance, export: &str) -> Option<FuncRef> {
    let outcome = instance.call(export).values(&[]).run().expect("picks");
    outcome.values()[0]
        .get::<Option<FuncRef>>()
        .expect("a reference")
}

#[test]
fn a_reference_to_a_function_is_called_by_its_own_instance_only() {
    let runner = runner(config().function("env", "apply", apply));
    let plugin = load(&runner, "picker", PICKER);
    assert_eq!(
        plugin
            .call("apply")
            .params(&[41])
            .run()
            .expect("runs")
            .results(),
        [42]
    );
    let mut instance = plugin.instantiate().expect("instance");
    assert_eq!(picked(&mut instance, "null"), None);
    let next = picked(&mut instance, "next").expect("a function");
    assert_eq!(next.signature().to_string(), "(i32) -> (i32)");
    let outcome = instance
        .call_reference(&next, &[Value::I32(1)])
        .expect("runs");
    assert_eq!(outcome.values(), [Value::I32(2)]);
    // The guest's import is a function like any other.
    let host = picked(&mut instance, "host").expect("a function");
    let params = [Value::from(next.clone()), Value::I32(2)];
    let outcome = instance.call_reference(&host, &params).expect("runs");
    assert_eq!(outcome.values(), [Value::I32(3)]);
    refused(
        instance.call_reference(&next, &[]),
        ErrorKind::Signature,
        "takes 1 parameter (i32) -> (i32), not 0",
    );

    let foreign = "a reference to a function of another instance cannot be used here";
    let mut other = plugin.instantiate().expect("instance");
    for begun in [false, true] {
        if begun {
            picked(&mut other, "next");
        }
        let mut again = plugin.instantiate().expect("instance");
        let refuses = if begun { &mut other } else { &mut again };
        let result = refuses.call_reference(&next, &[Value::I32(1)]);
        refused(result, ErrorKind::Signature, foreign);
    }
    let mut another = plugin.instantiate().expect("instance");
    let host = picked(&mut another, "host").expect("a function");
    let params = [Value::from(next), Value::I32(2)];
    refused(
        another.call_reference(&host, &params),
        ErrorKind::Signature,
        foreign,
    );

    let trap = picked(&mut instance, "trap").expect("a function");
    let error = instance
        .call_reference(&trap, &[Value::I32(1)])
        .expect_err("traps");
    assert_eq!(
        error.to_string(),
        "plugin \"picker\": trap: `unreachable` executed"
    );
    assert!(instance.is_poisoned());
    let error = instance
        .call_reference(&trap, &[Value::I32(1)])
        .expect_err("poisoned");
    assert_eq!(error.kind(), ErrorKind::Poisoned);
}

/// A call by reference has the fuel of a call, in the same slices.
#[test]
fn a_call_by_reference_ends() {
    let plugin = load(
        &runner(config().fuel(1_000_000)),
        "endless",
        r#"(module
            (func $endless (loop (br 0)))
            (elem declare func $endless)
            (func (export "f") (result funcref) (ref.func $endless)))"#,
    );
    let mut instance = plugin.instantiate().expect("instance");
    let endless = picked(&mut instance, "f").expect("a function");
    refused(
        instance.call_reference(&endless, &[]),
        ErrorKind::OutOfFuel,
        "out of fuel: all 1000000 units of the limit `fuel` are used",
    );
}

#[cfg(feature = "simd")]
#[test]
fn vectors_pass_both_ways() {
    let swap = |_: &mut HostContext<'_>, a: u128, b: u128| (b, a);
    let plugin = load(
        &runner(config().function("env", "f", swap)),
        "swap",
        &relay("v128 v128", "v128 v128"),
    );
    let (a, b) = (
        u128::MAX - 1,
        0x0f0e_0d0c_0b0a_0908_0706_0504_0302_0100_u128,
    );
    let outcome = plugin
        .call("f")
        .values(&[Value::from(a), Value::from(b)])
        .run()
        .expect("runs");
    assert_eq!(outcome.values(), [Value::from(b), Value::from(a)]);
    // Lane 0 is in the lowest bits.
    let plugin = load(
        &runner(config()),
        "lanes",
        r#"(module (func (export "f") (param v128) (result i32)
            (i8x16.extract_lane_u 1 (local.get 0))))"#,
    );
    let outcome = plugin
        .call("f")
        .values(&[Value::from(b)])
        .run()
        .expect("runs");
    assert_eq!(outcome.values(), [Value::I32(1)]);
}
