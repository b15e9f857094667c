//! The pass before the engine parses every operator with its right length: it counts the blocks
//! that follow, whatever bytes the operands have.

use crate::{
    bytes::{body, list, module, section, times, ty},
    support::{generator, runner},
};
use arbitrary::Unstructured;
use pocketwasm::{Compilation, RunnerConfig};
use proptest::prelude::*;
use wasmparser::{Operator, Parser, Payload};

/// What is wrong with a module that may nest so deep.
fn wrong(module: &[u8], most: u32) -> Option<String> {
    let config = RunnerConfig::new()
        .max_nesting(most)
        .compilation(Compilation::WhenCalled);
    let refused = runner(config).load_plugin("m", module).err()?;
    Some(refused.to_string())
}

/// The same, if it is about that.
fn too_deep(module: &[u8], most: u32) -> Option<String> {
    wrong(module, most).filter(|problem| problem.contains("max_nesting"))
}

fn refusal(nesting: u32, most: u32) -> Option<String> {
    Some(format!(
        "plugin \"m\", load: the nesting of blocks is {nesting}; \
         the limit `max_nesting` is {most}"
    ))
}

/// A name, operators, and what may follow each of them.
type Row = (&'static str, &'static [u8], &'static [&'static [u8]]);

/// A name for each, and an operator with its operands: with some of every length a number may
/// have, and with bytes in them that would be blocks. Types, tables and element segments that they
/// name have to be there.
fn operators() -> Vec<(String, Vec<u8>)> {
    let operands: &[Row] = &[
        ("without operands", &[0x00, 0x01, 0x1a, 0x1b, 0xd1], &[&[]]),
        (
            "branch, call, local, global, function",
            &[0x0c, 0x0d, 0x10, 0x12, 0x20, 0x21, 0x22, 0x23, 0x24, 0xd2],
            &[&[0x02], &[0x82, 0x40], &[0x82, 0x82, 0x82, 0x82, 0x02]],
        ),
        (
            "table element",
            &[0x25, 0x26],
            &[&[0x02], &[0x82, 0x00], &[0x82, 0x80, 0x80, 0x80, 0x00]],
        ),
        (
            "indirect call",
            &[0x11, 0x13],
            &[
                &[0x02, 0x03],
                &[0x82, 0x00, 0x02],
                &[0x82, 0x80, 0x80, 0x80, 0x00, 0x82, 0x80, 0x80, 0x80, 0x00],
            ],
        ),
        (
            "load and store",
            &[
                0x28, 0x29, 0x2a, 0x2b, 0x2c, 0x2d, 0x2e, 0x2f, 0x30, 0x31, 0x32, 0x33, 0x34, 0x35,
                0x36, 0x37, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e,
            ],
            &[
                &[0x02, 0x40],
                &[0x00, 0x82, 0x40],
                &[0x82, 0x00, 0x82, 0x82, 0x82, 0x82, 0x02],
                // Of another memory.
                &[0x42, 0x02, 0x40],
                &[0xc2, 0x00, 0x82, 0x00, 0x82, 0x40],
            ],
        ),
        (
            "size and growth of memory",
            &[0x3f, 0x40],
            &[&[0x00], &[0x80, 0x00]],
        ),
        (
            "i32.const",
            &[0x41],
            &[
                &[0x02],
                &[0x40],
                &[0x82, 0x40],
                &[0x82, 0x82, 0x82, 0x82, 0x02],
            ],
        ),
        (
            "i64.const",
            &[0x42],
            &[
                &[0x40],
                &[0x82, 0x82, 0x82, 0x82, 0x82, 0x82, 0x82, 0x40],
                &[0x82, 0x82, 0x82, 0x82, 0x82, 0x82, 0x82, 0x82, 0x40],
                &[0x82, 0x82, 0x82, 0x82, 0x82, 0x82, 0x82, 0x82, 0x82, 0x00],
            ],
        ),
        (
            "f32.const",
            &[0x43],
            &[&[0x02, 0x40, 0x02, 0x40], &[0x0b; 4]],
        ),
        (
            "f64.const",
            &[0x44],
            &[
                &[0x02, 0x40, 0x02, 0x40, 0x02, 0x40, 0x02, 0x40],
                &[0x0b; 8],
            ],
        ),
        ("br_table", &[0x0e], &[&[0x02, 0x02, 0x40, 0x02]]),
        ("select of a type", &[0x1c], &[&[0x01, 0x7f]]),
        ("ref.null", &[0xd0], &[&[0x70]]),
        (
            "of two bytes",
            &[0xfc],
            &[
                &[0x00],
                &[0x08, 0x02, 0x00],
                &[0x09, 0x02],
                &[0x0a, 0x00, 0x00],
                &[0x0b, 0x00],
                &[0x0c, 0x02, 0x02],
                &[0x0d, 0x02],
                &[0x0e, 0x02, 0x02],
                &[0x0f, 0x02],
                &[0x10, 0x02],
                &[0x11, 0x02],
            ],
        ),
    ];
    let mut all: Vec<_> = (0x45..=0xc4)
        .map(|code| ("numeric", code, &[][..]))
        .collect();
    for (name, codes, operands) in operands {
        for code in *codes {
            all.extend(operands.iter().map(|operands| (*name, *code, *operands)));
        }
    }
    all.into_iter()
        .map(|(name, code, operands)| {
            let bytes = [&[code], operands].concat();
            (format!("{name}: {bytes:02x?}"), bytes)
        })
        .collect()
}

