//! What a module is: its imports, exports, convention and hash.

use super::{
    arguments::{array, text},
    entry::entry,
    error::pw_error,
    outgoing::{c_string, free},
    runner::{pw_runner, share},
};
use crate::{
    Convention, Snapshot,
    types::{Export, ExternType, Import},
};
use alloc::{boxed::Box, ffi::CString, string::ToString, vec::Vec};
use core::{
    ffi::{CStr, c_char},
    mem::MaybeUninit,
};

/// What an import or export is.
#[repr(C)]
#[derive(Clone, Copy)]
pub enum pw_extern {
    /// There is no such import or export.
    None = 0,
    /// A function.
    Function = 1,
    /// A linear memory.
    Memory = 2,
    /// A table.
    Table = 3,
    /// A global.
    Global = 4,
}

impl From<&ExternType> for pw_extern {
    fn from(ty: &ExternType) -> Self {
        match ty {
            ExternType::Func(_) => Self::Function,
            ExternType::Memory { .. } => Self::Memory,
            ExternType::Table { .. } => Self::Table,
            ExternType::Global { .. } => Self::Global,
        }
    }
}

/// The description of a module. It never changes.
pub struct pw_description {
    sha256: [u8; 32],
    size: u64,
    functions: u32,
    memory_pages: u64,
    imports: Vec<Described>,
    exports: Vec<Described>,
    convention: CString,
    reason: CString,
    snapshot: CString,
    init_fuel: u64,
}

struct Described {
    module: CString,
    name: CString,
    kind: pw_extern,
    ty: CString,
    missing: Option<CString>,
}

impl Described {
    fn import(import: &Import, missing: Option<&str>) -> Self {
        Self {
            module: c_string(&import.module),
            missing: missing.map(c_string),
            ..Self::new(&import.name, &import.ty)
        }
    }

    fn export(export: &Export) -> Self {
        Self::new(&export.name, &export.ty)
    }

    fn new(name: &str, ty: &ExternType) -> Self {
        Self {
            module: CString::default(),
            name: c_string(name),
            kind: ty.into(),
            ty: c_string(&ty.to_string()),
            missing: None,
        }
    }
}

fn convention_name(convention: Option<Convention>) -> CString {
    c_string(convention.map_or("", Convention::name))
}

/// Describes a loaded plugin. Free the description with pw_description_free. Returns NULL and an error
/// if there is no plugin of this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_runner_describe_plugin(
    runner: Option<&pw_runner>,
    plugin: *const c_char,
    error: Option<&mut MaybeUninit<Option<Box<pw_error>>>>,
) -> Option<Box<pw_description>> {
    entry(error, || {
        let inner = share(runner)?;
        // SAFETY: the header asks for a string.
        let plugin = inner.runner.plugin(unsafe { text("plugin", plugin)? })?;
        let imports = plugin.imports().iter();
        Ok(Box::new(pw_description {
            sha256: plugin.sha256(),
            size: plugin.size() as u64,
            functions: plugin.functions(),
            memory_pages: plugin.memory_pages(),
            imports: imports.map(|it| Described::import(it, None)).collect(),
            exports: plugin.exports().iter().map(Described::export).collect(),
            convention: convention_name(plugin.convention()),
            reason: c_string(&plugin.convention_reason()),
            snapshot: c_string(&plugin.snapshot().to_string()),
            init_fuel: match plugin.snapshot() {
                Snapshot::Taken { init_fuel, .. } => *init_fuel,
                _ => 0,
            },
        }))
    })
}

/// Describes a module without compiling it. Unlike pw_runner_load, this accepts a module whose imports
/// the runner cannot provide. Free the description with pw_description_free. Returns NULL and an error
/// if the bytes are not a valid module or it exceeds a limit of the runner.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_runner_describe_module(
    runner: Option<&pw_runner>,
    bytes: *const u8,
    length: usize,
    error: Option<&mut MaybeUninit<Option<Box<pw_error>>>>,
) -> Option<Box<pw_description>> {
    entry(error, || {
        let inner = share(runner)?;
        // SAFETY: the header asks for as many bytes as the length says.
        let bytes = unsafe { array("bytes", bytes, length)? };
        let module = inner.runner.describe_module(bytes)?;
        let imports = module.imports().iter().enumerate();
        Ok(Box::new(pw_description {
            sha256: module.sha256(),
            size: module.size() as u64,
            functions: module.functions(),
            memory_pages: module.memory_pages(),
            imports: imports
                .map(|(place, import)| Described::import(import, module.missing(place)))
                .collect(),
            exports: module.exports().iter().map(Described::export).collect(),
            convention: convention_name(module.convention()),
            reason: c_string(&module.convention_reason()),
            snapshot: CString::default(),
            init_fuel: 0,
        }))
    })
}

/// The SHA-256 of the module's bytes: 32 bytes, borrowed from the description. NULL if `description`
/// is.
#[unsafe(no_mangle)]
pub extern "C" fn pw_description_sha256(description: Option<&pw_description>) -> *const u8 {
    description.map_or(core::ptr::null(), |it| it.sha256.as_ptr())
}

/// The size of the module in bytes.
#[unsafe(no_mangle)]
pub extern "C" fn pw_description_size(description: Option<&pw_description>) -> u64 {
    description.map_or(0, |it| it.size)
}

