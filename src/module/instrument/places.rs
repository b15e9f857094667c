//! Places in the code at which a copy reports values: operands on the stack, and locals.
//!
//! The operands go through a function of the host that returns them, because nothing else reads the
//! stack and costs no fuel. It can take those that the innermost block has pushed; what lies beneath
//! belongs to the blocks around it.

use super::passed::indexed;
use crate::{
    common::failure::Failure,
    module::{
        binary::{function_type, len, put_i64, put_u32},
        value_types::codes,
    },
};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use wasmparser::{
    FunctionBody, Operator, Parser, ValType, ValidPayload, Validator, WasmFeatures,
    WasmModuleResources,
};

/// Before an operator, or after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    Before,
    After,
}

/// A place in a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// The index of the function, imported functions included.
    pub(crate) function: u32,
    /// The position of the operator in the module's bytes.
    pub(crate) offset: u32,
    pub(crate) side: Side,
}

/// What is reported at places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// The operands that the operator takes.
    Operands,
    /// All locals, and all operands that can be reached.
    Everything,
    /// All locals.
    Locals,
}

/// What a copy reports, and where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reporting<'a> {
    pub(crate) places: &'a BTreeSet<Place>,
    pub(crate) wanted: Wanted,
    /// The position of an operator that traps whenever it is reached. The engine may see that by its
    /// operands, and takes what follows for unreachable, which decides what pays for it. Once the
    /// operands are reported the engine no longer sees it, and is told.
    pub(crate) traps: Option<u32>,
}

/// The values at a place, by their types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Values {
    pub(crate) place: Place,
    /// The operands that are reported, the topmost last.
    pub(crate) operands: Vec<ValType>,
    /// The operands beneath them.
    pub(crate) hidden: u32,
    /// How many of the topmost a call takes.
    pub(crate) arguments: u32,
    /// All locals, the parameters first.
    pub(crate) locals: Vec<ValType>,
}

/// The most values that one call reports. The engine's functions have at most 1,000 parameters.
const MOST: usize = 900;

impl Values {
    /// The locals that are reported: numbers, and not too many.
    pub(crate) fn reported_locals(&self) -> impl Iterator<Item = (u32, ValType)> {
        let locals = (0..).zip(self.locals.iter().copied());
        locals.filter(|(_, ty)| is_number(*ty)).take(MOST)
    }
}

fn is_number(ty: ValType) -> bool {
    matches!(
        ty,
        ValType::I32 | ValType::I64 | ValType::F32 | ValType::F64
    )
}

/// Finds the values at places. A place that is no operator's, or whose code cannot be reached, is left
/// out.
pub(super) fn values(
    bytes: &[u8],
    places: &BTreeSet<Place>,
    wanted: Wanted,
) -> Result<Vec<Values>, Failure> {
    let features = WasmFeatures::default() | WasmFeatures::CUSTOM_PAGE_SIZES;
    let mut validator = Validator::new_with_features(features);
    let mut found = Vec::new();
    for payload in Parser::new(0).parse_all(bytes) {
        let ValidPayload::Func(function, body) = validator.payload(&payload?)? else {
            continue;
        };
        let from = Place {
            function: function.index,
            offset: 0,
            side: Side::Before,
        };
        let to = Place {
            offset: u32::MAX,
            side: Side::After,
            ..from
        };
        if places.range(from..=to).next().is_some() {
            let validator = function.into_validator(Default::default());
            of_function(validator, &body, (places, from), wanted, &mut found)?;
        }
    }
    Ok(found)
}

fn of_function<T: WasmModuleResources>(
    mut validator: wasmparser::FuncValidator<T>,
    body: &FunctionBody<'_>,
    (places, mut place): (&BTreeSet<Place>, Place),
    wanted: Wanted,
    found: &mut Vec<Values>,
) -> Result<(), Failure> {
    let mut reader = body.get_binary_reader();
    validator.read_locals(&mut reader)?;
    let locals: Vec<ValType> = match wanted {
        Wanted::Operands => Vec::new(),
        Wanted::Everything | Wanted::Locals => (0..validator.len_locals())
            .map_while(|index| validator.get_local_type(index))
            .collect(),
    };
    let mut operators = body.get_operators_reader()?;
    while !operators.eof() {
        let at = operators.original_position();
        let operator = operators.read()?;
        place.offset = u32::try_from(at).unwrap_or(u32::MAX);
        for side in [Side::Before, Side::After] {
            place.side = side;
            if side == Side::After {
                validator.op(at, &operator)?;
            }
            if !places.contains(&place) {
                continue;
            }
            let arguments = match side {
                Side::Before => arguments(&operator, validator.resources()).unwrap_or_default(),
                Side::After => 0,
            };
            let most = match wanted {
                Wanted::Operands => taken(&operator),
                Wanted::Everything => MOST,
                Wanted::Locals => 0,
            };
            let Some((operands, hidden)) = operands(&validator, most) else {
                continue;
            };
            found.push(Values {
                place,
                operands,
                hidden,
                arguments,
                locals: locals.clone(),
            });
        }
    }
    Ok(())
}