/// A module of a function with that code after so many others, and so many bytes after it, with
/// four types, tables and element segments.
fn with_code(code: &[u8], others: usize, after: usize) -> Vec<u8> {
    let other = |number: usize| body(&[0], &[0x41, 0x80, 0x01, 0x1a].repeat(3 * number + 1));
    let bodies = (0..others).map(other).chain([body(&[0], code)]);
    let mut sections = vec![
        section(1, times(4, &ty(0, 0))),
        section(3, times(others + 1, &[0])),
        section(4, times(4, &[0x70, 0, 0])),
        section(9, times(4, &[1, 0, 0])),
        section(10, list(bodies)),
    ];
    if after > 0 {
        let name = [1, b'x'];
        sections.push(section(0, [&name[..], &vec![0x0b; after]].concat()));
    }
    module(&sections)
}

#[test]
fn blocks_after_every_operator_are_counted() {
    let blocks = [[0x02, 0x40].repeat(5), [0x0b].repeat(5)].concat();
    for (name, operator) in operators() {
        for times in 1..=2 {
            // Two functions are read at a time.
            for (others, after) in [(0, 0), (0, 1), (0, 30), (1, 0), (2, 30), (5, 7)] {
                let code = [operator.repeat(times), blocks.clone()].concat();
                let module = with_code(&code, others, after);
                let name = format!("{name}, {times} times, after {others}, {after} bytes after it");
                assert_eq!(too_deep(&module, 4), refusal(5, 4), "{name}");
                assert_eq!(too_deep(&module, 5), None, "{name}");
            }
        }
    }
}

#[test]
fn every_kind_of_block_is_counted() {
    let types: &[(&str, &[u8])] = &[
        ("empty", &[0x40]),
        ("i32", &[0x7f]),
        ("i64", &[0x7e]),
        ("f32", &[0x7d]),
        ("f64", &[0x7c]),
        ("v128", &[0x7b]),
        ("funcref", &[0x70]),
        ("externref", &[0x6f]),
        ("a function type", &[0x00]),
        (
            "a function type in five bytes",
            &[0x80, 0x80, 0x80, 0x80, 0x00],
        ),
    ];
    for (name, ty) in types {
        for opener in [0x02, 0x03, 0x04] {
            let open = [&[opener], *ty].concat().repeat(3);
            let other = [0x05].repeat(usize::from(opener == 0x04));
            let close = [other, vec![0x0b]].concat().repeat(3);
            let twice = [open, close].concat().repeat(2);
            let module = with_code(&twice, 0, 0);
            let found = [2, 3].map(|most| too_deep(&module, most));
            assert_eq!(found, [refusal(3, 2), None], "{opener} {name}");
        }
    }
}

/// The deepest nesting of each function, as the parser reads it.
fn nestings(module: &[u8]) -> Vec<u32> {
    let mut deepest = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        let Payload::CodeSectionEntry(body) = payload.expect("it is valid") else {
            continue;
        };
        let (mut depth, mut most) = (0_u32, 0);
        for operator in body.get_operators_reader().expect("it is valid") {
            match operator.expect("it is valid") {
                Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => depth += 1,
                Operator::End => depth = depth.saturating_sub(1),
                _ => {}
            }
            most = most.max(depth);
        }
        deepest.push(most);
    }
    deepest
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(debug_assertions) { 100 } else { 1_000 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn generated_modules_nest_as_the_parser_reads(
        source in prop::collection::vec(any::<u8>(), 1_000..4_000),
    ) {
        let config = wasm_smith::Config {
            max_memories: 2,
            min_funcs: 1,
            ..generator()
        };
        let module = wasm_smith::Module::new(config, &mut Unstructured::new(&source));
        prop_assume!(module.is_ok());
        let module = module.expect("it was made").to_bytes();
        let deepest = nestings(&module);
        let most = deepest.iter().max().copied().unwrap_or_default();
        // Some have too much of something else.
        prop_assume!(wrong(&module, most.max(1)).is_none());
        if let Some(most) = most.checked_sub(1).filter(|most| *most > 0) {
            let first = deepest.iter().find(|nesting| **nesting > most);
            let first = first.expect("one is deeper");
            prop_assert_eq!(too_deep(&module, most), refusal(*first, most));
        }
    }
}
