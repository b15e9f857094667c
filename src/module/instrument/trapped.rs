//! Why an operator trapped, by its operands and the sizes of what it reached for.

use crate::{
    common::{trap_cause::TrapCause, value::Signature},
    module::{
        binary::{Sections, section},
        instance_state::Constant,
        value_types::value_type,
    },
};
use alloc::vec::Vec;
use wasmparser::{
    BinaryReader, DataSectionReader, ElementItems, ElementSectionReader, TypeSectionReader, ValType,
};

/// What an instance had when its call ended.
pub(crate) trait State {
    /// The size of a memory in bytes.
    fn memory_bytes(&self, memory: u32) -> Option<u64>;
    /// The size of a table in elements.
    fn table_size(&self, table: u32) -> Option<u64>;
    /// The type of the function that an element of a table refers to. `None` if it is null or no
    /// function.
    fn element(&self, table: u32, index: u64) -> Option<Signature>;
}

/// Whether the operands of the operator at `offset` can explain a trap.
pub(crate) fn may_explain(bytes: &[u8], offset: u32) -> bool {
    let operator = bytes.get(offset as usize..).unwrap_or_default();
    matches!(
        operator,
        [0x11 | 0x13 | 0x25 | 0x26 | 0x28..=0x3e, ..]
            | [0x6d..=0x70 | 0x7f..=0x82, ..]
            | [0xa8..=0xab | 0xae..=0xb1 | 0xfc | 0xfd, ..]
    )
}

/// The cause, if the operator at `offset` trapped and `operands` are the topmost on its stack.
/// `None` if they do not explain a trap.
pub(crate) fn cause(
    bytes: &[u8],
    offset: u32,
    operands: &[Option<Constant>],
    state: &impl State,
) -> Option<TrapCause> {
    let operator = bytes.get(offset as usize..)?;
    let mut reader = BinaryReader::new(operator, 0);
    let operands = Operands(operands);
    match reader.read_u8().ok()? {
        0x11 | 0x13 => indirect_call(bytes, reader, operands, state),
        code @ (0x25 | 0x26) => {
            let is_set = code == 0x26;
            let table = reader.read_var_u32().ok()?;
            let index = operands.unsigned(is_set.into())?;
            let size = state.table_size(table)?;
            (index >= size).then_some(TrapCause::Element {
                operator: if is_set { "table.set" } else { "table.get" },
                table,
                index,
                size,
            })
        }
        code @ 0x28..=0x3e => access(reader, &number_access(code)?, operands, state),
        code @ (0x6d..=0x70 | 0x7f..=0x82) => division(code, operands),
        code @ (0xa8..=0xab | 0xae..=0xb1) => conversion(code, operands),
        0xfc => bulk(bytes, reader, operands, state),
        0xfd => {
            let code = reader.read_var_u32().ok()?;
            access(reader, &vector_access(code)?, operands, state)
        }
        _ => None,
    }
}

/// Operands by their distance from the top of the stack.
#[derive(Clone, Copy)]
struct Operands<'a>(&'a [Option<Constant>]);

impl Operands<'_> {
    fn get(self, depth: usize) -> Option<Constant> {
        *self.0.iter().rev().nth(depth)?
    }

    fn unsigned(self, depth: usize) -> Option<u64> {
        match self.get(depth)? {
            Constant::I32(value) => Some(value.cast_unsigned().into()),
            Constant::I64(value) => Some(value.cast_unsigned()),
            _ => None,
        }
    }
}

/// The bytes that the loads and stores access, from `i32.load` to `i64.store32`.
const ACCESSES: [u32; 23] = [
    4, 8, 4, 8, 1, 1, 2, 2, 1, 1, 2, 2, 4, 4, 4, 8, 4, 8, 1, 2, 1, 2, 4,
];

/// A load or a store: how many operands are above the address, and how many bytes it accesses.
struct Access {
    is_store: bool,
    above: usize,
    length: u32,
}

fn number_access(code: u8) -> Option<Access> {
    let is_store = code >= 0x36;
    Some(Access {
        is_store,
        above: is_store.into(),
        length: *ACCESSES.get(usize::from(code.checked_sub(0x28)?))?,
    })
}

