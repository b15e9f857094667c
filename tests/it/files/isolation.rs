//! What a call writes is its own: other calls do not see it, a kept instance keeps it, and a
//! snapshot holds what an initialiser left.

use super::script::{BOTH, CREATE, READ, Step, carry_out_by, ended, guest, lines, on, open, step};
use crate::support::{fails, patient, runner, runs};
use pocketwasm::{ErrorKind, Files, Outcome, RunnerConfig, Snapshot, SnapshotMode};
use std::thread;

fn files() -> Files {
    Files::new().file("/given", "given").file("/other", "")
}

/// Changes everything, and leaves descriptors open.
fn changes() -> Vec<Step> {
    vec![
        open("given", 4, 0, BOTH),
        on("write", 4).bytes(b"TAKEN"),
        open("made", 5, CREATE, BOTH),
        step("unlink").path("other"),
        step("rename").path("given").second("renamed"),
        on("close", 3),
    ]
}

/// Looks at everything.
fn looks() -> Vec<Step> {
    vec![
        on("readdir", 3).n(999),
        open("given", 4, 0, READ),
        on("read", 4).n(9),
        on("fstat", 5),
    ]
}

const UNCHANGED: [&str; 4] = ["0 3:. 3:.. 4:given 4:other", "0", "0 676976656e", "8"];

#[test]
fn calls_see_nothing_of_each_other() {
    // Afresh, ahead, and made as new after an earlier call.
    for spares in [0, 2] {
        let plugin = guest(patient().spare_instances(spares));
        let files = files();
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        let outcome = carry_out_by(&plugin, &files, &changes());
                        assert_eq!(outcome.files().len(), 4, "{spares} spares");
                        let outcome = carry_out_by(&plugin, &files, &looks());
                        assert_eq!(lines(&outcome), UNCHANGED, "{spares} spares");
                        assert!(outcome.files().is_empty());
                    }
                });
            }
        });
    }
}

#[test]
fn the_same_call_has_the_same_outcome() {
    let plugin = guest(patient());
    let steps = [changes(), looks()].concat();
    let first = carry_out_by(&plugin, &files(), &steps);
    // Another tree with the same files.
    assert_eq!(carry_out_by(&plugin, &files(), &steps), first);
}

#[test]
fn a_kept_instance_keeps_what_it_wrote() {
    let plugin = guest(patient());
    let files = files();
    let mut instance = plugin.instantiate().unwrap();
    let paths = |outcome: &Outcome| -> Vec<String> {
        let changes = outcome.files().iter();
        changes.map(|change| change.path().to_owned()).collect()
    };
    let write = [open("made", 4, CREATE, BOTH), on("write", 4).bytes(b"1")];
    let outcome = ended(instance.call("_start").files(&files), &write);
    assert_eq!(paths(&outcome), ["/made"]);
    let first = outcome.files()[0].clone();
    // The same files or none: it is the instance that has them. The first outcome stays as it was.
    let more = [open("made", 5, 0, BOTH), on("write", 5).bytes(b"22")];
    let outcome = ended(instance.call("_start"), &more);
    assert_eq!(lines(&outcome), ["0", "0 2"]);
    assert_eq!(
        (outcome.files()[0].bytes(), first.bytes()),
        (&b"22"[..], &b"1"[..])
    );
    let outcome = ended(instance.call("_start").files(&files), &looks());
    assert_eq!(lines(&outcome)[0], "0 3:. 3:.. 4:given 4:made 4:other");
    let error = fails(instance.call("_start").files(&Files::new()));
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    assert_eq!(
        error.message(),
        "invalid config: `files` are others than those that this instance began with"
    );
    assert!(!instance.is_poisoned());
}

#[test]
fn a_call_that_fails_tells_its_files_too() {
    let plugin = guest(patient());
    let steps = [
        vec![open("made", 4, CREATE, BOTH), on("write", 4).bytes(b"1")],
        vec![step("stat").path("given"); 2_000],
    ];
    let script = super::script::script(&steps.concat());
    let call = plugin.call("_start").files(&files()).stdin(script);
    let error = fails(call.fuel(300_000));
    assert_eq!(error.kind(), ErrorKind::OutOfFuel);
    let outcome = error.outcome().unwrap();
    assert_eq!(outcome.files()[0].path(), "/made");
}

