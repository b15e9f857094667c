//! What the tests of suspended calls share.

use pocketwasm::{
    Error, ErrorKind, HostFunction, Outcome, PausedCall, Plugin, Progress, Runner, RunnerConfig,
    WaitingCall,
    types::{ExternRef, Signature, Value, ValueType},
};
use std::{fs, path::Path, time::Duration};

/// Only fuel ends a call, unless it hangs.
pub(crate) fn patient() -> RunnerConfig {
    RunnerConfig::new().timeout(Duration::from_secs(60))
}

pub(crate) fn fixture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    match fs::read(path.join(format!("{name}.wasm"))) {
        Ok(bytes) => bytes,
        Err(_) => wat::parse_file(path.join(format!("wat/{name}.wat"))).unwrap(),
    }
}

pub(crate) fn load(config: RunnerConfig, name: &str) -> Plugin {
    let runner = Runner::new(config).unwrap();
    runner.load_plugin(name, fixture(name)).unwrap()
}

pub(crate) fn text(config: RunnerConfig, module: &str) -> Plugin {
    let runner = Runner::new(config).unwrap();
    runner
        .load_plugin("m", wat::parse_str(module).unwrap())
        .unwrap()
}

pub(crate) fn paused(progress: Progress<'_>) -> PausedCall<'_> {
    match progress {
        Progress::Paused(call) => call,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn waiting(progress: Progress<'_>) -> WaitingCall<'_> {
    match progress {
        Progress::Waiting(call) => call,
        other => panic!("{other:?}"),
    }
}

/// Goes on in portions until the call ends, and checks what is said of it in between.
pub(crate) fn to_the_end<'a>(
    mut progress: Result<Progress<'a>, Error>,
    portion: u64,
) -> (Result<Outcome, Error>, u64) {
    let (mut pauses, mut used) = (0, 0);
    loop {
        progress = match progress {
            Ok(Progress::Finished(outcome)) => return (Ok(outcome), pauses),
            Ok(Progress::Paused(call)) => {
                pauses += 1;
                assert!(call.fuel_used() >= used, "fuel never comes back");
                used = call.fuel_used();
                call.resume(portion)
            }
            Ok(other) => panic!("{other:?}"),
            Err(error) => return (Err(error), pauses),
        }
    }
}

/// What must be the same, whatever the portions.
pub(crate) fn told(ended: &Result<Outcome, Error>) -> String {
    match ended {
        Ok(outcome) => format!("{outcome:?}"),
        Err(error) => format!("{error:?} {:?}", error.outcome()),
    }
}

/// Every type of value but vectors.
pub(crate) const TYPES: [ValueType; 5] = [
    ValueType::I32,
    ValueType::I64,
    ValueType::F32,
    ValueType::F64,
    ValueType::ExternRef,
];

/// What the host's functions answer.
pub(crate) fn answer(signature: &Signature, params: &[Value]) -> Vec<Value> {
    let from = params.first().and_then(Value::get::<i32>).unwrap_or(5);
    let results = signature.results().iter();
    results
        .map(|ty| match ty {
            ValueType::I32 => Value::I32(from.wrapping_mul(3).wrapping_add(1)),
            ValueType::I64 => Value::I64(i64::from(from) << 33 | 9),
            ValueType::F32 => Value::F32(1.5),
            ValueType::F64 => Value::F64(-2.25),
            ValueType::V128 => Value::V128(0x0123_4567_89ab_cdef_1122_3344_5566_7788),
            ValueType::ExternRef => Value::ExternRef(Some(ExternRef::new("object"))),
            _ => Value::zero(*ty),
        })
        .collect()
}

/// The host's functions, which answer at once or later.
pub(crate) fn functions(config: RunnerConfig, later: bool) -> RunnerConfig {
    let i32s = |params: usize, results: usize| {
        Signature::new(vec![ValueType::I32; params], vec![ValueType::I32; results])
    };
    let types = [
        ("to", i32s(1, 1)),
        ("nothing", i32s(0, 0)),
        ("ten", i32s(1, 10)),
        ("all", Signature::new([ValueType::I32], TYPES)),
        (
            "vector",
            Signature::new([ValueType::I32], [ValueType::V128, ValueType::I32]),
        ),
        (
            "long",
            Signature::new([ValueType::I32; 20], [ValueType::I64]),
        ),
    ];
    types.into_iter().fold(config, |config, (name, signature)| {
        let ours = signature.clone();
        let function = HostFunction::new(signature, move |context, params, results| {
            if later {
                return Err(context.wait(params.to_vec()));
            }
            results.clone_from_slice(&answer(&ours, params));
            Ok(())
        });
        config.function("env", name, function)
    })
}

/// Goes on to the end, with an answer to each function that waits. Returns how often one did.
pub(crate) fn answered<'a>(
    mut progress: Result<Progress<'a>, Error>,
    portion: u64,
) -> (Result<Outcome, Error>, u32) {
    let mut waits = 0;
    loop {
        progress = match progress {
            Ok(Progress::Finished(outcome)) => return (Ok(outcome), waits),
            Ok(Progress::Paused(call)) => call.resume(portion),
            Ok(Progress::Waiting(call)) => {
                waits += 1;
                let params = call.request::<Vec<Value>>().unwrap();
                let results = answer(call.signature(), params);
                call.resume_with(&results, 0)
            }
            Ok(other) => panic!("{other:?}"),
            Err(error) => return (Err(error), waits),
        };
    }
}

pub(crate) const IMPORTS: &str = r#"
    (import "env" "to" (func $to (param i32) (result i32)))
    (import "env" "nothing" (func $nothing))
    (import "env" "ten" (func $ten (param i32)
        (result i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
    (import "env" "all" (func $all (param i32) (result i32 i64 f32 f64 externref)))"#;

pub(crate) fn refused(ended: Result<Progress<'_>, Error>, kind: ErrorKind, message: &str) -> Error {
    let error = ended.err().unwrap_or_else(|| panic!("{message}"));
    assert_eq!((error.kind(), &*error.to_string()), (kind, message));
    error
}

pub(crate) const ONE: &str = r#"(module
    (import "env" "to" (func $to (param i32) (result i32)))
    (memory (export "memory") 1)
    (global $g (export "g") (mut i32) (i32.const 0))
    (func (export "f") (result i32)
        (global.set $g (i32.add (global.get $g) (i32.const 1)))
        (i32.add (call $to (i32.const 4)) (i32.load (i32.const 16))))
    (func (export "spin") (loop (br 0)))
    (func (export "ok") (result i32) (i32.const 1)))"#;
