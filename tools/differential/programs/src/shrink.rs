//! Shrinks a program while it stays interesting.
//!
//! An edit may leave an invalid module. The check whether the program is still interesting finds
//! that out at almost no cost.

use crate::{
    ops, tidy,
    tree::{Block, Function, Node, Op, Program, Signature},
    vectors,
};
use wasm_encoder::{
    HeapType, Instruction,
    ValType::{self, F32, F64, I32, I64, V128},
};

/// The smallest program that was found by which `keep` is still true.
pub fn shrink(program: Program, keep: &mut dyn FnMut(&Program) -> bool) -> Program {
    let mut shrinker = Shrinker { program, keep };
    for _ in 0..6 {
        let before = shrinker.size();
        shrinker.parts();
        for function in (0..shrinker.program.functions.len()).rev() {
            shrinker.function(function);
        }
        shrinker.attempt(tidy::tidy);
        if shrinker.size() == before {
            break;
        }
    }
    shrinker.program
}

struct Shrinker<'a> {
    program: Program,
    keep: &'a mut dyn FnMut(&Program) -> bool,
}

/// Which sequence of a function: through which nodes, and whether by their second arm.
type Path = Vec<(usize, bool)>;

impl Shrinker<'_> {
    fn size(&self) -> usize {
        let program = &self.program;
        program.encode().len() + program.calls.len() + program.probes.len()
    }

    /// Keeps what the edit makes, if it is still interesting.
    fn attempt(&mut self, edit: impl FnOnce(&mut Program)) -> bool {
        let mut edited = self.program.clone();
        edit(&mut edited);
        let kept = (self.keep)(&edited);
        if kept {
            self.program = edited;
        }
        kept
    }

    /// Removes elements of a list one by one, the last first.
    fn thin<T>(&mut self, list: fn(&mut Program) -> &mut Vec<T>) {
        let mut at = list(&mut self.program).len();
        while at > 0 {
            at -= 1;
            self.attempt(|program| drop(list(program).remove(at)));
        }
    }

    fn parts(&mut self) {
        if self.program.probes.len() > 1 {
            self.attempt(|program| program.probes.clear());
        }
        self.thin(|program| &mut program.probes);
        self.thin(|program| &mut program.calls);
        self.thin(|program| &mut program.exports);
        self.attempt(|program| program.start = None);
        for function in 0..self.program.functions.len() {
            let ty = self.program.functions[function].ty as usize;
            let results = self.program.types[ty].results.clone();
            self.attempt(|program| {
                let function = &mut program.functions[function];
                function.locals.clear();
                function.body = results.iter().map(|ty| Node::Op(zero(*ty))).collect();
            });
        }
        self.thin(|program| &mut program.data);
        self.thin(|program| &mut program.elements);
        self.thin(|program| &mut program.globals);
        self.thin(|program| &mut program.tables);
        self.thin(|program| &mut program.memories);
        for at in 0..self.program.elements.len() {
            self.attempt(|program| program.elements[at].items.clear());
        }
        for call in 0..self.program.calls.len() {
            for param in 0..self.program.calls[call].params.len() {
                for value in [0, 1] {
                    let now = self.program.calls[call].params[param];
                    if now > value && self.attempt(|it| it.calls[call].params[param] = value) {
                        break;
                    }
                }
            }
        }
    }

    fn sequence(&mut self, function: usize, path: &Path) -> Option<&mut Vec<Node>> {
        let mut nodes = &mut self.program.functions.get_mut(function)?.body;
        for (at, is_second) in path {
            let Node::Block(block) = nodes.get_mut(*at)? else {
                return None;
            };
            nodes = if *is_second {
                &mut block.otherwise
            } else {
                &mut block.body
            };
        }
        Some(nodes)
    }

    /// Replaces the nodes from `at` on by others, if that stays interesting.
    fn splice(
        &mut self,
        function: usize,
        path: &Path,
        range: std::ops::Range<usize>,
        by: Vec<Node>,
    ) -> bool {
        let before = self.program.clone();
        let Some(nodes) = self.sequence(function, path) else {
            return false;
        };
        if range.end > nodes.len() {
            return false;
        }
        nodes.splice(range, by);
        let kept = (self.keep)(&self.program);
        if !kept {
            self.program = before;
        }
        kept
    }

    fn function(&mut self, function: usize) {
        let mut paths = vec![Path::new()];
        while let Some(path) = paths.pop() {
            self.remove(function, &path);
            self.remove_pairs(function, &path);
            self.simplify(function, &path);
            let Some(nodes) = self.sequence(function, &path) else {
                continue;
            };
            for (at, node) in nodes.iter().enumerate() {
                if let Node::Block(block) = node {
                    let inner = |is_second| [&path[..], &[(at, is_second)]].concat();
                    paths.push(inner(false));
                    if !block.otherwise.is_empty() {
                        paths.push(inner(true));
                    }
                }
            }
        }
        self.locals(function);
    }

    fn length(&mut self, function: usize, path: &Path) -> usize {
        self.sequence(function, path).map_or(0, |nodes| nodes.len())
    }

    fn remove(&mut self, function: usize, path: &Path) {
        let mut size = self.length(function, path);
        while size > 0 {
            let mut at = 0;
            while at + size <= self.length(function, path) {
                if !self.splice(function, path, at..at + size, Vec::new()) {
                    at += if size > 8 { size / 2 } else { 1 };
                }
            }
            size = if size > 8 { size / 2 } else { size - 1 };
        }
    }

    /// What pushes and what drops, with something between them.
    fn remove_pairs(&mut self, function: usize, path: &Path) {
        let mut at = 0;
        while at < self.length(function, path) {
            let mut removed = false;
            for gap in 1..8 {
                let Some(nodes) = self.sequence(function, path) else {
                    return;
                };
                if at + gap + 1 >= nodes.len() {
                    break;
                }
                let between = nodes[at + 1..=at + gap].to_vec();
                if self.splice(function, path, at..at + gap + 2, between) {
                    removed = true;
                    break;
                }
            }
            at += usize::from(!removed);
        }
    }

    fn simplify(&mut self, function: usize, path: &Path) {
        let mut at = 0;
        while at < self.length(function, path) {
            let Some(nodes) = self.sequence(function, path) else {
                return;
            };
            for simpler in simpler(&nodes[at].clone(), &self.program) {
                if self.splice(function, path, at..at + 1, simpler) {
                    break;
                }
            }
            at += 1;
        }
    }

    fn locals(&mut self, function: usize) {
        let Function { ty, locals, .. } = &self.program.functions[function];
        let params = self.program.types[*ty as usize].params.len();
        for local in (0..locals.len()).rev() {
            self.attempt(|program| {
                let removed = (params + local) as u32;
                program.functions[function].locals.remove(local);
                tidy::each_op_of(&mut program.functions[function].body, &mut |op| match op {
                    Instruction::LocalGet(index)
                    | Instruction::LocalSet(index)
                    | Instruction::LocalTee(index) => match (*index).cmp(&removed) {
                        std::cmp::Ordering::Less => {}
                        // No such local: the module is invalid.
                        std::cmp::Ordering::Equal => *index = u32::MAX,
                        std::cmp::Ordering::Greater => *index -= 1,
                    },
                    _ => {}
                });
            });
        }
    }
}

