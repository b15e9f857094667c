//! Recorded instances that are kept, looked into: each call in the state that those before it left.

use crate::{
    instances::{Did, OBEYS, check, obeys, recorded, saying},
    support::{Countdown, fixture, load, names, shown},
};
use pocketwasm::{
    Error, ErrorKind, Instance, Outcome, Recording, RunnerConfig, SnapshotMode,
    explain::{Breakpoint, Coverage, FileCoverage, FunctionCost, Motion, TraceOptions},
};
use std::sync::{Arc, Mutex};

fn go(instance: &mut Instance, number: u64) -> Did {
    Some(instance.call("go").params(&[number]).run())
}

fn reset(instance: &mut Instance) -> Did {
    instance.reset().ok();
    None
}

/// A call that fails only by what the calls before it left.
const FILLS: &str = r#"(module
    (memory (export "memory") 1)
    (global $used (mut i32) (i32.const 65000))
    (func $put (param i32)
        (i32.store (global.get $used) (local.get 0))
        (global.set $used (i32.add (global.get $used) (i32.const 200))))
    (func $init (export "_initialize") (local i32)
        (loop
            (call $check)
            (br_if 0 (i32.lt_u
                (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 500)))))
    (func $check (if (i32.eqz (global.get $used)) (then (unreachable))))
    (func $go (export "go") (param i32) (call $put (local.get 0))))"#;

#[test]
fn a_call_is_explained_in_the_state_that_those_before_it_left() {
    let module = wat::parse_str(FILLS).expect("a module");
    for snapshots in [SnapshotMode::Never, SnapshotMode::WherePossible] {
        let fills = |it: &mut Instance| -> Vec<Did> {
            let mut did = vec![go(it, 1), go(it, 2), reset(it)];
            did.extend((0..5).map(|number| go(it, number)));
            did
        };
        let config = RunnerConfig::new().snapshots(snapshots);
        let plain = recorded(&load(config.clone(), &module), fills);
        let error = plain.1[6].as_ref().unwrap().as_ref().expect_err("full");
        assert_eq!(error.kind(), ErrorKind::Trap);
        assert!(error.backtrace().is_none() && error.unexplained().is_none());
        assert_eq!(
            plain.1[7].as_ref().unwrap().as_ref().unwrap_err().kind(),
            ErrorKind::Poisoned
        );
        // Of the file, later.
        let file = plain.0.to_bytes();
        let read = Recording::from_bytes(&file).expect("a recording");
        let replay = read
            .replayer(&module)
            .unwrap()
            .explain()
            .expect("no difference");
        let later = replay.calls()[7].as_ref().expect_err("full");
        assert_eq!(names(later), ["put", "go"], "{snapshots:?}");
        let cause = later.backtrace().unwrap().cause().map(ToString::to_string);
        let cause = cause.expect("an address");
        assert!(cause.contains("0x10040"), "{cause}");
        // At once, recorded and not.
        let plugin = load(config.explain(true), &module);
        let explained = recorded(&plugin, fills);
        let now = explained.1[6].as_ref().unwrap().as_ref().expect_err("full");
        assert_eq!(now.backtrace(), later.backtrace(), "{snapshots:?}");
        let mut instance = plugin.instantiate().expect("an instance");
        let did = fills(&mut instance);
        let now = did[6].as_ref().unwrap().as_ref().expect_err("full");
        assert_eq!(now.backtrace(), later.backtrace(), "{snapshots:?}");
        assert!(instance.take_recording().is_none());
    }
}

