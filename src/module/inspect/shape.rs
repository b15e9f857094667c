//! The shapes of plain operators, those of which the walk needs only the length: what follows the
//! first byte.

/// How many bytes of an operator are looked at.
pub(super) const AHEAD: usize = 8;

/// What follows the first byte of a plain operator.
#[derive(Clone, Copy)]
#[repr(align(8))]
pub(super) struct OperatorShape {
    /// The bits of the next byte that decide whether the operator is plain.
    mask: u8,
    wanted: u8,
    /// How many blocks it opens; −1 if it closes one.
    pub(super) opens: i8,
    /// Its length if no LEB128 number follows. If one or two do, the number of bytes to add to the
    /// index of their last byte.
    least: u8,
    /// −1, all bits set, if one number follows.
    one: i8,
    /// −1, all bits set, if two numbers follow.
    two: i8,
    /// The operator is plain only if the index of the last byte of its numbers is below this.
    most: u8,
}

impl OperatorShape {
    const READ_BY_PARSER: Self = Self {
        wanted: 1,
        ..Self::fixed(0)
    };
    /// A block without parameters and results.
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
    /// An alignment and an offset. The alignment lacks the bit that says that a memory index
    /// follows.
    const ACCESS: Self = Self {
        mask: 0x40,
        two: -1,
        ..Self::fixed(0)
    };
    /// The same, with an alignment of one byte and an offset of at most two bytes, which is below
    /// 65,536.
    const NEAR_STORE: Self = Self {
        most: 4,
        ..Self::ACCESS
    };

    /// An operator followed by that many bytes.
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

    /// The shape and the length of the operator that begins with these bytes, if it is plain.
    #[inline(always)]
    pub(super) fn of(bytes: [u8; AHEAD]) -> Option<(&'static Self, usize)> {
        const CONTINUED: u64 = 0x8080_8080_8080_8000;
        let [operator, first, ..] = bytes;
        let shape = SHAPES.get(usize::from(operator))?;
        // The last byte of a number has its highest bit clear.
        let ends = !u64::from_le_bytes(bytes) & CONTINUED;
        let second_ends = ends & ends.wrapping_sub(1);
        // Both are computed before it is known which one is needed, to avoid a branch.
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
static SHAPES: [OperatorShape; 256] = {
    let mut shapes = [OperatorShape::READ_BY_PARSER; 256];
    let mut operator = 0;
    while operator < shapes.len() {
        shapes[operator] = match operator {
            // `unreachable`, `nop`, `else`, `return`, `drop`, `ref.is_null`.
            0x00 | 0x01 | 0x05 | 0x0f | 0x1a | 0xd1 => OperatorShape::fixed(0),
            // `block`, `loop`, `if`.
            0x02..=0x04 => OperatorShape::BLOCK,
            0x0b => OperatorShape::END,
            // `br`, `br_if`, `call`.
            0x0c | 0x0d | 0x10 => OperatorShape::NUMBER,
            // Locals, globals.
            0x20..=0x24 => OperatorShape::NUMBER,
            // Loads, stores.
            0x28..=0x35 => OperatorShape::ACCESS,
            0x36..=0x3e => OperatorShape::NEAR_STORE,
            // `i32.const`, `i64.const`.
            0x41 | 0x42 => OperatorShape::NUMBER,
            // `f32.const`, `f64.const`.
            0x43 => OperatorShape::fixed(4),
            0x44 => OperatorShape::fixed(8),
            // Comparisons, arithmetic, conversions.
            0x45..=0xc4 => OperatorShape::fixed(0),
            _ => OperatorShape::READ_BY_PARSER,
        };
        operator += 1;
    }
    shapes
};
