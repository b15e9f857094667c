//! Tail calls that reach a function of the host.
//!
//! **What goes wrong.** A host function without parameters and results needs no slots, and where a
//! tail call reaches one, the caller's frame may begin where its own does. The executor then goes
//! on with a stack pointer that points nowhere (`executor/handler/state.rs`, `Sp::dangling`). On
//! x86-64 the host crashes; a host that is itself WebAssembly has its memory overwritten.
//!
//! **What it becomes.** A `return_call` of an import becomes a `call` and a `return`: the host
//! function has no frame of the guest's, so nothing piles up by that. A `return_call_indirect` is
//! left as it is, since it may be reached a million times; in modules that have one, a function of
//! the module stands in the place of each import wherever a table can come to hold it, in element
//! segments and in `ref.func`. It has the same type, and calls the import. References cannot be
//! compared in WebAssembly, so no guest sees the difference.
//!
//! **Needless** once the executor gives a frame to tail calls of host functions.

use super::Faults;
use crate::{
    binary::{Added, Splice, put_bytes, put_u32},
    error::Failure,
};
use alloc::vec::Vec;
use core::ops::Range;
use wasmparser::{
    BinaryReader, ConstExpr, ElementItems, ElementKind, ElementSectionReader, GlobalSectionReader,
    Operator,
};

pub(crate) const NAME: &str = "host-tail-calls";

const CALL: u8 = 0x10;
const RETURN: u8 = 0x0f;
const LOCAL_GET: u8 = 0x20;
const REF_FUNC: u8 = 0xd2;
const END: u8 = 0x0b;

/// Whether a `return_call` of a function that is `imported` or not is concerned.
pub(crate) fn concerns(faults: Faults, imported: bool) -> bool {
    imported && faults.closes(NAME)
}

/// Writes what a `return_call` of the import `function` becomes.
pub(crate) fn call_and_return(function: u32, out: &mut Vec<u8>) {
    out.push(CALL);
    put_u32(out, function);
    out.push(RETURN);
}

/// The functions that stand in the place of imports.
pub(crate) struct StandIns {
    /// The type of each import, and the number of its parameters.
    imports: Vec<(u32, usize)>,
    /// The index of the first.
    first: u32,
}

impl StandIns {
    /// Those for such `imports`, if their indices begin with `first`.
    pub(crate) fn new(imports: Vec<(u32, usize)>, first: u32) -> Self {
        Self { imports, first }
    }

    /// How many there are, which is also how many imports.
    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.imports.len()).unwrap_or(u32::MAX)
    }

    /// Which function stands for `function`: itself, unless it is imported.
    fn of_function(&self, function: u32) -> u32 {
        if function < self.count() {
            self.first.saturating_add(function)
        } else {
            function
        }
    }

    /// Writes a `ref.func` of what stands for `function`.
    pub(crate) fn reference(&self, function: u32, out: &mut Vec<u8>) {
        out.push(REF_FUNC);
        put_u32(out, self.of_function(function));
    }

    /// Their entries in the section of functions.
    pub(crate) fn functions(&self, added: &mut Added) {
        for (ty, _) in &self.imports {
            added.count = added.count.saturating_add(1);
            put_u32(&mut added.entries, *ty);
        }
    }

    /// Their bodies.
    pub(crate) fn bodies(&self, out: &mut Vec<u8>) {
        for (import, (_, params)) in (0..).zip(&self.imports) {
            let mut body = [0].to_vec();
            for (param, _) in (0..).zip(0..*params) {
                body.push(LOCAL_GET);
                put_u32(&mut body, param);
            }
            body.push(CALL);
            put_u32(&mut body, import);
            body.push(END);
            put_bytes(out, &body);
        }
    }

    /// The segment that declares them for `ref.func`.
    pub(crate) fn declared(&self) -> Added {
        const DECLARATIVE: u8 = 3;
        const FUNCTIONS: u8 = 0;
        let mut entries = [DECLARATIVE, FUNCTIONS].to_vec();
        put_u32(&mut entries, self.count());
        for import in 0..self.count() {
            put_u32(&mut entries, self.of_function(import));
        }
        Added { count: 1, entries }
    }

    /// A section of element segments of them.
    pub(crate) fn elements(
        &self,
        bytes: &[u8],
        content: BinaryReader<'_>,
    ) -> Result<Vec<u8>, Failure> {
        let mut out = copy_of(bytes, &content);
        for segment in ElementSectionReader::new(content)? {
            let segment = segment?;
            if let ElementKind::Active { offset_expr, .. } = &segment.kind {
                self.constant(offset_expr, &mut out)?;
            }
            match segment.items {
                ElementItems::Functions(items) => {
                    let end = items.range().end;
                    let places = items.clone().into_iter_with_offsets();
                    let ends = items.into_iter_with_offsets().skip(1);
                    let ends = ends.map(|item| Ok(item?.0)).chain([Ok::<_, Failure>(end)]);
                    for (item, end) in places.zip(ends) {
                        let (start, function) = item?;
                        let mut new = Vec::new();
                        put_u32(&mut new, self.of_function(function));
                        out.replace(start..end?, &new);
                    }
                }
                ElementItems::Expressions(_, items) => {
                    for expr in items {
                        self.constant(&expr?, &mut out)?;
                    }
                }
            }
        }
        Ok(out.finish())
    }

    /// A section of globals that refer to them.
    pub(crate) fn globals(
        &self,
        bytes: &[u8],
        content: BinaryReader<'_>,
    ) -> Result<Vec<u8>, Failure> {
        let mut out = copy_of(bytes, &content);
        for global in GlobalSectionReader::new(content)? {
            self.constant(&global?.init_expr, &mut out)?;
        }
        Ok(out.finish())
    }

    fn constant(&self, expr: &ConstExpr<'_>, out: &mut Splice<'_>) -> Result<(), Failure> {
        let mut reader = expr.get_binary_reader();
        while !reader.eof() {
            let start = reader.original_position();
            if let Operator::RefFunc { function_index } = reader.read_operator()? {
                let mut new = Vec::new();
                self.reference(function_index, &mut new);
                out.replace(start..reader.original_position(), &new);
            }
        }
        Ok(())
    }
}

/// A copy of a section's content.
fn copy_of<'b>(bytes: &'b [u8], content: &BinaryReader<'_>) -> Splice<'b> {
    let Range { start, end } = content.range();
    Splice::new(bytes.get(..end).unwrap_or_default(), start)
}