#[test]
fn a_creation_that_fails_is_explained() {
    let module = obeys();
    for (name, answers, fuel, active) in [
        (
            "the start function traps",
            &[1][..],
            50_000,
            &["act", "begin"][..],
        ),
        ("the initialiser traps", &[5, 3], 50_000, &["act", "init"]),
        (
            "the fuel is used up",
            &[5, 2],
            5_000,
            &["spin", "act", "init"],
        ),
    ] {
        let plugin = load(saying(answers).fuel(fuel).explain(true), &module);
        let now = plugin.instantiate().expect_err(name);
        assert_eq!(names(&now), active, "{name}");
        let plugin = load(saying(answers).fuel(fuel), &module);
        let mut failed = None;
        let error = plugin.instantiate_recorded(&mut failed).expect_err(name);
        assert!(
            error.backtrace().is_none() && error.unexplained().is_none(),
            "{name}"
        );
        let file = failed.expect(name).to_bytes();
        let recording = Recording::from_bytes(&file).expect(name);
        let replay = recording.replayer(&module).unwrap().explain().expect(name);
        let later = replay.last().unwrap().as_ref().expect_err(name);
        assert_eq!(later.backtrace(), now.backtrace(), "{name}");
        assert_eq!(later.outcome(), error.outcome(), "{name}");
    }
    // A reset that fails, after which the instance before goes on and fails too.
    let plugin = load(saying(&[5, 5, 6, 6, 1, 6, 7, 3]).explain(true), &module);
    let mut instance = plugin.instantiate().expect("an instance");
    go(&mut instance, 1).unwrap().expect("a sum");
    let error = instance
        .reset()
        .map(|()| "the first succeeds, as does its initialiser");
    let error = error.expect_err("6 at its start, and 1 in its initialiser");
    assert_eq!(names(&error), ["act", "init"]);
    go(&mut instance, 1).unwrap().expect("a sum");
    go(&mut instance, 1).unwrap().expect("a sum");
    let error = go(&mut instance, 1).unwrap().expect_err("an address");
    assert_eq!(names(&error), ["act", "go"]);
}

/// A sequence with two resets, of which the second fails, and with calls that fail.
fn sequence(snapshots: SnapshotMode) -> (Recording, Vec<Did>, Vec<u8>) {
    let module = obeys();
    let answers = &[5, 6, 7, 8, 9, 10, 11, 3];
    let config = saying(answers).fuel(50_000).snapshots(snapshots);
    let (recording, did) = recorded(&load(config, &module), |it| {
        let mut did = vec![
            go(it, 1),
            Some(it.call("absent").run()),
            Some(it.call("grow").params(&[2]).run()),
            go(it, 2),
            reset(it),
            go(it, 3),
        ];
        did.push(Some(it.call("called").params(&[4]).fuel(3).run()));
        did.push(reset(it));
        did
    });
    assert!(did[6].as_ref().unwrap().is_err(), "{did:?}");
    let recorded = (recording, did);
    let file = check("a sequence", &module, &recorded);
    let read = Recording::from_bytes(&file).expect("a recording");
    (read, recorded.1, module)
}

/// The fuel of each call of a recording, with that of an initialiser before a snapshot.
fn fuel(recording: &Recording, module: &[u8]) -> Vec<Option<u64>> {
    let replay = recording.replay(module).expect("no difference");
    let outcome = |done: &Result<Outcome, Error>| match done {
        Ok(outcome) => Some(outcome.clone()),
        Err(error) => error.outcome().cloned(),
    };
    let outcomes = replay.calls().iter().map(outcome);
    outcomes
        .map(|it| it.map(|it| it.fuel_used() + it.init_fuel()))
        .collect()
}

#[test]
fn the_profiles_of_a_sequence_are_exact() {
    for snapshots in [SnapshotMode::Never, SnapshotMode::WherePossible] {
        let (recording, _, module) = sequence(snapshots);
        let profiles = recording.replayer(&module).unwrap().profile().unwrap();
        let expected = fuel(&recording, &module);
        assert_eq!(profiles.len(), expected.len());
        for (number, (profile, expected)) in profiles.iter().zip(&expected).enumerate() {
            let functions = profile.functions().iter();
            let sum: u64 = functions.map(FunctionCost::self_fuel).sum();
            assert_eq!(sum, expected.unwrap_or(0), "{number}");
            assert_eq!(profile.fuel(), expected.unwrap_or(0), "{number}");
        }
        let asked = |number: usize| {
            let functions = profiles[number].functions().iter();
            let found = functions.filter(|it| it.name() == "env.ask");
            found.map(FunctionCost::calls).sum::<u64>()
        };
        let counts: Vec<u64> = (0..profiles.len()).map(asked).collect();
        assert_eq!(counts, [2, 1, 0, 0, 1, 2, 1, 0, 1], "{snapshots:?}");
    }
}

