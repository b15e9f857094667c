//! The operators of a function before they are compiled: how deep they nest, and which are
//! rewritten.

use super::{invalid, missing, named};
use crate::{
    error::Failure,
    faults::{
        Faults, block_params, branch_tables, host_tail_calls, operand::Before, selects, stores,
    },
    value::Signature,
};
use wasmparser::{BinaryReader, BlockType, FunctionBody, MemArg, VisitOperator};

/// Why an operator is rewritten.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reason {
    MemoryGrow,
    TableGrow,
    /// The engine would compile it wrongly.
    Fault,
}

/// What a module has that its code can name. What it names beyond has to be refused here, where
/// something may be added to the module before it is compiled.
pub(super) struct Own<'a> {
    pub(super) types: &'a [Signature],
    /// The type of each function, imported ones first.
    pub(super) functions: &'a [u32],
    pub(super) imported_functions: u32,
    pub(super) tables: u32,
    pub(super) element_segments: u32,
    pub(super) start: Option<u32>,
    pub(super) faults: Faults,
}

/// A walk over the operators of bodies. It only counts, so a body costs its own length to read and
/// nothing to hold.
///
/// Most operators are nothing to it but their length: those are passed over by a table of their
/// shapes, without the branches that a processor cannot foresee and that the parser needs. The
/// parser reads the others. What the table passes over wrongly is no valid operator, and the engine
/// will stop there; what it finds after that is of no account.
///
/// Each operator begins where the one before ends, so a processor that reads one body waits most of
/// the time. So it reads two.
pub(super) struct Walk<'w> {
    own: Own<'w>,
    most_open: u32,
    widest: u32,
    /// The blocks that are open where the parser is, the function itself among them.
    open: u32,
    /// What says whether the operator that was read is compiled wrongly, where that depends on those
    /// before it.
    depends: Option<fn(Faults, Before) -> bool>,
    /// Why the operator that was read is rewritten.
    rewritten: Option<Reason>,
    /// Whether there is a tail call.
    tail_calls: bool,
    /// Whether there is a `ref.func` of the start function.
    refers_to_start: bool,
    /// Whether there is a `br_table`.
    branch_tables: bool,
    /// Whether there is a block to which a `br_table` may go wrong.
    wide_blocks: bool,
}

/// A body on the way.
struct Lane<'a> {
    parser: BinaryReader<'a>,
    cursor: Cursor<'a>,
    /// Where that ends.
    end: usize,
    /// What comes after the last operator that was not plain.
    since: &'a [u8],
    /// That operator and those before it, as far as they are known.
    before: Before,
}

/// A place before an operator.
#[derive(Clone, Copy)]
struct Cursor<'a> {
    /// What is to be read of the body, and as many bytes after it as let an operator be seen that
    /// begins with the last.
    code: &'a [u8],
    /// The blocks that are open, the function itself among them: 0 when it has ended.
    open: u32,
}

/// The bytes of an operator that are looked at.
const AHEAD: usize = 8;

/// `select` without a type, of which code has so many that the parser would take long.
const SELECT: u8 = 0x1b;

