//! `br_table` to labels of several values.
//!
//! **What goes wrong.** If all labels of a `br_table` stand at the same height of the operand
//! stack, the translator leaves the values where they lie (`translator/func/visit.rs`,
//! `visit_br_table`). That is right only if the `br_table` stands at that height too. If another
//! operand lies between, which the branch drops, the target reads other slots: results are wrong,
//! and hold what earlier calls left there. A single value of a number type travels in a register
//! and is right. Two or more values, and vectors, are not.
//!
//! **What it becomes.** The `br_table` moves into a new block that takes the values and the index
//! and returns the values. Its default becomes the new block, and a `br` after the block goes on to
//! the original default:
//!
//! ```wat
//! block (param i32 i32 i32) (result i32 i32)
//!   br_table 1 2 0
//! end
//! br 1
//! ```
//!
//! Now one label, that of the new block, stands where the values lie. If an operand lies between,
//! the heights differ, and the translator copies the values for each label. If not, the values are
//! already in their place. An empty block comes first, because the new block has parameters. A
//! `br_table` costs one unit of fuel more, for the `br`.
//!
//! **No longer needed** once `visit_br_table` compares the labels' height with its own.

use super::SETTLE;
use crate::common::engine_faults::Faults;
use crate::{
    common::{
        failure::Failure,
        value::{Signature, ValueType},
    },
    module::binary::{put_i64, put_u32},
};
use alloc::vec::Vec;
use wasmparser::{BlockType, BrTable, FunctionBody, Operator};

pub(crate) const NAME: &str = "branch-tables";

/// Whether a branch to a label with these values is concerned.
pub(crate) fn concerns(faults: Faults, label: &[ValueType]) -> bool {
    (label.len() > 1 || label.contains(&ValueType::V128)) && faults.closes(NAME)
}

/// Finds each `br_table` in a function's body that is concerned, and reports where it is and which
/// values it branches with.
pub(crate) fn find(
    faults: Faults,
    types: &[Signature],
    function: &Signature,
    body: &FunctionBody<'_>,
    mut found: impl FnMut(usize, &[ValueType]),
) -> Result<(), Failure> {
    // The values that branches to the open blocks carry.
    let mut labels = Vec::from([Label::Values(function.results())]);
    let label = |ty: BlockType, is_loop: bool| match ty {
        BlockType::FuncType(ty) => match types.get(ty as usize) {
            Some(ty) if is_loop => Label::Values(ty.params()),
            Some(ty) => Label::Values(ty.results()),
            None => Label::Values(&[]),
        },
        BlockType::Type(wasmparser::ValType::V128) if !is_loop => Label::Vector,
        // One number at most.
        BlockType::Type(_) | BlockType::Empty => Label::Values(&[]),
    };
    let mut operators = body.get_operators_reader()?;
    while !operators.eof() {
        let at = operators.original_position();
        match operators.read()? {
            Operator::Block { blockty } | Operator::If { blockty } => {
                labels.push(label(blockty, false));
            }
            Operator::Loop { blockty } => labels.push(label(blockty, true)),
            Operator::End => {
                labels.pop();
            }
            Operator::BrTable { targets } => {
                let depth = targets.default() as usize;
                let open = labels.len().checked_sub(depth + 1);
                let values = match open.and_then(|open| labels.get(open)) {
                    Some(Label::Values(values)) => values,
                    Some(Label::Vector) => &[ValueType::V128][..],
                    None => &[],
                };
                if concerns(faults, values) {
                    found(at, values);
                }
            }
            _ => {}
        }
    }
    Ok(())
}

enum Label<'a> {
    Values(&'a [ValueType]),
    Vector,
}

/// Writes the type of the block around a `br_table` that branches with `values`.
pub(crate) fn block_type(values: &[ValueType], out: &mut Vec<u8>) {
    const FUNCTION: u8 = 0x60;
    let write = |ty: &ValueType, out: &mut Vec<u8>| out.push(ty.code());
    let count = u32::try_from(values.len()).unwrap_or(u32::MAX);
    out.push(FUNCTION);
    put_u32(out, count.saturating_add(1));
    values.iter().for_each(|ty| write(ty, out));
    write(&ValueType::I32, out);
    put_u32(out, count);
    values.iter().for_each(|ty| write(ty, out));
}

/// Writes what a `br_table` becomes, where `ty` is the type of the block around it.
pub(crate) fn rewrite(targets: &BrTable<'_>, ty: u32, out: &mut Vec<u8>) -> Result<(), Failure> {
    const BLOCK: u8 = 0x02;
    const END: u8 = 0x0b;
    const BR: u8 = 0x0c;
    const BR_TABLE: u8 = 0x0e;
    out.extend_from_slice(&SETTLE);
    out.push(BLOCK);
    // The type of a block is a signed number.
    put_i64(out, ty.into());
    out.push(BR_TABLE);
    put_u32(out, targets.len());
    for target in targets.targets() {
        let target = target?;
        let is_default = target == targets.default();
        put_u32(
            out,
            if is_default {
                0
            } else {
                target.saturating_add(1)
            },
        );
    }
    put_u32(out, 0);
    out.push(END);
    out.push(BR);
    put_u32(out, targets.default());
    Ok(())
}
