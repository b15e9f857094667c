//! The types of parameters and results, and of what a module imports and exports.

use crate::common::failure::{Cause, Failure};
use alloc::{boxed::Box, format, string::String, sync::Arc, vec::Vec};
use core::fmt;

/// The type of a parameter, a result or a global.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ValueType {
    /// 32-bit integer, in the low half of a `u64`.
    I32,
    /// 64-bit integer.
    I64,
    /// 32-bit float, as its bits in the low half of a `u64`.
    F32,
    /// 64-bit float, as its bits.
    F64,
    /// 128-bit vector, which no `u64` holds: pass it as a [`Value`](crate::types::Value).
    V128,
    /// Reference to a function. Pass it as a [`Value`](crate::types::Value).
    FuncRef,
    /// Reference to an object of the embedder's. Pass it as a [`Value`](crate::types::Value).
    ExternRef,
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::I32 => "i32",
            Self::I64 => "i64",
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::V128 => "v128",
            Self::FuncRef => "funcref",
            Self::ExternRef => "externref",
        })
    }
}

impl ValueType {
    /// The type's byte in the binary format.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::I32 => 0x7f,
            Self::I64 => 0x7e,
            Self::F32 => 0x7d,
            Self::F64 => 0x7c,
            Self::V128 => 0x7b,
            Self::FuncRef => 0x70,
            Self::ExternRef => 0x6f,
        }
    }

    /// Whether a `u64` can carry it.
    #[must_use]
    pub const fn is_number(self) -> bool {
        matches!(self, Self::I32 | Self::I64 | Self::F32 | Self::F64)
    }
}

/// The parameters and results of a function. Cloning is cheap: clones share the types, because many
/// exports can have the same long signature.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Signature {
    /// The parameters, then the results.
    types: Arc<[ValueType]>,
    params: usize,
    /// The first type that no `u64` can carry.
    other: Option<ValueType>,
}

impl Signature {
    /// The signature of a function with these parameters and results.
    ///
    /// ```
    /// use pocketwasm::types::{Signature, ValueType};
    ///
    /// let signature = Signature::new([ValueType::I32, ValueType::F64], [ValueType::I64]);
    /// assert_eq!(signature.to_string(), "(i32, f64) -> (i64)");
    /// ```
    #[must_use]
    pub fn new(
        params: impl IntoIterator<Item = ValueType>,
        results: impl IntoIterator<Item = ValueType>,
    ) -> Self {
        let mut types: Vec<ValueType> = params.into_iter().collect();
        let params = types.len();
        types.extend(results);
        Self {
            other: types.iter().copied().find(|ty| !ty.is_number()),
            types: types.into(),
            params,
        }
    }

    /// The types of the parameters, first to last.
    #[must_use]
    pub fn params(&self) -> &[ValueType] {
        self.types.get(..self.params).unwrap_or_default()
    }

    /// The types of the results, first to last.
    #[must_use]
    pub fn results(&self) -> &[ValueType] {
        self.types.get(self.params..).unwrap_or_default()
    }

    /// Whether the function has these parameters and results.
    pub(crate) fn is(&self, params: &[ValueType], results: &[ValueType]) -> bool {
        self.params() == params && self.results() == results
    }

    /// Checks that `params` can be passed and the results can be returned as numbers.
    pub(crate) fn check(&self, params: &[u64]) -> Result<(), Failure> {
        if self.other.is_none()
            && params.len() == self.params
            && self.types.iter().zip(params).all(fits)
        {
            return Ok(());
        }
        let problem = self.mismatch(params);
        Err(Cause::Signature { problem }.into())
    }