impl<'w> Walk<'w> {
    /// Walks through the bodies that `next` gives, which lie in `module`, and tells of each operator
    /// that is rewritten, and where it is. Checks what the bodies name, functions excepted.
    pub(super) fn through<'a>(
        module: &'a [u8],
        own: Own<'w>,
        mut next: impl FnMut() -> Result<Option<FunctionBody<'a>>, Failure>,
        mut rewritten: impl FnMut(usize, Reason),
    ) -> Result<Self, Failure> {
        let mut walk = Self {
            own,
            most_open: 1,
            widest: 0,
            open: 0,
            depends: None,
            rewritten: None,
            tail_calls: false,
            refers_to_start: false,
            branch_tables: false,
            wide_blocks: false,
        };
        let mut begin = || -> Result<_, Failure> {
            let body = next()?;
            body.map(|body| Lane::new(module, &body)).transpose()
        };
        let mut lanes = [begin()?, begin()?];
        loop {
            let plain = match &mut lanes {
                [Some(one), Some(other)] => {
                    pass_both(&mut one.cursor, &mut other.cursor, &mut walk.most_open)
                }
                [Some(last), None] | [None, Some(last)] => {
                    pass_one(&mut last.cursor, &mut walk.most_open);
                    [false; 2]
                }
                [None, None] => return Ok(walk),
            };
            for (place, plain) in lanes.iter_mut().zip(plain) {
                if let (Some(lane), false) = (&mut *place, plain)
                    && lane.step(module, &mut walk, &mut rewritten)?
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

    pub(super) fn own(&self) -> &Own<'w> {
        &self.own
    }

    /// Whether there is a `ref.func` of the start function.
    pub(super) fn refers_to_start(&self) -> bool {
        self.refers_to_start
    }

    /// Whether there is a tail call.
    pub(super) fn tail_calls(&self) -> bool {
        self.tail_calls
    }

    /// Whether a `br_table` may go wrong, to a block or, where that may be, the function itself.
    pub(super) fn has_wrong_branch_tables(&self) -> bool {
        let faults = self.own.faults;
        let concerns = |ty: &Signature| branch_tables::concerns(faults, ty.results());
        self.branch_tables && (self.wide_blocks || self.own.function_types().any(concerns))
    }

    fn enter(&mut self, ty: BlockType) -> Result<(), Failure> {
        // A body has fewer than 2^32 bytes, so fewer blocks.
        self.open += 1;
        self.most_open = self.most_open.max(self.open);
        let width = match ty {
            BlockType::Empty => 0,
            BlockType::Type(ty) => {
                self.wide_blocks |= ty == wasmparser::ValType::V128;
                1
            }
            BlockType::FuncType(ty) => {
                let ty = self.own.ty(ty)?;
                self.wide_blocks |= [ty.params(), ty.results()]
                    .into_iter()
                    .any(|label| branch_tables::concerns(self.own.faults, label));
                let (params, results) = (ty.params().len(), ty.results().len());
                self.fault(block_params::concerns(self.own.faults, params));
                u32::try_from(params.max(results)).unwrap_or(u32::MAX)
            }
        };
        self.widest = self.widest.max(width);
        Ok(())
    }

    /// Notes whether the engine would compile the operator wrongly.
    fn fault(&mut self, concerned: bool) {
        if concerned {
            self.rewritten = Some(Reason::Fault);
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
        self.fault(crate::faults::lane_stores::concerns(self.own.faults, &to));
        Ok(())
    }

    fn tail_call(&mut self) -> Result<(), Failure> {
        self.tail_calls = true;
        Ok(())
    }

    fn tail_call_by_table(&mut self, ty: u32, table: u32) -> Result<(), Failure> {
        self.tail_calls = true;
        self.call_by_table(ty, table)
    }

    fn table(&self, index: u32) -> Result<(), Failure> {
        named("table", index, self.own.tables)
    }

    fn element_segment(&self, index: u32) -> Result<(), Failure> {
        named("element segment", index, self.own.element_segments)
    }

    fn call_by_table(&self, ty: u32, table: u32) -> Result<(), Failure> {
        self.own.ty(ty)?;
        self.table(table)
    }
}

impl<'a> Lane<'a> {
    fn new(module: &'a [u8], body: &FunctionBody<'a>) -> Result<Self, Failure> {
        let parser = body.get_operators_reader()?.get_binary_reader();
        let end = module.len().min(parser.range().end + AHEAD - 1);
        let mut lane = Self {
            cursor: Cursor { code: &[], open: 1 },
            parser,
            end,
            since: &[],
            before: 0,
        };
        lane.cursor.code = lane.rest(module);
        lane.since = lane.cursor.code;
        Ok(lane)
    }

    /// What is to be read from where the parser is.
    fn rest(&self, module: &'a [u8]) -> &'a [u8] {
        let rest = module.get(self.parser.original_position()..self.end);
        rest.unwrap_or_default()
    }

    /// Has the parser read the operator that is next; whether there is none.
    fn step(
        &mut self,
        module: &'a [u8],
        walk: &mut Walk<'_>,
        rewritten: &mut impl FnMut(usize, Reason),
    ) -> Result<bool, Failure> {
        let operator = self.cursor.code.first().copied().unwrap_or_default();
        let passed = self.rest(module).len() - self.cursor.code.len();
        self.parser.read_bytes(passed)?;
        if self.parser.eof() {
            return Ok(true);
        }
        // The engine's translator takes for granted that there is a block to be in.
        if self.cursor.open == 0 {
            return Err(invalid("a function goes on after its end"));
        }
        let at = self.parser.original_position();
        walk.open = self.cursor.open;
        if operator == SELECT {
            self.parser.read_u8()?;
            let last = at.checked_sub(1).and_then(|at| module.get(at));
            if last.is_none_or(|last| selects::may_concern(*last)) {
                walk.select()?;
            }
        } else {
            self.parser.visit_operator(walk)??;
        }
        self.cursor.open = walk.open;
        let mut before = 0;
        if let Some(concerns) = walk.depends.take() {
            before = self.before();
            walk.fault(concerns(walk.own.faults, before));
        }
        if let Some(reason) = walk.rewritten.take() {
            rewritten(at, reason);
        }
        self.cursor.code = self.rest(module);
        self.since = self.cursor.code;
        self.before = before << 8 | Before::from(operator);
        Ok(false)
    }

    /// The operators before the cursor. They are plain since the last that was not, and passed a
    /// second time here, so that passing them the first time need not remember them.
    #[inline(never)]
    fn before(&self) -> Before {
        let (mut before, mut code) = (self.before, self.since);
        while code.len() > self.cursor.code.len() {
            let Some((ahead, (_, length))) = code
                .first_chunk()
                .and_then(|ahead| Some((ahead, Shape::of(*ahead)?)))
            else {
                break;
            };
            let [operator, ..] = *ahead;
            before = before << 8 | Before::from(operator);
            code = code.get(length..).unwrap_or_default();
        }
        before
    }
}

/// Passes over plain operators at both places until one or the other comes to one that is not;
/// whether each may go on. A function by itself, which has registers enough.
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

/// The same at one, until it may not go on.
#[inline(never)]
fn pass_one(place: &mut Cursor<'_>, most_open: &mut u32) {
    let (mut cursor, mut most) = (*place, *most_open);
    while cursor.pass(&mut most) {}
    (*place, *most_open) = (cursor, most);
}

impl Cursor<'_> {
    /// Passes over an operator, if it is plain and the function goes on after it.
    ///
    /// The next has to wait for its length, so little may take long here: no branch but those that
    /// end it.
    #[inline(always)]
    fn pass(&mut self, most_open: &mut u32) -> bool {
        let Some(ahead) = self.code.first_chunk() else {
            return false;
        };
        let Some((shape, length)) = Shape::of(*ahead) else {
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

impl<'a> Own<'a> {
    /// The types of the functions that the module defines, in order.
    pub(super) fn function_types(&self) -> impl Iterator<Item = &'a Signature> + use<'a> {
        let (types, functions) = (self.types, self.functions);
        let defined = functions.iter().skip(self.imported_functions as usize);
        defined.filter_map(|ty| types.get(*ty as usize))
    }

    /// Whether there are imports of which the engine gets tail calls wrong.
    pub(super) fn imports_what_tail_calls_get_wrong(&self) -> bool {
        let imported = self.functions.iter().take(self.imported_functions as usize);
        let mut types = imported.filter_map(|ty| self.types.get(*ty as usize));
        types.any(|ty| host_tail_calls::concerns(self.faults, ty))
    }

    fn ty(&self, ty: u32) -> Result<&Signature, Failure> {
        let found = self.types.get(ty as usize);
        found.ok_or_else(|| missing("function type", ty))
    }
}

/// What a plain operator is followed by.
#[derive(Clone, Copy)]
#[repr(align(8))]
struct Shape {
    /// The bits of the first byte after it that tell whether it is plain with that, and what they
    /// are if it is.
    mask: u8,
    wanted: u8,
    /// How many blocks it opens.
    opens: i8,
    /// Its length where no LEB128 number follows; how far beyond the last of them it goes where one
    /// or two do.
    least: u8,
    /// All bits where one number follows.
    one: i8,
    /// All bits where two do.
    two: i8,
    /// The bytes before the last of a number, fewer than which there are where it is plain.
    most: u8,
}

impl Shape {
    const READ_BY_PARSER: Self = Self {
        wanted: 1,
        ..Self::fixed(0)
    };
    /// Without parameters and results.
    const BLOCK: Self = Self {
        mask: 0xff,
        wanted: 0x40,
        opens: 1,
        ..Self::fixed(1)
    };
    const END: Self = Self {
        opens: -1,
        ..Self::fixed(0)
    };
    const NUMBER: Self = Self {
        one: -1,
        ..Self::fixed(0)
    };
    /// An alignment without the bit that says that an index of a memory comes after it, and an
    /// offset.
    const ACCESS: Self = Self {
        mask: 0x40,
        two: -1,
        ..Self::fixed(0)
    };
    /// The same with an alignment in one byte and an offset in two at most, which is below 65,536.
    const NEAR_STORE: Self = Self {
        most: 4,
        ..Self::ACCESS
    };

    /// With so many bytes after it.
    const fn fixed(bytes: u8) -> Self {
        Self {
            mask: 0,
            wanted: 0,
            opens: 0,
            least: 1 + bytes,
            one: 0,
            two: 0,
            most: 8,
        }
    }

    /// The shape of the operator that begins with these bytes, and its length, if it is plain with
    /// them.
    #[inline(always)]
    fn of(bytes: [u8; AHEAD]) -> Option<(&'static Self, usize)> {
        const CONTINUED: u64 = 0x8080_8080_8080_8000;
        let [operator, first, ..] = bytes;
        let shape = SHAPES.get(usize::from(operator))?;
        // The last byte of a number is one without the highest bit.
        let ends = !u64::from_le_bytes(bytes) & CONTINUED;
        let second_ends = ends & ends.wrapping_sub(1);
        // Both are looked for before it is known which is wanted.
        let one = ends.trailing_zeros() & i32::from(shape.one).cast_unsigned();
        let two = second_ends.trailing_zeros() & i32::from(shape.two).cast_unsigned();
        let last = (one | two) / 8;
        let plain = (first & shape.mask == shape.wanted) & (last < shape.most.into());
        let length = usize::from(shape.least) + last as usize;
        plain.then_some((shape, length))
    }
}

/// The shape of each operator by its first byte, as the specification's appendix lists them.
#[expect(clippy::indexing_slicing, reason = "while compiling")]
static SHAPES: [Shape; 256] = {
    let mut shapes = [Shape::READ_BY_PARSER; 256];
    let mut operator = 0;
    while operator < shapes.len() {
        shapes[operator] = match operator {
            // `unreachable`, `nop`, `else`, `return`, `drop`, `ref.is_null`.
            0x00 | 0x01 | 0x05 | 0x0f | 0x1a | 0xd1 => Shape::fixed(0),
            // `block`, `loop`, `if`.
            0x02..=0x04 => Shape::BLOCK,
            0x0b => Shape::END,
            // `br`, `br_if`, `call`.
            0x0c | 0x0d | 0x10 => Shape::NUMBER,
            // Locals, globals.
            0x20..=0x24 => Shape::NUMBER,
            // Loads, stores.
            0x28..=0x35 => Shape::ACCESS,
            0x36..=0x3e => Shape::NEAR_STORE,
            // `memory.size`, `i32.const`, `i64.const`.
            0x3f | 0x41 | 0x42 => Shape::NUMBER,
            // `f32.const`, `f64.const`.
            0x43 => Shape::fixed(4),
            0x44 => Shape::fixed(8),
            // Comparisons, arithmetic, conversions.
            0x45..=0xc4 => Shape::fixed(0),
            _ => Shape::READ_BY_PARSER,
        };
        operator += 1;
    }
    shapes
};

/// Defines the visitor's methods: some look, the others do nothing.
macro_rules! look {
    ($( @$proposal:ident $op:ident $({ $($arg:ident: $ty:ty),* })? => $visit:ident $ann:tt )*) => {
        $( look!(one $op $visit $($($arg: $ty),*)?); )*
    };
    (one Block $visit:ident $ty:ident: $of:ty) => { look!(so $visit($ty: $of) enter($ty)); };
    (one Loop $visit:ident $ty:ident: $of:ty) => { look!(so $visit($ty: $of) enter($ty)); };
    (one If $visit:ident $ty:ident: $of:ty) => { look!(so $visit($ty: $of) enter($ty)); };
    (one CallIndirect $visit:ident $ty:ident: $of:ty, $table:ident: $in:ty) => {
        look!(so $visit($ty: $of, $table: $in) call_by_table($ty, $table));
    };
    (one ReturnCallIndirect $visit:ident $ty:ident: $of:ty, $table:ident: $in:ty) => {
        look!(so $visit($ty: $of, $table: $in) tail_call_by_table($ty, $table));
    };
    (one RefFunc $visit:ident $function:ident: $of:ty) => {
        fn $visit(&mut self, function: $of) -> Result<(), Failure> {
            self.refers_to_start |= self.own.start == Some(function);
            Ok(())
        }
    };
    (one ReturnCall $visit:ident $function:ident: $of:ty) => {
        fn $visit(&mut self, _: $of) -> Result<(), Failure> {
            self.tail_call()
        }
    };
    (one BrTable $visit:ident $targets:ident: $of:ty) => {
        fn $visit(&mut self, _: $of) -> Result<(), Failure> {
            self.branch_tables = true;
            Ok(())
        }
    };
    (one TypedSelect $visit:ident $ty:ident: $of:ty) => {
        fn $visit(&mut self, _: $of) -> Result<(), Failure> {
            self.select()
        }
    };
    (one I32Store $visit:ident $to:ident: $of:ty) => { look!(so $visit($to: $of) store($to)); };
    (one I64Store $visit:ident $to:ident: $of:ty) => { look!(so $visit($to: $of) store($to)); };
    (one F32Store $visit:ident $to:ident: $of:ty) => { look!(so $visit($to: $of) store($to)); };
    (one F64Store $visit:ident $to:ident: $of:ty) => { look!(so $visit($to: $of) store($to)); };
    (one I32Store8 $visit:ident $to:ident: $of:ty) => { look!(so $visit($to: $of) store($to)); };
    (one I32Store16 $visit:ident $to:ident: $of:ty) => { look!(so $visit($to: $of) store($to)); };
    (one I64Store8 $visit:ident $to:ident: $of:ty) => { look!(so $visit($to: $of) store($to)); };
    (one I64Store16 $visit:ident $to:ident: $of:ty) => { look!(so $visit($to: $of) store($to)); };
    (one I64Store32 $visit:ident $to:ident: $of:ty) => { look!(so $visit($to: $of) store($to)); };
    (one V128Store8Lane $visit:ident $to:ident: $of:ty, $lane:ident: $number:ty) => {
        look!(lane $visit($of, $number));
    };
    (one V128Store16Lane $visit:ident $to:ident: $of:ty, $lane:ident: $number:ty) => {
        look!(lane $visit($of, $number));
    };
    (one V128Store32Lane $visit:ident $to:ident: $of:ty, $lane:ident: $number:ty) => {
        look!(lane $visit($of, $number));
    };
    (one V128Store64Lane $visit:ident $to:ident: $of:ty, $lane:ident: $number:ty) => {
        look!(lane $visit($of, $number));
    };
    (lane $visit:ident($of:ty, $number:ty)) => {
        fn $visit(&mut self, to: $of, _: $number) -> Result<(), Failure> {
            self.lane_store(to)
        }
    };
    (one TableGet $visit:ident $table:ident: $in:ty) => {
        look!(so $visit($table: $in) table($table));
    };
    (one TableSet $visit:ident $table:ident: $in:ty) => {
        look!(so $visit($table: $in) table($table));
    };
    (one TableSize $visit:ident $table:ident: $in:ty) => {
        look!(so $visit($table: $in) table($table));
    };
    (one TableFill $visit:ident $table:ident: $in:ty) => {
        look!(so $visit($table: $in) table($table));
    };
    (one ElemDrop $visit:ident $segment:ident: $in:ty) => {
        look!(so $visit($segment: $in) element_segment($segment));
    };
    (one TableCopy $visit:ident $to:ident: $a:ty, $from:ident: $b:ty) => {
        fn $visit(&mut self, to: $a, from: $b) -> Result<(), Failure> {
            self.table(to)?;
            self.table(from)
        }
    };
    (one TableInit $visit:ident $segment:ident: $a:ty, $table:ident: $b:ty) => {
        fn $visit(&mut self, segment: $a, table: $b) -> Result<(), Failure> {
            self.element_segment(segment)?;
            self.table(table)
        }
    };
    (one TableGrow $visit:ident $table:ident: $in:ty) => {
        fn $visit(&mut self, table: $in) -> Result<(), Failure> {
            self.rewritten = Some(Reason::TableGrow);
            self.table(table)
        }
    };
    (one MemoryGrow $visit:ident $memory:ident: $in:ty) => {
        fn $visit(&mut self, _: $in) -> Result<(), Failure> {
            self.rewritten = Some(Reason::MemoryGrow);
            Ok(())
        }
    };
    (one End $visit:ident) => {
        fn $visit(&mut self) -> Result<(), Failure> {
            self.open = self.open.saturating_sub(1);
            Ok(())
        }
    };
    (one $op:ident $visit:ident $($arg:ident: $ty:ty),*) => {
        #[inline(always)]
        fn $visit(&mut self $(, _: $ty)*) -> Result<(), Failure> {
            Ok(())
        }
    };
    (so $visit:ident($($arg:ident: $ty:ty),*) $look:ident($($given:ident),*)) => {
        fn $visit(&mut self $(, $arg: $ty)*) -> Result<(), Failure> {
            self.$look($($given),*)
        }
    };
}

impl<'a> VisitOperator<'a> for Walk<'_> {
    type Output = Result<(), Failure>;

    #[cfg(feature = "simd")]
    fn simd_visitor(
        &mut self,
    ) -> Option<&mut dyn wasmparser::VisitSimdOperator<'a, Output = Self::Output>> {
        Some(self)
    }

    wasmparser::for_each_visit_operator!(look);
}

#[cfg(feature = "simd")]
impl wasmparser::VisitSimdOperator<'_> for Walk<'_> {
    wasmparser::for_each_visit_simd_operator!(look);
}
