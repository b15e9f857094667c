//! The operators of a function before they are compiled: how deep they nest, and which are
//! rewritten.

mod tail_calls;
mod visit;

use super::{
    index_spaces::IndexSpaces,
    invalid, named,
    shape::{AHEAD, OperatorShape},
};
use crate::{
    common::{engine_faults::Faults, failure::Failure, value::Signature},
    module::faults::{block_params, branch_tables, operand::PrecedingOperators, selects, stores},
};
use alloc::vec::Vec;
use wasmparser::{BinaryReader, BlockType, FunctionBody, MemArg};

/// Why an operator is rewritten.
#[derive(Debug, Clone, Copy)]
pub(super) enum RewriteReason {
    MemoryGrow,
    MemorySize,
    TableGrow,
    /// The engine would compile it wrongly.
    Fault,
}

/// Walks over the operators of function bodies. It only counts: reading a body takes time in
/// proportion to its length and no memory.
///
/// For most operators only the length matters. A table of shapes passes over those, without the
/// unpredictable branches that the parser needs. The parser reads the others. If the table passes
/// over bytes wrongly, they are not a valid operator, and the engine will refuse the module there.
/// What the walk finds after that does not matter.
///
/// Each operator begins where the one before ends, and a processor that reads one body waits most
/// of the time. The walk therefore reads two bodies at once.
pub(super) struct OperatorScan<'w> {
    spaces: IndexSpaces<'w>,
    most_open: u32,
    widest: u32,
    /// The number of open blocks where the parser is, including the function itself.
    open: u32,
    /// Decides whether the operator that was read is compiled wrongly, if that depends on the
    /// operators before it.
    depends: Option<fn(Faults, PrecedingOperators) -> bool>,
    /// Why the operator that was read is rewritten.
    rewritten: Option<RewriteReason>,
    /// Whether there is a tail call.
    tail_calls: bool,
    /// The types of the functions that tail calls may reach outside of the module, each once.
    tail_called: Vec<u32>,
    /// Whether there is a `ref.func` of the start function.
    refers_to_start: bool,
    /// Whether there is an operator that changes a table or drops a segment.
    changes_tables: bool,
    /// Whether there is a `br_table`.
    branch_tables: bool,
    /// Whether there is a block to which a `br_table` may go wrong.
    wide_blocks: bool,
}

/// A body that is being read.
struct BodyReader<'a> {
    parser: BinaryReader<'a>,
    cursor: Cursor<'a>,
    /// The position in the module where the cursor's bytes end.
    end: usize,
    /// The bytes after the last operator that was not plain.
    since: &'a [u8],
    /// That operator and those before it, as far as they are known.
    before: PrecedingOperators,
}

/// A place before an operator.
#[derive(Clone, Copy)]
struct Cursor<'a> {
    /// The rest of the body, and as many bytes after it as are looked at for an operator that
    /// begins with the last byte.
    code: &'a [u8],
    /// The number of open blocks, including the function itself: 0 when the function has ended.
    open: u32,
}

/// `select` without a type. Code has very many of them, and the parser would take long.
const SELECT: u8 = 0x1b;