#[test]
fn the_files_of_the_runner_are_for_all_calls() {
    let plugin = guest(patient().files(&files()));
    assert_eq!(lines(&ended(plugin.call("_start"), &looks())), UNCHANGED);
    let own = Files::new().file("/mine", "");
    let outcome = carry_out_by(&plugin, &own, &[on("readdir", 3).n(99)]);
    assert_eq!(lines(&outcome), ["0 3:. 3:.. 4:mine"]);
}

/// Its initialiser opens a file, reads three bytes, and makes another file. `next` reads one more.
const READER: &str = r#"(module
    (import "wasi_snapshot_preview1" "path_open" (func $open
        (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "given")
    (data (i32.const 8) "made")
    (func $take (param $bytes i32) (result i32)
        (i32.store (i32.const 200) (i32.const 300))
        (i32.store (i32.const 204) (local.get $bytes))
        (if (result i32) (call $read (i32.load (i32.const 100)) (i32.const 200) (i32.const 1) (i32.const 208))
            (then (i32.const -1))
            (else (i32.load8_u (i32.const 300)))))
    (func (export "_initialize") (local $turns i32)
        (drop (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 5) (i32.const 0)
            (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 100)))
        (drop (call $open (i32.const 3) (i32.const 0) (i32.const 8) (i32.const 4) (i32.const 1)
            (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 104)))
        (drop (call $take (i32.const 3)))
        (loop $more
            (local.set $turns (i32.add (local.get $turns) (i32.const 1)))
            (br_if $more (i32.lt_u (local.get $turns) (i32.const 10000)))))
    (func (export "next") (result i32) (call $take (i32.const 1))))"#;

#[test]
fn a_snapshot_holds_the_files_of_its_initialiser() {
    let module = wat::parse_str(READER).unwrap();
    let files = files();
    let load = |config: RunnerConfig, mode| {
        let runner = runner(config.snapshots(mode));
        runner.load_plugin("reader", &module).unwrap()
    };
    let with = |mode| load(patient().files(&files), mode);
    let plugin = with(SnapshotMode::WhereItPays);
    assert!(
        matches!(plugin.snapshot(), Snapshot::Taken { .. }),
        "{}",
        plugin.snapshot()
    );
    let plain = with(SnapshotMode::Never);
    // Twice: the second call begins where the first did.
    for _ in 0..2 {
        let (outcome, other) = (runs(plugin.call("next")), runs(plain.call("next")));
        assert_eq!(outcome.results(), [u64::from(b'e')]);
        assert_eq!(other.results(), outcome.results());
        assert_eq!(other.files(), outcome.files());
        assert_eq!(outcome.files()[0].path(), "/made");
        assert_eq!(outcome.fuel_used() + outcome.init_fuel(), other.fuel_used());
        assert!(outcome.init_fuel() > 0);
    }
    // Other files: the initialiser runs in the call.
    let others = Files::new().file("/given", "abcdefg");
    let outcome = runs(plugin.call("next").files(&others));
    assert_eq!(
        (outcome.results(), outcome.init_fuel()),
        (&[u64::from(b'd')][..], 0)
    );
    // The same tree is the same files.
    assert!(runs(plugin.call("next").files(&files.clone())).init_fuel() > 0);
    // Kept instances begin with it as well, and go on.
    let mut instance = plugin.instantiate().unwrap();
    assert_eq!(runs(instance.call("next")).results(), [u64::from(b'e')]);
    assert_eq!(runs(instance.call("next")).results(), [u64::from(b'n')]);

    // Without files of the runner's there is none, and files of a call are seen all the same.
    let plugin = load(patient(), SnapshotMode::WhereItPays);
    assert_eq!(
        plugin.snapshot().to_string(),
        "no snapshot can be made: the initialiser calls wasi_snapshot_preview1 path_open"
    );
    assert_eq!(
        runs(plugin.call("next").files(&others)).results(),
        [u64::from(b'd')]
    );
    // A module that is written with its snapshot would find no files.
    let runner = runner(patient().files(&files));
    let error = runner.snapshot_module(&module, None).unwrap_err();
    assert_eq!(
        error.message(),
        "no snapshot can be made: the initialiser looks at files, and the module that is written \
         has no others"
    );
}
