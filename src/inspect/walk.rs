//! The operators of a function before they are compiled: how deep they nest, and which grow.

use super::{invalid, missing, named};
use crate::error::Failure;
use core::ops::Range;
use wasmparser::{BlockType, FunctionBody, VisitOperator};

/// An operator that grows something.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Growth {
    Memory,
    Table(u32),
}

/// What a module has that its code can name. What it names beyond has to be refused here, where
/// something may be added to the module before it is compiled.
pub(crate) struct Own<'a> {
    /// For each function type, the larger of the numbers of its parameters and results.
    pub(crate) widths: &'a [u32],
    pub(crate) tables: u32,
    pub(crate) element_segments: u32,
}

/// A walk over the operators of one body. It only counts, so a body costs its own length to read
/// and nothing to hold.
///
/// Most operators are nothing to it but their length: those are passed over by a table of their
/// shapes, without the branches that a processor cannot foresee and that the parser needs. The
/// parser reads the others. What the table passes over wrongly is no valid operator, and the engine
/// will stop there; what it finds after that is of no account.
pub(crate) struct Walk<'w> {
    own: Option<Own<'w>>,
    /// The blocks that are open, the function itself among them: 0 when it has ended.
    open: u32,
    most_open: u32,
    widest: u32,
    growth: Option<Growth>,
}

impl<'w> Walk<'w> {
    /// Walks through `body`, which lies in `module`, and tells of each operator that grows
    /// something and where it is. Checks what the body names, functions excepted, unless it is
    /// known to be right.
    pub(crate) fn through(
        module: &[u8],
        body: &FunctionBody<'_>,
        own: Option<Own<'w>>,
        mut grows: impl FnMut(Range<usize>, Growth),
    ) -> Result<Self, Failure> {
        let mut walk = Self {
            own,
            open: 1,
            most_open: 1,
            widest: 0,
            growth: None,
        };
        let mut reader = body.get_operators_reader()?.get_binary_reader();
        let end = body.range().end;
        loop {
            let at = reader.original_position();
            let plain = walk.plain(module.get(at..).unwrap_or_default(), end - at);
            reader.read_bytes(plain)?;
            if reader.eof() {
                return Ok(walk);
            }
            // The engine's translator takes for granted that there is a block to be in.
            if walk.open == 0 {
                return Err(invalid("a function goes on after its end"));
            }
            let at = reader.original_position();
            reader.visit_operator(&mut walk)??;
            if let Some(growth) = walk.growth.take() {
                grows(at..reader.original_position(), growth);
            }
        }
    }

    /// The deepest nesting of blocks.
    pub(crate) fn nesting(&self) -> u32 {
        self.most_open.saturating_sub(1)
    }

    /// The most values that a branch to a block carries.
    pub(crate) fn widest(&self) -> u32 {
        self.widest
    }

    /// Passes over plain operators: how many bytes, of the `length` that `code` has of this body;
    /// more where the last does not end in it.
    ///
    /// Each has to wait for the length of the one before, so little else may take long here: no
    /// branch but those that end it.
    fn plain(&mut self, code: &[u8], length: usize) -> usize {
        let Self {
            mut open,
            mut most_open,
            ..
        } = *self;
        let mut values = 0;
        let mut passed = 0;
        while open != 0
            && passed < length
            && let Some(ahead) = code.get(passed..passed + 8)
            && let Ok(ahead) = <[u8; 8]>::try_from(ahead)
            && let Some((shape, first, operands)) = Shape::of(ahead)
        {
            passed += 1 + operands;
            open = open.wrapping_add_signed(shape.opens.into());
            most_open = most_open.max(open);
            values |= shape.values & first;
        }
        self.open = open;
        self.most_open = most_open;
        self.widest = self.widest.max((values != 0).into());
        passed
    }

    fn enter(&mut self, ty: BlockType) -> Result<(), Failure> {
        // A body has fewer than 2^32 bytes, so fewer blocks.
        self.open += 1;
        self.most_open = self.most_open.max(self.open);
        let width = match (ty, &self.own) {
            (BlockType::Empty, _) => 0,
            (BlockType::Type(_), _) => 1,
            (BlockType::FuncType(ty), Some(own)) => own.width(ty)?,
            (BlockType::FuncType(_), None) => 0,
        };
        self.widest = self.widest.max(width);
        Ok(())
    }

    fn table(&self, index: u32) -> Result<(), Failure> {
        let tables = self.own.as_ref().map(|own| own.tables);
        tables.map_or(Ok(()), |tables| named("table", index, tables))
    }

    fn element_segment(&self, index: u32) -> Result<(), Failure> {
        let segments = self.own.as_ref().map(|own| own.element_segments);
        segments.map_or(Ok(()), |segments| named("element segment", index, segments))
    }

    fn call_by_table(&self, ty: u32, table: u32) -> Result<(), Failure> {
        if let Some(own) = &self.own {
            own.width(ty)?;
        }
        self.table(table)
    }
}

impl Own<'_> {
    fn width(&self, ty: u32) -> Result<u32, Failure> {
        let width = self.widths.get(ty as usize).copied();
        width.ok_or_else(|| missing("function type", ty))
    }
}

