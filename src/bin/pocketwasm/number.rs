//! Parsing parameters and formatting results.

use crate::failure::Failure;
use pocketwasm::{
    Plugin,
    types::{Signature, ValueType},
};
use serde_json::Value;
use std::{fmt::Debug, str::FromStr};

/// Parses an export's parameters into bits. If the export does not exist or takes another number of
/// parameters, all are 0, because the library refuses the call with a better message.
pub(crate) fn params(plugin: &Plugin, export: &str, texts: &[String]) -> Result<Vec<u64>, Failure> {
    let types = signature(plugin, export)
        .map(Signature::params)
        .unwrap_or_default();
    if types.len() != texts.len() {
        return Ok(vec![0; texts.len()]);
    }
    let params = types.iter().zip(texts).enumerate();
    params
        .map(|(position, (ty, text))| {
            parse(*ty, text).ok_or_else(|| Failure::Parameter {
                plugin: plugin.name().to_owned(),
                export: export.to_owned(),
                problem: format!(
                    "parameter {} is {text:?}; {ty} takes {}",
                    position + 1,
                    expected(*ty)
                ),
            })
        })
        .collect()
}

/// The signature of an export, if all its params and results are numbers.
pub(crate) fn expected_signature<'a>(plugin: &'a Plugin, export: &str) -> Option<&'a Signature> {
    let numbers = [
        ValueType::I32,
        ValueType::I64,
        ValueType::F32,
        ValueType::F64,
    ];
    signature(plugin, export).filter(|signature| {
        let mut types = signature.params().iter().chain(signature.results());
        types.all(|ty| numbers.contains(ty))
    })
}

/// The signature of an export, if it is a function.
pub(crate) fn signature<'a>(plugin: &'a Plugin, export: &str) -> Option<&'a Signature> {
    let exports = plugin.exports().iter();
    let mut functions = exports.filter(|candidate| *candidate.name == *export);
    functions.next()?.ty.signature()
}

/// Parses a parameter of type `ty` into bits, or returns `None`. For types that no call can pass
/// this is 0: the library refuses the signature before it looks at values.
pub(crate) fn parse(ty: ValueType, text: &str) -> Option<u64> {
    match ty {
        ValueType::I32 => integer(text, 32),
        ValueType::I64 => integer(text, 64),
        ValueType::F32 => float(text, f32::is_infinite).map(|float| float.to_bits().into()),
        ValueType::F64 => float(text, f64::is_infinite).map(f64::to_bits),
        _ => Some(0),
    }
}

/// The form of parameters of type `ty`, for error messages.
pub(crate) const fn expected(ty: ValueType) -> &'static str {
    match ty {
        ValueType::I32 => "from -2147483648 to 4294967295, decimal or 0x hexadecimal",
        ValueType::I64 => {
            "from -9223372036854775808 to 18446744073709551615, decimal or 0x hexadecimal"
        }
        _ => "a decimal number within its range, inf, -inf or nan",
    }
}

/// Parses an integer, signed or unsigned, that fits into this many bits.
fn integer(text: &str, bits: u32) -> Option<u64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (digits, radix) = match digits
        .strip_prefix("0x")
        .or_else(|| digits.strip_prefix("0X"))
    {
        Some(digits) => (digits, 16),
        None => (digits, 10),
    };
    // `from_str_radix` would accept a second sign.
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    let largest = u64::MAX >> (64 - bits);
    if negative {
        let least = largest / 2 + 1;
        (magnitude <= least).then(|| magnitude.wrapping_neg() & largest)
    } else {
        (magnitude <= largest).then_some(magnitude)
    }
}

/// Parses a float. Finite numbers that round to infinity are refused.
fn float<F: FromStr + Copy>(text: &str, is_infinite: fn(F) -> bool) -> Option<F> {
    let float: F = text.parse().ok()?;
    let says_so = text.to_ascii_lowercase().contains("inf");
    (says_so || !is_infinite(float)).then_some(float)
}

/// Formats a result so that it can be passed back as a parameter.
pub(crate) fn show(ty: ValueType, bits: u64) -> String {
    match ty {
        ValueType::I32 => low(bits).cast_signed().to_string(),
        ValueType::F32 => shortest(f32::from_bits(low(bits))),
        ValueType::F64 => shortest(f64::from_bits(bits)),
        _ => bits.cast_signed().to_string(),
    }
}

