//! Prints a hash of everything that programs answer, fuel included, to compare builds by.
//!
//! `digest FROM COUNT`

use answers::{Case, FUEL, MODES, Ours};
use programs::{Options, Program, hosts::mix};

fn main() {
    let mut numbers = std::env::args()
        .skip(1)
        .map(|it| it.replace('_', "").parse::<u64>());
    let (Some(Ok(from)), Some(Ok(count))) = (numbers.next(), numbers.next()) else {
        eprintln!("digest FROM COUNT");
        std::process::exit(2);
    };
    let ours = Ours::new(&MODES, FUEL, |config| config);
    let options = Options {
        simd: true,
        unbounded: true,
        ..Options::default()
    };
    let (mut sum, mut calls) = (0, 0_u64);
    for seed in from..from + count {
        let case = Case::of(&Program::generate(seed, options), false);
        for mode in 0..MODES.len() {
            let said = match ours.load(mode, &case) {
                Ok(plugin) => {
                    let steps = case.sequences().into_iter().flat_map(|it| plugin.run(&it));
                    steps.map(|step| format!("{step}\n")).collect()
                }
                Err(problem) => vec![problem],
            };
            calls += said.len() as u64;
            for byte in said.iter().flat_map(|said| said.bytes()) {
                sum = mix(sum, byte.into());
            }
        }
    }
    println!(
        "{count} programs from {from}, {calls} answers: {sum:016x} ({})",
        pocketwasm::DISPATCH
    );
}