fn vector_access(code: u32) -> Option<Access> {
    let (is_store, above, length) = match code {
        0 => (false, 0, 16),
        1..=6 | 10 | 93 => (false, 0, 8),
        7 => (false, 0, 1),
        8 => (false, 0, 2),
        9 | 92 => (false, 0, 4),
        11 => (true, 1, 16),
        // Those of one lane.
        84..=87 => (false, 1, 1 << (code - 84)),
        88..=91 => (true, 1, 1 << (code - 88)),
        _ => return None,
    };
    Some(Access {
        is_store,
        above,
        length,
    })
}

fn access(
    mut reader: BinaryReader<'_>,
    access: &Access,
    operands: Operands<'_>,
    state: &impl State,
) -> Option<TrapCause> {
    const OTHER_MEMORY: u32 = 0x40;
    let memory = match reader.read_var_u32().ok()? & OTHER_MEMORY {
        0 => 0,
        _ => reader.read_var_u32().ok()?,
    };
    let offset = reader.read_var_u64().ok()?;
    let address = operands.unsigned(access.above)?.checked_add(offset)?;
    let memory_bytes = state.memory_bytes(memory)?;
    let is_outside = address.checked_add(access.length.into())? > memory_bytes;
    is_outside.then_some(TrapCause::Access {
        is_store: access.is_store,
        memory,
        address,
        length: access.length,
        memory_bytes,
    })
}

fn indirect_call(
    bytes: &[u8],
    mut reader: BinaryReader<'_>,
    operands: Operands<'_>,
    state: &impl State,
) -> Option<TrapCause> {
    let ty = reader.read_var_u32().ok()?;
    let table = reader.read_var_u32().ok()?;
    let index = operands.unsigned(0)?;
    let size = state.table_size(table)?;
    let expected = signature(bytes, ty)?;
    let found = state.element(table, index);
    (found.as_ref() != Some(&expected)).then_some(TrapCause::IndirectCall {
        table,
        index,
        size,
        expected,
        found,
    })
}

fn division(code: u8, operands: Operands<'_>) -> Option<TrapCause> {
    const NAMES: [[&str; 4]; 2] = [
        ["i32.div_s", "i32.div_u", "i32.rem_s", "i32.rem_u"],
        ["i64.div_s", "i64.div_u", "i64.rem_s", "i64.rem_u"],
    ];
    let (names, first) = match code {
        0x6d..=0x70 => (NAMES[0], 0x6d),
        _ => (NAMES[1], 0x7f),
    };
    let place = code.checked_sub(first)?;
    let is_signed = place % 2 == 0;
    let value = |depth: usize| -> Option<i128> {
        match operands.get(depth)? {
            Constant::I32(value) if is_signed => Some(value.into()),
            Constant::I64(value) if is_signed => Some(value.into()),
            _ => Some(operands.unsigned(depth)?.into()),
        }
    };
    let (dividend, divisor) = (value(1)?, value(0)?);
    let least = match first {
        0x6d => i128::from(i32::MIN),
        _ => i128::from(i64::MIN),
    };
    let overflows = place == 0 && divisor == -1 && dividend == least;
    (divisor == 0 || overflows).then_some(TrapCause::Division {
        operator: names.get(usize::from(place))?,
        dividend,
        divisor,
    })
}

/// The engine has trapped. Which floats have an integer is not decided a second time here.
fn conversion(code: u8, operands: Operands<'_>) -> Option<TrapCause> {
    let operator = match code {
        0xa8 => "i32.trunc_f32_s",
        0xa9 => "i32.trunc_f32_u",
        0xaa => "i32.trunc_f64_s",
        0xab => "i32.trunc_f64_u",
        0xae => "i64.trunc_f32_s",
        0xaf => "i64.trunc_f32_u",
        0xb0 => "i64.trunc_f64_s",
        0xb1 => "i64.trunc_f64_u",
        _ => return None,
    };
    let value = match operands.get(0)? {
        Constant::F32(bits) => f32::from_bits(bits).into(),
        Constant::F64(bits) => f64::from_bits(bits),
        _ => return None,
    };
    Some(TrapCause::Conversion { operator, value })
}