impl<'w> OperatorScan<'w> {
    /// Walks over the bodies that `next` returns, which lie in `module`. Calls `rewritten` with the
    /// position of each operator that is rewritten, and why. Checks the indices in the bodies,
    /// except those of functions.
    pub(super) fn through<'a>(
        module: &'a [u8],
        spaces: IndexSpaces<'w>,
        mut next: impl FnMut() -> Result<Option<FunctionBody<'a>>, Failure>,
        mut rewritten: impl FnMut(usize, RewriteReason),
    ) -> Result<Self, Failure> {
        let mut scan = Self {
            spaces,
            most_open: 1,
            widest: 0,
            open: 0,
            depends: None,
            rewritten: None,
            tail_calls: false,
            tail_called: Vec::new(),
            refers_to_start: false,
            changes_tables: false,
            branch_tables: false,
            wide_blocks: false,
        };
        let mut begin = || -> Result<_, Failure> {
            let body = next()?;
            body.map(|body| BodyReader::new(module, &body)).transpose()
        };
        let mut readers = [begin()?, begin()?];
        loop {
            let plain = match &mut readers {
                [Some(one), Some(other)] => {
                    pass_both(&mut one.cursor, &mut other.cursor, &mut scan.most_open)
                }
                [Some(last), None] | [None, Some(last)] => {
                    pass_one(&mut last.cursor, &mut scan.most_open);
                    [false; 2]
                }
                [None, None] => return Ok(scan),
            };
            for (place, plain) in readers.iter_mut().zip(plain) {
                if let (Some(reader), false) = (&mut *place, plain)
                    && reader.step(module, &mut scan, &mut rewritten)?
                {
                    *place = begin()?;
                }
            }
        }
    }

    /// The deepest nesting of blocks.
    pub(super) fn nesting(&self) -> u32 {
        self.most_open.saturating_sub(1)
    }

    /// The most values that a branch to a block carries.
    pub(super) fn widest(&self) -> u32 {
        self.widest
    }

    pub(super) fn spaces(&self) -> &IndexSpaces<'w> {
        &self.spaces
    }

    /// Whether there is a `ref.func` of the start function.
    pub(super) fn refers_to_start(&self) -> bool {
        self.refers_to_start
    }

    /// Whether there is an operator that changes a table or drops a segment.
    pub(super) fn changes_tables(&self) -> bool {
        self.changes_tables
    }

    /// Whether a `br_table` may go wrong that branches to a block or to the end of the function.
    pub(super) fn has_wrong_branch_tables(&self) -> bool {
        let faults = self.spaces.faults;
        let concerns = |ty: &Signature| branch_tables::concerns(faults, ty.results());
        self.branch_tables && (self.wide_blocks || self.spaces.function_types().any(concerns))
    }

    fn enter(&mut self, ty: BlockType) -> Result<(), Failure> {
        // A body has fewer than 2^32 bytes, and therefore fewer blocks.
        self.open += 1;
        self.most_open = self.most_open.max(self.open);
        let width = match ty {
            BlockType::Empty => 0,
            BlockType::Type(ty) => {
                self.wide_blocks |= ty == wasmparser::ValType::V128;
                1
            }
            BlockType::FuncType(ty) => {
                let ty = self.spaces.ty(ty)?;
                self.wide_blocks |= [ty.params(), ty.results()]
                    .into_iter()
                    .any(|label| branch_tables::concerns(self.spaces.faults, label));
                let (params, results) = (ty.params().len(), ty.results().len());
                self.fault(block_params::concerns(self.spaces.faults, params));
                u32::try_from(params.max(results)).unwrap_or(u32::MAX)
            }
        };
        self.widest = self.widest.max(width);
        Ok(())
    }

    /// Marks the operator as one that the engine would compile wrongly, if `concerned`.
    fn fault(&mut self, concerned: bool) {
        if concerned {
            self.rewritten = Some(RewriteReason::Fault);
        }
    }

    fn select(&mut self) -> Result<(), Failure> {
        self.depends = Some(selects::concerns);
        Ok(())
    }

    fn store(&mut self, to: MemArg) -> Result<(), Failure> {
        if stores::may_concern(&to) {
            self.depends = Some(stores::concerns);
        }
        Ok(())
    }

    #[cfg(feature = "simd")]
    fn lane_store(&mut self, to: MemArg) -> Result<(), Failure> {
        self.fault(crate::module::faults::lane_stores::concerns(
            self.spaces.faults,
            &to,
        ));
        Ok(())
    }

    fn table(&self, index: u32) -> Result<(), Failure> {
        named("table", index, self.spaces.tables)
    }

    fn table_change(&mut self, index: u32) -> Result<(), Failure> {
        self.changes_tables = true;
        self.table(index)
    }

    fn element_segment(&self, index: u32) -> Result<(), Failure> {
        named("element segment", index, self.spaces.element_segments)
    }

    fn element_drop(&mut self, index: u32) -> Result<(), Failure> {
        self.changes_tables = true;
        self.element_segment(index)
    }

    fn data_drop(&mut self) -> Result<(), Failure> {
        self.changes_tables = true;
        Ok(())
    }

    fn call_by_table(&self, ty: u32, table: u32) -> Result<(), Failure> {
        self.spaces.ty(ty)?;
        self.table(table)
    }
}

impl<'a> BodyReader<'a> {
    fn new(module: &'a [u8], body: &FunctionBody<'a>) -> Result<Self, Failure> {
        let parser = body.get_operators_reader()?.get_binary_reader();
        let end = module.len().min(parser.range().end + AHEAD - 1);
        let mut reader = Self {
            cursor: Cursor { code: &[], open: 1 },
            parser,
            end,
            since: &[],
            before: 0,
        };
        reader.cursor.code = reader.rest(module);
        reader.since = reader.cursor.code;
        Ok(reader)
    }

