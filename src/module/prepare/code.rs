//! Rewrites the code section: operators in bodies, and the bodies of added functions.

use super::Rewrite;
#[cfg(feature = "explain")]
use crate::module::instrument::ONE_UNIT;
use crate::{
    common::failure::Failure,
    module::{
        binary::{BytePatch, put_bytes, put_i64, put_u32, section, sized},
        faults::{SETTLE, block_params, branch_tables, host_tail_calls::UNUSED_LOCAL},
        inspect::named,
    },
};
use alloc::{borrow::Cow, vec::Vec};
use core::ops::Range;
use wasmparser::{BinaryReader, FunctionBody, Operator};

impl Rewrite<'_> {
    /// Rewrites the section that begins at `from`, and appends the bodies of the added functions.
    pub(super) fn code(
        &self,
        bytes: &[u8],
        from: usize,
        mut content: BinaryReader<'_>,
        out: &mut BytePatch<'_>,
    ) -> Result<(), Failure> {
        let Range { start, end } = content.range();
        let count = content.read_var_u32()?;
        let bodies_start = content.original_position();
        if !self.info.rewrites_code() {
            return Ok(());
        }
        if self.added() > 0 {
            self.check_calls(content.clone(), count)?;
        }
        let mut operators = Cow::Borrowed(&self.info.rewritten);
        if self.growth.is_some() && self.hides {
            let operators = operators.to_mut();
            operators.extend_from_slice(&self.info.memory_sizes);
            operators.sort_unstable();
        }
        let operators = operators.iter().map(|at| start + *at as usize);
        let locals = self.info.without_slots.iter();
        let locals = locals.map(|at| start + *at as usize);
        let mut places = merged(operators, locals).peekable();
        let mut bodies = Vec::new();
        while let Some(place) = places.peek() {
            let at = content.original_position();
            let body = sized(&mut content)?.range();
            if place.at() < body.end {
                let places = core::iter::from_fn(|| places.next_if(|it| it.at() < body.end));
                let mut new = Vec::new();
                put_bytes(&mut new, &self.body(bytes, start, &body, places)?);
                bodies.push((at..body.end, new));
            }
        }
        let mut before = Vec::new();
        put_u32(&mut before, count.saturating_add(self.added()));
        let after = self.added_bodies();
        let replaced: usize = bodies.iter().map(|(place, _)| place.len()).sum();
        let new: usize = bodies.iter().map(|(_, body)| body.len()).sum();
        let size = before.len() + (end - bodies_start - replaced) + new + after.len();
        let mut header = [section::CODE].to_vec();
        put_u32(&mut header, u32::try_from(size).unwrap_or(u32::MAX));
        out.replace(from..bodies_start, &[header, before].concat());
        for (place, body) in bodies {
            out.replace(place, &body);
        }
        out.replace(end..end, &after);
        Ok(())
    }

    /// The bodies of the functions that are added for tables.
    fn added_bodies(&self) -> Vec<u8> {
        let mut bodies = Vec::new();
        for table in 0..self.added() {
            let mut body = [0].to_vec();
            #[cfg(feature = "explain")]
            if self.info.has_free_local_gets {
                // The function costs the same as elsewhere.
                body.extend_from_slice(&[ONE_UNIT, ONE_UNIT].concat());
            }
            body.extend_from_slice(&[0x20, 0, 0x20, 1, 0xfc, 0x0f]);
            put_u32(&mut body, table);
            body.push(0x0b);
            put_bytes(&mut bodies, &body);
        }
        bodies
    }

    /// Checks that code names only the module's own functions, not the added ones.
    fn check_calls(&self, mut bodies: BinaryReader<'_>, count: u32) -> Result<(), Failure> {
        let functions = self.first_added();
        for _ in 0..count {
            let body = FunctionBody::new(sized(&mut bodies)?);
            let mut operators = body.get_operators_reader()?;
            while !operators.eof() {
                match operators.read()? {
                    Operator::Call { function_index }
                    | Operator::ReturnCall { function_index }
                    | Operator::RefFunc { function_index } => {
                        named("function", function_index, functions)?;
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn first_added(&self) -> u32 {
        let imported = self.info.imported_functions;
        imported.saturating_add(self.info.functions)
    }

    /// The body, rewritten at `places`. The code section's content begins at `code`.
    fn body(
        &self,
        bytes: &[u8],
        code: usize,
        body: &Range<usize>,
        places: impl Iterator<Item = Place>,
    ) -> Result<Vec<u8>, Failure> {
        let bytes = bytes.get(..body.end).unwrap_or_default();
        let mut out = BytePatch::new(bytes, body.start);
        for place in places {
            let at = place.at();
            let mut reader = BinaryReader::new(bytes.get(at..).unwrap_or_default(), at);
            let new = match place {
                Place::Operator(_) => {
                    let operator = reader.read_operator()?;
                    let old = bytes.get(at..reader.original_position());
                    self.operator(at - code, &operator, old.unwrap_or_default())?
                }
                Place::Locals(_) => {
                    // There are no locals, but there may be empty groups.
                    for _ in 0..reader.read_var_u32()? {
                        reader.read_var_u32()?;
                        reader.read::<wasmparser::ValType>()?;
                    }
                    UNUSED_LOCAL.to_vec()
                }
            };
            out.replace(at..reader.original_position(), &new);
        }
        Ok(out.finish())
    }

    /// What replaces the operator at `at`, whose bytes are `old`.
    fn operator(&self, at: usize, operator: &Operator<'_>, old: &[u8]) -> Result<Vec<u8>, Failure> {
        let mut new = Vec::with_capacity(old.len() + 8);
        match operator {
            Operator::BrTable { targets } => {
                let at = u32::try_from(at).unwrap_or(u32::MAX);
                let values = self.info.branch_tables.values_at(at).unwrap_or_default();
                let ty = self.first_branch_type().saturating_add(values);
                branch_tables::rewrite(targets, ty, &mut new)?;
            }
            Operator::TableGrow { table } => {
                new.push(0x10);
                put_u32(&mut new, self.first_added().saturating_add(*table));
            }
            Operator::MemoryGrow { .. } => {
                // The engine compiles loops with parameters wrongly.
                if self.faults.closes(block_params::NAME) {
                    new.extend_from_slice(&SETTLE);
                }
                new.push(0x03);
                // The type of a block is a signed number.
                put_i64(&mut new, self.growth_type().into());
                match self.growth {
                    Some(growth) => growth.put_grow(&mut new),
                    None => new.extend_from_slice(old),
                }
                new.push(0x0b);
            }
            Operator::MemorySize { .. } => match self.growth {
                Some(growth) => growth.put_size(&mut new),
                None => new.extend_from_slice(old),
            },
            #[cfg(feature = "simd")]
            _ if crate::module::faults::lane_stores::rewrite(operator, &mut new) => {}
            _ => {
                new.extend_from_slice(&SETTLE);
                new.extend_from_slice(old);
            }
        }
        Ok(new)
    }
}

/// A position at which a body is rewritten.
enum Place {
    Operator(usize),
    /// The declarations of the body's locals.
    Locals(usize),
}

impl Place {
    fn at(&self) -> usize {
        match self {
            Self::Operator(at) | Self::Locals(at) => *at,
        }
    }
}

/// Merges two ordered lists of positions.
fn merged(
    operators: impl Iterator<Item = usize>,
    locals: impl Iterator<Item = usize>,
) -> impl Iterator<Item = Place> {
    let (mut operators, mut locals) = (operators.peekable(), locals.peekable());
    core::iter::from_fn(move || {
        let operator_first = match (operators.peek(), locals.peek()) {
            (Some(operator), Some(local)) => operator < local,
            (operator, _) => operator.is_some(),
        };
        if operator_first {
            operators.next().map(Place::Operator)
        } else {
            locals.next().map(Place::Locals)
        }
    })
}
