//! What the engine takes for the blocks of a function, as far as that is known beforehand.

use super::reachability::Reachability;
use crate::{
    common::failure::Failure,
    module::binary::{Sections, section, sized},
};
use alloc::{collections::BTreeMap, vec::Vec};
use wasmparser::{FunctionBody, Operator};

/// The operators that are paid for when a block begins: their positions, and the fuel of each. The
/// first is the block itself.
pub(crate) type Block = Vec<(u32, u64)>;

/// Where the fuel of a block is taken: the position of a loop, of the beginning of an arm of an `if`,
/// or of the first operator of a function, and whether it is a function.
pub(crate) type Payer = (u32, bool);

/// The blocks of some functions.
pub(crate) fn blocks(
    bytes: &[u8],
    imported: u32,
    wanted: impl Fn(u32) -> bool,
) -> Result<BTreeMap<Payer, Block>, Failure> {
    let mut found = BTreeMap::new();
    let mut sections = Sections::of(bytes)?;
    while let Some((id, mut content)) = sections.next()? {
        if id != section::CODE {
            continue;
        }
        for index in 0..content.read_var_u32()? {
            let body = sized(&mut content)?;
            if wanted(imported.saturating_add(index)) {
                of_function(&FunctionBody::new(body), &mut found)?;
            }
        }
    }
    Ok(found)
}

fn of_function(body: &FunctionBody<'_>, found: &mut BTreeMap<Payer, Block>) -> Result<(), Failure> {
    let mut operators = body.get_operators_reader()?;
    let mut reachability = Reachability::new();
    // The position of the block that pays, for each open label.
    let mut open = [(position(operators.original_position()), true)].to_vec();
    while !operators.eof() {
        let at = position(operators.original_position());
        let operator = operators.read()?;
        let was_reachable = reachability.is_reachable();
        reachability.pass(&operator);
        let payer = open.last().copied().unwrap_or_default();
        found
            .entry(payer)
            .or_insert_with(|| [(payer.0, 1)].into())
            .push((at, price(&operator)));
        match operator {
            Operator::Block { .. } => open.push(payer),
            Operator::Loop { .. } => open.push(if was_reachable { (at, false) } else { payer }),
            Operator::If { .. } => open.push(if reachability.is_reachable() {
                (at, false)
            } else {
                payer
            }),
            Operator::Else => {
                open.pop();
                let outer = open.last().copied().unwrap_or_default();
                open.push(if reachability.is_reachable() {
                    (at, false)
                } else {
                    outer
                });
            }
            Operator::End => drop(open.pop()),
            _ => {}
        }
    }
    Ok(())
}

fn position(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// The fuel of an operator that its block pays. Growing a memory pays for itself.
fn price(operator: &Operator<'_>) -> u64 {
    match operator {
        Operator::Nop
        | Operator::Drop
        | Operator::Block { .. }
        | Operator::Loop { .. }
        | Operator::Else
        | Operator::End
        | Operator::Return
        | Operator::Unreachable
        | Operator::MemoryGrow { .. } => 0,
        _ => 1,
    }
}
