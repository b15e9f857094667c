//! The host functions that programs import. Their results depend only on their arguments, and they
//! record each call.

use crate::tree::Signature;
use wasm_encoder::ValType::{self, F32, F64, I32, I64};

/// Calls the guest's export [`CALLED_BACK`] with its parameter and answers what that answers.
pub const BACK: &str = "back";
/// Notes its parameter and what is in the export `memory`.
pub const SEEN: &str = "seen";
/// `(i32) -> (i32)`, for [`BACK`].
pub const CALLED_BACK: &str = "called_back";

const PARAMS: [&str; 23] = [
    "", "i", "l", "f", "d", "ii", "il", "if", "id", "li", "ll", "lf", "ld", "fi", "fl", "ff", "fd",
    "di", "dl", "df", "dd", "iii", "lll",
];
const RESULTS: [&str; 7] = ["", "i", "l", "f", "d", "il", "dd"];

fn types(letters: &str) -> Vec<ValType> {
    let ty = |letter| match letter {
        'i' => I32,
        'l' => I64,
        'f' => F32,
        _ => F64,
    };
    letters.chars().map(ty).collect()
}

/// The type of the function by that name: its parameters, `_`, its results, a letter for each.
#[must_use]
pub fn signature(name: &str) -> Signature {
    let (params, results) = match name {
        BACK => ("i", "i"),
        SEEN => ("i", ""),
        _ => name.split_once('_').unwrap_or_default(),
    };
    Signature {
        params: types(params),
        results: types(results),
    }
}

/// Every name but [`BACK`] and [`SEEN`].
pub fn names() -> impl Iterator<Item = String> {
    let pairs = PARAMS
        .iter()
        .flat_map(|params| RESULTS.map(|results| (params, results)));
    pairs.map(|(params, results)| format!("{params}_{results}"))
}

/// One more number in a sum that depends on the order.
#[must_use]
pub fn mix(sum: u64, number: u64) -> u64 {
    (sum.rotate_left(5) ^ number).wrapping_mul(0x517c_c1b7_2722_0a95)
}

/// A sum of bytes that depends on their order.
#[must_use]
pub fn sum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    // Four sums at a time, since most of the time goes into waiting for one.
    let mut sums = [1, 2, 3, 4_u64];
    let (fours, last) = words.as_chunks::<4>();
    for four in fours {
        for (sum, word) in sums.iter_mut().zip(four) {
            *sum = mix(*sum, u64::from_le_bytes(*word));
        }
    }
    let rest = last
        .iter()
        .map(|word| u64::from_le_bytes(*word))
        .chain(rest.iter().map(|byte| u64::from(*byte)));
    let all = sums.into_iter().chain(rest).fold(0, mix);
    mix(all, bytes.len() as u64)
}

/// What a function answers to those bit patterns.
#[must_use]
pub fn answer(params: &[u64], results: &[ValType]) -> Vec<u64> {
    let mixed = params.iter().copied().fold(0x1234, mix) >> 17;
    let answer = |(at, ty): (u64, &ValType)| {
        let value = mixed.wrapping_add(at) & 0x1ff;
        match ty {
            F32 => u64::from((value as f32 - 100.0).to_bits()),
            F64 => (value as f64 - 100.0).to_bits(),
            _ => value,
        }
    };
    (0..).zip(results).map(answer).collect()
}
