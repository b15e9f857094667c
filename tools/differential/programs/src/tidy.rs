//! Removes what nothing refers to.

use crate::tree::{Exported, Node, Op, Program};
use wasm_encoder::Instruction;

pub(crate) fn each_op_of(nodes: &mut [Node], visit: &mut dyn FnMut(&mut Op)) {
    for node in nodes {
        match node {
            Node::Op(op) => visit(op),
            Node::Block(block) => {
                each_op_of(&mut block.body, visit);
                each_op_of(&mut block.otherwise, visit);
            }
        }
    }
}

/// Removes functions, imports and types that are not used.
pub(crate) fn tidy(program: &mut Program) {
    loop {
        let used = used(program);
        let imports = program.imports.len();
        let Some(unused) = used.iter().rposition(|used| !used) else {
            break;
        };
        if unused < imports {
            program.imports.remove(unused);
        } else {
            program.functions.remove(unused - imports);
        }
        let unused = unused as u32;
        each_function(program, &mut |index| *index -= u32::from(*index > unused));
    }
    types(program);
}

fn each_function(program: &mut Program, visit: &mut dyn FnMut(&mut u32)) {
    program.each_op(&mut |op| match op {
        Instruction::Call(index) | Instruction::ReturnCall(index) | Instruction::RefFunc(index) => {
            visit(index);
        }
        _ => {}
    });
    program.start.iter_mut().for_each(&mut *visit);
    for export in program
        .exports
        .iter_mut()
        .filter(|it| it.kind == Exported::Function)
    {
        visit(&mut export.index);
    }
    for elements in &mut program.elements {
        elements.items.iter_mut().flatten().for_each(&mut *visit);
    }
}

fn used(program: &mut Program) -> Vec<bool> {
    let mut used = vec![false; program.imports.len() + program.functions.len()];
    each_function(program, &mut |index| {
        if let Some(used) = used.get_mut(*index as usize) {
            *used = true;
        }
    });
    used
}

fn types(program: &mut Program) {
    let old = std::mem::take(&mut program.types);
    let mut of_functions: Vec<u32> = program.imports.iter().map(|it| it.ty).collect();
    of_functions.extend(program.functions.iter().map(|it| it.ty));
    let renumber = |program: &mut Program, ty: u32| match old.get(ty as usize) {
        Some(signature) => program.ty(signature),
        None => ty,
    };
    let of_functions: Vec<u32> = of_functions
        .into_iter()
        .map(|ty| renumber(program, ty))
        .collect();
    let (imports, functions) = of_functions.split_at(program.imports.len());
    for (import, ty) in program.imports.iter_mut().zip(imports) {
        import.ty = *ty;
    }
    for (function, ty) in program.functions.iter_mut().zip(functions) {
        function.ty = *ty;
    }
    // The operators that name a type.
    let mut bodies = std::mem::take(&mut program.functions);
    for function in &mut bodies {
        each_op_of(&mut function.body, &mut |op| match op {
            Instruction::CallIndirect { type_index, .. }
            | Instruction::ReturnCallIndirect { type_index, .. } => {
                *type_index = renumber(program, *type_index);
            }
            _ => {}
        });
    }
    program.functions = bodies;
}