/// The topmost operands of the innermost block, and how many are beneath them.
fn operands<T: WasmModuleResources>(
    validator: &wasmparser::FuncValidator<T>,
    most: usize,
) -> Option<(Vec<ValType>, u32)> {
    let height = validator.operand_stack_height() as usize;
    let block = validator.get_control_frame(0)?;
    if block.unreachable {
        return None;
    }
    let count = height.checked_sub(block.height)?.min(most);
    let types = (0..count).rev();
    let types = types.map(|depth| validator.get_operand_type(depth).flatten());
    Some((
        types.collect::<Option<_>>()?,
        u32::try_from(height - count).ok()?,
    ))
}

/// How many operands a call takes.
fn arguments(operator: &Operator<'_>, resources: &impl WasmModuleResources) -> Option<u32> {
    let (ty, index) = match operator {
        Operator::Call { function_index } | Operator::ReturnCall { function_index } => {
            (resources.type_index_of_function(*function_index)?, 0)
        }
        Operator::CallIndirect { type_index, .. }
        | Operator::ReturnCallIndirect { type_index, .. } => (*type_index, 1),
        _ => return None,
    };
    let ty = resources.sub_type_at(ty)?;
    let params = ty.composite_type.unwrap_func().params().len();
    u32::try_from(params + index).ok()
}

/// The most operands that an operator takes whose trap they explain.
fn taken(operator: &Operator<'_>) -> usize {
    match operator {
        // The index is the topmost.
        Operator::CallIndirect { .. } | Operator::ReturnCallIndirect { .. } => 1,
        _ => 3,
    }
}

/// The functions of the host that values are reported to: the types that are added for them, and
/// what calls them at the places.
#[derive(Default)]
pub(super) struct Reports {
    /// The encoded types, in their order. Each has one import.
    pub(super) types: Vec<Vec<u8>>,
    known: BTreeMap<Vec<u8>, u32>,
    /// For each place, the bytes of code that report there.
    code: BTreeMap<Place, Vec<u8>>,
}

impl Reports {
    /// For places whose functions are imported from index `first` on.
    pub(super) fn new(values: &[Values], first: u32) -> Self {
        let mut reports = Self::default();
        for (number, values) in (0..).zip(values) {
            let mut code = Vec::new();
            let locals: Vec<(u32, ValType)> = values.reported_locals().collect();
            if !locals.is_empty() {
                for (local, _) in &locals {
                    code.push(0x20);
                    put_u32(&mut code, *local);
                }
                let types: Vec<ValType> = locals.iter().map(|(_, ty)| *ty).collect();
                reports.call(number, first, &types, &[], &mut code);
            }
            if !values.operands.is_empty() {
                let operands = &values.operands;
                reports.call(number, first, operands, operands, &mut code);
            }
            reports.code.insert(values.place, code);
        }
        reports
    }

    fn call(
        &mut self,
        number: i32,
        first: u32,
        values: &[ValType],
        results: &[ValType],
        code: &mut Vec<u8>,
    ) {
        let ty = function_type(&indexed(&codes(values)), &codes(results));
        let next = len(&self.types);
        let import = *self.known.entry(ty.clone()).or_insert(next);
        if import == next {
            self.types.push(ty);
        }
        code.push(0x41);
        put_i64(code, number.into());
        code.push(0x10);
        put_u32(code, first.saturating_add(import));
    }

    /// The code that reports at a place.
    pub(super) fn at(&self, place: Place) -> Option<&[u8]> {
        self.code.get(&place).map(Vec::as_slice)
    }
}
