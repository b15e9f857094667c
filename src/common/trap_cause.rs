//! Why an operator trapped: its operands, and the bounds that it met.

use crate::common::value::Signature;
use core::fmt;

/// Why an operator trapped. `Display` writes it on one line.
///
/// Addresses and sizes of memories are in bytes, those of tables in elements.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum TrapCause {
    /// A load or a store outside of its memory.
    #[non_exhaustive]
    Access {
        /// Whether it is a store.
        is_store: bool,
        /// The memory's index.
        memory: u32,
        /// The first byte: the operand and the offset in the code together, up to 2^33.
        address: u64,
        /// The bytes from there on.
        length: u32,
        /// The bytes that the memory had.
        memory_bytes: u64,
    },
    /// A bulk operation outside of a memory, a table or a segment.
    #[non_exhaustive]
    Bulk {
        /// The operator, as `memory.copy`.
        operator: &'static str,
        /// Where it would have written first.
        destination: u64,
        /// Where it would have read first. `None` for `memory.fill` and `table.fill`.
        source: Option<u64>,
        /// How much it would have written.
        length: u64,
        /// The size of the memory or table that it writes.
        destination_size: u64,
        /// The size of what it reads: a memory, a table, or a segment. A segment that was dropped has
        /// size 0. `None` if it reads nothing.
        source_size: Option<u64>,
    },
    /// `table.get` or `table.set` of an element that the table does not have.
    #[non_exhaustive]
    Element {
        /// The operator.
        operator: &'static str,
        /// The table's index.
        table: u32,
        /// The element's.
        index: u64,
        /// The elements that the table had.
        size: u64,
    },
    /// An indirect call.
    #[non_exhaustive]
    IndirectCall {
        /// The table's index.
        table: u32,
        /// The element's.
        index: u64,
        /// The elements that the table had.
        size: u64,
        /// The type that the call expects.
        expected: Signature,
        /// The function's type; `None` if there is no function: the element is null, or the table
        /// does not have it.
        found: Option<Signature>,
    },
    /// A division or a remainder.
    #[non_exhaustive]
    Division {
        /// The operator, as `i32.div_s`.
        operator: &'static str,
        /// What was divided. For an operator that divides unsigned numbers it is not negative.
        dividend: i128,
        /// By which.
        divisor: i128,
    },
    /// A conversion of a float that no integer of the type is near enough to.
    #[non_exhaustive]
    Conversion {
        /// The operator, as `i32.trunc_f64_s`.
        operator: &'static str,
        /// The float.
        value: f64,
    },
}

impl fmt::Display for TrapCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Access {
                is_store,
                memory,
                address,
                length,
                memory_bytes,
            } => {
                let what = if *is_store { "store" } else { "load" };
                let unit = if *length == 1 { "byte" } else { "bytes" };
                write!(f, "{what} of {length} {unit} at address {address:#x}; ")?;
                named(f, "memory", *memory)?;
                write!(f, " has {memory_bytes:#x} bytes")
            }
            Self::Bulk {
                operator,
                destination,
                source,
                length,
                destination_size,
                source_size,
            } => {
                write!(f, "{operator} of {length:#x} to {destination:#x}")?;
                if let Some(source) = source {
                    write!(f, ", from {source:#x}")?;
                }
                write!(f, "; the size there is {destination_size:#x}")?;
                match source_size {
                    Some(size) => write!(f, ", and of the source {size:#x}"),
                    None => Ok(()),
                }
            }
            Self::Element {
                operator,
                table,
                index,
                size,
            } => {
                write!(f, "{operator} of element {index}; ")?;
                named(f, "table", *table)?;
                write!(f, " has {size}")
            }
            Self::IndirectCall {
                table,
                index,
                size,
                expected,
                found,
            } => {
                write!(f, "indirect call of element {index}")?;
                if *table > 0 {
                    write!(f, " of table {table}")?;
                }
                match found {
                    Some(found) => write!(f, ", which has type {found}; expected is {expected}"),
                    None if index < size => write!(f, ", which is null; expected is {expected}"),
                    None => {
                        f.write_str("; ")?;
                        named(f, "table", *table)?;
                        write!(f, " has {size}")
                    }
                }
            }
            Self::Division {
                operator,
                dividend,
                divisor,
            } => write!(f, "{operator} of {dividend} by {divisor}"),
            Self::Conversion { operator, value } => write!(f, "{operator} of {value:?}"),
        }
    }
}

/// The one that nearly all modules have needs no number.
fn named(f: &mut fmt::Formatter<'_>, what: &str, index: u32) -> fmt::Result {
    match index {
        0 => write!(f, "the {what}"),
        _ => write!(f, "{what} {index}"),
    }
}
