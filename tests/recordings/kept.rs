//! Instances that are kept, recorded with their calls: the replay makes them in one instance.

use crate::{
    instances::{Did, check, go, kinds, numbers, obeys, recorded, reset, saying},
    kept_host::KEEPS,
    support::{Countdown, load, sealed, shown},
};
use pocketwasm::{
    Error, ErrorKind, HostContext, Instance, Recording, Runner, RunnerConfig, SnapshotMode,
    types::{ExternRef, Value},
};
use proptest::prelude::*;
use std::sync::atomic::{AtomicI32, Ordering};

#[test]
fn the_calls_of_an_instance_are_replayed_in_one_instance() {
    let module = obeys();
    let go_on = |it: &mut Instance| (0..3).map(|number| go(it, number)).collect();
    let three = recorded(&load(saying(&[]), &module), go_on);
    // 10 and 11 at its creation, then 12, 13 and 14, and one more for each call.
    assert_eq!(numbers(&three.1), [34, 48, 63]);
    check("three calls", &module, &three);
    type Calls = fn(&mut Instance) -> Vec<Did>;
    type Case = (
        &'static str,
        &'static [i32],
        Calls,
        &'static [Option<ErrorKind>],
    );
    let table: &[Case] = &[
        ("no call", &[], |_| Vec::new(), &[]),
        (
            "limits of each call",
            &[5, 5, 5, 2],
            |it| {
                vec![
                    Some(it.call("grow").params(&[1]).max_memory_pages(1).run()),
                    Some(it.call("grow").params(&[1]).max_memory_pages(2).run()),
                    Some(it.call("grow").params(&[3]).run()),
                    go(it, 7),
                    Some(it.call("go").params(&[0]).fuel(1_000).run()),
                ]
            },
            &[None, None, None, None, Some(ErrorKind::OutOfFuel)],
        ),
        (
            "calls that do not begin",
            &[],
            |it| {
                vec![
                    Some(it.call("absent").run()),
                    go(it, 1),
                    Some(it.call("go").params(&[1, 2]).run()),
                    Some(it.call("grow").params(&[0]).max_memory_pages(0).run()),
                    go(it, 2),
                ]
            },
            &[
                Some(ErrorKind::NotFound),
                None,
                Some(ErrorKind::Signature),
                Some(ErrorKind::MemoryLimit),
                None,
            ],
        ),
        (
            "a trap, after which the instance refuses calls",
            &[5, 5, 5, 1],
            |it| {
                let did = vec![go(it, 1), go(it, 2)];
                let refused = it.call("go").params(&[0]).run().expect_err("poisoned");
                assert_eq!(refused.kind(), ErrorKind::Poisoned);
                did
            },
            &[None, Some(ErrorKind::Trap)],
        ),
        (
            "resets, the second after a trap",
            &[5, 5, 5, 6, 6, 1, 7, 7, 7],
            |it| vec![go(it, 1), reset(it), go(it, 2), reset(it), go(it, 3)],
            &[None, None, Some(ErrorKind::Trap), None, None],
        ),
        (
            "settings that are not valid",
            &[],
            |it| {
                let invalid = it.call("go").params(&[0]).env("", "value").run();
                assert_eq!(
                    invalid.expect_err("no name").kind(),
                    ErrorKind::InvalidConfig
                );
                vec![go(it, 1)]
            },
            &[None],
        ),
        (
            "typed calls",
            &[],
            |it| {
                let typed = it.typed::<i32, i32>("go").expect("its type");
                assert_eq!(typed.call_in(it, 1).expect("a sum"), 34);
                let (sum, second) = typed.call_in_with(it, 1, |it| it.fuel(500)).expect("a sum");
                assert_eq!(sum, 48);
                vec![Some(Ok(second))]
            },
            &[None],
        ),
    ];
    for (name, answers, calls, expected) in table {
        for snapshots in [SnapshotMode::Never, SnapshotMode::WherePossible] {
            let config = saying(answers).snapshots(snapshots).spare_instances(2);
            let (recording, mut did) = recorded(&load(config, &module), calls);
            assert_eq!(kinds(&did), *expected, "{name}");
            if *name == "typed calls" {
                // The outcome of the first is not given.
                let replay = recording.replay(&module).expect(name);
                did.insert(0, Some(Ok(replay.calls()[1].as_ref().expect(name).clone())));
            }
            check(name, &module, &(recording, did));
        }
    }
}