/// What follows a plain operator.
#[derive(Clone, Copy)]
#[repr(align(8))]
struct Shape {
    /// What the first byte of the operands must not be, of the bits in [`FIRST`].
    unless: u8,
    /// What that byte is where the operator is a block with a result, of those bits.
    values: u8,
    /// How many LEB128 numbers follow, in bits.
    numbers: u8,
    /// How many bytes of fixed length follow.
    fixed: u8,
    /// How many blocks it opens.
    opens: i8,
}

/// Any byte.
const ANY: u8 = 1;
/// One that is not the whole type of a block.
const NO_TYPE: u8 = 2;
/// The type of a block with a result.
const VALUE_TYPE: u8 = 4;
/// An alignment with an index of a memory after it.
const WITH_MEMORY: u8 = 8;

/// What a byte can mean as the first of the operands.
#[expect(clippy::indexing_slicing, reason = "while compiling")]
static FIRST: [u8; 256] = {
    let mut first = [ANY; 256];
    let mut byte = 0;
    while byte < first.len() {
        first[byte] |= match byte {
            0x40 => 0,
            0x6f | 0x70 | 0x7b..=0x7f => VALUE_TYPE,
            _ => NO_TYPE,
        };
        if byte & 0x40 != 0 {
            first[byte] |= WITH_MEMORY;
        }
        byte += 1;
    }
    first
};

impl Shape {
    const READ_BY_PARSER: Self = Self {
        unless: ANY,
        ..Self::numbers(0)
    };
    const BLOCK: Self = Self {
        unless: NO_TYPE,
        values: VALUE_TYPE,
        fixed: 1,
        opens: 1,
        ..Self::numbers(0)
    };
    const END: Self = Self {
        opens: -1,
        ..Self::numbers(0)
    };
    const ACCESS: Self = Self {
        unless: WITH_MEMORY,
        ..Self::numbers(2)
    };

    const fn numbers(numbers: u8) -> Self {
        Self {
            unless: 0,
            values: 0,
            numbers: numbers * 8,
            fixed: 0,
            opens: 0,
        }
    }

    const fn fixed(fixed: u8) -> Self {
        Self {
            fixed,
            ..Self::numbers(0)
        }
    }

    /// The shape of the operator that begins with these bytes, what the first byte of its
    /// operands is, and their length, if it is plain with them.
    #[inline(always)]
    fn of(bytes: [u8; 8]) -> Option<(&'static Self, u8, usize)> {
        const CONTINUED: u64 = 0x8080_8080_8080_8080;
        const LONGEST: u64 = 7;
        let [operator, first, ..] = bytes;
        let shape = SHAPES.get(usize::from(operator))?;
        let first = FIRST.get(usize::from(first))?;
        // The last byte of a number is one without the highest bit. One that ends beyond what is
        // seen here ends in the byte of zeros that comes in its place.
        let ends = !(u64::from_le_bytes(bytes) >> 8) & CONTINUED;
        let length = |ends: u64| u64::from((ends.trailing_zeros() + 1) / 8);
        let second_ends = ends & ends.wrapping_sub(1);
        // The lengths of no number, one and two, a byte each.
        let lengths = length(ends) << 8 | length(second_ends) << 16;
        let numbers = lengths >> shape.numbers & 0xff;
        let plain = (shape.unless & first == 0) & (numbers <= LONGEST);
        plain.then_some((shape, *first, usize::from(shape.fixed) + numbers as usize))
    }
}

/// The shape of each operator by its first byte, as the specification's appendix lists them.
#[expect(clippy::indexing_slicing, reason = "while compiling")]
static SHAPES: [Shape; 256] = {
    let mut shapes = [Shape::READ_BY_PARSER; 256];
    let mut operator = 0;
    while operator < shapes.len() {
        shapes[operator] = match operator {
            // `unreachable`, `nop`, `else`, `return`, `drop`, `select`, `ref.is_null`.
            0x00 | 0x01 | 0x05 | 0x0f | 0x1a | 0x1b | 0xd1 => Shape::numbers(0),
            // `block`, `loop`, `if`.
            0x02..=0x04 => Shape::BLOCK,
            0x0b => Shape::END,
            // `br`, `br_if`, `call`, `return_call`.
            0x0c | 0x0d | 0x10 | 0x12 => Shape::numbers(1),
            // Locals, globals.
            0x20..=0x24 => Shape::numbers(1),
            // Loads and stores.
            0x28..=0x3e => Shape::ACCESS,
            // `memory.size`, `i32.const`, `i64.const`, `ref.func`.
            0x3f | 0x41 | 0x42 | 0xd2 => Shape::numbers(1),
            // `f32.const`, `f64.const`.
            0x43 => Shape::fixed(4),
            0x44 => Shape::fixed(8),
            // Comparisons, arithmetic, conversions.
            0x45..=0xc4 => Shape::numbers(0),
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
        look!(so $visit($ty: $of, $table: $in) call_by_table($ty, $table));
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
            self.growth = Some(Growth::Table(table));
            self.table(table)
        }
    };
    (one MemoryGrow $visit:ident $memory:ident: $in:ty) => {
        fn $visit(&mut self, _: $in) -> Result<(), Failure> {
            self.growth = Some(Growth::Memory);
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