/// A result in JSON: a number, or a string for floats that JSON cannot express.
pub(crate) fn json(ty: ValueType, bits: u64) -> Value {
    match ty {
        ValueType::I32 => low(bits).cast_signed().into(),
        ValueType::F32 | ValueType::F64 => {
            // Converting by way of the text keeps 0.1 as an `f32` from becoming
            // 0.10000000149011612.
            let text = show(ty, bits);
            match text.parse::<f64>() {
                Ok(float) if float.is_finite() => float.into(),
                _ => text.into(),
            }
        }
        _ => bits.cast_signed().into(),
    }
}

/// The low 32 bits.
fn low(bits: u64) -> u32 {
    let [a, b, c, d, ..] = bits.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// The fewest digits that parse to the same float, in scientific notation where that is shorter
/// than a row of zeros.
fn shortest(float: impl Debug) -> String {
    let text = format!("{float:?}");
    match text.strip_suffix(".0") {
        Some(whole) => whole.to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::{ValueType, json, parse, show};

    const I32: ValueType = ValueType::I32;
    const I64: ValueType = ValueType::I64;
    const F32: ValueType = ValueType::F32;
    const F64: ValueType = ValueType::F64;

    #[test]
    fn parameters() {
        for (ty, text, bits) in [
            (I32, "0", 0),
            (I32, "-1", 0xffff_ffff),
            (I32, "-2147483648", 0x8000_0000),
            (I32, "4294967295", 0xffff_ffff),
            (I32, "0x10", 16),
            (I32, "-0X10", 0xffff_fff0),
            (I64, "-1", u64::MAX),
            (I64, "-9223372036854775808", 1 << 63),
            (I64, "18446744073709551615", u64::MAX),
            (I64, "0xffffffffffffffff", u64::MAX),
            (F32, "2.5", 0x4020_0000),
            (F32, "-inf", 0xff80_0000),
            (F64, "-0", 1 << 63),
            (F64, "1e300", 1e300_f64.to_bits()),
            (F64, "Infinity", f64::INFINITY.to_bits()),
            (F64, "nan", f64::NAN.to_bits()),
        ] {
            assert_eq!(parse(ty, text), Some(bits), "{ty} {text}");
        }
        for (ty, text) in [
            (I32, ""),
            (I32, "-"),
            (I32, "0x"),
            (I32, "2.5"),
            (I32, "4294967296"),
            (I32, "-2147483649"),
            (I32, "--5"),
            (I32, "-+5"),
            (I32, "0x-5"),
            (I32, " 5"),
            (I64, "18446744073709551616"),
            (I64, "-9223372036854775809"),
            (F32, "1e39"),
            (F32, "0x10"),
            (F64, "1e400"),
            (F64, "two"),
        ] {
            assert_eq!(parse(ty, text), None, "{ty} {text}");
        }
    }

    #[test]
    fn results() {
        for (ty, bits, text, in_json) in [
            (I32, 0xffff_ffff, "-1", "-1"),
            (I32, 42, "42", "42"),
            (I64, 1 << 63, "-9223372036854775808", "-9223372036854775808"),
            (I64, (1 << 53) + 1, "9007199254740993", "9007199254740993"),
            (F32, 0.1_f32.to_bits().into(), "0.1", "0.1"),
            (
                F32,
                f32::MAX.to_bits().into(),
                "3.4028235e38",
                "3.4028235e38",
            ),
            (F64, 3.0_f64.to_bits(), "3", "3.0"),
            (F64, 1e300_f64.to_bits(), "1e300", "1e300"),
            (F64, 5e-324_f64.to_bits(), "5e-324", "5e-324"),
            (F64, (-0.0_f64).to_bits(), "-0", "-0.0"),
            (F64, f64::NAN.to_bits(), "NaN", "\"NaN\""),
            (F32, f32::NEG_INFINITY.to_bits().into(), "-inf", "\"-inf\""),
        ] {
            assert_eq!(show(ty, bits), text, "{ty} {bits:#x}");
            assert_eq!(
                json(ty, bits).to_string().replace("e+", "e"),
                in_json,
                "{ty} {bits:#x}"
            );
        }
    }
}