#[test]
fn a_creation_that_fails_is_recorded() {
    let module = obeys();
    let clock = Countdown::new(30, None);
    for (name, config, kind) in [
        ("the start function traps", saying(&[1]), ErrorKind::Trap),
        ("the initialiser traps", saying(&[5, 3]), ErrorKind::Trap),
        ("the stack is exhausted", saying(&[5, 4]), ErrorKind::Trap),
        (
            "the fuel is used up",
            saying(&[5, 2]).fuel(5_000),
            ErrorKind::OutOfFuel,
        ),
        (
            "the time is over",
            saying(&[5, 2]).clock(clock),
            ErrorKind::Timeout,
        ),
        (
            "the host fails",
            RunnerConfig::new().function(
                "env",
                "ask",
                |_: &mut HostContext<'_>, _: i32| -> Result<i32, String> {
                    Err("the disk is full".into())
                },
            ),
            ErrorKind::Host,
        ),
    ] {
        let plugin = load(config, &module);
        let mut failed = None;
        let error = plugin.instantiate_recorded(&mut failed).expect_err(name);
        assert_eq!(error.kind(), kind, "{name}");
        let file = failed.expect(name).to_bytes();
        let recording = Recording::from_bytes(&file).expect(name);
        assert_eq!(recording.to_bytes(), file, "{name}");
        assert_eq!(recording.exports().collect::<Vec<_>>(), [""], "{name}");
        let replay = recording.replay(&module);
        let replay = replay.unwrap_or_else(|error| panic!("{name}: {error}"));
        let [replayed] = replay.calls() else {
            panic!("{name}: {replay:?}");
        };
        assert_eq!(shown(replayed), shown(&Err(error)), "{name}");
    }
}

#[test]
fn a_creation_that_does_not_begin_is_not_recorded() {
    let runner = Runner::new(saying(&[])).expect("settings");
    let plugin = runner.load_plugin("plugin", obeys()).expect("a module");
    let (recording, did) = recorded(&plugin, |it| {
        runner.close();
        let refused = it.call("go").params(&[0]).run().expect_err("closed");
        assert_eq!(refused.kind(), ErrorKind::Closed);
        assert_eq!(it.reset().expect_err("closed").kind(), ErrorKind::Closed);
        Vec::new()
    });
    assert!(did.is_empty());
    assert_eq!(recording.exports().count(), 1, "the creation only");
    let mut failed = None;
    let error = plugin.instantiate_recorded(&mut failed);
    assert_eq!(error.expect_err("closed").kind(), ErrorKind::Closed);
    assert!(failed.is_none());
}

#[test]
fn after_a_reset_that_failed_the_recording_goes_on_in_the_instance_before() {
    let module = obeys();
    let plugin = load(saying(&[5, 5, 5, 6, 1, 7]), &module);
    let before = recorded(&plugin, |it| {
        let first = go(it, 1);
        let failed = it.reset().expect_err("the initialiser traps");
        assert_eq!(failed.kind(), ErrorKind::Trap);
        vec![first, Some(Err(failed)), go(it, 2)]
    });
    assert_eq!(numbers(&before.1), [16, 5 + 5 + 5 + 7 + 2]);
    check("a reset that failed", &module, &before);
}

