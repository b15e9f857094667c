//! Numbers, bytes and values: LEB128 for whole numbers, a length before bytes, a tag before a value.

use crate::common::{
    failure::{Cause, Failure},
    text::Quoted,
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

/// What is wrong with the bytes of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Damage(pub(crate) &'static str);

impl From<Damage> for Failure {
    fn from(Damage(problem): Damage) -> Self {
        Cause::Recording {
            problem: format!("the recording is damaged: {problem}"),
        }
        .into()
    }
}

/// Appends the parts of a recording.
#[derive(Debug, Clone, Default)]
pub(crate) struct Writer(pub(crate) Vec<u8>);

impl Writer {
    #[inline]
    pub(crate) fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    #[inline]
    pub(crate) fn flag(&mut self, flag: bool) {
        self.byte(flag.into());
    }

    #[inline]
    pub(crate) fn number(&mut self, number: u64) {
        let [low, ..] = number.to_le_bytes();
        let [high, ..] = (number >> 7).to_le_bytes();
        match number {
            ..0x80 => self.byte(low),
            0x80..0x4000 => self.0.extend_from_slice(&[low | 0x80, high]),
            _ => self.large(number),
        }
    }

    #[inline(never)]
    fn large(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.byte(number.to_le_bytes()[0] | 0x80);
            number >>= 7;
        }
        self.byte(number.to_le_bytes()[0]);
    }

    /// A byte and a number. Both are mostly small, and are then written in one step.
    #[inline(always)]
    pub(crate) fn tagged(&mut self, tag: u8, number: u64) {
        let [low, ..] = number.to_le_bytes();
        let [high, ..] = (number >> 7).to_le_bytes();
        match number {
            ..0x80 => self.0.extend_from_slice(&[tag, low]),
            0x80..0x4000 => self.0.extend_from_slice(&[tag, low | 0x80, high]),
            _ => self.tagged_large(tag, number),
        }
    }

    #[inline(never)]
    fn tagged_large(&mut self, tag: u8, number: u64) {
        self.byte(tag);
        self.large(number);
    }

    #[inline]
    pub(crate) fn length(&mut self, length: usize) {
        self.number(length as u64);
    }

    #[inline]
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.length(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    #[inline]
    pub(crate) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    pub(crate) fn optional(&mut self, number: Option<u64>) {
        self.flag(number.is_some());
        if let Some(number) = number {
            self.number(number);
        }
    }

    /// A list: its length, and each part by `put`.
    pub(crate) fn list<T>(&mut self, list: &[T], mut put: impl FnMut(&mut Self, &T)) {
        self.length(list.len());
        for part in list {
            put(self, part);
        }
    }

    #[inline]
    pub(crate) fn plain(&mut self, value: Plain) {
        match value {
            Plain::I32(bits) => self.tagged(0, bits.into()),
            Plain::I64(bits) => self.tagged(1, bits),
            other => self.seldom(other),
        }
    }

    #[inline(never)]
    pub(crate) fn seldom(&mut self, value: Plain) {
        match value {
            Plain::I32(bits) => self.tagged(0, bits.into()),
            Plain::I64(bits) => self.tagged(1, bits),
            Plain::F32(bits) => {
                self.byte(2);
                self.0.extend_from_slice(&bits.to_le_bytes());
            }
            Plain::F64(bits) => {
                self.byte(3);
                self.0.extend_from_slice(&bits.to_le_bytes());
            }
            Plain::V128(bits) => {
                self.byte(4);
                self.0.extend_from_slice(&bits.to_le_bytes());
            }
            Plain::FuncRef(None) => self.byte(5),
            Plain::FuncRef(Some(number)) => {
                self.byte(6);
                self.number(number);
            }
            Plain::ExternRef(None) => self.byte(7),
            Plain::ExternRef(Some(number)) => {
                self.byte(8);
                self.number(number);
            }
        }
    }
}

/// Reads the parts of a recording.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// How many bytes are left.
    pub(crate) fn left(&self) -> usize {
        self.rest.len()
    }

    /// The next bytes.
    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], Damage> {
        let Some((taken, rest)) = self.rest.split_at_checked(length) else {
            return Err(Damage("it ends too early"));
        };
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Damage> {
        let Some((taken, rest)) = self.rest.split_first_chunk() else {
            return Err(Damage("it ends too early"));
        };
        self.rest = rest;
        Ok(*taken)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Damage> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    pub(crate) fn flag(&mut self) -> Result<bool, Damage> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Damage("a flag is neither 0 nor 1")),
        }
    }

    pub(crate) fn number(&mut self) -> Result<u64, Damage> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let part = u64::from(byte & 0x7f);
            if part << shift >> shift != part {
                break;
            }
            number |= part << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Damage("a number has more than 64 bits"))
    }

    /// A number of a smaller type.
    pub(crate) fn small<T: TryFrom<u64>>(&mut self) -> Result<T, Damage> {
        let number = self.number()?;
        T::try_from(number).map_err(|_| Damage("a number is out of its bounds"))
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Damage> {
        let length = self.small()?;
        self.take(length)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, Damage> {
        let bytes = self.bytes()?;
        core::str::from_utf8(bytes).map_err(|_| Damage("a text is not UTF-8"))
    }

    pub(crate) fn string(&mut self) -> Result<String, Damage> {
        Ok(self.text()?.to_string())
    }

    pub(crate) fn optional(&mut self) -> Result<Option<u64>, Damage> {
        match self.flag()? {
            true => self.number().map(Some),
            false => Ok(None),
        }
    }

    /// A list of parts. Each takes a byte at least, and the list grows with what is there.
    pub(crate) fn list<T>(
        &mut self,
        mut part: impl FnMut(&mut Self) -> Result<T, Damage>,
    ) -> Result<Vec<T>, Damage> {
        let length: usize = self.small()?;
        if length > self.left() {
            return Err(Damage("a list is longer than the file"));
        }
        let mut list = Vec::new();
        for _ in 0..length {
            list.push(part(self)?);
        }
        Ok(list)
    }

    pub(crate) fn plain(&mut self) -> Result<Plain, Damage> {
        Ok(match self.byte()? {
            0 => Plain::I32(self.small()?),
            1 => Plain::I64(self.number()?),
            2 => Plain::F32(u32::from_le_bytes(self.array()?)),
            3 => Plain::F64(u64::from_le_bytes(self.array()?)),
            4 => Plain::V128(u128::from_le_bytes(self.array()?)),
            5 => Plain::FuncRef(None),
            6 => Plain::FuncRef(Some(self.number()?)),
            7 => Plain::ExternRef(None),
            8 => Plain::ExternRef(Some(self.number()?)),
            _ => return Err(Damage("a value has no type")),
        })
    }
}

/// A value as it is recorded: bits, or the number of a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plain {
    I32(u32),
    I64(u64),
    F32(u32),
    F64(u64),
    V128(u128),
    FuncRef(Option<u64>),
    ExternRef(Option<u64>),
}

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::I32(bits) => write!(f, "i32 {}", bits.cast_signed()),
            Self::I64(bits) => write!(f, "i64 {}", bits.cast_signed()),
            Self::F32(bits) => write!(f, "f32 {}", f32::from_bits(bits)),
            Self::F64(bits) => write!(f, "f64 {}", f64::from_bits(bits)),
            Self::V128(bits) => write!(f, "v128 {bits:#034x}"),
            Self::FuncRef(None) => f.write_str("funcref null"),
            Self::FuncRef(Some(number)) => write!(f, "funcref {number}"),
            Self::ExternRef(None) => f.write_str("externref null"),
            Self::ExternRef(Some(number)) => write!(f, "externref {number}"),
        }
    }
}

/// A call of a function as errors name it: `"kv" "get" (i32 0, i32 4)`.
pub(crate) fn called(module: &str, name: &str, values: &[Plain]) -> String {
    let mut text = format!("{} {} (", Quoted(module), Quoted(name));
    for (position, value) in values.iter().enumerate() {
        if position > 0 {
            text.push_str(", ");
        }
        text.push_str(&value.to_string());
    }
    text.push(')');
    text
}
