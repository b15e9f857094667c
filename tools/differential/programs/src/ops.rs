//! The operators that only take operands and push a result, by the types of these.

use crate::tree::Op;
use std::sync::OnceLock;
use wasm_encoder::{
    Instruction, MemArg,
    ValType::{self, F32, F64, I32, I64, V128},
};

/// What an operator takes and leaves.
#[derive(Debug, Clone)]
pub struct Plain {
    pub op: Op,
    pub takes: &'static [ValType],
    pub gives: ValType,
}

macro_rules! plain {
    ($into:ident; $($takes:expr => $gives:ident: $($name:ident)*;)*) => {$($(
        $into.push(Plain { op: Instruction::$name, takes: &$takes, gives: $gives });
    )*)*};
}
pub(crate) use plain;

/// Every such operator on numbers.
pub fn scalar() -> &'static [Plain] {
    static TABLE: OnceLock<Vec<Plain>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut table = Vec::new();
        plain! { table;
            [I32] => I32: I32Eqz I32Clz I32Ctz I32Popcnt I32Extend8S I32Extend16S;
            [I64] => I64: I64Clz I64Ctz I64Popcnt I64Extend8S I64Extend16S I64Extend32S;
            [I64] => I32: I64Eqz I32WrapI64;
            [I32, I32] => I32: I32Eq I32Ne I32LtS I32LtU I32GtS I32GtU I32LeS I32LeU I32GeS I32GeU
                I32Add I32Sub I32Mul I32DivS I32DivU I32RemS I32RemU I32And I32Or I32Xor I32Shl
                I32ShrS I32ShrU I32Rotl I32Rotr;
            [I64, I64] => I32: I64Eq I64Ne I64LtS I64LtU I64GtS I64GtU I64LeS I64LeU I64GeS I64GeU;
            [I64, I64] => I64: I64Add I64Sub I64Mul I64DivS I64DivU I64RemS I64RemU I64And I64Or
                I64Xor I64Shl I64ShrS I64ShrU I64Rotl I64Rotr;
            [F32, F32] => I32: F32Eq F32Ne F32Lt F32Gt F32Le F32Ge;
            [F64, F64] => I32: F64Eq F64Ne F64Lt F64Gt F64Le F64Ge;
            [F32] => F32: F32Abs F32Neg F32Ceil F32Floor F32Trunc F32Nearest F32Sqrt;
            [F64] => F64: F64Abs F64Neg F64Ceil F64Floor F64Trunc F64Nearest F64Sqrt;
            [F32, F32] => F32: F32Add F32Sub F32Mul F32Div F32Min F32Max F32Copysign;
            [F64, F64] => F64: F64Add F64Sub F64Mul F64Div F64Min F64Max F64Copysign;
            [F32] => I32: I32TruncF32S I32TruncF32U I32TruncSatF32S I32TruncSatF32U
                I32ReinterpretF32;
            [F64] => I32: I32TruncF64S I32TruncF64U I32TruncSatF64S I32TruncSatF64U;
            [F32] => I64: I64TruncF32S I64TruncF32U I64TruncSatF32S I64TruncSatF32U;
            [F64] => I64: I64TruncF64S I64TruncF64U I64TruncSatF64S I64TruncSatF64U
                I64ReinterpretF64;
            [I32] => I64: I64ExtendI32S I64ExtendI32U;
            [I32] => F32: F32ConvertI32S F32ConvertI32U F32ReinterpretI32;
            [I64] => F32: F32ConvertI64S F32ConvertI64U;
            [I32] => F64: F64ConvertI32S F64ConvertI32U;
            [I64] => F64: F64ConvertI64S F64ConvertI64U F64ReinterpretI64;
            [F64] => F32: F32DemoteF64;
            [F32] => F64: F64PromoteF32;
        }
        table
    })
}

/// An access to memory: how it is written, the type that it moves, the bytes of it.
pub type Access = (fn(MemArg) -> Op, ValType, u32);

macro_rules! accesses {
    ($($name:ident $ty:ident $bytes:literal,)*) => {
        &[$((Instruction::$name as fn(MemArg) -> Op, $ty, $bytes)),*]
    };
}

pub const LOADS: &[Access] = accesses! {
    I32Load I32 4, I64Load I64 8, F32Load F32 4, F64Load F64 8,
    I32Load8S I32 1, I32Load8U I32 1, I32Load16S I32 2, I32Load16U I32 2,
    I64Load8S I64 1, I64Load8U I64 1, I64Load16S I64 2, I64Load16U I64 2,
    I64Load32S I64 4, I64Load32U I64 4,
};

pub const STORES: &[Access] = accesses! {
    I32Store I32 4, I64Store I64 8, F32Store F32 4, F64Store F64 8,
    I32Store8 I32 1, I32Store16 I32 2, I64Store8 I64 1, I64Store16 I64 2, I64Store32 I64 4,
};

pub const VECTOR_LOADS: &[Access] = accesses! {
    V128Load V128 16, V128Load8x8S V128 8, V128Load8x8U V128 8, V128Load16x4S V128 8,
    V128Load16x4U V128 8, V128Load32x2S V128 8, V128Load32x2U V128 8, V128Load8Splat V128 1,
    V128Load16Splat V128 2, V128Load32Splat V128 4, V128Load64Splat V128 8,
    V128Load32Zero V128 4, V128Load64Zero V128 8,
};

pub const VECTOR_STORES: &[Access] = accesses! { V128Store V128 16, };

/// Whether it divides, and traps where the divisor is 0.
#[must_use]
pub fn divides(op: &Op) -> Option<ValType> {
    use Instruction::{I32DivS, I32DivU, I32RemS, I32RemU, I64DivS, I64DivU, I64RemS, I64RemU};
    match op {
        I32DivS | I32DivU | I32RemS | I32RemU => Some(I32),
        I64DivS | I64DivU | I64RemS | I64RemU => Some(I64),
        _ => None,
    }
}

/// Whether it traps on what is no integer of the type, and whether it takes a sign.
#[must_use]
pub fn truncates(op: &Op) -> Option<(ValType, bool)> {
    use Instruction::{
        I32TruncF32S, I32TruncF32U, I32TruncF64S, I32TruncF64U, I64TruncF32S, I64TruncF32U,
        I64TruncF64S, I64TruncF64U,
    };
    match op {
        I32TruncF32S | I64TruncF32S => Some((F32, true)),
        I32TruncF32U | I64TruncF32U => Some((F32, false)),
        I32TruncF64S | I64TruncF64S => Some((F64, true)),
        I32TruncF64U | I64TruncF64U => Some((F64, false)),
        _ => None,
    }
}