fn zero(ty: ValType) -> Op {
    match ty {
        I32 => Instruction::I32Const(0),
        I64 => Instruction::I64Const(0),
        F32 => Instruction::F32Const(0.0.into()),
        F64 => Instruction::F64Const(0.0.into()),
        V128 => Instruction::V128Const(0),
        ValType::EXTERNREF => Instruction::RefNull(HeapType::EXTERN),
        _ => Instruction::RefNull(HeapType::FUNC),
    }
}

/// Drops for the operands and constants for the results.
fn stub(takes: usize, gives: &[ValType]) -> Vec<Node> {
    let drops = std::iter::repeat_n(Instruction::Drop, takes);
    drops
        .chain(gives.iter().copied().map(zero))
        .map(Node::Op)
        .collect()
}

/// What might do in the place of a node.
fn simpler(node: &Node, program: &Program) -> Vec<Vec<Node>> {
    let op = match node {
        Node::Op(op) => op,
        Node::Block(block) => return simpler_block(block),
    };
    let of_type = |ty: &u32| program.types.get(*ty as usize).cloned().unwrap_or_default();
    let called =
        |Signature { params, results }: Signature, more| stub(params.len() + more, &results);
    let all = program.imports.len() + program.functions.len();
    let constant = |is_zero: bool, ops: [Op; 2]| {
        if is_zero {
            Vec::new()
        } else {
            ops.map(|op| vec![Node::Op(op)]).to_vec()
        }
    };
    match op {
        Instruction::I32Const(value) if *value != 1 => {
            constant(*value == 0, [zero(I32), Instruction::I32Const(1)])
        }
        Instruction::I64Const(value) if *value != 1 => {
            constant(*value == 0, [zero(I64), Instruction::I64Const(1)])
        }
        Instruction::LocalTee(local) => {
            vec![
                vec![],
                vec![
                    Node::Op(Instruction::LocalSet(*local)),
                    Node::Op(Instruction::LocalGet(*local)),
                ],
            ]
        }
        Instruction::LocalGet(_) | Instruction::GlobalGet(_) => {
            [I32, I64, F32, F64, V128].map(|ty| stub(0, &[ty])).to_vec()
        }
        Instruction::LocalSet(_) | Instruction::GlobalSet(_) => vec![stub(1, &[])],
        Instruction::Call(function) if (*function as usize) < all => {
            vec![called(program.signature(*function).clone(), 0)]
        }
        Instruction::CallIndirect { type_index, .. } => vec![called(of_type(type_index), 1)],
        Instruction::BrIf(_) => vec![stub(1, &[])],
        Instruction::Select | Instruction::TypedSelect(_) => vec![stub(2, &[])],
        op => {
            let same = |it: &&ops::Plain| format!("{:?}", it.op) == format!("{op:?}");
            let mut plain = ops::scalar().iter().chain(vectors::vector());
            let found = plain.find(same);
            found.map_or(Vec::new(), |plain| {
                vec![stub(plain.takes.len(), &[plain.gives])]
            })
        }
    }
}

fn simpler_block(block: &Block) -> Vec<Vec<Node>> {
    let is_if = usize::from(block.kind == crate::tree::Kind::If);
    let drop_condition: Vec<Node> = stub(is_if, &[]);
    let arm = |nodes: &[Node]| [&drop_condition, nodes].concat();
    let Signature { params, results } = &block.signature;
    let mut plain = block.clone();
    plain.kind = crate::tree::Kind::Block;
    vec![
        stub(is_if + params.len(), results),
        arm(&block.body),
        arm(&block.otherwise),
        [drop_condition.clone(), vec![Node::Block(plain)]].concat(),
    ]
}
