//! Which operators the walk looks at, and what it looks for.

use super::{OperatorScan, RewriteReason};
use crate::{common::failure::Failure, module::inspect::unsupported};
use wasmparser::VisitOperator;

/// Defines the visitor's methods. Those for a few operators look at them, the others do nothing.
macro_rules! look {
    ($( @$proposal:ident $op:ident $({ $($arg:ident: $ty:ty),* })? => $visit:ident $ann:tt )*) => {
        $( look!(of $proposal $op $visit $($($arg: $ty),*)?); )*
    };
    (of exceptions $op:ident $visit:ident $($arg:ident: $ty:ty),*) => {
        look!(refuse exceptions $visit $($ty),*);
    };
    (of legacy_exceptions $op:ident $visit:ident $($arg:ident: $ty:ty),*) => {
        look!(refuse exceptions $visit $($ty),*);
    };
    (of gc $op:ident $visit:ident $($arg:ident: $ty:ty),*) => {
        look!(refuse garbage_collection $visit $($ty),*);
    };
    (of $proposal:ident $op:ident $visit:ident $($arg:ident: $ty:ty),*) => {
        look!(one $op $visit $($arg: $ty),*);
    };
    (refuse $refuse:ident $visit:ident $($ty:ty),*) => {
        #[cold]
        fn $visit(&mut self $(, _: $ty)*) -> Result<(), Failure> {
            Err(unsupported::$refuse("an instruction"))
        }
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
            self.refers_to_start |= self.spaces.start == Some(function);
            Ok(())
        }
    };
    (one ReturnCall $visit:ident $function:ident: $of:ty) => {
        fn $visit(&mut self, function: $of) -> Result<(), Failure> {
            self.tail_call(function)
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
        look!(so $visit($table: $in) table_change($table));
    };
    (one TableSize $visit:ident $table:ident: $in:ty) => {
        look!(so $visit($table: $in) table($table));
    };
    (one TableFill $visit:ident $table:ident: $in:ty) => {
        look!(so $visit($table: $in) table_change($table));
    };
    (one ElemDrop $visit:ident $segment:ident: $in:ty) => {
        look!(so $visit($segment: $in) element_drop($segment));
    };
    (one DataDrop $visit:ident $segment:ident: $in:ty) => {
        fn $visit(&mut self, _: $in) -> Result<(), Failure> {
            self.data_drop()
        }
    };
    (one TableCopy $visit:ident $to:ident: $a:ty, $from:ident: $b:ty) => {
        fn $visit(&mut self, to: $a, from: $b) -> Result<(), Failure> {
            self.table_change(to)?;
            self.table(from)
        }
    };
    (one TableInit $visit:ident $segment:ident: $a:ty, $table:ident: $b:ty) => {
        fn $visit(&mut self, segment: $a, table: $b) -> Result<(), Failure> {
            self.element_segment(segment)?;
            self.table_change(table)
        }
    };
    (one TableGrow $visit:ident $table:ident: $in:ty) => {
        fn $visit(&mut self, table: $in) -> Result<(), Failure> {
            self.rewritten = Some(RewriteReason::TableGrow);
            self.table_change(table)
        }
    };
    (one MemoryGrow $visit:ident $memory:ident: $in:ty) => {
        fn $visit(&mut self, _: $in) -> Result<(), Failure> {
            self.rewritten = Some(RewriteReason::MemoryGrow);
            Ok(())
        }
    };
    (one MemorySize $visit:ident $memory:ident: $in:ty) => {
        fn $visit(&mut self, _: $in) -> Result<(), Failure> {
            self.rewritten = Some(RewriteReason::MemorySize);
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

impl<'a> VisitOperator<'a> for OperatorScan<'_> {
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
impl wasmparser::VisitSimdOperator<'_> for OperatorScan<'_> {
    wasmparser::for_each_visit_simd_operator!(look);
}
