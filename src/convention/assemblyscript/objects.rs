//! Reads and creates objects in an AssemblyScript guest's memory.

use crate::{
    common::failure::{Cause, Failure},
    convention::buffers::{Buffer, admit, read},
    engine::execution::Execution,
    host::memory::GuestMemory,
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

/// Class flags in the guest's run-time type information. `MANAGED` means that the elements are
/// objects.
const VIEW: u32 = 1;
const ARRAY: u32 = 1 << 1;
const STATIC_ARRAY: u32 = 1 << 2;
const POINTER_FREE: u32 = 1 << 5;
const MANAGED: u32 = 1 << 14;
/// The position and mask of the element size: one bit each for 1, 2, 4, 8 and 16 bytes.
const SIZE_SHIFT: u32 = 6;
const SIZE_MASK: u32 = 0b1_1111;
/// The offsets of fields in views and arrays. The field at offset 0 is the buffer.
const DATA_START: u32 = 4;
const BYTE_LENGTH: u32 = 8;
const LENGTH: u32 = 12;

/// The ids of two classes, which are the same in every program of one compiler version, and the
/// guest's table of classes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Classes {
    array_buffer: u32,
    string: u32,
    /// The address of the guest's class table and the distance between its entries, in bytes.
    table: Option<(u32, u32)>,
}

impl Classes {
    /// Since version 0.24, in which `Object` is class 0.
    const CURRENT: Self = Self {
        array_buffer: 1,
        string: 2,
        table: None,
    };
    /// Up to version 0.23.
    const OLD: Self = Self {
        array_buffer: 0,
        string: 1,
        table: None,
    };

    /// The ids that the guest's compiler uses.
    ///
    /// The guest's table of classes begins with their count. In current versions, classes 1 and 2
    /// are the two without pointers. In older ones, class 2 has pointers; in still older ones, the
    /// second word of the table is not a class's flags but the base of class 0.
    pub(super) fn of(execution: &mut Execution<'_>) -> Self {
        let Some(table) = execution.exported_u32("__rtti_base") else {
            return Self::CURRENT;
        };
        let Ok(memory) = execution.memory() else {
            return Self::CURRENT;
        };
        let entry = |class: u32| memory.u32(table.checked_add(4 + 4 * class)?).ok();
        let (classes, stride) = match (entry(1), entry(2)) {
            (Some(one), Some(two)) if one & two & POINTER_FREE == 0 => {
                // In the older layout, each entry has a second word, the base class.
                (Self::OLD, if one & POINTER_FREE == 0 { 8 } else { 4 })
            }
            _ => (Self::CURRENT, 4),
        };
        Self {
            table: Some((table, stride)),
            ..classes
        }
    }

    /// The flags of a class in the guest's table.
    fn flags(self, memory: &GuestMemory<'_>, class: u32) -> Option<u32> {
        let (table, stride) = self.table?;
        let count = memory.u32(table).ok()?;
        let entry = class.checked_mul(stride)?.checked_add(4)?;
        match class < count {
            true => memory.u32(table.checked_add(entry)?).ok(),
            false => None,
        }
    }

    /// The bytes of a typed array or an array of numbers. Returns `None` for other classes.
    fn elements(
        self,
        memory: &GuestMemory<'_>,
        class: u32,
        Buffer { pointer, length }: Buffer,
    ) -> Option<Buffer> {
        let flags = self.flags(memory, class)?;
        let field = |offset: u32| memory.u32(pointer.checked_add(offset)?).ok();
        let numbers = flags & MANAGED == 0;
        let (pointer, length) = match () {
            () if flags & STATIC_ARRAY != 0 && numbers => (pointer, length),
            () if flags & VIEW != 0 => (field(DATA_START)?, field(BYTE_LENGTH)?),
            () if flags & ARRAY != 0 && numbers => {
                // The buffer may have spare capacity. Its own length does not count.
                let size = (flags >> SIZE_SHIFT & SIZE_MASK).checked_ilog2()?;
                (field(DATA_START)?, field(LENGTH)?.checked_shl(size)?)
            }
            () => return None,
        };
        Some(Buffer { pointer, length })
    }
}

/// Creates a string in the guest and pins it, so that the garbage collector keeps it.
pub(super) async fn new_string(
    execution: &mut Execution<'_>,
    text: &str,
    classes: Classes,
) -> Result<u32, Failure> {
    let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let length = u32::try_from(units.len()).unwrap_or(u32::MAX);
    let params = [length.into(), classes.string.into()];
    let pointer = execution.call("__new", &params).await?.one_u32();
    execution.charge_bytes(length.into())?;
    let written = execution.memory()?.write(pointer, &units);
    written.map_err(|outside| outside.of("the string that `__new` gave"))?;
    execution.call("__pin", &[pointer.into()]).await?;
    Ok(pointer)
}

/// Reads an object's class and its length in bytes from the header before it.
pub(super) fn header(memory: &GuestMemory<'_>, pointer: u32) -> Option<(u32, u32)> {
    let class = memory.u32(pointer.checked_sub(8)?).ok()?;
    let length = memory.u32(pointer.checked_sub(4)?).ok()?;
    Some((class, length))
}

/// Reads a string as UTF-8, or the bytes of an `ArrayBuffer`, of a typed array or of an array of numbers.
pub(super) fn read_object(
    execution: &mut Execution<'_>,
    pointer: u32,
    classes: Classes,
) -> Result<Vec<u8>, Failure> {
    let wrong = |problem: String| {
        Failure::from(Cause::GuestData {
            problem,
            source: None,
        })
    };
    if pointer == 0 {
        return Err(wrong("the result is null (assemblyscript)".to_string()));
    }
    let Some((class, length)) = header(&execution.memory()?, pointer) else {
        let problem = format!("the result at {pointer:#x} is no object in memory (assemblyscript)");
        return Err(wrong(problem));
    };
    let object = Buffer { pointer, length };
    if class == classes.array_buffer {
        return read(execution, object);
    }
    if class == classes.string {
        let text = utf8(&read(execution, object)?)
            .ok_or_else(|| wrong("the result is not UTF-16 (assemblyscript)".to_string()))?;
        // UTF-8 can be half as long again as UTF-16, and the same limit applies to it.
        admit(execution, text.len() as u64)?;
        return Ok(text.into_bytes());
    }
    match classes.elements(&execution.memory()?, class, object) {
        Some(elements) => read(execution, elements),
        None => Err(wrong(format!(
            "the result is of class {class}, neither string, ArrayBuffer nor array of numbers \
             (assemblyscript)"
        ))),
    }
}

pub(super) fn units(bytes: &[u8]) -> impl Iterator<Item = u16> {
    bytes.chunks_exact(2).map(|pair| match pair {
        [low, high] => u16::from_le_bytes([*low, *high]),
        _ => 0,
    })
}

fn utf8(bytes: &[u8]) -> Option<String> {
    char::decode_utf16(units(bytes))
        .collect::<Result<_, _>>()
        .ok()
}
