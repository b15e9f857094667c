//! Probes: functions that a program exports to show its memories, globals and tables.

use crate::{
    hosts,
    tree::{Block, Call, Exported, Function, Kind, Node, Op, Program, Signature},
};
use wasm_encoder::{
    Instruction,
    ValType::{self, I32, I64, V128},
};

/// How often a program may turn or call itself in a call from outside.
pub(crate) const COUNTDOWN: i32 = 12;

/// The export that gives a program its countdown back; before every call.
pub const RESET: &str = "reset";

/// The export that shows what is in a program.
const PROBE: &str = "probe";

/// The locals of the probe: a sum, and two sizes.
const LOCALS: [ValType; 3] = [I64, I32, I32];
const SUM: u32 = 0;

pub(crate) fn add(program: &mut Program, countdown: u32) {
    let reset = [
        Instruction::I32Const(COUNTDOWN),
        Instruction::GlobalSet(countdown),
    ];
    let reset = reset.into_iter().map(Node::Op).collect();
    function(program, RESET, Signature::default(), Vec::new(), reset);
    let mut body = Vec::new();
    let mut results = Vec::new();
    globals(program, &mut body, &mut results);
    tables(program, &mut body);
    // Last, for what is in the others is copied into the first.
    memories(program, &mut body);
    body.push(Node::Op(Instruction::LocalGet(SUM)));
    results.push(I64);
    let signature = Signature {
        params: Vec::new(),
        results,
    };
    function(program, PROBE, signature, LOCALS.to_vec(), body);
    program.probes.push(Call {
        export: PROBE.to_string(),
        params: Vec::new(),
    });
}

fn function(
    program: &mut Program,
    name: &str,
    signature: Signature,
    locals: Vec<ValType>,
    body: Vec<Node>,
) {
    let ty = program.ty(&signature);
    program.functions.push(Function { ty, locals, body });
    let index = (program.imports.len() + program.functions.len()) as u32 - 1;
    program.export(name, Exported::Function, index);
}

fn put(body: &mut Vec<Node>, ops: impl IntoIterator<Item = Op>) {
    body.extend(ops.into_iter().map(Node::Op));
}

fn globals(program: &Program, body: &mut Vec<Node>, results: &mut Vec<ValType>) {
    for (index, global) in (0..).zip(&program.globals) {
        if !global.mutable {
            continue;
        }
        put(body, [Instruction::GlobalGet(index)]);
        match global.ty {
            V128 => {
                let second = Instruction::I64x2ExtractLane(1);
                put(
                    body,
                    [
                        Instruction::I64x2ExtractLane(0),
                        Instruction::GlobalGet(index),
                        second,
                    ],
                );
                results.extend([I64, I64]);
            }
            ValType::Ref(_) => {
                put(body, [Instruction::RefIsNull]);
                results.push(I32);
            }
            ty => results.push(ty),
        }
    }
}

/// The sizes of tables, and which of the first elements are null.
fn tables(program: &Program, body: &mut Vec<Node>) {
    const SHOWN: i32 = 5;
    for table in 0..program.tables.len() as u32 {
        put(
            body,
            [
                Instruction::LocalGet(SUM),
                Instruction::I64Const(31),
                Instruction::I64Mul,
                Instruction::TableSize(table),
                Instruction::I64ExtendI32U,
                Instruction::I64Add,
                Instruction::LocalSet(SUM),
                Instruction::TableSize(table),
                Instruction::I32Const(SHOWN),
                Instruction::I32GeU,
            ],
        );
        let mut shown = Vec::new();
        for at in 0..SHOWN {
            put(
                &mut shown,
                [
                    Instruction::LocalGet(SUM),
                    Instruction::I64Const(3),
                    Instruction::I64Mul,
                    Instruction::I32Const(at),
                    Instruction::TableGet(table),
                    Instruction::RefIsNull,
                    Instruction::I64ExtendI32U,
                    Instruction::I64Add,
                    Instruction::LocalSet(SUM),
                ],
            );
        }
        body.push(Node::Block(Block {
            kind: Kind::If,
            signature: Signature::default(),
            body: shown,
            otherwise: Vec::new(),
        }));
    }
}

fn memories(program: &Program, body: &mut Vec<Node>) {
    let seen = program.imports.iter().position(|it| it.name == hosts::SEEN);
    let Some(seen) = seen else { return };
    let (one, other) = (1, 2);
    for memory in 0..program.memories.len() as u32 {
        if memory > 0 {
            let copy = [
                Instruction::I32Const(0),
                Instruction::I32Const(0),
                Instruction::MemorySize(0),
                Instruction::LocalTee(one),
                Instruction::MemorySize(memory),
                Instruction::LocalTee(other),
                Instruction::LocalGet(one),
                Instruction::LocalGet(other),
                Instruction::I32LtU,
                Instruction::Select,
                Instruction::I32Const(16),
                Instruction::I32Shl,
                Instruction::MemoryCopy {
                    src_mem: memory,
                    dst_mem: 0,
                },
            ];
            put(body, copy);
        }
        // The size is the number that the host is told.
        put(
            body,
            [
                Instruction::MemorySize(memory),
                Instruction::Call(seen as u32),
            ],
        );
    }
}
