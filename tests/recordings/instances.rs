//! Kept instances for tests: what they do, recorded, replayed and compared.

use crate::support::shown;
use pocketwasm::{
    Error, ErrorKind, HostContext, Instance, Outcome, Plugin, Recording, RunnerConfig,
};
use std::sync::atomic::{AtomicI32, Ordering};

/// What an instance did: a call, or a reset in its place.
pub(crate) type Did = Option<Result<Outcome, Error>>;

/// A guest that does as its host says, in its start function, its initialiser and its calls.
pub(crate) const OBEYS: &str = r#"(module
    (import "env" "ask" (func $ask (param i32) (result i32)))
    (memory (export "memory") 1 100)
    (global $sum (export "sum") (mut i32) (i32.const 0))
    (func $act (param i32)
        (global.set $sum (i32.add (global.get $sum) (local.get 0)))
        (if (i32.eq (local.get 0) (i32.const 1)) (then (unreachable)))
        (if (i32.eq (local.get 0) (i32.const 2)) (then (call $spin)))
        (if (i32.eq (local.get 0) (i32.const 3)) (then (drop (i32.load (i32.const -1)))))
        (if (i32.eq (local.get 0) (i32.const 4)) (then (call $act (i32.const 4)))))
    (func $spin (loop (br 0)))
    (func $begin (call $act (call $ask (i32.const -1))))
    (start $begin)
    (func $init (export "_initialize") (call $act (call $ask (i32.const -2))))
    (func $go (export "go") (param i32) (result i32)
        (call $act (call $ask (local.get 0)))
        (i32.store (i32.const 64) (i32.add (i32.load (i32.const 64)) (i32.const 1)))
        (i32.add (global.get $sum) (i32.load (i32.const 64))))
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export "called") (param i32) (result i32)
        (global.set $sum (i32.add (global.get $sum) (local.get 0)))
        (global.get $sum)))"#;

/// A host that answers a question from this list, and one after another. Beyond the list it answers
/// with ten more than it was asked before.
pub(crate) fn saying(answers: &'static [i32]) -> RunnerConfig {
    let asked = AtomicI32::new(0);
    let ask = move |_: &mut HostContext<'_>, _: i32| -> i32 {
        let number = asked.fetch_add(1, Ordering::Relaxed);
        let answer = answers.get(number as usize).copied();
        answer.unwrap_or(number + 10)
    };
    RunnerConfig::new().function("env", "ask", ask)
}

pub(crate) fn obeys() -> Vec<u8> {
    wat::parse_str(OBEYS).expect("a module")
}

/// The file of what an instance did, and how its calls ended.
pub(crate) fn recorded(
    plugin: &Plugin,
    calls: impl FnOnce(&mut Instance) -> Vec<Did>,
) -> (Recording, Vec<Did>) {
    let mut failed = None;
    let mut instance = plugin
        .instantiate_recorded(&mut failed)
        .expect("an instance");
    assert!(failed.is_none());
    let did = calls(&mut instance);
    let recording = instance.take_recording().expect("a recording");
    assert!(instance.take_recording().is_none());
    (recording, did)
}

/// Replays what an instance did from the bytes of its file, and compares. Returns the file.
#[track_caller]
pub(crate) fn check(
    name: &str,
    module: &[u8],
    (recording, did): &(Recording, Vec<Did>),
) -> Vec<u8> {
    let file = recording.to_bytes();
    let read = Recording::from_bytes(&file).expect(name);
    assert_eq!(read.to_bytes(), file, "{name}");
    assert_eq!(read.ended_early(), recording.ended_early(), "{name}");
    for recording in [recording, &read] {
        let replay = recording.replay(module);
        let replay = replay.unwrap_or_else(|error| panic!("{name}: {error}"));
        let exports: Vec<&str> = recording.exports().collect();
        assert_eq!(replay.calls().len(), did.len() + 1, "{name}: {exports:?}");
        assert_eq!(exports.len(), did.len() + 1, "{name}");
        assert_eq!(exports[0], "", "{name}");
        for ((replayed, did), export) in replay.calls()[1..].iter().zip(did).zip(&exports[1..]) {
            match did {
                Some(done) => assert_eq!(shown(replayed), shown(done), "{name}: {export}"),
                None => assert_eq!(*export, "", "{name}"),
            }
        }
    }
    file
}

pub(crate) fn numbers(did: &[Did]) -> Vec<u64> {
    let results = did.iter().flatten().flatten().map(Outcome::results);
    results.flatten().copied().collect()
}

/// How the calls ended, with `None` where they ended well or there was a reset.
pub(crate) fn kinds(did: &[Did]) -> Vec<Option<ErrorKind>> {
    let kind = |did: &Did| did.as_ref()?.as_ref().err().map(Error::kind);
    did.iter().map(kind).collect()
}

pub(crate) fn go(instance: &mut Instance, number: i32) -> Did {
    let params = [u64::from(number.cast_unsigned())];
    Some(instance.call("go").params(&params).run())
}

pub(crate) fn reset(instance: &mut Instance) -> Did {
    instance.reset().expect("an instance");
    None
}