    /// The bytes from the parser's position to the end.
    fn rest(&self, module: &'a [u8]) -> &'a [u8] {
        let rest = module.get(self.parser.original_position()..self.end);
        rest.unwrap_or_default()
    }

    /// Has the parser read the next operator. Returns whether there was no more.
    fn step(
        &mut self,
        module: &'a [u8],
        scan: &mut OperatorScan<'_>,
        rewritten: &mut impl FnMut(usize, RewriteReason),
    ) -> Result<bool, Failure> {
        let operator = self.cursor.code.first().copied().unwrap_or_default();
        let passed = self.rest(module).len() - self.cursor.code.len();
        self.parser.read_bytes(passed)?;
        if self.parser.eof() {
            return Ok(true);
        }
        // The engine's translator assumes that there is an open block.
        if self.cursor.open == 0 {
            return Err(invalid("a function goes on after its end"));
        }
        let at = self.parser.original_position();
        scan.open = self.cursor.open;
        if operator == SELECT {
            self.parser.read_u8()?;
            let before = module.get(..at).and_then(|before| before.last_chunk());
            if before.is_none_or(|before| selects::may_concern(*before)) {
                scan.select()?;
            }
        } else {
            self.parser.visit_operator(scan)??;
        }
        self.cursor.open = scan.open;
        let mut before = 0;
        if let Some(concerns) = scan.depends.take() {
            before = self.before();
            scan.fault(concerns(scan.spaces.faults, before));
        }
        if let Some(reason) = scan.rewritten.take() {
            rewritten(at, reason);
        }
        self.cursor.code = self.rest(module);
        self.since = self.cursor.code;
        self.before = before << 8 | PrecedingOperators::from(operator);
        Ok(false)
    }

    /// The operators before the cursor. All since the last that the parser read are plain. They are
    /// passed over a second time here, because remembering them the first time would slow down
    /// every body.
    #[inline(never)]
    fn before(&self) -> PrecedingOperators {
        let (mut before, mut code) = (self.before, self.since);
        while code.len() > self.cursor.code.len() {
            let Some((ahead, (_, length))) = code
                .first_chunk()
                .and_then(|ahead| Some((ahead, OperatorShape::of(*ahead)?)))
            else {
                break;
            };
            let [operator, ..] = *ahead;
            before = before << 8 | PrecedingOperators::from(operator);
            code = code.get(length..).unwrap_or_default();
        }
        before
    }
}

/// Passes over plain operators at both cursors until one of them comes to an operator that is not
/// plain. Returns whether each may go on. This is a function of its own, because it then has enough
/// registers.
#[inline(never)]
fn pass_both(one: &mut Cursor<'_>, other: &mut Cursor<'_>, most_open: &mut u32) -> [bool; 2] {
    let (mut a, mut b, mut most) = (*one, *other, *most_open);
    let plain = loop {
        let (one, other) = (a.pass(&mut most), b.pass(&mut most));
        if !(one & other) {
            break [one, other];
        }
    };
    (*one, *other, *most_open) = (a, b, most);
    plain
}

/// Does the same for one cursor.
#[inline(never)]
fn pass_one(place: &mut Cursor<'_>, most_open: &mut u32) {
    let (mut cursor, mut most) = (*place, *most_open);
    while cursor.pass(&mut most) {}
    (*place, *most_open) = (cursor, most);
}

impl Cursor<'_> {
    /// Passes over an operator, if it is plain and the function goes on after it.
    ///
    /// The next operator has to wait for the length of this one. Therefore no step here may take
    /// long, and the only branches are those that end the loop.
    #[inline(always)]
    fn pass(&mut self, most_open: &mut u32) -> bool {
        let Some(ahead) = self.code.first_chunk() else {
            return false;
        };
        let Some((shape, length)) = OperatorShape::of(*ahead) else {
            return false;
        };
        let Some(rest) = self.code.get(length..) else {
            return false;
        };
        self.code = rest;
        self.open = self.open.wrapping_add_signed(shape.opens.into());
        *most_open = (*most_open).max(self.open);
        self.open != 0
    }
}
