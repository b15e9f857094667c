//! Compares generated programs in every mode with wasmi 1.1.0, whose executor shares no code with
//! the engine's. `tools/differential` does the same with more engines and for longer.
//!
//! `POCKETWASM_DIFFERENTIAL_SEED` repeats the programs of one seed.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::allow_attributes_without_reason,
    clippy::cast_lossless,
    clippy::or_fun_call,
    clippy::unused_unit,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "files that the search has too, which uses more of them"
)]

use answer::{End, is_exhausted};
use case::Case;
use ours::{FUEL, MODES, Ours};
use programs::{Options, Program, Random};
use std::{
    hash::{BuildHasher, Hasher, RandomState},
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

#[path = "../tools/differential/answers/src/answer.rs"]
mod answer;
#[path = "../tools/differential/answers/src/case.rs"]
mod case;
#[path = "../tools/differential/answers/src/functions.rs"]
mod functions;
#[path = "../tools/differential/answers/src/old.rs"]
mod old;
#[path = "../tools/differential/answers/src/ours.rs"]
mod ours;

/// The programs of a seed.
const PROGRAMS: u64 = if cfg!(debug_assertions) { 40 } else { 400 };
/// When to begin no more of them.
const ENOUGH: Duration = Duration::from_secs(50);

/// Runs programs until there are enough; how many there were, and how many could be compared.
fn agrees(seed: u64) -> (u64, u64) {
    let ours = Ours::new(&MODES, FUEL, |config| config);
    let options = Options {
        simd: cfg!(feature = "simd"),
        ..Options::default()
    };
    let mut seeds = Random::new(seed);
    let (started, mut programs, mut compared) = (Instant::now(), 0, 0);
    while programs < PROGRAMS && started.elapsed() < ENOUGH {
        programs += 1;
        let program = seeds.bits();
        let case = Case::of(&Program::generate(program, options), true);
        compared += u64::from(agrees_on(
            &ours,
            &case,
            &format!("program {program:#x} of seed {seed}"),
        ));
    }
    (programs, compared)
}

/// The answer of wasmi 1.1.0. For a few programs its translator fails an assertion of its own, in
/// builds with debug assertions.
fn judged<R>(judge: impl FnOnce() -> R) -> Option<R> {
    catch_unwind(AssertUnwindSafe(judge)).ok()
}

/// Whether the program could be compared. It cannot if stack or fuel was used up, or if the judge
/// panicked.
fn agrees_on(ours: &Ours, case: &Case, name: &str) -> bool {
    let Some(judge) = judged(|| old::load(case)) else {
        return false;
    };
    let judge = judge.expect(name);
    let loaded: Vec<_> = (0..MODES.len())
        .map(|mode| ours.load(mode, case).expect(name))
        .collect();
    for sequence in case.sequences() {
        let Some(expected) = judged(|| judge.run(case, &sequence)) else {
            return false;
        };
        let mut fuel = None;
        for plugin in &loaded {
            let run = plugin.run(&sequence);
            if is_exhausted(&expected) || is_exhausted(&run) {
                return false;
            }
            let answers = |run: &answer::Run| -> Vec<(End, u64)> {
                run.iter()
                    .map(|step| (step.end.clone(), step.journal))
                    .collect()
            };
            let mode = plugin.mode.name();
            assert_eq!(
                answers(&run),
                answers(&expected),
                "{name}, {mode}: {sequence:?}"
            );
            let used: Vec<_> = run.iter().map(|step| step.fuel).collect();
            let first = fuel.get_or_insert_with(|| used.clone());
            assert_eq!(used, *first, "{name}, {mode}: {sequence:?}");
        }
    }
    true
}

/// More than a few that cannot be compared would be a generator that tests nothing.
fn enough_of(seed: u64) {
    println!("POCKETWASM_DIFFERENTIAL_SEED={seed}");
    let (programs, compared) = agrees(seed);
    println!("{programs} programs, {compared} compared");
    assert!(
        compared * 10 >= programs * 9,
        "{compared} of {programs} could be compared"
    );
}

#[test]
fn the_same_programs_every_time() {
    enough_of(1);
}

#[test]
fn other_programs_every_time() {
    let seed = std::env::var("POCKETWASM_DIFFERENTIAL_SEED").map_or_else(
        |_| RandomState::new().build_hasher().finish(),
        |seed| seed.parse().expect("the seed is a number"),
    );
    enough_of(seed);
}