/// What a bulk operation reads.
enum Source {
    Nothing,
    Sized(u64),
    /// A segment of that length, unless it was dropped.
    Segment(u64),
}

fn bulk(
    bytes: &[u8],
    mut reader: BinaryReader<'_>,
    operands: Operands<'_>,
    state: &impl State,
) -> Option<TrapCause> {
    let code = reader.read_var_u32().ok()?;
    let mut index = || reader.read_var_u32().ok();
    let (operator, destination_size, source) = match code {
        8 => {
            let segment = data_length(bytes, index()?)?;
            let size = state.memory_bytes(index()?)?;
            ("memory.init", size, Source::Segment(segment))
        }
        10 => {
            let size = state.memory_bytes(index()?)?;
            let source = state.memory_bytes(index()?)?;
            ("memory.copy", size, Source::Sized(source))
        }
        11 => (
            "memory.fill",
            state.memory_bytes(index()?)?,
            Source::Nothing,
        ),
        12 => {
            let segment = elements_length(bytes, index()?)?;
            let size = state.table_size(index()?)?;
            ("table.init", size, Source::Segment(segment))
        }
        14 => {
            let size = state.table_size(index()?)?;
            let source = state.table_size(index()?)?;
            ("table.copy", size, Source::Sized(source))
        }
        17 => ("table.fill", state.table_size(index()?)?, Source::Nothing),
        _ => return None,
    };
    let (destination, length) = (operands.unsigned(2)?, operands.unsigned(0)?);
    let fits = |from: u64, size: u64| from.checked_add(length).is_some_and(|end| end <= size);
    let destination_fits = fits(destination, destination_size);
    let (source, source_size) = match source {
        Source::Nothing => (None, None),
        Source::Sized(size) => (Some(operands.unsigned(1)?), Some(size)),
        Source::Segment(size) => {
            let from = operands.unsigned(1)?;
            // All would be inside, and it trapped nevertheless.
            let is_dropped = destination_fits && fits(from, size);
            (Some(from), Some(if is_dropped { 0 } else { size }))
        }
    };
    let source_fits = match (source, source_size) {
        (Some(from), Some(size)) => fits(from, size),
        _ => true,
    };
    (!destination_fits || !source_fits).then_some(TrapCause::Bulk {
        operator,
        destination,
        source,
        length,
        destination_size,
        source_size,
    })
}

fn find(bytes: &[u8], wanted: u8) -> Option<BinaryReader<'_>> {
    let mut sections = Sections::of(bytes).ok()?;
    while let Some((id, content)) = sections.next().ok()? {
        if id == wanted {
            return Some(content);
        }
    }
    None
}

/// A type of the module.
fn signature(bytes: &[u8], index: u32) -> Option<Signature> {
    let types = TypeSectionReader::new(find(bytes, section::TYPE)?).ok()?;
    let mut types = types.into_iter_err_on_gc_types();
    let ty = types.nth(index as usize)?.ok()?;
    let convert = |types: &[ValType]| types.iter().map(|ty| value_type(*ty)).collect::<Vec<_>>();
    Some(Signature::new(convert(ty.params()), convert(ty.results())))
}

fn data_length(bytes: &[u8], index: u32) -> Option<u64> {
    let segments = DataSectionReader::new(find(bytes, section::DATA)?).ok()?;
    let segment = segments.into_iter().nth(index as usize)?.ok()?;
    u64::try_from(segment.data.len()).ok()
}

fn elements_length(bytes: &[u8], index: u32) -> Option<u64> {
    let segments = ElementSectionReader::new(find(bytes, section::ELEMENT)?).ok()?;
    let segment = segments.into_iter().nth(index as usize)?.ok()?;
    Some(
        match segment.items {
            ElementItems::Functions(items) => items.count(),
            ElementItems::Expressions(_, items) => items.count(),
        }
        .into(),
    )
}
