//! The operators on vectors. Those of the relaxed SIMD proposal are left out, because their results
//! may differ from engine to engine.

use crate::{
    ops::{Plain, plain},
    random::Random,
    tree::Op,
};
use std::sync::OnceLock;
use wasm_encoder::{
    Instruction, MemArg,
    ValType::{self, F32, F64, I32, I64, V128},
};

/// Every operator that only takes operands and leaves a result.
pub fn vector() -> &'static [Plain] {
    static TABLE: OnceLock<Vec<Plain>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut table = Vec::new();
        plain! { table;
            [V128] => V128: V128Not I8x16Abs I8x16Neg I8x16Popcnt I16x8ExtAddPairwiseI8x16S
                I16x8ExtAddPairwiseI8x16U I16x8Abs I16x8Neg I16x8ExtendLowI8x16S
                I16x8ExtendHighI8x16S I16x8ExtendLowI8x16U I16x8ExtendHighI8x16U
                I32x4ExtAddPairwiseI16x8S I32x4ExtAddPairwiseI16x8U I32x4Abs I32x4Neg
                I32x4ExtendLowI16x8S I32x4ExtendHighI16x8S I32x4ExtendLowI16x8U
                I32x4ExtendHighI16x8U I64x2Abs I64x2Neg I64x2ExtendLowI32x4S I64x2ExtendHighI32x4S
                I64x2ExtendLowI32x4U I64x2ExtendHighI32x4U F32x4Ceil F32x4Floor F32x4Trunc
                F32x4Nearest F32x4Abs F32x4Neg F32x4Sqrt F64x2Ceil F64x2Floor F64x2Trunc
                F64x2Nearest F64x2Abs F64x2Neg F64x2Sqrt I32x4TruncSatF32x4S I32x4TruncSatF32x4U
                F32x4ConvertI32x4S F32x4ConvertI32x4U I32x4TruncSatF64x2SZero
                I32x4TruncSatF64x2UZero F64x2ConvertLowI32x4S F64x2ConvertLowI32x4U
                F32x4DemoteF64x2Zero F64x2PromoteLowF32x4;
            [V128, V128] => V128: I8x16Swizzle I8x16Eq I8x16Ne I8x16LtS I8x16LtU I8x16GtS I8x16GtU
                I8x16LeS I8x16LeU I8x16GeS I8x16GeU I16x8Eq I16x8Ne I16x8LtS I16x8LtU I16x8GtS
                I16x8GtU I16x8LeS I16x8LeU I16x8GeS I16x8GeU I32x4Eq I32x4Ne I32x4LtS I32x4LtU
                I32x4GtS I32x4GtU I32x4LeS I32x4LeU I32x4GeS I32x4GeU I64x2Eq I64x2Ne I64x2LtS
                I64x2GtS I64x2LeS I64x2GeS F32x4Eq F32x4Ne F32x4Lt F32x4Gt F32x4Le F32x4Ge F64x2Eq
                F64x2Ne F64x2Lt F64x2Gt F64x2Le F64x2Ge V128And V128AndNot V128Or V128Xor
                I8x16NarrowI16x8S I8x16NarrowI16x8U I8x16Add I8x16AddSatS I8x16AddSatU I8x16Sub
                I8x16SubSatS I8x16SubSatU I8x16MinS I8x16MinU I8x16MaxS I8x16MaxU I8x16AvgrU
                I16x8Q15MulrSatS I16x8NarrowI32x4S I16x8NarrowI32x4U I16x8Add I16x8AddSatS
                I16x8AddSatU I16x8Sub I16x8SubSatS I16x8SubSatU I16x8Mul I16x8MinS I16x8MinU
                I16x8MaxS I16x8MaxU I16x8AvgrU I16x8ExtMulLowI8x16S I16x8ExtMulHighI8x16S
                I16x8ExtMulLowI8x16U I16x8ExtMulHighI8x16U I32x4Add I32x4Sub I32x4Mul I32x4MinS
                I32x4MinU I32x4MaxS I32x4MaxU I32x4DotI16x8S I32x4ExtMulLowI16x8S
                I32x4ExtMulHighI16x8S I32x4ExtMulLowI16x8U I32x4ExtMulHighI16x8U I64x2Add I64x2Sub
                I64x2Mul I64x2ExtMulLowI32x4S I64x2ExtMulHighI32x4S I64x2ExtMulLowI32x4U
                I64x2ExtMulHighI32x4U F32x4Add F32x4Sub F32x4Mul F32x4Div F32x4Min F32x4Max
                F32x4PMin F32x4PMax F64x2Add F64x2Sub F64x2Mul F64x2Div F64x2Min F64x2Max
                F64x2PMin F64x2PMax;
            [V128, V128, V128] => V128: V128Bitselect;
            [V128, I32] => V128: I8x16Shl I8x16ShrS I8x16ShrU I16x8Shl I16x8ShrS I16x8ShrU
                I32x4Shl I32x4ShrS I32x4ShrU I64x2Shl I64x2ShrS I64x2ShrU;
            [V128] => I32: V128AnyTrue I8x16AllTrue I8x16Bitmask I16x8AllTrue I16x8Bitmask
                I32x4AllTrue I32x4Bitmask I64x2AllTrue I64x2Bitmask;
            [I32] => V128: I8x16Splat I16x8Splat I32x4Splat;
            [I64] => V128: I64x2Splat;
            [F32] => V128: F32x4Splat;
            [F64] => V128: F64x2Splat;
        }
        table
    })
}

