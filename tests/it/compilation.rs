//! The time at which functions are compiled changes nothing that a guest or an embedder can
//! observe.

use crate::support::{fixture, load, patient, runner, wat};
use pocketwasm::{Call, Compilation, Error, ErrorKind, Outcome, Plugin};

/// Everything that a call came to.
fn ending(ended: Result<Outcome, Error>) -> (Option<Outcome>, Option<String>) {
    match ended {
        Ok(outcome) => (Some(outcome), None),
        Err(error) => (error.outcome().cloned(), Some(error.to_string())),
    }
}

/// A module by both ways, its first call on every `step`th budget in slices of `slice`.
fn on_every_budget(
    name: &str,
    module: &[u8],
    slice: u64,
    step: usize,
    describe: impl Fn(&Plugin) -> Call<'_>,
) {
    let load = |compilation| {
        let config = patient().slice(slice).compilation(compilation);
        let runner = runner(config);
        runner.load_plugin(name, module).expect("loads")
    };
    let ready = load(Compilation::AtLoad);
    let full = describe(&ready).run().expect("runs");
    for budget in (0..=full.fuel_used() + 1).step_by(step) {
        // A new one each time, for the functions that it comes to are compiled only once.
        let later = load(Compilation::WhenCalled);
        assert_eq!(
            ending(describe(&later).fuel(budget).run()),
            ending(describe(&ready).fuel(budget).run()),
            "{name}, budget {budget}, slice {slice}"
        );
        let again = describe(&later).run().expect("runs");
        assert_eq!(again, full, "{name}, after budget {budget}, slice {slice}");
    }
}

#[test]
fn changes_no_result_and_no_fuel() {
    type Case = (&'static str, Vec<u8>, usize, fn(&Plugin) -> Call<'_>);
    let cases: [Case; 5] = [
        ("work", wat("work"), 1, |plugin| {
            plugin.call("run").params(&[2])
        }),
        ("table-grow", wat("table-grow"), 1, |plugin| {
            plugin.call("run").params(&[4])
        }),
        ("bulk", wat("bulk"), 101, |plugin| plugin.call("run")),
        ("start", wat("start"), 1, |plugin| plugin.call("mark")),
        ("greet", fixture("rust-greet.wasm"), 13, |plugin| {
            plugin.call("greet").input("World")
        }),
    ];
    for (name, module, step, describe) in cases {
        for slice in [1, 7, 50_000] {
            on_every_budget(name, &module, slice, step, describe);
        }
    }
}

/// An initialiser of thousands of functions, before a snapshot and without one.
#[test]
fn changes_nothing_for_a_large_module() {
    use pocketwasm::SnapshotMode::{Never, WhereItPays};
    for snapshots in [Never, WhereItPays] {
        let greet = |compilation| {
            let config = patient().snapshots(snapshots).compilation(compilation);
            let runner = runner(config);
            let module = fixture("go-greet.wasm");
            let plugin = runner.load_plugin("greet", module).expect("loads");
            let call = || plugin.call("greet").input("World").run().expect("runs");
            [call(), call()]
        };
        let [first, second] = greet(Compilation::WhenCalled);
        assert_eq!(first, second, "{snapshots:?}");
        assert_eq!([first, second], greet(Compilation::AtLoad), "{snapshots:?}");
    }
}

/// What is no module is refused at load, whichever of its functions would be called.
#[test]
fn changes_nothing_of_what_is_refused() {
    // `(func (export "run") (result i32))`: its body leaves nothing to return.
    let module = b"\0asm\x01\0\0\0\x01\x05\x01\x60\0\x01\x7f\x03\x02\x01\0\x07\x07\x01\x03run\0\0\
                   \x0a\x04\x01\x02\0\x0b";
    let refused = |compilation| {
        let runner = runner(patient().compilation(compilation));
        let error = runner.load_plugin("p", module).expect_err("refused");
        (error.kind(), error.to_string())
    };
    let at_load = refused(Compilation::AtLoad);
    assert_eq!(at_load.0, ErrorKind::InvalidModule);
    assert_eq!(refused(Compilation::WhenCalled), at_load);
}

/// Two threads that come to a function first.
#[test]
fn is_done_once_for_all_threads() {
    let config = patient().compilation(Compilation::WhenCalled);
    let plugin = load(config, "work");
    std::thread::scope(|scope| {
        let call = || plugin.call("run").params(&[20]).run().expect("runs");
        let threads = [scope.spawn(call), scope.spawn(call)];
        let [a, b] = threads.map(|thread| thread.join().expect("ends"));
        assert_eq!(a, b);
    });
}
