//! Locals and globals, as a debugger shows them.

use crate::{
    common::{debugging::Variable, wasm_value::Value},
    engine::stepper::Locals,
    module::instance_state::Constant,
};
use alloc::{boxed::Box, collections::BTreeMap, vec::Vec};

/// The values by their indices, with their names.
pub(super) fn variables(values: Locals, names: BTreeMap<u32, Box<str>>) -> Vec<Variable> {
    let variable = |(index, (ty, value)): (u32, (Box<str>, Option<Constant>))| Variable {
        index,
        name: names.get(&index).cloned(),
        ty,
        value: value.map(shown),
    };
    (0..).zip(values).map(variable).collect()
}

fn shown(value: Constant) -> Value {
    match value {
        Constant::I32(value) => Value::I32(value),
        Constant::I64(value) => Value::I64(value),
        Constant::F32(bits) => Value::F32(f32::from_bits(bits)),
        Constant::F64(bits) => Value::F64(f64::from_bits(bits)),
        Constant::V128(value) => Value::V128(value),
    }
}