/// The number of functions that the module defines.
#[unsafe(no_mangle)]
pub extern "C" fn pw_description_functions(description: Option<&pw_description>) -> u32 {
    description.map_or(0, |it| it.functions)
}

/// The pages of linear memory (65,536 bytes each) that every instance starts with.
#[unsafe(no_mangle)]
pub extern "C" fn pw_description_memory_pages(description: Option<&pw_description>) -> u64 {
    description.map_or(0, |it| it.memory_pages)
}

/// The name of the convention by which the module takes and returns bytes, such as `packed-pointer`;
/// empty if it follows no convention that this library knows. Borrowed from the description, never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn pw_description_convention(description: Option<&pw_description>) -> *const c_char {
    description.map_or(c"", |it| &it.convention).as_ptr()
}

/// Why the module follows its convention, or why it follows no known one, on one line. Borrowed from
/// the description, never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn pw_description_convention_reason(
    description: Option<&pw_description>,
) -> *const c_char {
    description.map_or(c"", |it| &it.reason).as_ptr()
}

/// Whether a plugin's instances start from a snapshot, and if not, why not, on one line; empty for a
/// module that is not loaded. Borrowed from the description, never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn pw_description_snapshot(description: Option<&pw_description>) -> *const c_char {
    description.map_or(c"", |it| &it.snapshot).as_ptr()
}

/// The fuel that a plugin's snapshot saves each instance; 0 without a snapshot.
#[unsafe(no_mangle)]
pub extern "C" fn pw_description_init_fuel(description: Option<&pw_description>) -> u64 {
    description.map_or(0, |it| it.init_fuel)
}

/// The number of imports, which are in the module's order.
#[unsafe(no_mangle)]
pub extern "C" fn pw_description_imports(description: Option<&pw_description>) -> usize {
    description.map_or(0, |it| it.imports.len())
}

fn import(description: Option<&pw_description>, index: usize) -> Option<&Described> {
    description.and_then(|it| it.imports.get(index))
}

fn export(description: Option<&pw_description>, index: usize) -> Option<&Described> {
    description.and_then(|it| it.exports.get(index))
}

fn borrowed(text: Option<&CStr>) -> *const c_char {
    text.map_or(core::ptr::null(), CStr::as_ptr)
}

/// The module name of an import by its index, from 0, such as `env`. Borrowed from the description;
/// NULL beyond the last.
#[unsafe(no_mangle)]
pub extern "C" fn pw_description_import_module(
    description: Option<&pw_description>,
    index: usize,
) -> *const c_char {
    borrowed(import(description, index).map(|it| &*it.module))
}

/// The name of an import within its module. Borrowed from the description; NULL beyond the last.
#[unsafe(no_mangle)]
pub extern "C" fn pw_description_import_name(
    description: Option<&pw_description>,
    index: usize,
) -> *const c_char {
    borrowed(import(description, index).map(|it| &*it.name))
}

/// What an import is. PW_EXTERN_NONE beyond the last.
#[unsafe(no_mangle)]
pub extern "C" fn pw_description_import_kind(
    description: Option<&pw_description>,
    index: usize,
) -> pw_extern {
    import(description, index).map_or(pw_extern::None, |it| it.kind)
}

/// The type of an import as text: `(i32, i64) -> (i32)`, `memory 1..16`, `table 4.. of funcref` or
/// `global mut i32`. That of a function is what pw_config_function takes. Borrowed from the
/// description; NULL beyond the last.
#[unsafe(no_mangle)]
pub extern "C" fn pw_description_import_type(
    description: Option<&pw_description>,
    index: usize,
) -> *const c_char {
    borrowed(import(description, index).map(|it| &*it.ty))
}

/// Why the runner cannot provide an import; NULL if it can, for a loaded plugin, and beyond the last.
/// Borrowed from the description.
#[unsafe(no_mangle)]
pub extern "C" fn pw_description_import_missing(
    description: Option<&pw_description>,
    index: usize,
) -> *const c_char {
    borrowed(import(description, index).and_then(|it| it.missing.as_deref()))
}

/// The number of exports, which are sorted by name.
#[unsafe(no_mangle)]
pub extern "C" fn pw_description_exports(description: Option<&pw_description>) -> usize {
    description.map_or(0, |it| it.exports.len())
}

/// The name of an export by its index, from 0. Borrowed from the description; NULL beyond the last.
#[unsafe(no_mangle)]
pub extern "C" fn pw_description_export_name(
    description: Option<&pw_description>,
    index: usize,
) -> *const c_char {
    borrowed(export(description, index).map(|it| &*it.name))
}

/// What an export is. PW_EXTERN_NONE beyond the last.
#[unsafe(no_mangle)]
pub extern "C" fn pw_description_export_kind(
    description: Option<&pw_description>,
    index: usize,
) -> pw_extern {
    export(description, index).map_or(pw_extern::None, |it| it.kind)
}

/// The type of an export as text, as with pw_description_import_type. Borrowed from the description;
/// NULL beyond the last.
#[unsafe(no_mangle)]
pub extern "C" fn pw_description_export_type(
    description: Option<&pw_description>,
    index: usize,
) -> *const c_char {
    borrowed(export(description, index).map(|it| &*it.ty))
}

/// Frees a description, and with it everything borrowed from it. NULL is ignored.
#[unsafe(no_mangle)]
pub extern "C" fn pw_description_free(description: Option<Box<pw_description>>) {
    free(description);
}