#[test]
fn the_coverage_and_the_traces_of_a_sequence_are_those_of_its_calls() {
    let (recording, did, module) = sequence(SnapshotMode::Never);
    let replayer = recording.replayer(&module).unwrap();
    let mut coverage = Coverage::new();
    let ended = replayer.cover(&mut coverage).expect("no difference");
    assert_eq!(ended.len(), did.len() + 1);
    for (ended, did) in ended[1..].iter().zip(&did) {
        if let Some(did) = did {
            assert_eq!(shown(ended), shown(did));
        }
    }
    let report = coverage.report(&module).expect("a report");
    let functions = report.files().iter().flat_map(FileCoverage::functions);
    let calls: Vec<_> = functions
        .map(|it| (it.name().to_owned(), it.calls()))
        .collect();
    let of = |name: &str| calls.iter().find(|it| it.0 == name).map(|it| it.1);
    // Three creations, of which the last fails in its start function.
    assert_eq!(of("begin"), Some(3), "{calls:?}");
    assert_eq!(of("init"), Some(2), "{calls:?}");
    assert_eq!(of("go"), Some(3), "{calls:?}");
    assert_eq!(of("act"), Some(8), "{calls:?}");
    assert_eq!(report.calls(), 9);

    let seen: Arc<Mutex<Vec<(usize, String)>>> = Arc::default();
    let notes = seen.clone();
    let options = TraceOptions::new().function("go");
    let traces = replayer.trace(&options, move |number, event| {
        notes
            .lock()
            .unwrap()
            .push((number, format!("{} {:?}", event.name(), event.kind())));
    });
    assert_eq!(traces.expect("no difference").len(), 9);
    let seen = seen.lock().unwrap();
    let numbers: Vec<usize> = seen.iter().map(|it| it.0).collect();
    assert_eq!(numbers, [1, 1, 4, 4, 6, 6], "{seen:?}");
    assert!(
        seen[0].1.contains("[i32 1]") && seen[2].1.contains("[i32 2]"),
        "{seen:?}"
    );
}

#[test]
fn a_debugger_opens_on_each_call_of_a_sequence() {
    for snapshots in [SnapshotMode::Never, SnapshotMode::WherePossible] {
        let (recording, _, module) = sequence(snapshots);
        let replayer = recording.replayer(&module).unwrap();
        // The sum of what the host said before the call.
        for (call, function, sum) in [(1, "go", 11), (4, "go", 18), (6, "go", 19), (0, "act", 0)] {
            let mut debugger = replayer.debugger_of(call).expect("a debugger");
            debugger.break_at(Breakpoint::Function(function.into()));
            let mut found =
                debugger.stop().frames().first().and_then(|it| it.name()) == Some(function);
            if !found {
                let stop = debugger.forward(Motion::Continue).expect("no difference");
                found = stop.frames()[0].name() == Some(function);
            }
            assert!(found, "{call}");
            let value = debugger.globals().expect("a module")[0].value().cloned();
            assert_eq!(
                value.and_then(|it| it.get::<i32>()),
                Some(sum),
                "{call} {snapshots:?}"
            );
            // To its end and back.
            while debugger.stop().ended().is_none() {
                debugger.forward(Motion::Continue).expect("no difference");
            }
            let stop = debugger.backward(Motion::Step).expect("no difference");
            assert!(stop.ended().is_none(), "{call}");
        }
        let error = replayer.debugger_of(9).map(drop).expect_err("no such call");
        assert_eq!(
            (error.kind(), &*error.message()),
            (
                ErrorKind::Recording,
                "the recording has 9 calls, from 0 on, and no call 9"
            )
        );
    }
}