#[test]
fn a_recording_ends_before_what_is_not_recorded_and_says_so() {
    let module = wat::parse_str(KEEPS.replace(
        "(global $steps",
        r#"(memory (export "memory") 1) (global $steps (export "steps")"#,
    ))
    .expect("a module");
    let seen = |_: &mut HostContext<'_>, object: Option<ExternRef>| object;
    let pick = |it: &mut Instance| Some(it.call("pick").values(&[Value::from(1)]).run());
    type Act = fn(&mut Instance);
    let table: &[(&str, usize, Act, Option<&str>)] = &[
        ("nothing", 16 << 20, |_| {}, None),
        (
            "a global",
            16 << 20,
            |it| it.set_global("steps", 5).expect("a global"),
            Some("`Instance::set_global` was used"),
        ),
        (
            "the memory",
            16 << 20,
            |it| {
                it.memory("memory").expect("a memory");
            },
            Some("`Instance::memory` was used"),
        ),
        (
            "a call by steps",
            16 << 20,
            |it| drop(it.call("pick").params(&[1]).run_for(1_000)),
            Some("a call was made as a future, by steps or of a reference"),
        ),
        (
            "too many bytes",
            800,
            |_| {},
            Some("its calls take more than the 800 bytes of `max_recording_bytes`"),
        ),
    ];
    for (name, bytes, act, expected) in table {
        let config = RunnerConfig::new().function("env", "seen", seen);
        let plugin = load(config.max_recording_bytes(*bytes), &module);
        let recorded = recorded(&plugin, |it| {
            let mut did = vec![pick(it)];
            act(it);
            let after = [pick(it), pick(it), pick(it)];
            match expected {
                // 800 bytes have room for one call more.
                Some(why) if why.contains("800") => did.extend(after.into_iter().take(1)),
                Some(_) => {}
                None => did.extend(after),
            }
            did
        });
        assert_eq!(recorded.0.ended_early(), *expected, "{name}");
        check(name, &module, &recorded);
    }
    // A reset begins anew.
    let config = RunnerConfig::new().function("env", "seen", seen);
    let again = recorded(&load(config, &module), |it| {
        it.set_global("steps", 5).expect("a global");
        it.reset().expect("a new one");
        vec![pick(it)]
    });
    assert_eq!(again.0.ended_early(), None);
    check("a reset begins anew", &module, &again);
}

