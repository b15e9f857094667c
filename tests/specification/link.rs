//! Modules as bytes: what they import and export, and the modules that are made to link them.

#![allow(
    clippy::cast_possible_truncation,
    reason = "the modules of the tests are small"
)]

use std::fmt::Write;
use wasmparser::{BinaryReader, ExternalKind, FuncType, Import, Parser, Payload, TypeRef, ValType};

/// What the scripts import as `spectest`, but for its functions, which the host provides.
pub(crate) const SPECTEST: &str = r#"(module
    (global (export "global_i32") i32 (i32.const 666))
    (global (export "global_i64") i64 (i64.const 666))
    (global (export "global_f32") f32 (f32.const 666.6))
    (global (export "global_f64") f64 (f64.const 666.6))
    (table (export "table") 10 20 funcref)
    (memory (export "memory") 1 2))"#;

/// What a module imports, one entry for each import: the module to import from, and whether it is
/// a function.
pub(crate) fn imports(bytes: &[u8]) -> Vec<(String, bool)> {
    let payloads = Parser::new(0).parse_all(bytes).filter_map(Result::ok);
    let sections = payloads.filter_map(|payload| match payload {
        Payload::ImportSection(imports) => Some(imports),
        _ => None,
    });
    let imports = sections.flat_map(|imports| imports.into_iter().filter_map(Result::ok));
    imports
        .map(|import| (import.module.to_owned(), is_function(&import)))
        .collect()
}

fn is_function(import: &Import<'_>) -> bool {
    matches!(import.ty, TypeRef::Func(_))
}

/// The module with other names to import from. `rename` gets each name and whether the import is a
/// function.
pub(crate) fn rename_imports(
    bytes: &[u8],
    rename: impl Fn(&str, bool) -> Option<String>,
) -> Vec<u8> {
    let mut out = bytes.get(..8).unwrap_or_default().to_vec();
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.expect("a valid module");
        if let Payload::ImportSection(imports) = &payload {
            let end = imports.range().end;
            let imports: Vec<(usize, Import<'_>)> = imports
                .clone()
                .into_iter_with_offsets()
                .map(|import| import.expect("a valid import"))
                .collect();
            let mut section = Vec::new();
            leb(&mut section, imports.len() as u64);
            let ends = imports.iter().map(|(start, _)| *start).skip(1).chain([end]);
            for ((start, import), end) in imports.iter().zip(ends) {
                let name = rename(import.module, is_function(import));
                let name = name.as_deref().unwrap_or(import.module);
                leb(&mut section, name.len() as u64);
                section.extend_from_slice(name.as_bytes());
                let mut reader = BinaryReader::new(&bytes[*start..end], 0);
                reader.read_string().expect("the module's name");
                section.extend_from_slice(&bytes[start + reader.original_position()..end]);
            }
            out.push(2);
            leb(&mut out, section.len() as u64);
            out.extend(section);
        } else if let Some((id, range)) = payload.as_section() {
            out.push(id);
            leb(&mut out, range.len() as u64);
            out.extend_from_slice(&bytes[range]);
        }
    }
    out
}

fn leb(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The name by which the last module exports what the module `member` exports as `name`.
pub(crate) fn exported_as(member: usize, name: &str) -> String {
    format!("{member} {name}")
}

/// The name by which others import from the module `member`.
pub(crate) fn linked_as(member: usize) -> String {
    format!("m{member}")
}

/// A module that imports all functions and globals that the members export, and exports them. Only
/// the exports of the last of several modules can be called.
pub(crate) fn last_module<'a>(members: impl Iterator<Item = (usize, &'a [u8])>) -> Vec<u8> {
    let mut text = String::from("(module\n");
    for (member, bytes) in members {
        for (name, ty) in exports(bytes) {
            let from = escaped(&linked_as(member));
            let to = escaped(&exported_as(member, &name));
            let name = escaped(&name);
            let (kind, ty) = match ty {
                Export::Function(ty) => ("func", signature(&ty)),
                Export::Global(ty, true) => ("global", format!("(mut {ty})")),
                Export::Global(ty, false) => ("global", ty.to_string()),
            };
            writeln!(text, "({kind} (export {to}) (import {from} {name}) {ty})").expect("text");
        }
    }
    text.push(')');
    wat::parse_str(&text).expect("a module of imports and exports")
}

enum Export {
    Function(FuncType),
    Global(ValType, bool),
}

/// The functions and globals that a module exports.
fn exports(bytes: &[u8]) -> Vec<(String, Export)> {
    let (mut types, mut functions, mut globals) = (Vec::new(), Vec::new(), Vec::new());
    let mut found = Vec::new();
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.expect("a valid module") {
            Payload::TypeSection(section) => {
                let section = section.into_iter_err_on_gc_types();
                types.extend(section.map(|ty| ty.expect("a valid type")));
            }
            Payload::ImportSection(section) => {
                for import in section {
                    match import.expect("a valid import").ty {
                        TypeRef::Func(ty) => functions.push(ty),
                        TypeRef::Global(ty) => globals.push((ty.content_type, ty.mutable)),
                        _ => {}
                    }
                }
            }
            Payload::FunctionSection(section) => {
                functions.extend(section.into_iter().map(|ty| ty.expect("a valid function")));
            }
            Payload::GlobalSection(section) => {
                let section = section
                    .into_iter()
                    .map(|global| global.expect("a global").ty);
                globals.extend(section.map(|ty| (ty.content_type, ty.mutable)));
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export.expect("a valid export");
                    let index = export.index as usize;
                    let ty = match export.kind {
                        ExternalKind::Func => {
                            Export::Function(types[functions[index] as usize].clone())
                        }
                        ExternalKind::Global => {
                            let (ty, mutable) = globals[index];
                            Export::Global(ty, mutable)
                        }
                        _ => continue,
                    };
                    found.push((export.name.to_owned(), ty));
                }
            }
            _ => {}
        }
    }
    found
}

fn signature(ty: &FuncType) -> String {
    let list = |word: &str, types: &[ValType]| {
        let types: Vec<String> = types.iter().map(ToString::to_string).collect();
        format!("({word} {})", types.join(" "))
    };
    list("param", ty.params()) + &list("result", ty.results())
}

/// A name as a string of the text format.
fn escaped(name: &str) -> String {
    let bytes = name.bytes().map(|byte| format!("\\{byte:02x}"));
    format!("\"{}\"", bytes.collect::<String>())
}