#[test]
fn what_hinders_an_explanation_is_said() {
    let module = obeys();
    type Act = fn(&mut Instance);
    let table: &[(&str, usize, Act, &str)] = &[
        (
            "a global",
            16 << 20,
            |it| it.set_global("sum", 5).expect("a global"),
            "the instance is not recorded any more: `Instance::set_global` was used; \
             `Instance::reset` begins anew",
        ),
        (
            "too many bytes",
            500,
            |_| {},
            "the instance is not recorded any more: its calls take more than the 500 bytes of \
             `max_recording_bytes`; `Instance::reset` begins anew",
        ),
    ];
    for (name, bytes, act, expected) in table {
        let answers = &[5, 6, 7, 3, 5, 6, 3];
        let config = saying(answers).explain(true).max_recording_bytes(*bytes);
        let mut instance = load(config, &module).instantiate().expect(name);
        go(&mut instance, 1).unwrap().expect(name);
        act(&mut instance);
        let error = go(&mut instance, 1).unwrap().expect_err(name);
        assert_eq!(error.unexplained(), Some(*expected), "{name}");
        assert!(error.backtrace().is_none(), "{name}");
        instance.reset().expect(name);
        let error = go(&mut instance, 1).unwrap().expect_err(name);
        assert_eq!(names(&error), ["act", "go"], "{name}");
    }
    // Each reset begins anew, and the calls before it take no room any more.
    let config = saying(&[]).explain(true).max_recording_bytes(3_000);
    let mut instance = load(config, &module).instantiate().expect("an instance");
    for _ in 0..20 {
        go(&mut instance, 1).unwrap().expect("a sum");
        instance.reset().expect("an instance");
    }
    let error = instance.call("go").params(&[1]).fuel(10).run();
    let error = error.expect_err("little fuel");
    assert_eq!(names(&error).last().map(String::as_str), Some("go"));
    // A recording that was taken.
    let plugin = load(saying(&[5, 6, 3]).explain(true), &module);
    let mut failed = None;
    let mut instance = plugin
        .instantiate_recorded(&mut failed)
        .expect("an instance");
    assert_eq!(
        instance
            .take_recording()
            .expect("a recording")
            .exports()
            .count(),
        1
    );
    let error = go(&mut instance, 1).unwrap().expect_err("an address");
    assert_eq!(
        error.unexplained(),
        Some(
            "the instance is not recorded any more: `Instance::take_recording` took the recording; \
             `Instance::reset` begins anew"
        )
    );
}

#[test]
fn a_call_that_was_cancelled_is_explained_where_it_was() {
    let module = obeys();
    let token = pocketwasm::CancelToken::new();
    let clock = Countdown::new(60, Some(&token));
    let config = saying(&[5, 5, 5, 2]).clock(clock).explain(true);
    let mut instance = load(config, &module).instantiate().expect("an instance");
    let mut call = || instance.call("go").params(&[0]).cancel(&token).run();
    call().expect("a sum");
    let error = call().expect_err("cancelled");
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(names(&error), ["spin", "act", "go"]);
}

#[test]
fn a_fixture_in_rust_is_explained_with_its_line() {
    let module = fixture("traps/rust");
    let mut failed = None;
    let plugin = load(RunnerConfig::new(), &module);
    let mut instance = plugin
        .instantiate_recorded(&mut failed)
        .expect("an instance");
    instance.call("trap").run().expect_err("a trap");
    let recording = instance.take_recording().expect("a recording");
    let replay = recording
        .replayer(&module)
        .unwrap()
        .explain()
        .expect("no difference");
    let error = replay.into_last().unwrap().expect_err("a trap");
    let shown = error.backtrace().expect("a backtrace").to_string();
    assert!(
        shown.contains("Numbers::at") && shown.contains("rust.rs:14"),
        "{shown}"
    );
    let direct = load(RunnerConfig::new().explain(true), &module);
    let direct = direct.call("trap").run().expect_err("a trap");
    assert_eq!(error.backtrace(), direct.backtrace());
}

