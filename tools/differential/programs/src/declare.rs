//! Generates a program's globals, memories and tables.

use crate::{
    Options, Random, probes,
    tree::{Global, Memory, Op, Program, Table},
    values,
};
use wasm_encoder::{
    HeapType, Instruction,
    ValType::{self, I32, V128},
};

pub(crate) fn storage(program: &mut Program, random: &mut Random, options: Options) {
    program.globals.push(Global {
        ty: I32,
        mutable: true,
        init: vec![Instruction::I32Const(probes::COUNTDOWN)],
    });
    for _ in 0..random.within(2, 7) {
        let ty = values::ty(random, options.simd);
        program.globals.push(Global {
            ty,
            mutable: random.chance(75),
            init: initial(random, ty),
        });
    }
    for index in 0..*random.pick(&[0, 1, 1, 1, 1, 1, 2, 3]) {
        let sizes: &[u64] = if index == 0 {
            &[1, 2, 2, 2, 3]
        } else {
            &[1, 1, 2]
        };
        let minimum = *random.pick(sizes) + options.more_pages;
        program.memories.push(Memory {
            minimum,
            maximum: (random.chance(70) || !options.unbounded)
                .then(|| minimum + random.below(4) as u64),
        });
    }
    for _ in 0..*random.pick(&[0, 1, 1, 1, 2, 3]) {
        let minimum = random.within(1, 9) as u64;
        let ty = if random.chance(80) {
            ValType::FUNCREF
        } else {
            ValType::EXTERNREF
        };
        program.tables.push(Table {
            ty,
            minimum,
            maximum: random.chance(60).then(|| minimum + random.below(6) as u64),
        });
    }
}

fn initial(random: &mut Random, ty: ValType) -> Vec<Op> {
    match ty {
        I32 if random.chance(30) => vec![
            Instruction::I32Const(values::int(random)),
            Instruction::I32Const(values::int(random)),
            random
                .pick(&[
                    Instruction::I32Add,
                    Instruction::I32Sub,
                    Instruction::I32Mul,
                ])
                .clone(),
        ],
        I32 => vec![Instruction::I32Const(values::int(random))],
        ValType::I64 => vec![Instruction::I64Const(values::long(random))],
        ValType::F32 => vec![Instruction::F32Const(values::float(random).into())],
        ValType::F64 => vec![Instruction::F64Const(values::double(random).into())],
        V128 => vec![Instruction::V128Const(values::vector(random))],
        ValType::EXTERNREF => vec![Instruction::RefNull(HeapType::EXTERN)],
        _ => vec![Instruction::RefNull(HeapType::FUNC)],
    }
}
