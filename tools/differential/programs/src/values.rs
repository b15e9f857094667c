//! Generates numbers, at boundaries and between them.

use crate::random::Random;
use wasm_encoder::ValType::{self, F32, F64, I32, I64, V128};

const INTS: &[i64] = &[
    0, 0, 0, 1, 1, 1, -1, -1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 33, 63, 64, 65, 127, 128, -128, 255,
    256, 1023, 4095, 32767, 32768, -32768, 65535, 65536, 65537,
];

pub(crate) fn int(random: &mut Random) -> i32 {
    match random.below(10) {
        0..7 => *random.pick(INTS) as i32,
        7 => *random.pick(&[i32::MIN, i32::MAX, i32::MIN + 1, 0xffff_0000_u32 as i32]),
        8 => random.below(300) as i32 - 50,
        _ => random.bits() as i32,
    }
}

pub(crate) fn long(random: &mut Random) -> i64 {
    match random.below(10) {
        0..6 => *random.pick(INTS),
        6 => i64::from(int(random)),
        7 => *random.pick(&[
            i64::MIN,
            i64::MAX,
            1 << 31,
            1 << 32,
            (1 << 32) - 1,
            -(1 << 31) - 1,
        ]),
        8 => random.below(300) as i64 - 50,
        _ => random.bits() as i64,
    }
}

pub(crate) fn float(random: &mut Random) -> f32 {
    const EDGES: &[f32] = &[
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.5,
        1.5,
        2.5,
        100.25,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::MIN_POSITIVE,
        f32::MAX,
        1e-45,
        2_147_483_648.0,
        16_777_217.0,
    ];
    match random.below(10) {
        0..7 => *random.pick(EDGES),
        7 => f32::from_bits(0x7fc0_0000),
        8 => random.below(2000) as f32 / 8.0 - 100.0,
        // Only the canonical NaN: what becomes of others may differ.
        _ => Some(f32::from_bits(random.bits() as u32))
            .filter(|it| !it.is_nan())
            .unwrap_or(2.0),
    }
}

pub(crate) fn double(random: &mut Random) -> f64 {
    const EDGES: &[f64] = &[
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.5,
        1.5,
        2.5,
        100.25,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MIN_POSITIVE,
        f64::MAX,
        5e-324,
        2_147_483_648.0,
        9_223_372_036_854_775_808.0,
        9_007_199_254_740_993.0,
    ];
    match random.below(10) {
        0..7 => *random.pick(EDGES),
        7 => f64::from_bits(0x7ff8 << 48),
        8 => random.below(2000) as f64 / 8.0 - 100.0,
        _ => Some(f64::from_bits(random.bits()))
            .filter(|it| !it.is_nan())
            .unwrap_or(2.0),
    }
}

pub(crate) fn vector(random: &mut Random) -> i128 {
    match random.below(6) {
        0 => 0,
        1 => -1,
        2 => i128::from(int(random)).wrapping_mul(0x0000_0001_0000_0001_0000_0001_0000_0001),
        3 => i128::from(double(random).to_bits()) | i128::from(double(random).to_bits()) << 64,
        4 => 0x0f0e_0d0c_0b0a_0908_0706_0504_0302_0100,
        _ => i128::from(random.bits()) | i128::from(random.bits() as i64) << 64,
    }
}

/// The bits of a number to be passed.
pub(crate) fn bits(random: &mut Random, ty: ValType) -> u64 {
    match ty {
        I32 => u64::from(int(random) as u32),
        I64 => long(random) as u64,
        F32 => u64::from(float(random).to_bits()),
        _ => double(random).to_bits(),
    }
}

/// A type for a local or a global.
pub(crate) fn ty(random: &mut Random, simd: bool) -> ValType {
    match random.below(100) {
        0..42 => I32,
        42..70 => I64,
        70..78 => F32,
        78..86 => F64,
        86..94 if simd => V128,
        86..94 => I32,
        94..98 => ValType::FUNCREF,
        _ => ValType::EXTERNREF,
    }
}

pub(crate) fn number(random: &mut Random) -> ValType {
    *random.pick(&[I32, I32, I32, I64, I64, F32, F64])
}

/// So many types.
pub(crate) fn types(random: &mut Random, count: usize, simd: bool) -> Vec<ValType> {
    (0..count).map(|_| ty(random, simd)).collect()
}

/// So many that can be passed from outside.
pub(crate) fn numbers(random: &mut Random, count: usize) -> Vec<ValType> {
    (0..count).map(|_| number(random)).collect()
}

/// How many parameters or results: rather few.
pub(crate) fn few(random: &mut Random) -> usize {
    *random.pick(&[0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 3, 4])
}