#[test]
fn an_instance_of_several_modules_is_explained() {
    let library = wat::parse_str(
        r#"(module
            (import "env" "ask" (func $ask (param i32) (result i32)))
            (global $left (mut i32) (i32.const 2))
            (start $begin)
            (func $begin (drop (call $ask (i32.const 0))))
            (func $take (export "take")
                (if (i32.eqz (global.get $left)) (then (unreachable)))
                (drop (call $ask (global.get $left)))
                (global.set $left (i32.sub (global.get $left) (i32.const 1)))))"#,
    );
    let main = wat::parse_str(
        r#"(module
            (import "library" "take" (func $take))
            (func $go (export "go") (call $take)))"#,
    );
    let modules = [("library", library.unwrap()), ("main", main.unwrap())];
    for explain in [false, true] {
        let runner = pocketwasm::Runner::new(saying(&[]).explain(explain)).expect("settings");
        let plugin = runner
            .load_plugin_linked("linked", &modules)
            .expect("modules");
        let mut failed = None;
        let mut instance = plugin
            .instantiate_recorded(&mut failed)
            .expect("an instance");
        let mut call = || instance.call("go").run();
        let did = [call(), call(), call()];
        let error = did[2].as_ref().expect_err("a trap");
        let file = instance.take_recording().expect("a recording").to_bytes();
        let recording = Recording::from_bytes(&file).expect("a recording");
        let replayer = recording.replayer_linked(&modules).expect("the modules");
        let replay = replayer.run().expect("no difference");
        assert_eq!(replay.calls().len(), 4);
        for (replayed, did) in replay.calls()[1..].iter().zip(&did) {
            assert_eq!(shown(replayed), shown(did));
        }
        let replay = replayer.explain().expect("no difference");
        let later = replay.last().unwrap().as_ref().expect_err("a trap");
        assert_eq!(names(later), ["take", "go"]);
        match explain {
            true => assert_eq!(error.backtrace(), later.backtrace()),
            false => assert!(error.backtrace().is_none()),
        }
    }
}

#[cfg(feature = "testing")]
#[test]
fn a_sequence_stands_in_for_the_host_of_another_build() {
    let module = obeys();
    let (recording, did) = recorded(&load(saying(&[]), &module), |it| {
        vec![go(it, 1), go(it, 2), reset(it), go(it, 3)]
    });
    let build = |from: &str, to: &str| {
        let text = OBEYS;
        assert_eq!(text.matches(from).count(), 1, "{from}");
        wat::parse_str(text.replace(from, to)).expect("a module")
    };
    let results = |module: &[u8]| -> Vec<Result<Vec<u64>, String>> {
        let ended = recording.mock(module).expect("a module");
        let result = |done: Result<Outcome, Error>| match done {
            Ok(outcome) => Ok(outcome.results().to_vec()),
            Err(error) => Err(error.to_string()),
        };
        ended.into_iter().map(result).collect()
    };
    let same = results(&module);
    assert_eq!(
        same[1],
        Ok(did[0]
            .as_ref()
            .unwrap()
            .as_ref()
            .unwrap()
            .results()
            .to_vec())
    );
    // 10 and 11, then 12 and 13; 14 and 15, then 16.
    let expected = [vec![], vec![34], vec![48], vec![], vec![46]].map(Ok);
    assert_eq!(same, expected);
    let counts_twice = build(
        "(i32.add (i32.load (i32.const 64)) (i32.const 1))",
        "(i32.add (i32.load (i32.const 64)) (i32.const 2))",
    );
    let expected = [vec![], vec![35], vec![50], vec![], vec![47]].map(Ok);
    assert_eq!(results(&counts_twice), expected);
    let asks_other = build(
        "(call $act (call $ask (i32.const -2)))",
        "(call $act (call $ask (i32.const -3)))",
    );
    let ended = results(&asks_other);
    let differs = |problem: &str| format!("plugin \"plugin\": {problem}");
    let expected = "host call 2: expected \"env\" \"ask\" (i32 -2), got \"env\" \"ask\" (i32 -3)";
    for (number, ended) in ended.iter().enumerate() {
        let message = ended.as_ref().expect_err("another question");
        let expected = match number {
            0 | 3 => expected,
            _ => "the instance of the call was not made",
        };
        assert!(
            message.contains(expected),
            "{number}: {message}, not {}",
            differs(expected)
        );
    }
}
