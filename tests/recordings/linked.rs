//! Plugins of several modules.

use crate::support::{sealed, shown};
use pocketwasm::{
    Entropy, Error, ErrorKind, HostContext, Outcome, Plugin, Recording, Runner, RunnerConfig,
    types::Value,
};
use std::sync::atomic::{AtomicU64, Ordering};

/// A number that is another one each time.
fn surprise() -> u64 {
    static STATE: AtomicU64 = AtomicU64::new(1);
    STATE.fetch_add(0x9e37_79b9, Ordering::Relaxed) >> 3
}

struct Surprises;

impl Entropy for Surprises {
    fn fill(&self, bytes: &mut [u8]) -> bool {
        bytes.fill_with(|| surprise() as u8);
        true
    }
}

/// A library with a memory of its own, which asks the host at its start.
const LOW: &str = r#"(module
    (import "env" "dice" (func $dice (result i32)))
    (import "env" "fill" (func $fill (param i32)))
    (import "env" "scale" (global $scale i32))
    (import "wasi_snapshot_preview1" "random_get"
        (func $random (param i32 i32) (result i32)))
    (memory (export "memory") 1)
    (global $begun (mut i32) (i32.const 0))
    (func $begin (global.set $begun (call $dice)))
    (start $begin)
    (func $divide (export "divide") (param i32 i32) (result i32)
        (i32.div_u (local.get 0) (local.get 1)))
    (func (export "ask") (result i32)
        (call $fill (i32.const 16))
        (drop (call $random (i32.const 32) (i32.const 4)))
        (i32.mul (global.get $scale)
            (i32.add (global.get $begun)
                (i32.add (i32.load (i32.const 16)) (i32.load (i32.const 32)))))))"#;

const OWN: &str = r#"(module
    (import "low" "divide" (func $divide (param i32 i32) (result i32)))
    (import "low" "ask" (func $ask (result i32)))
    (import "low" "memory" (memory $low 1))
    (import "env" "dice" (func $dice (result i32)))
    (import "env" "fill" (func $fill (param i32)))
    (import "env" "again" (func $again (param i32) (result i32)))
    (memory $own 1)
    (export "memory" (memory $own))
    (func (export "pure") (param i32) (result i32)
        (call $divide (i32.const 100) (local.get 0)))
    (func (export "ask") (result i32)
        (call $fill (i32.const 16))
        (i32.add
            (i32.add (call $ask) (call $dice))
            (i32.add (i32.load $low (i32.const 16)) (i32.load $own (i32.const 16)))))
    (func $back (export "back") (param i32) (result i32)
        (call $divide (call $dice) (local.get 0)))
    (func $main (export "through") (param i32) (result i32) (call $again (local.get 0)))
    (func (export "spin") (loop (br 0))))"#;

/// Modules with their names.
type Modules<'a> = [(&'a str, &'a [u8])];

/// A call of an export of modules, and the error that it ends with.
type Case<'a> = (&'a Modules<'a>, &'a str, &'a [u64], Option<ErrorKind>);

fn parsed(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("a module")
}

fn config() -> RunnerConfig {
    RunnerConfig::new()
        .max_memories(4)
        .guest_entropy(Surprises)
        .global("env", "scale", Value::from(3))
        .function("env", "dice", |_: &mut HostContext<'_>| -> i32 {
            surprise() as i32
        })
        .function(
            "env",
            "fill",
            |context: &mut HostContext<'_>, at: u32| -> Result<(), Error> {
                context.write(at, &surprise().to_le_bytes())
            },
        )
        .function(
            "env",
            "again",
            |context: &mut HostContext<'_>, by: u32| -> Result<i32, Error> {
                Ok(context.call("back", &[by.into()])?[0] as i32)
            },
        )
}

fn load(config: RunnerConfig, modules: &Modules<'_>) -> Plugin {
    let runner = Runner::new(config).expect("settings");
    runner.load_plugin_linked("linked", modules).expect("valid")
}

/// Records a call of a plugin of these modules and replays it from its file. Both must end in the
/// same way.
#[track_caller]
fn check(
    name: &str,
    modules: &Modules<'_>,
    export: &str,
    params: &[u64],
) -> (Result<Outcome, Error>, Vec<u8>) {
    let plugin = load(config(), modules);
    let mut recording = None;
    let call = plugin.call(export).params(params).fuel(100_000);
    let done = call.record(&mut recording).run();
    let file = recording.expect(name).to_bytes();
    let recording = Recording::from_bytes(&file).expect(name);
    assert_eq!(recording.to_bytes(), file, "{name}");
    assert_eq!(recording.module_sha256(), plugin.sha256(), "{name}");
    let names: Vec<_> = modules.iter().map(|(name, _)| *name).collect();
    let recorded: Vec<_> = recording.modules().iter().map(|(name, _)| *name).collect();
    assert_eq!(recorded, names, "{name}");
    let replayer = recording.replayer_linked(modules).expect(name);
    match replayer.run() {
        Ok(replay) => {
            let replayed = replay.into_last().expect(name);
            assert_eq!(shown(&replayed), shown(&done), "{name}");
        }
        Err(error) => panic!("{name}: {error:?}; the call ended as {done:?}"),
    }
    (done, file)
}

