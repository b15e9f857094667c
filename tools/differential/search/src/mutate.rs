//! Replaces operators in real modules by others of the same type, which keeps the modules valid.

use programs::Random;
use wasmparser::{Operator, Parser, Payload};

/// Opcodes that take and leave the same, each range its own.
const ALIKE: &[std::ops::RangeInclusive<u8>] = &[
    // Comparisons: i32, i64, f32, f64.
    0x46..=0x4f,
    0x51..=0x5a,
    0x5b..=0x60,
    0x61..=0x66,
    // Arithmetic, the divisions too.
    0x67..=0x69,
    0x6a..=0x78,
    0x79..=0x7b,
    0x7c..=0x8a,
    0x8b..=0x91,
    0x92..=0x98,
    0x99..=0x9f,
    0xa0..=0xa6,
    // Extension of an i32, and of parts.
    0xac..=0xad,
    0xc0..=0xc1,
    0xc2..=0xc4,
];

/// Replaces a few operators and constants.
pub fn mutate(mut module: Vec<u8>, random: &mut Random) -> Vec<u8> {
    // Where there is something to change, and whether it is a constant's last byte.
    let mut places: Vec<(usize, bool)> = Vec::new();
    for payload in Parser::new(0).parse_all(&module) {
        let Ok(Payload::CodeSectionEntry(body)) = payload else {
            continue;
        };
        let Ok(mut operators) = body.get_operators_reader() else {
            continue;
        };
        while !operators.eof() {
            let at = operators.original_position() as usize;
            let Ok(operator) = operators.read() else {
                break;
            };
            let end = operators.original_position() as usize;
            match operator {
                Operator::I32Const { .. } | Operator::I64Const { .. } => {
                    places.push((end - 1, true))
                }
                _ if ALIKE.iter().any(|it| it.contains(&module[at])) => places.push((at, false)),
                _ => {}
            }
        }
    }
    if places.is_empty() {
        return module;
    }
    for _ in 0..random.within(1, 12) {
        let (at, is_constant) = *random.pick(&places);
        if is_constant {
            // The last byte of the number: bits beneath the sign, whatever the length.
            module[at] ^= 1 << random.below(6);
        } else if let Some(alike) = ALIKE.iter().find(|it| it.contains(&module[at])) {
            let (first, last) = (usize::from(*alike.start()), usize::from(*alike.end()));
            module[at] = random.within(first, last) as u8;
        }
    }
    module
}
