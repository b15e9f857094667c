//! What matters of a function's operators before they are compiled.

use super::{at_most, invalid};
use crate::{error::Failure, limits::Limits};
use alloc::vec::Vec;
use wasmparser::{BlockType, FunctionBody, VisitOperator};

/// The sums over all function bodies.
#[derive(Debug, Default)]
pub(super) struct Bodies {
    pub(super) count: u32,
    pub(super) grows_tables: bool,
    /// Each `memory.grow`, which is compiled in a block of its own.
    pub(super) memory_grows: usize,
    /// The functions that contain one, or a `table.grow`.
    pub(super) growing: Vec<u32>,
    /// The most values that a branch to a block carries.
    pub(super) widest_block: u32,
    /// The locals of the function that declares most.
    pub(super) most_locals: u64,
    locals: u64,
}

impl Bodies {
    /// Reads one body; `widths` has, for each function type, the larger of the numbers of its
    /// parameters and results.
    pub(super) fn read(
        &mut self,
        body: &FunctionBody<'_>,
        widths: &[u32],
        limits: &Limits,
    ) -> Result<(), Failure> {
        let mut locals = 0_u64;
        for group in body.get_locals_reader()? {
            locals += u64::from(group?.0);
            at_most(
                "the number of a function's locals",
                locals,
                "max_locals",
                limits.max_locals.into(),
            )?;
        }
        self.most_locals = self.most_locals.max(locals);
        self.locals += locals;
        at_most(
            "the number of all functions' locals",
            self.locals,
            "max_total_locals",
            limits.max_total_locals.into(),
        )?;
        let walk = Walk::through(body, widths)?;
        at_most(
            "the nesting of blocks",
            walk.deepest.into(),
            "max_nesting",
            limits.max_nesting.into(),
        )?;
        at_most(
            "the number of a block's parameters or results",
            walk.widest.into(),
            "max_results",
            limits.max_results.into(),
        )?;
        self.widest_block = self.widest_block.max(walk.widest);
        self.grows_tables |= walk.grows_tables;
        if walk.grows_tables || walk.memory_grows != 0 {
            self.growing.push(self.count);
        }
        self.memory_grows += walk.memory_grows;
        self.count += 1;
        Ok(())
    }
}

/// The visitor of the operators of one body. It only counts, so a body costs its own length to
/// read and nothing to hold; a visitor, since reading into `Operator` took twice as long.
struct Walk<'a> {
    widths: &'a [u32],
    depth: u32,
    deepest: u32,
    widest: u32,
    grows_tables: bool,
    memory_grows: usize,
    /// Whether the `end` of the function itself was read.
    ended: bool,
}

impl<'a> Walk<'a> {
    fn through(body: &FunctionBody<'_>, widths: &'a [u32]) -> Result<Self, Failure> {
        let mut walk = Self {
            widths,
            depth: 0,
            deepest: 0,
            widest: 0,
            grows_tables: false,
            memory_grows: 0,
            ended: false,
        };
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            // The engine's translator takes for granted that there is a block to be in.
            if walk.ended {
                return Err(invalid("a function goes on after its end"));
            }
            operators.visit_operator(&mut walk)?;
        }
        Ok(walk)
    }

    fn enter(&mut self, ty: BlockType) {
        // A body has fewer than 2^32 bytes, so fewer blocks.
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
        let width = match ty {
            BlockType::Empty => 0,
            BlockType::Type(_) => 1,
            // A type that does not exist is for the engine to refuse.
            BlockType::FuncType(ty) => self.widths.get(ty as usize).copied().unwrap_or_default(),
        };
        self.widest = self.widest.max(width);
    }
}

/// Defines the visitor's methods: six that look, the others empty.
macro_rules! look {
    ($( @$proposal:ident $op:ident $({ $($arg:ident: $ty:ty),* })? => $visit:ident $ann:tt )*) => {
        $( look!(one $op $visit $($($arg: $ty),*)?); )*
    };
    (one Block $visit:ident $arg:ident: $ty:ty) => { look!(enter $visit); };
    (one Loop $visit:ident $arg:ident: $ty:ty) => { look!(enter $visit); };
    (one If $visit:ident $arg:ident: $ty:ty) => { look!(enter $visit); };
    (one End $visit:ident) => {
        fn $visit(&mut self) {
            match self.depth.checked_sub(1) {
                Some(depth) => self.depth = depth,
                None => self.ended = true,
            }
        }
    };
    (one MemoryGrow $visit:ident $arg:ident: $ty:ty) => {
        fn $visit(&mut self, _: $ty) {
            self.memory_grows += 1;
        }
    };
    (one TableGrow $visit:ident $arg:ident: $ty:ty) => {
        fn $visit(&mut self, _: $ty) {
            self.grows_tables = true;
        }
    };
    (one $op:ident $visit:ident $($arg:ident: $ty:ty),*) => {
        #[inline(always)]
        fn $visit(&mut self $(, _: $ty)*) {}
    };
    (enter $visit:ident) => {
        fn $visit(&mut self, ty: BlockType) {
            self.enter(ty);
        }
    };
}

impl<'a> VisitOperator<'a> for Walk<'_> {
    type Output = ();

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