type Lane = (fn(u8) -> Op, u8, &'static [ValType], ValType);

macro_rules! lanes {
    ($($name:ident $count:literal $takes:expr => $gives:ident,)*) => {
        &[$((Instruction::$name as fn(u8) -> Op, $count, &$takes, $gives)),*]
    };
}

const LANES: &[Lane] = lanes! {
    I8x16ExtractLaneS 16 [V128] => I32,
    I8x16ExtractLaneU 16 [V128] => I32,
    I16x8ExtractLaneS 8 [V128] => I32,
    I16x8ExtractLaneU 8 [V128] => I32,
    I32x4ExtractLane 4 [V128] => I32,
    I64x2ExtractLane 2 [V128] => I64,
    F32x4ExtractLane 4 [V128] => F32,
    F64x2ExtractLane 2 [V128] => F64,
    I8x16ReplaceLane 16 [V128, I32] => V128,
    I16x8ReplaceLane 8 [V128, I32] => V128,
    I32x4ReplaceLane 4 [V128, I32] => V128,
    I64x2ReplaceLane 2 [V128, I64] => V128,
    F32x4ReplaceLane 4 [V128, F32] => V128,
    F64x2ReplaceLane 2 [V128, F64] => V128,
};

/// An operator that names lanes: one of them, or all for a shuffle.
pub(crate) fn lane(random: &mut Random) -> Plain {
    if random.chance(15) {
        let lanes = std::array::from_fn(|_| u8::try_from(random.below(32)).expect("less than 32"));
        return Plain {
            op: Instruction::I8x16Shuffle(lanes),
            takes: &[V128, V128],
            gives: V128,
        };
    }
    let (op, count, takes, gives) = *random.pick(LANES);
    let lane = u8::try_from(random.below(count.into())).expect("less than the lanes");
    Plain {
        op: op(lane),
        takes,
        gives,
    }
}

/// An access to one lane: how it is written, the bytes of a lane, whether it stores.
pub(crate) type LaneAccess = (fn(MemArg, u8) -> Op, u32, bool);

macro_rules! lane_accesses {
    ($($name:ident $bytes:literal $stores:literal,)*) => {
        &[$((|memarg, lane| Instruction::$name { memarg, lane }, $bytes, $stores)),*]
    };
}

pub(crate) const LANE_ACCESSES: &[LaneAccess] = lane_accesses! {
    V128Load8Lane 1 false,
    V128Load16Lane 2 false,
    V128Load32Lane 4 false,
    V128Load64Lane 8 false,
    V128Store8Lane 1 true,
    V128Store16Lane 2 true,
    V128Store32Lane 4 true,
    V128Store64Lane 8 true,
};
