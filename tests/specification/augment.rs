//! Adds exports to modules that pass vectors as pairs of 64-bit numbers and read globals, because
//! the public API passes numbers only.

#![allow(
    clippy::cast_possible_truncation,
    reason = "the modules of the tests are small"
)]

use std::collections::BTreeSet;
use wasmparser::{BinaryReader, ExternalKind, Import, Parser, Payload, TypeRef, ValType as Type};

/// The export that stands for `name` and passes vectors in two halves.
pub(crate) fn halves(name: &str) -> String {
    format!("halves of {name}")
}

/// The export that returns the global `name`.
pub(crate) fn global(name: &str) -> String {
    format!("global {name}")
}

#[derive(Default)]
struct Module {
    types: Vec<wasmparser::FuncType>,
    functions: Vec<u32>,
    globals: Vec<Type>,
    exports: Vec<(String, ExternalKind, u32)>,
    sections: Vec<(u8, Vec<u8>)>,
}

/// What is added to a section: entries and their number.
#[derive(Default)]
struct Added(u32, Vec<u8>);

/// The module with those exports, or none if it needs none. It must be valid.
pub(crate) fn augment(bytes: &[u8]) -> Option<Vec<u8>> {
    let module = read(bytes)?;
    let [mut types, mut functions, mut exports, mut code] = [0; 4].map(|_| Added::default());
    let mut add = |name: String, params: Vec<Type>, results: Vec<Type>, body: Vec<u8>| {
        let index = module.types.len() as u32 + types.0;
        types.0 += 1;
        types.1.push(0x60);
        for list in [params, results] {
            leb(&mut types.1, list.len() as u64);
            list.into_iter().for_each(|ty| types.1.push(code_of(ty)));
        }
        let function = module.functions.len() as u32 + functions.0;
        functions.0 += 1;
        leb(&mut functions.1, index.into());
        exports.0 += 1;
        leb(&mut exports.1, name.len() as u64);
        exports.1.extend_from_slice(name.as_bytes());
        exports.1.push(0);
        leb(&mut exports.1, function.into());
        code.0 += 1;
        leb(&mut code.1, body.len() as u64);
        code.1.extend(body);
    };
    for (name, kind, index) in &module.exports {
        match kind {
            ExternalKind::Func => {
                let ty = &module.types[module.functions[*index as usize] as usize];
                let has_vectors = |list: &[Type]| list.contains(&Type::V128);
                if has_vectors(ty.params()) || has_vectors(ty.results()) {
                    let flat = |list: &[Type]| list.iter().flat_map(|ty| flat(*ty)).collect();
                    let body = in_halves(*index, ty);
                    add(halves(name), flat(ty.params()), flat(ty.results()), body);
                }
            }
            ExternalKind::Global => {
                let ty = module.globals[*index as usize];
                if matches!(ty, Type::I32 | Type::I64 | Type::F32 | Type::F64) {
                    let mut body = vec![0, 0x23];
                    leb(&mut body, (*index).into());
                    body.push(0x0b);
                    add(global(name), Vec::new(), vec![ty], body);
                }
            }
            _ => {}
        }
    }
    (types.0 > 0).then(|| {
        write(
            &module,
            &[(1, types), (3, functions), (7, exports), (10, code)],
        )
    })
}

fn read(bytes: &[u8]) -> Option<Module> {
    let mut module = Module::default();
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.ok()? {
            Payload::TypeSection(types) => {
                module.types = types
                    .into_iter_err_on_gc_types()
                    .collect::<Result<_, _>>()
                    .ok()?;
            }
            Payload::ImportSection(imports) => {
                for import in imports {
                    match import.ok()?.ty {
                        TypeRef::Func(ty) => module.functions.push(ty),
                        TypeRef::Global(ty) => module.globals.push(ty.content_type),
                        _ => {}
                    }
                }
            }
            Payload::FunctionSection(functions) => {
                for function in functions {
                    module.functions.push(function.ok()?);
                }
            }
            Payload::GlobalSection(globals) => {
                for global in globals {
                    module.globals.push(global.ok()?.ty.content_type);
                }
            }
            Payload::ExportSection(exports) => {
                for export in exports {
                    let export = export.ok()?;
                    module
                        .exports
                        .push((export.name.into(), export.kind, export.index));
                }
            }
            _ => {}
        }
    }
    let mut reader = BinaryReader::new(&bytes[8..], 8);
    while !reader.eof() {
        let id = reader.read_u8().ok()?;
        let size = reader.read_var_u32().ok()? as usize;
        module
            .sections
            .push((id, reader.read_bytes(size).ok()?.to_vec()));
    }
    Some(module)
}