#[test]
fn a_call_in_a_kept_instance_is_not_recorded_alone() {
    let runner = Runner::new(RunnerConfig::new()).expect("settings");
    let module = wat::parse_str(r#"(module (func (export "run")))"#).expect("a module");
    let mut failed = None;
    let plugin = runner.load_plugin("single", &module).expect("a module");
    for is_recorded in [false, true] {
        let instance = match is_recorded {
            false => plugin.instantiate(),
            true => plugin.instantiate_recorded(&mut failed),
        };
        let mut instance = instance.expect("an instance");
        let mut recording = None;
        let error = instance.call("run").record(&mut recording).run();
        let error = error.expect_err("a kept instance");
        let expected = "invalid config: `record` is possible for calls in fresh instances only; \
                        `Plugin::instantiate_recorded` records an instance with all its calls";
        assert_eq!(
            (error.kind(), &*error.message()),
            (ErrorKind::InvalidConfig, expected)
        );
        assert!(recording.is_none());
        // Nothing happened to the instance.
        instance.call("run").run().expect("success");
        let recording = instance.take_recording();
        assert_eq!(
            recording.map(|it| it.exports().count()),
            is_recorded.then_some(2)
        );
    }
}

#[test]
fn a_damaged_or_changed_sequence_is_refused() {
    let module = obeys();
    let plugin = load(saying(&[5, 5, 5, 6, 7, 1]), &module);
    let (recording, _) = recorded(&plugin, |it| vec![go(it, 1), reset(it), go(it, 2)]);
    let file = recording.to_bytes();
    let body = &file[..file.len() - 8];
    // The byte for a call in the instance that was made, before the length of its export.
    let at = body.windows(4).position(|it| it == b"\x02\x02go");
    let at = at.expect("a call");
    for (byte, expected) in [
        (
            0,
            "the recording is damaged: a call is of an instance that was not made",
        ),
        (3, "the recording is damaged: a call is of no known kind"),
    ] {
        let mut changed = body.to_vec();
        changed[at] = byte;
        let error = Recording::from_bytes(&sealed(&changed)).expect_err("changed");
        assert_eq!(
            (error.kind(), &*error.message()),
            (ErrorKind::Recording, expected)
        );
    }
    // The creations become calls, or a creation that failed comes to be the only one before calls.
    let creations: Vec<usize> = (0..body.len() - 1)
        .filter(|at| body[*at..].starts_with(b"\x01\x00\x00\x00\x00"))
        .collect();
    let mut changed = body.to_vec();
    changed[creations[0]] = 2;
    let error = Recording::from_bytes(&sealed(&changed)).expect_err("no creation");
    let expected = "the recording is damaged: a call is of an instance that was not made";
    assert_eq!(
        (error.kind(), &*error.message()),
        (ErrorKind::Recording, expected)
    );
    let replayed = |recording: &Recording| -> Result<Vec<_>, Error> {
        let replay = recording.replay(&module)?;
        Ok(replay.calls().iter().map(shown).collect())
    };
    let expected = replayed(&recording).expect("no difference");
    let (mut read, mut same, mut differ) = (0, 0, 0);
    for at in 9..body.len() {
        assert!(Recording::from_bytes(&sealed(&body[..at])).is_err(), "{at}");
        let changes = [1, 2, 4, 8, 16, 32, 64, 0x80, 0xff].map(|bits| body[at] ^ bits);
        for byte in changes {
            let mut changed = body.to_vec();
            changed[at] = byte;
            let Ok(recording) = Recording::from_bytes(&sealed(&changed)) else {
                continue;
            };
            read += 1;
            match replayed(&recording) {
                Ok(found) if found == expected => same += 1,
                // Limits that were not reached, or a name.
                Ok(_) => differ += 1,
                Err(error) => assert!(!error.to_string().contains('\n'), "{error}"),
            }
        }
    }
    assert!(read > 500 && same > 50, "{read} {same} {differ}");
}

#[derive(Debug, Clone)]
enum Step {
    Go(i32),
    Grow(u8),
    Absent,
    Fuel(u16),
    Bits(u32),
    Reset,
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// The host answers by a hash of what it was asked, and of how often.
    #[test]
    fn any_sequence_is_replayed(
        steps in proptest::collection::vec(
            prop_oneof![
                4 => (0..20_i32).prop_map(Step::Go),
                1 => any::<u8>().prop_map(Step::Grow),
                1 => Just(Step::Absent),
                1 => (0..400_u16).prop_map(Step::Fuel),
                1 => any::<u32>().prop_map(Step::Bits),
                1 => Just(Step::Reset),
            ],
            0..12,
        ),
        seed in any::<u32>(),
    ) {
        let module = obeys();
        let asked = AtomicI32::new(1);
        let ask = move |context: &mut HostContext<'_>, number: i32| -> i32 {
            let turn = asked.fetch_add(1, Ordering::Relaxed).cast_unsigned();
            let hash = (turn ^ seed).wrapping_mul(0x9e37_79b1).rotate_left(number as u32 & 15);
            if hash & 0x100 != 0 {
                context.write(hash >> 17, &[hash as u8]).expect("inside");
            }
            match hash % 16 {
                trap @ (1..=4) if number >= 0 => trap as i32,
                other => other as i32 + 5,
            }
        };
        let config = RunnerConfig::new().function("env", "ask", ask).fuel(20_000);
        let did = recorded(&load(config, &module), |it| {
            let mut did = Vec::new();
            for step in &steps {
                did.push(match step {
                    Step::Go(number) => go(it, *number),
                    Step::Grow(pages) => Some(it.call("grow").params(&[u64::from(*pages)]).run()),
                    Step::Absent => Some(it.call("absent").run()),
                    Step::Fuel(fuel) => {
                        Some(it.call("go").params(&[0]).fuel(u64::from(*fuel)).run())
                    }
                    Step::Bits(bits) => Some(it.call("called").params(&[u64::from(*bits)]).run()),
                    Step::Reset => reset(it),
                });
                let poisoned = Some(Some(ErrorKind::Poisoned));
                if kinds(&did).last().copied() == poisoned {
                    did.pop();
                }
            }
            did
        });
        check("random", &module, &did);
    }
}
