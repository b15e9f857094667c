//! Reads the segments of a module, and the constant expressions in segments and elsewhere.

use super::{at_most, invalid, named};
use crate::{
    common::failure::Failure,
    module::{
        binary::{len, sized},
        inspect::sections::{ModuleScan, count},
    },
};
use alloc::format;
use wasmparser::{BinaryReader, ConstExpr, DataSectionReader, ElementItems, ElementKind, Operator};

/// The length of the data segment that comes first, if it is short, active, in the first memory and
/// at a constant address. Some modules have tens of thousands of segments, nearly all of this kind.
fn plain_segment(bytes: &[u8]) -> Option<usize> {
    const I32_CONST: u8 = 0x41;
    const END: u8 = 0x0b;
    let ([0, I32_CONST], bytes) = bytes.split_first_chunk()? else {
        return None;
    };
    // A number of up to four bytes is always valid.
    let offset = bytes.iter().take(4).position(|byte| *byte < 0x80)?;
    let &[END, size, ..] = bytes.get(offset + 1..)? else {
        return None;
    };
    (size < 0x80).then_some(2 + offset + 1 + 2 + usize::from(size))
}

impl ModuleScan<'_> {
    pub(super) fn element_segment(
        &mut self,
        segment: wasmparser::Element<'_>,
    ) -> Result<(), Failure> {
        self.element_segments += 1;
        if let ElementKind::Active {
            table_index,
            offset_expr,
        } = &segment.kind
        {
            named("table", table_index.unwrap_or_default(), len(&self.tables))?;
            self.constant(offset_expr)?;
        }
        let items = match &segment.items {
            ElementItems::Functions(items) => items.count(),
            ElementItems::Expressions(_, items) => items.count(),
        };
        self.segment_elements += u64::from(items);
        at_most(
            "the number of elements in all element segments",
            self.segment_elements,
            "max_table_elements",
            self.limits.max_table_elements.into(),
        )?;
        match segment.items {
            ElementItems::Functions(items) => {
                let functions = len(&self.functions);
                for function in items {
                    named("function", function?, functions)?;
                }
            }
            ElementItems::Expressions(_, items) => {
                for expr in items {
                    self.constant(&expr?)?;
                }
            }
        }
        Ok(())
    }

    /// Reads the data segments without the parser's section reader, because each has a size (see
    /// [`sized`]).
    pub(super) fn data(&self, section: &DataSectionReader<'_>) -> Result<(), Failure> {
        const ACTIVE: u32 = 0;
        const PASSIVE: u32 = 1;
        const ACTIVE_IN: u32 = 2;
        let range = section.range();
        let content = self.bytes.get(range.clone()).unwrap_or_default();
        let mut reader = BinaryReader::new(content, range.start);
        reader.read_var_u32()?;
        for index in 0..section.count() {
            let rest = content.get(reader.original_position() - range.start..);
            if let Some(length) = rest.and_then(plain_segment) {
                reader.read_bytes(length)?;
                continue;
            }
            match reader.read_var_u32()? {
                ACTIVE => self.constant_in(&mut reader)?,
                ACTIVE_IN => {
                    reader.read_var_u32()?;
                    self.constant_in(&mut reader)?;
                }
                PASSIVE => {}
                kind => {
                    return Err(invalid(&format!(
                        "data segment {index} is of a kind {kind}"
                    )));
                }
            }
            sized(&mut reader)?;
        }
        Ok(())
    }

    pub(super) fn constant(&self, expr: &ConstExpr<'_>) -> Result<(), Failure> {
        self.constant_in(&mut expr.get_binary_reader())
    }

    /// Reads the constant expression at `reader`.
    fn constant_in(&self, reader: &mut BinaryReader<'_>) -> Result<(), Failure> {
        let most = self.limits.max_constant_operators;
        for _ in 0..=most {
            match reader.read_operator()? {
                Operator::End => return Ok(()),
                Operator::RefFunc { function_index } => {
                    named("function", function_index, len(&self.functions))?;
                }
                _ => {}
            }
        }
        let more = most.saturating_add(1);
        count(
            "operators in a constant expression",
            more,
            "max_constant_operators",
            most,
        )
    }
}
