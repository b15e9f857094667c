//! The bounded pass over a module's bytes that comes before everything else.
//!
//! It reads each section once and compares every count with its limit before it allocates anything
//! for it. The result is a description of the module. The engine validates and compiles what
//! passes. What is refused was never compiled, and cost one linear read of at most
//! `max_module_bytes`.

mod body;
pub(crate) mod buffers;
mod index_spaces;
mod operators;
mod sections;
mod segments;
mod shape;
mod summary;
mod unsupported;

use self::body::BranchTables;
use crate::{
    common::{
        failure::{Cause, Failure},
        limits::Limits,
        text::refusal,
        value::{Export, Import, Signature, ValueType},
    },
    module::binary::check_sizes,
};
use alloc::{boxed::Box, format, string::ToString, vec::Vec};
use core::fmt;
use wasmparser::{BinaryReaderError, Parser};

/// The exports that initialise an instance. Only the first that exists is called.
/// `__wasm_call_ctors` is not called if there is a `_start`, which runs the constructors itself.
const INITIALISERS: [&str; 2] = ["_initialize", "__wasm_call_ctors"];

/// The entry point of a program. In a request handler, it only registers the handler, and is called
/// as an initialiser.
const START: &str = "_start";

/// The export by which AssemblyScript's functions with optional parameters learn how many arguments
/// were passed.
pub(crate) const ARGUMENTS_SETTER: &str = "__setArgumentsLength";

/// The two exports of a request handler, by http-wasm's convention.
pub(crate) const HANDLE_REQUEST: &str = "handle_request";
pub(crate) const HANDLE_RESPONSE: &str = "handle_response";

/// The export that starts Haskell's runtime system. Other initialisers do not start it. Its
/// parameters are a program's arguments, or null pointers.
pub(crate) const HASKELL: &str = "hs_init";

/// The description of a module.
#[derive(Debug, Clone, Default)]
pub(crate) struct ModuleInfo {
    pub(crate) bytes: usize,
    pub(crate) code_bytes: usize,
    pub(crate) functions: u32,
    pub(crate) imports: Vec<Import>,
    /// Sorted by name.
    pub(crate) exports: Vec<Export>,
    /// The pages of 65,536 bytes that the memories begin with.
    pub(crate) minimum_pages: u64,
    pub(crate) start: Option<u32>,
    /// The types of the functions that tail calls may reach outside of the module.
    pub(crate) tail_called: Vec<Signature>,
    /// Whether code has a `ref.func` of the start function.
    pub(crate) refers_to_start: bool,
    /// Whether code can change a table or drop a segment.
    #[cfg_attr(
        not(feature = "std"),
        allow(dead_code, reason = "no instance serves again there")
    )]
    pub(crate) changes_tables: bool,
    /// The export that allocates for the host.
    pub(crate) allocator: Option<buffers::Allocator>,
    /// The export that releases.
    pub(crate) releaser: Option<buffers::Releaser>,
    /// Whether the module exports [`ARGUMENTS_SETTER`], which must be called before a function with
    /// optional parameters.
    pub(crate) counts_arguments: bool,
    /// The function types that the module declares.
    pub(crate) types: u32,
    /// The index of the type of `memory.grow`, `(i32) -> i32`, if the module declares it.
    pub(crate) growth_type: Option<u32>,
    /// The functions that the module imports.
    pub(crate) imported_functions: u32,
    /// All memories, imported ones too.
    pub(crate) memories: u32,
    /// The elements that all tables begin with.
    pub(crate) minimum_elements: u64,
    /// The element type of each table, by table index.
    pub(crate) table_elements: Vec<ValueType>,
    pub(crate) data_segments: usize,
    /// The locals of the function that declares most.
    pub(crate) most_locals: u32,
    /// The number of `memory.grow` in all functions.
    pub(crate) memory_grows: usize,
    /// Whether the module has one memory, which is its own, with pages of 65,536 bytes.
    pub(crate) has_own_memory: bool,
    /// Whether a memory has pages of another size.
    pub(crate) has_own_pages: bool,
    /// Whether a function contains a `table.grow`.
    pub(crate) grows_tables: bool,
    /// The memory that the compiled module takes at most, estimated from what each part was
    /// measured to take.
    pub(crate) estimated_bytes: usize,
    /// The position of each operator that is rewritten before the module is compiled, in bytes from
    /// the beginning of the code section's content, in order.
    pub(crate) rewritten: Vec<u32>,
    /// The values of each `br_table` among them.
    pub(crate) branch_tables: BranchTables,
    /// The position of each `memory.size`, in the same form. They are not among those above.
    pub(crate) memory_sizes: Vec<u32>,
    /// Whether a `memory.size` or `memory.grow` names its memory by another byte than a zero.
    pub(crate) names_memories: bool,
    /// All globals, imported ones too.
    pub(crate) globals: u32,
    /// The position of the local declarations of each function that gets an unused local, in the
    /// same form.
    pub(crate) without_slots: Vec<u32>,
    /// Whether a memory could grow to 2^32 pages.
    pub(crate) grows_past_32_bits: bool,
    /// Whether a `local.get` costs nothing in the engine that the module is for.
    #[cfg(feature = "explain")]
    pub(crate) has_free_local_gets: bool,
}

impl ModuleInfo {
    /// The export by that name.
    pub(crate) fn export(&self, name: &str) -> Option<&Export> {
        self.exports.get(self.position(name)?)
    }

