//! Rewrites a program for an engine whose NaNs are the processor's: each NaN is made canonical
//! right after the operator that may produce it.

use crate::tree::{Node, Op, Program};
use wasm_encoder::{
    Instruction,
    ValType::{self, F32, F64, V128},
};

/// What an operator may leave a NaN of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lanes {
    F32,
    F64,
    F32x4,
    F64x2,
}

fn lanes(op: &Op) -> Option<Lanes> {
    use Instruction::{
        F32Add, F32Ceil, F32DemoteF64, F32Div, F32Floor, F32Max, F32Min, F32Mul, F32Nearest,
        F32Sqrt, F32Sub, F32Trunc, F32x4Add, F32x4Ceil, F32x4DemoteF64x2Zero, F32x4Div, F32x4Floor,
        F32x4Max, F32x4Min, F32x4Mul, F32x4Nearest, F32x4Sqrt, F32x4Sub, F32x4Trunc, F64Add,
        F64Ceil, F64Div, F64Floor, F64Max, F64Min, F64Mul, F64Nearest, F64PromoteF32, F64Sqrt,
        F64Sub, F64Trunc, F64x2Add, F64x2Ceil, F64x2Div, F64x2Floor, F64x2Max, F64x2Min, F64x2Mul,
        F64x2Nearest, F64x2PromoteLowF32x4, F64x2Sqrt, F64x2Sub, F64x2Trunc,
    };
    match op {
        F32Add | F32Ceil | F32DemoteF64 | F32Div | F32Floor | F32Max | F32Min | F32Mul
        | F32Nearest | F32Sqrt | F32Sub | F32Trunc => Some(Lanes::F32),
        F64Add | F64Ceil | F64Div | F64Floor | F64Max | F64Min | F64Mul | F64Nearest
        | F64PromoteF32 | F64Sqrt | F64Sub | F64Trunc => Some(Lanes::F64),
        F32x4Add | F32x4Ceil | F32x4DemoteF64x2Zero | F32x4Div | F32x4Floor | F32x4Max
        | F32x4Min | F32x4Mul | F32x4Nearest | F32x4Sqrt | F32x4Sub | F32x4Trunc => {
            Some(Lanes::F32x4)
        }
        F64x2Add | F64x2Ceil | F64x2Div | F64x2Floor | F64x2Max | F64x2Min | F64x2Mul
        | F64x2Nearest | F64x2PromoteLowF32x4 | F64x2Sqrt | F64x2Sub | F64x2Trunc => {
            Some(Lanes::F64x2)
        }
        _ => None,
    }
}

impl Program {
    /// The program with canonical NaNs, in the binary format.
    #[must_use]
    pub fn encode_canonical(&self) -> Vec<u8> {
        let mut program = self.clone();
        for index in 0..program.functions.len() {
            let params = program.types[program.functions[index].ty as usize]
                .params
                .len();
            let function = &mut program.functions[index];
            let first = (params + function.locals.len()) as u32;
            let mut added = Vec::new();
            let body = std::mem::take(&mut function.body);
            function.body = canonical(body, first, &mut added);
            function.locals.extend(added);
        }
        program.encode()
    }
}

fn canonical(nodes: Vec<Node>, first: u32, added: &mut Vec<ValType>) -> Vec<Node> {
    let mut out = Vec::with_capacity(nodes.len());
    for node in nodes {
        let op = match node {
            Node::Block(mut block) => {
                block.body = canonical(block.body, first, added);
                block.otherwise = canonical(block.otherwise, first, added);
                out.push(Node::Block(block));
                continue;
            }
            Node::Op(op) => op,
        };
        let lanes = lanes(&op);
        out.push(Node::Op(op));
        let Some(lanes) = lanes else { continue };
        let (ty, nan, equal, choose): (_, Op, Op, Op) = match lanes {
            Lanes::F32 => (
                F32,
                Instruction::F32Const(f32::from_bits(0x7fc0_0000).into()),
                Instruction::F32Eq,
                Instruction::Select,
            ),
            Lanes::F64 => (
                F64,
                Instruction::F64Const(f64::from_bits(0x7ff8 << 48).into()),
                Instruction::F64Eq,
                Instruction::Select,
            ),
            Lanes::F32x4 => (
                V128,
                Instruction::V128Const(0x7fc0_0000_7fc0_0000_7fc0_0000_7fc0_0000),
                Instruction::F32x4Eq,
                Instruction::V128Bitselect,
            ),
            Lanes::F64x2 => (
                V128,
                Instruction::V128Const(0x7ff8_0000_0000_0000_7ff8_0000_0000_0000),
                Instruction::F64x2Eq,
                Instruction::V128Bitselect,
            ),
        };
        let at = added.iter().position(|it| *it == ty).unwrap_or_else(|| {
            added.push(ty);
            added.len() - 1
        });
        let local = first + at as u32;
        let ops = [
            Instruction::LocalTee(local),
            nan,
            Instruction::LocalGet(local),
            Instruction::LocalGet(local),
            equal,
            choose,
        ];
        out.extend(ops.map(Node::Op));
    }
    out
}