fn write(module: &Module, added: &[(u8, Added)]) -> Vec<u8> {
    let mut sections = module.sections.clone();
    for (id, _) in added {
        if sections.iter().all(|(other, _)| other != id) {
            let place = sections
                .iter()
                .position(|(other, _)| rank(*other) > rank(*id));
            sections.insert(place.unwrap_or(sections.len()), (*id, vec![0]));
        }
    }
    let mut out = b"\0asm\x01\0\0\0".to_vec();
    for (id, content) in sections {
        let mut content = content;
        if let Some((_, Added(count, entries))) = added.iter().find(|(other, _)| *other == id) {
            let mut reader = BinaryReader::new(&content, 0);
            let old = reader.read_var_u32().expect("a vector");
            let rest = content[reader.original_position()..].to_vec();
            content = Vec::new();
            leb(&mut content, u64::from(old) + u64::from(*count));
            content.extend(rest);
            content.extend_from_slice(entries);
        }
        out.push(id);
        leb(&mut out, content.len() as u64);
        out.extend(content);
    }
    out
}

/// The place of a section, custom ones anywhere.
fn rank(id: u8) -> u8 {
    match id {
        12 => 19,
        id => 2 * id,
    }
}

/// A body that calls `function` of type `ty` with vectors put together, and takes its results apart.
fn in_halves(function: u32, ty: &wasmparser::FuncType) -> Vec<u8> {
    let flat_params: usize = ty.params().iter().map(|ty| flat(*ty).len()).sum();
    let mut body = Vec::new();
    leb(&mut body, ty.results().len() as u64);
    for result in ty.results() {
        body.extend([1, code_of(*result)]);
    }
    let mut local = 0;
    for param in ty.params() {
        body.push(0x20);
        leb(&mut body, local);
        local += 1;
        if *param == Type::V128 {
            // `i64x2.splat`, `local.get`, `i64x2.replace_lane 1`.
            body.extend([0xfd, 0x12, 0x20]);
            leb(&mut body, local);
            body.extend([0xfd, 0x1e, 1]);
            local += 1;
        }
    }
    body.push(0x10);
    leb(&mut body, function.into());
    let results = flat_params as u64..(flat_params + ty.results().len()) as u64;
    for local in results.clone().rev() {
        body.push(0x21);
        leb(&mut body, local);
    }
    for (local, result) in results.zip(ty.results()) {
        let lanes: &[u8] = if *result == Type::V128 { &[0, 1] } else { &[0] };
        for lane in lanes {
            body.push(0x20);
            leb(&mut body, local);
            if *result == Type::V128 {
                body.extend([0xfd, 0x1d, *lane]);
            }
        }
    }
    body.push(0x0b);
    body
}

fn flat(ty: Type) -> Vec<Type> {
    match ty {
        Type::V128 => vec![Type::I64; 2],
        other => vec![other],
    }
}

fn code_of(ty: Type) -> u8 {
    match ty {
        Type::I32 => 0x7f,
        Type::I64 => 0x7e,
        Type::F32 => 0x7d,
        Type::F64 => 0x7c,
        Type::V128 => 0x7b,
        Type::Ref(ty) if ty.is_func_ref() => 0x70,
        Type::Ref(_) => 0x6f,
    }
}

fn leb(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The modules that a module imports from.
pub(crate) fn imported_modules(bytes: &[u8]) -> BTreeSet<String> {
    imports(bytes)
        .map(|import| import.module.to_owned())
        .collect()
}

/// Whether a module imports anything but functions.
pub(crate) fn imports_more_than_functions(bytes: &[u8]) -> bool {
    imports(bytes).any(|import| !matches!(import.ty, TypeRef::Func(_)))
}

fn imports(bytes: &[u8]) -> impl Iterator<Item = Import<'_>> {
    let payloads = Parser::new(0).parse_all(bytes).filter_map(Result::ok);
    let sections = payloads.filter_map(|payload| match payload {
        Payload::ImportSection(imports) => Some(imports),
        _ => None,
    });
    sections.flat_map(|imports| imports.into_iter().filter_map(Result::ok))
}
