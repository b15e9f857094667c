//! What each convention adds to the raw call of the same export, on one kept instance:
//! `cargo bench --bench conventions`.
//!
//! `raw` passes the numbers that the export takes and no bytes; `bytes` passes five of them by
//! the convention and takes the answer. The difference is allocating, copying, and whatever the
//! guest itself does with its input.

use divan::{Bencher, black_box};
use pocketwasm::{Instance, Runner, RunnerConfig};
use std::{fs, path::Path};

/// A guest, the export to call, and the numbers for it that mean an empty input.
type Case = (&'static str, &'static str, &'static [u64]);

const CASES: [Case; 5] = [
    ("rust-greet", "greet", &[1_048_576, 0]),
    ("as-greet", "greet", &[0]),
    ("typst-rust", "greet", &[0]),
    ("extism-rust", "greet", &[]),
    ("wapc-rust", "__guest_call", &[0, 0]),
];

fn main() {
    divan::main();
}

fn instance(guest: &str) -> Instance {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(format!("{guest}.wasm"));
    let runner = Runner::new(RunnerConfig::new()).expect("the defaults are valid");
    let module = fs::read(path).expect("a fixture");
    let plugin = runner.load_plugin(guest, module).expect("it loads");
    plugin.instantiate().expect("it starts")
}

fn names() -> impl Iterator<Item = &'static str> {
    CASES.into_iter().map(|(guest, ..)| guest)
}

fn case(guest: &str) -> Case {
    let found = CASES.into_iter().find(|(name, ..)| *name == guest);
    found.expect("a guest of the table")
}

#[divan::bench(args = names())]
fn bytes(bencher: Bencher<'_, '_>, guest: &str) {
    let mut instance = instance(guest);
    bencher.bench_local(|| {
        let outcome = instance.call("greet").input(black_box("World")).run();
        outcome.expect("it answers").into_bytes()
    });
}

#[divan::bench(args = names())]
fn raw(bencher: Bencher<'_, '_>, guest: &str) {
    let (_, export, params) = case(guest);
    let mut kept = instance(guest);
    bencher.bench_local(|| {
        // An instance that took offence at no input is of no further use.
        if kept.is_poisoned() {
            panic!("{guest} cannot be called raw");
        }
        kept.call(export).params(black_box(params)).run()
    });
}