#[test]
fn calls_are_replayed() {
    let (low, own) = (parsed(LOW), parsed(OWN));
    let modules: [(&str, &[u8]); 2] = [("low", &low), ("own", &own)];
    let alone = parsed(r#"(module (func (export "pure") (param i32) (result i32) (local.get 0)))"#);
    let one: [(&str, &[u8]); 1] = [("one", &alone)];
    let cases: [(&str, Case<'_>); 7] = [
        (
            "a call that asks at its start",
            (&modules, "pure", &[7], None),
        ),
        ("both modules ask", (&modules, "ask", &[], None)),
        ("a call back", (&modules, "through", &[3], None)),
        (
            "a trap in a library",
            (&modules, "pure", &[0], Some(ErrorKind::Trap)),
        ),
        (
            "a trap in a call back",
            (&modules, "through", &[0], Some(ErrorKind::Trap)),
        ),
        (
            "no fuel",
            (&modules, "spin", &[], Some(ErrorKind::OutOfFuel)),
        ),
        ("several of which there is one", (&one, "pure", &[7], None)),
    ];
    for (name, (modules, export, params, kind)) in cases {
        let (done, _) = check(name, modules, export, params);
        assert_eq!(done.err().map(|error| error.kind()), kind, "{name}");
    }
    let ask = |name| check(name, &modules, "ask", &[]).0;
    let [first, second] = ["once", "again"].map(|name| ask(name).expect(name));
    assert_ne!(first.results(), second.results());
}

#[test]
fn other_modules_are_refused() {
    let (low, own) = (parsed(LOW), parsed(OWN));
    let modules: [(&str, &[u8]); 2] = [("low", &low), ("own", &own)];
    let (_, file) = check("a call", &modules, "pure", &[1]);
    let recording = Recording::from_bytes(&file).expect("a recording");
    let hash = |bytes: &[u8]| {
        use sha2::{Digest, Sha256};
        Sha256::digest(bytes)
            .iter()
            .fold(String::new(), |text, it| format!("{text}{it:02x}"))
    };
    let (low_hash, own_hash) = (hash(&low), hash(&own));
    let cases: [(&str, &Modules<'_>, String); 5] = [
        (
            "another name",
            &[("high", &low), ("own", &own)],
            format!(
                "module 1 of the recorded plugin is \"low\" of SHA-256 {low_hash}, not \"high\" of \
                 SHA-256 {low_hash}"
            ),
        ),
        (
            "another module",
            &[("low", &low), ("own", &low)],
            format!(
                "module 2 of the recorded plugin is \"own\" of SHA-256 {own_hash}, not \"own\" of \
                 SHA-256 {low_hash}"
            ),
        ),
        (
            "one too few",
            &modules[..1],
            "the recorded plugin has 2 modules (\"low\", \"own\"), not 1".into(),
        ),
        (
            "one too many",
            &[modules[0], modules[1], modules[1]],
            "the recorded plugin has 2 modules (\"low\", \"own\"), not 3".into(),
        ),
        (
            "no module",
            &[],
            "the recorded plugin has 2 modules (\"low\", \"own\"), not 0".into(),
        ),
    ];
    for (name, given, expected) in cases {
        let error = recording.replayer_linked(given).expect_err(name);
        assert_eq!(error.kind(), ErrorKind::Recording, "{name}");
        assert_eq!(error.message(), expected, "{name}");
    }
    let error = recording.replay(&own).expect_err("its own module alone");
    assert_eq!(
        error.message(),
        "the recording is one of a plugin that was loaded as several modules; `replayer_linked` \
         takes them"
    );
    let alone = parsed(r#"(module (func (export "run")))"#);
    let (_, file) = crate::support::record(
        &crate::support::load(RunnerConfig::new(), &alone),
        "run",
        |call| call,
    );
    let single = Recording::from_bytes(&file).expect("a recording");
    assert!(single.modules().is_empty());
    let given: [(&str, &[u8]); 1] = [("own", &alone)];
    let error = single.replayer_linked(&given).expect_err("one module");
    assert_eq!(
        error.message(),
        "the recording is one of a plugin of one module; `replayer` takes it"
    );
}

#[test]
fn damaged_files_are_refused() {
    let (low, own) = (parsed(LOW), parsed(OWN));
    let modules: [(&str, &[u8]); 2] = [("low", &low), ("own", &own)];
    let (_, file) = check("a call", &modules, "ask", &[]);
    let body = &file[..file.len() - 8];
    let find = |bytes: &[u8]| {
        let found = body.windows(bytes.len()).position(|it| it == bytes);
        found.expect("it is there")
    };
    // The list of modules: two, and the name of the first.
    let at = find(b"\x02\x03low");
    let mut emptied = body[..at].to_vec();
    emptied.push(0);
    emptied.extend_from_slice(&body[at + 1 + 2 * (4 + 32)..]);
    let error = Recording::from_bytes(&sealed(&emptied)).expect_err("no modules");
    assert_eq!(
        (error.kind(), &*error.message()),
        (
            ErrorKind::Recording,
            "the recording is damaged: it has several modules and names no module"
        )
    );
    // The hash of all modules, behind the name of the engine.
    let mut changed = body.to_vec();
    let engine = find(pocketwasm::ENGINE.as_bytes()) + pocketwasm::ENGINE.len();
    changed[engine] ^= 1;
    let changed = Recording::from_bytes(&sealed(&changed)).expect("a recording");
    let error = changed.replayer_linked(&modules).expect_err("another hash");
    assert_eq!(
        (error.kind(), &*error.message()),
        (
            ErrorKind::Recording,
            "the recording is damaged: its hash of all modules is another"
        )
    );
    let (mut read, mut said) = (0, std::collections::BTreeSet::new());
    for at in 9..body.len() {
        assert!(Recording::from_bytes(&sealed(&body[..at])).is_err(), "{at}");
        for change in [1, 2, 0x10, 0x40, 0xff] {
            let mut changed = body.to_vec();
            changed[at] ^= change;
            let recording = match Recording::from_bytes(&sealed(&changed)) {
                Ok(recording) => recording,
                Err(error) => {
                    said.insert(error.message());
                    continue;
                }
            };
            read += 1;
            let replay = recording.replayer_linked(&modules).and_then(|it| it.run());
            if let Err(error) = replay {
                assert!(!error.to_string().contains('\n'), "{error}");
            }
        }
    }
    assert!(read > 100, "{read}");
    let expected = "the recording is damaged: no snapshot is taken of several modules";
    assert!(said.contains(expected), "{said:?}");
}

#[cfg(feature = "explain")]
#[test]
fn what_is_seen_of_them() {
    let (low, own) = (parsed(LOW), parsed(OWN));
    let modules: [(&str, &[u8]); 2] = [("low", &low), ("own", &own)];
    let frames = |error: &Error| {
        let backtrace = error.backtrace();
        let backtrace = backtrace.unwrap_or_else(|| panic!("{error}: {:?}", error.unexplained()));
        let frames = backtrace.frames().iter().map(|frame| {
            let names = (frame.module().unwrap_or("?"), frame.name().unwrap_or("?"));
            (names.0.to_owned(), names.1.to_owned())
        });
        frames.collect::<Vec<_>>()
    };
    let expected = [("low", "divide"), ("own", "back"), ("own", "main")];
    let expected = expected.map(|(module, name)| (module.to_owned(), name.to_owned()));
    // By the recording, and at once by the runner.
    let (_, file) = check("a trap", &modules, "through", &[0]);
    let recording = Recording::from_bytes(&file).expect("a recording");
    let replayer = recording.replayer_linked(&modules).expect("the modules");
    let replay = replayer.explain().expect("the same end");
    let error = replay.into_last().expect("a call").expect_err("a trap");
    assert_eq!(frames(&error), expected);
    let error = load(config().explain(true), &modules)
        .call("through")
        .params(&[0])
        .run()
        .expect_err("a trap");
    assert_eq!(frames(&error), expected);
    // What there is for plugins of one module only.
    let refused = [
        ("a profile", replayer.profile().map(|_| ())),
        (
            "coverage",
            replayer
                .cover(&mut pocketwasm::explain::Coverage::new())
                .map(|_| ()),
        ),
        (
            "a trace",
            replayer
                .trace(&pocketwasm::explain::TraceOptions::new(), |_, _| ())
                .map(|_| ()),
        ),
        ("a debugger", replayer.debugger().map(|_| ())),
        #[cfg(feature = "testing")]
        ("a mock", recording.mock(&own).map(|_| ())),
    ];
    for (what, done) in refused {
        let error = done.expect_err(what);
        assert_eq!(
            (error.kind(), error.message()),
            (
                ErrorKind::Recording,
                format!("{what} is possible for a plugin of one module only")
            )
        );
    }
}