    /// Why `params` cannot be passed.
    #[cold]
    fn mismatch(&self, params: &[u64]) -> String {
        if let Some(ty) = self.other {
            return format!(
                "unsupported signature {self}: {ty} cannot be passed as a number; pass values"
            );
        }
        let mut pairs = self.params().iter().zip(params).enumerate();
        match pairs.find(|(_, pair)| !fits(*pair)) {
            Some((position, (ty, param))) if params.len() == self.params => format!(
                "parameter {} is {param:#x}; {ty} takes 32 bits",
                position + 1
            ),
            _ => format!("takes {} {self}, not {}", count(self.params), params.len()),
        }
    }
}

pub(super) fn count(params: usize) -> String {
    match params {
        0 => "no parameters".into(),
        1 => "1 parameter".into(),
        more => format!("{more} parameters"),
    }
}

/// Whether a parameter of that type can have these bits. 32-bit values may be zero-extended or
/// sign-extended.
fn fits((ty, param): (&ValueType, &u64)) -> bool {
    let is_narrow = matches!(ty, ValueType::I32 | ValueType::F32);
    // From -2^31 to 2^32 - 1.
    !is_narrow || param.wrapping_add(1 << 31) < (1 << 32) + (1 << 31)
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, types: &[ValueType]| {
            f.write_str("(")?;
            for (position, ty) in types.iter().enumerate() {
                write!(f, "{}{ty}", if position == 0 { "" } else { ", " })?;
            }
            f.write_str(")")
        };
        list(f, self.params())?;
        f.write_str(" -> ")?;
        list(f, self.results())
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The size of a page of linear memory, unless a module says otherwise.
pub(crate) const PAGE_BYTES: u32 = 65_536;

/// The type of an import or export.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExternType {
    /// A function.
    Func(Signature),
    /// A linear memory, in its own pages (65,536 bytes unless the module says otherwise).
    Memory {
        /// The number of pages at the start.
        minimum: u64,
        /// The number of pages that it can grow to, if the module sets a bound.
        maximum: Option<u64>,
        /// The size of its pages in bytes: 65,536 or 1.
        page_bytes: u32,
    },
    /// A table, in elements.
    Table {
        /// The type of its elements.
        element: ValueType,
        /// The number of elements at the start.
        minimum: u64,
        /// The number of elements that it can grow to, if the module sets a bound.
        maximum: Option<u64>,
    },
    /// A global.
    Global {
        /// The type of its value.
        ty: ValueType,
        /// Whether it can be set.
        mutable: bool,
    },
}

impl ExternType {
    /// Returns the signature if this is a function.
    #[must_use]
    pub fn signature(&self) -> Option<&Signature> {
        match self {
            Self::Func(signature) => Some(signature),
            _ => None,
        }
    }
}

impl fmt::Display for ExternType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let range =
            |f: &mut fmt::Formatter<'_>, what: &str, minimum: &u64, maximum: &Option<u64>| {
                match maximum {
                    Some(maximum) => write!(f, "{what} {minimum}..{maximum}"),
                    None => write!(f, "{what} {minimum}.."),
                }
            };
        match self {
            Self::Func(signature) => signature.fmt(f),
            Self::Memory {
                minimum,
                maximum,
                page_bytes,
            } => {
                range(f, "memory", minimum, maximum)?;
                match *page_bytes {
                    PAGE_BYTES => Ok(()),
                    bytes => write!(f, " with pages of {bytes} byte"),
                }
            }
            Self::Table {
                element,
                minimum,
                maximum,
            } => {
                range(f, "table", minimum, maximum)?;
                write!(f, " of {element}")
            }
            Self::Global { ty, mutable: true } => write!(f, "global mut {ty}"),
            Self::Global { ty, mutable: false } => write!(f, "global {ty}"),
        }
    }
}

/// Something that a module imports from its host.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Import {
    /// The module name, such as `wasi_snapshot_preview1`.
    pub module: Box<str>,
    /// The name within that module, such as `fd_write`.
    pub name: Box<str>,
    /// The type of the import.
    pub ty: ExternType,
}

/// Something that a module exports to its host.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Export {
    /// Its name.
    pub name: Box<str>,
    /// The type of the export.
    pub ty: ExternType,
}
