//! Arbitrary bytes, and real modules with mistakes in them. Loading and running them ends without a
//! panic, and with the same result whenever their functions are compiled.

use crate::support::{fixture, runner, wat};
use pocketwasm::{Compilation, Plugin, Runner, RunnerConfig, types::Signature};
use proptest::prelude::*;
use std::{sync::LazyLock, time::Duration};

/// The modules that are mutated; small ones, since thousands of versions are compiled.
static MODULES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let real = [
        "add.wasm",
        "as-packed.wasm",
        "c-greet.wasm",
        "zig-greet.wasm",
        "as-greet.wasm",
    ];
    let made = [
        "table-grow",
        "bulk",
        "work",
        "traps",
        "start",
        "spin",
        "signatures",
    ];
    let real = real.into_iter().map(fixture);
    real.chain(made.into_iter().map(wat)).collect()
});

/// Nothing here may take long: little fuel, little memory.
fn small() -> Runner {
    small_compiling(Compilation::AtLoad)
}

fn small_compiling(compilation: Compilation) -> Runner {
    runner(
        RunnerConfig::new()
            .compilation(compilation)
            .fuel(20_000)
            .timeout(Duration::from_secs(20))
            .max_memory_pages(32)
            .max_memories(2)
            .max_output_bytes(1_000),
    )
}

/// Calls everything that can be called with numbers, and with bytes; what that came to.
fn call_everything(plugin: &Plugin) -> Vec<String> {
    let mut ended = Vec::new();
    for export in plugin.exports() {
        let Some(params) = export.ty.signature().map(Signature::params) else {
            continue;
        };
        let params = vec![3; params.len()];
        for call in [
            plugin.call(&export.name).params(&params),
            plugin.call(&export.name).input("World"),
        ] {
            ended.push(match call.run() {
                Ok(outcome) => format!("{outcome:?}"),
                Err(error) => format!("{error}; {:?}", error.outcome()),
            });
        }
    }
    ended
}

/// Loads a module and calls everything, compiled at load and when called: the same each time.
fn run_both_ways(bytes: &[u8]) {
    let [at_load, when_called] =
        [Compilation::AtLoad, Compilation::WhenCalled].map(|compilation| {
            let loaded = small_compiling(compilation).load_plugin("m", bytes);
            loaded
                .map(|plugin| call_everything(&plugin))
                .map_err(|error| error.to_string())
        });
    assert_eq!(when_called, at_load);
}

/// A mistake in a module.
#[derive(Debug, Clone)]
enum Mistake {
    Flip(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    Remove(prop::sample::Index, usize),
    Repeat(prop::sample::Index, usize),
    Insert(prop::sample::Index, Vec<u8>),
    /// A piece of another module in its place.
    Splice(prop::sample::Index, prop::sample::Index, usize),
}

fn mistake() -> impl Strategy<Value = Mistake> {
    let at = any::<prop::sample::Index>;
    prop_oneof![
        8 => (at(), 1..=255_u8).prop_map(|(at, bits)| Mistake::Flip(at, bits)),
        1 => at().prop_map(Mistake::Cut),
        2 => (at(), 1..8_usize).prop_map(|(at, length)| Mistake::Remove(at, length)),
        2 => (at(), 1..32_usize).prop_map(|(at, length)| Mistake::Repeat(at, length)),
        2 => (at(), prop::collection::vec(any::<u8>(), 1..8))
            .prop_map(|(at, bytes)| Mistake::Insert(at, bytes)),
        2 => (at(), at(), 1..64_usize).prop_map(|(at, from, length)| Mistake::Splice(at, from, length)),
    ]
}

impl Mistake {
    fn make(&self, bytes: &mut Vec<u8>, other: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let from = |at: &prop::sample::Index, length: usize, bytes: &[u8]| {
            let at = at.index(bytes.len());
            at..(at + length).min(bytes.len())
        };
        match self {
            Self::Flip(at, bits) => {
                let at = at.index(bytes.len());
                bytes[at] ^= bits;
            }
            Self::Cut(at) => bytes.truncate(at.index(bytes.len())),
            Self::Remove(at, length) => {
                let range = from(at, *length, bytes);
                bytes.drain(range);
            }
            Self::Repeat(at, length) => {
                let range = from(at, *length, bytes);
                let piece = bytes[range.clone()].to_vec();
                bytes.splice(range.end..range.end, piece);
            }
            Self::Insert(at, piece) => {
                let at = at.index(bytes.len());
                bytes.splice(at..at, piece.iter().copied());
            }
            Self::Splice(at, start, length) => {
                let piece = other[from(start, *length, other)].to_vec();
                let range = from(at, *length, bytes);
                bytes.splice(range, piece);
            }
        }
    }
}

/// An engine that was built to check itself would panic here.
#[test]
fn operators_after_the_end_of_a_function() {
    let sections: [&[u8]; 4] = [
        b"\0asm\x01\0\0\0",
        &[1, 4, 1, 0x60, 0, 0],
        &[3, 2, 1, 0],
        &[10, 8, 1, 6, 0, 0x0b, 0x41, 0, 0x1a, 0x0b],
    ];
    let error = small().load_plugin("m", sections.concat());
    assert_eq!(
        error.expect_err("refused").to_string(),
        "plugin \"m\", load: not a module this engine can run: a function goes on after its end"
    );
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(debug_assertions) { 300 } else { 3_000 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn arbitrary_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(small().load_plugin("m", &bytes).is_err());
    }

    /// Past the header, where a random start would seldom come.
    #[test]
    fn arbitrary_sections(
        sections in prop::collection::vec(
            (0..14_u8, prop::collection::vec(0..0x80_u8, 0..24)),
            0..6,
        ),
    ) {
        let mut bytes = b"\0asm\x01\0\0\0".to_vec();
        for (id, content) in sections {
            bytes.push(id);
            bytes.push(u8::try_from(content.len()).expect("short"));
            bytes.extend(content);
        }
        run_both_ways(&bytes);
    }

    #[test]
    fn modules_with_mistakes(
        module in any::<prop::sample::Index>(),
        other in any::<prop::sample::Index>(),
        mistakes in prop::collection::vec(mistake(), 1..4),
    ) {
        let mut bytes = module.get(MODULES.as_slice()).clone();
        for mistake in mistakes {
            mistake.make(&mut bytes, other.get::<Vec<u8>>(&MODULES));
        }
        run_both_ways(&bytes);
    }

    /// A small mistake after the header keeps a module valid more often than not: in its numbers.
    #[test]
    fn modules_with_one_wrong_byte(
        module in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        bits in 1..=255_u8,
    ) {
        let mut bytes = module.get(MODULES.as_slice()).clone();
        let at = 8 + at.index(bytes.len() - 8);
        bytes[at] ^= bits;
        run_both_ways(&bytes);
    }
}