    /// Its place among the exports.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        let found = self
            .exports
            .binary_search_by(|export| (*export.name).cmp(name));
        found.ok()
    }

    /// Whether code is rewritten before the module is compiled.
    pub(crate) fn rewrites_code(&self) -> bool {
        !self.rewritten.is_empty() || !self.without_slots.is_empty()
    }

    /// The exported function by that name.
    pub(crate) fn function(&self, name: &str) -> Option<&Signature> {
        self.export(name)?.ty.signature()
    }

    /// The signature of an exported function. The error lists the exported functions.
    pub(crate) fn signature(&self, export: &str) -> Result<&Signature, Failure> {
        self.function(export)
            .ok_or_else(|| self.no_function(export))
    }

    /// The error for an unknown function, which lists the exported functions.
    #[cold]
    pub(crate) fn no_function(&self, export: &str) -> Failure {
        Failure::not_found(
            "export",
            export,
            "this plugin exports",
            self.function_names(),
        )
    }

    /// Whether the module exports a function of this name and type.
    pub(crate) fn has_function(
        &self,
        name: &str,
        params: &[ValueType],
        results: &[ValueType],
    ) -> bool {
        self.function(name)
            .is_some_and(|signature| signature.is(params, results))
    }

    /// Whether a function with `params` parameters can be called with only `passed` arguments.
    pub(crate) fn takes_fewer(&self, params: usize, passed: usize) -> bool {
        self.counts_arguments && passed < params
    }

    /// Whether the module exports both functions of a request handler.
    pub(crate) fn handles_requests(&self) -> bool {
        self.has_function(HANDLE_REQUEST, &[], &[ValueType::I64])
            && self.has_function(HANDLE_RESPONSE, &[ValueType::I32; 2], &[])
    }

    /// The initialisers without parameters, in the order of their calls.
    pub(crate) fn plain_initialisers(&self) -> impl Iterator<Item = &'static str> {
        let has_start = self.function(START).is_some();
        let first = INITIALISERS
            .into_iter()
            .find(|name| self.has_function(name, &[], &[]))
            .filter(|name| *name != "__wasm_call_ctors" || !has_start);
        let is_program = self.handles_requests() && self.has_function(START, &[], &[]);
        first.into_iter().chain(is_program.then_some(START))
    }

    /// The number of parameters of [`HASKELL`], where there is one.
    pub(crate) fn haskell(&self) -> Option<usize> {
        let signature = self.function(HASKELL)?;
        let params = signature.params();
        let pointers = params.iter().all(|ty| *ty == ValueType::I32);
        (pointers && signature.results().is_empty()).then_some(params.len())
    }

    /// The names of all exports that initialise an instance, in order.
    pub(crate) fn initialisers(&self) -> impl Iterator<Item = &'static str> {
        let haskell = self.haskell().map(|_| HASKELL);
        self.plain_initialisers().chain(haskell)
    }

    /// The exported functions, in the order of their names.
    pub(crate) fn functions(&self) -> impl Iterator<Item = (&str, &Signature)> {
        self.exports
            .iter()
            .filter_map(|export| Some((&*export.name, export.ty.signature()?)))
    }

    /// The names of the exported functions, in order.
    pub(crate) fn function_names(&self) -> impl Iterator<Item = &str> {
        self.functions().map(|(name, _)| name)
    }
}

/// Reads `bytes` and checks them against `limits`.
pub(crate) fn inspect(bytes: &[u8], limits: &Limits) -> Result<ModuleInfo, Failure> {
    at_most(
        "the module's size",
        bytes.len() as u64,
        "max_module_bytes",
        limits.max_module_bytes as u64,
    )?;
    not_something_else(bytes)?;
    check_sizes(bytes)?;
    let mut pass = sections::ModuleScan::new(bytes, limits);
    for payload in Parser::new(0).parse_all(bytes) {
        pass.payload(payload?)?;
    }
    pass.finish()
}

/// Recognises common mistakes with files, to report them as such and not as broken modules.
fn not_something_else(bytes: &[u8]) -> Result<(), Failure> {
    let problem = if bytes.is_empty() {
        "the file is empty"
    } else if bytes.starts_with(b"\0asm") {
        return Ok(());
    } else if bytes.trim_ascii_start().starts_with(b"(")
        || bytes.trim_ascii_start().starts_with(b";;")
    {
        "this is WebAssembly text; translate it first (wat2wasm, wasm-tools parse)"
    } else {
        "it does not begin with the magic bytes \\0asm"
    };
    Err(invalid(problem))
}

fn invalid(problem: &str) -> Failure {
    Failure::from(Cause::InvalidModule {
        problem: problem.to_string(),
        source: None,
    })
}

/// Checks that an index that a module names exists.
pub(crate) fn named(what: &str, index: u32, count: u32) -> Result<(), Failure> {
    if index < count {
        return Ok(());
    }
    Err(missing(what, index))
}

fn missing(what: &str, index: u32) -> Failure {
    invalid(&format!("there is no {what} {index}"))
}

impl From<BinaryReaderError> for Failure {
    fn from(error: BinaryReaderError) -> Self {
        let problem = refusal(&error);
        Self::from(Cause::InvalidModule {
            problem,
            source: Some(Box::new(error)),
        })
    }
}

fn at_most(
    what: impl fmt::Display,
    actual: u64,
    limit: &'static str,
    maximum: u64,
) -> Result<(), Failure> {
    if actual <= maximum {
        return Ok(());
    }
    Err(Cause::ShapeLimit {
        what: what.to_string(),
        actual,
        limit,
        maximum,
    }
    .into())
}
