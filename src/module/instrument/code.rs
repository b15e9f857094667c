//! The code section of the copy: the hook's calls in the functions' bodies.

use super::{
    Detail, Event, First, Instrument, ONE_UNIT, Place, Side,
    coverage::{self, Covering},
    operators::{has_own_price, may_trap},
    passed::indexed,
};
use crate::{
    common::failure::Failure,
    module::binary::{BytePatch, put_bytes, put_i64, put_u32, sized},
};
use alloc::vec::Vec;
use wasmparser::{BinaryReader, BlockType, FunctionBody, Operator};

impl Instrument<'_> {
    pub(super) fn code(&mut self, mut content: BinaryReader<'_>) -> Result<Vec<u8>, Failure> {
        let count = content.read_var_u32()?;
        let mut out = Vec::with_capacity(content.bytes_remaining());
        put_u32(&mut out, count);
        for index in 0..count {
            let body = sized(&mut content)?;
            let function = self.imported.saturating_add(index);
            put_bytes(&mut out, &self.body(function, body)?);
        }
        Ok(out)
    }

    fn body(&mut self, function: u32, body: BinaryReader<'_>) -> Result<Vec<u8>, Failure> {
        let mut out = self.patch(&body);
        let first = body.original_position();
        let mut operators = FunctionBody::new(body).get_operators_reader()?;
        let start = operators.original_position();
        let reports_locals = self.sites.report_locals();
        let entered = self.hook(Event::Enter, function, (start, None), start, &mut out);
        let mut covering = match entered {
            Some(calls) if coverage::is_wanted(self.detail) => {
                Some(Covering::new(function, first, calls))
            }
            _ => None,
        };
        if let Some(results) = self.results(function) {
            out.replace(start..start, &self.passed.block(&results));
        }
        // For each open label, whether the engine may take fuel at its end: for the `else` that an `if`
        // with parameters does not have, and for the `else` of an `if` whose condition it knows to
        // be true.
        let mut open = [false].to_vec();
        while !operators.eof() {
            let at = operators.original_position();
            let operator = operators.read()?;
            let end = operators.original_position();
            let bytes = self.bytes.get(at..end).unwrap_or_default();
            self.report((function, at, Side::Before), at, &mut out);
            if is_step(&operator) || operators.eof() {
                self.hook(Event::Step, function, (at, Some(&operator)), at, &mut out);
            }
            if let Some(event) = before(&operator, bytes) {
                self.hook(event, function, (at, Some(&operator)), at, &mut out);
            }
            if let Some(covering) = &mut covering {
                self.cover_before(covering, (at, &operator), &mut out);
            }
            self.end(function, (at, &operator), operators.eof(), &mut out);
            match operator {
                Operator::I32Const { .. } | Operator::TableGrow { .. } => {
                    out.replace(at..at, &ONE_UNIT);
                }
                Operator::LocalGet { .. } if reports_locals => out.replace(at..at, &ONE_UNIT),
                Operator::Call { function_index } => {
                    out.replace(at..at, &ONE_UNIT);
                    self.function(at..end, &[0x10], function_index, &mut out);
                }
                Operator::ReturnCall { function_index } => {
                    self.function(at..end, &[0x12], function_index, &mut out);
                }
                Operator::RefFunc { function_index } => {
                    self.function(at..end, &[0xd2], function_index, &mut out);
                }
                _ => {}
            }
            if self.traps.is_some_and(|offset| offset as usize == at) {
                const UNREACHABLE: u8 = 0;
                out.replace(end..end, &[UNREACHABLE]);
            }
            let mut event = after(&operator, bytes);
            match operator {
                Operator::Block { .. } | Operator::Loop { .. } => open.push(false),
                Operator::If { blockty } => open.push(matches!(blockty, BlockType::FuncType(_))),
                Operator::Else => {
                    open.pop();
                    open.push(true);
                }
                Operator::End if open.pop() == Some(true) => event = Some(Event::Spent),
                _ => {}
            }
            self.report((function, at, Side::After), end, &mut out);
            let site = event
                .and_then(|event| self.hook(event, function, (at, Some(&operator)), end, &mut out));
            if let Some(covering) = &mut covering {
                self.cover_after(covering, (at, &operator), end, site, &mut out);
            }
        }
        if let Some(covering) = covering {
            self.sites.coverage.functions.push(covering.into_function());
        }
        Ok(out.finish())
    }

    /// Inserts what reports values next to the operator at `at`.
    fn report(
        &self,
        (function, at, side): (u32, usize, Side),
        place: usize,
        out: &mut BytePatch<'_>,
    ) {
        let offset = u32::try_from(at).unwrap_or(u32::MAX);
        let wanted = Place {
            function,
            offset,
            side,
        };
        if let Some(code) = self.reports.at(wanted) {
            out.replace(place..place, code);
        }
    }

    /// Inserts a call of the hook at `place`, for the operator at `at`, if the copy wants such a
    /// site. Returns its number.
    pub(super) fn hook(
        &mut self,
        event: Event,
        function: u32,
        (at, operator): (usize, Option<&Operator<'_>>),
        place: usize,
        out: &mut BytePatch<'_>,
    ) -> Option<u32> {
        if !self.detail.has(event) {
            return None;
        }
        let callee = match (event, operator) {
            (
                Event::Call | Event::Return | Event::Tail,
                Some(Operator::Call { function_index } | Operator::ReturnCall { function_index }),
            ) => Some(*function_index).filter(|index| *index < self.imported),
            _ => None,
        };
        let mut call = Vec::new();
        let with_values = match self.detail {
            Detail::Values => self.passed(event, function, operator, callee, &mut call),
            _ => None,
        };
        let First {
            site: first,
            function: first_function,
            offset: first_offset,
        } = self.first;
        let function = function.saturating_add(first_function);
        let at = at.saturating_add(first_offset as usize);
        let site = self.sites.add(event, function, at, callee);
        let site = site.saturating_add(first);
        call.push(0x41);
        put_i64(&mut call, i32::from_le_bytes(site.to_le_bytes()).into());
        call.push(0x10);
        put_u32(&mut call, with_values.unwrap_or(self.imported));
        out.replace(place..place, &call);
        Some(site)
    }

    /// The results of a function, if the copy reports them.
    fn results(&self, function: u32) -> Option<Vec<u8>> {
        let [_, results] = self.passed.function(function)?;
        Some(results.clone())
    }

    /// Reports the results of a function where it ends, which is where the block around its body ends
    /// and where it returns.
    fn end(
        &mut self,
        function: u32,
        (at, operator): (usize, &Operator<'_>),
        is_last: bool,
        out: &mut BytePatch<'_>,
    ) {
        const END: u8 = 0x0b;
        if !self.detail.has(Event::End) {
            return;
        }
        match operator {
            Operator::End if is_last => {
                if self.passed.function(function).is_some() {
                    out.replace(at..at, &[END]);
                }
            }
            Operator::Return => {}
            Operator::ReturnCall { .. } => {
                self.hook(Event::Tail, function, (at, Some(operator)), at, out);
                return;
            }
            _ => return,
        }
        self.hook(Event::End, function, (at, Some(operator)), at, out);
    }

    /// The hook that takes the values of a site too, if there are any. The code that pushes them is
    /// appended to `code`, unless they are on the stack.
    fn passed(
        &self,
        event: Event,
        function: u32,
        operator: Option<&Operator<'_>>,
        callee: Option<u32>,
        code: &mut Vec<u8>,
    ) -> Option<u32> {
        match (event, operator) {
            (Event::Enter, _) => {
                let [params, _] = self.passed.function(function)?;
                let hook = self.passed.to(params, false)?;
                for (local, _) in (0..).zip(params) {
                    code.push(0x20);
                    put_u32(code, local);
                }
                Some(hook)
            }
            (Event::End, _) => self.passed.to(&self.results(function)?, true),
            (_, Some(Operator::CallIndirect { type_index, .. })) => {
                let [params, results] = self.passed.signature(*type_index)?;
                match event {
                    Event::Call => self.passed.to(&indexed(params), true),
                    _ => self.passed.to(results, true),
                }
            }
            _ => {
                let [params, results] = self.passed.function(callee?)?;
                match event {
                    Event::Return => self.passed.to(results, true),
                    _ => self.passed.to(params, true),
                }
            }
        }
    }
}

/// What to report before an operator. A tail call ends the function, and the next function takes its
/// place.
fn before(operator: &Operator<'_>, bytes: &[u8]) -> Option<Event> {
    match operator {
        Operator::Call { .. } | Operator::CallIndirect { .. } => Some(Event::Call),
        Operator::ReturnCall { .. } | Operator::ReturnCallIndirect { .. } => Some(Event::Spent),
        _ => may_trap(bytes).then_some(Event::Operator),
    }
}

/// Whether an operator does something itself, apart from being where others jump to.
fn is_step(operator: &Operator<'_>) -> bool {
    !matches!(
        operator,
        Operator::Nop
            | Operator::Block { .. }
            | Operator::Loop { .. }
            | Operator::Else
            | Operator::End
    )
}

/// What to report after an operator.
fn after(operator: &Operator<'_>, bytes: &[u8]) -> Option<Event> {
    match operator {
        Operator::Loop { .. } | Operator::If { .. } | Operator::Else => Some(Event::Block),
        Operator::Call { .. } | Operator::CallIndirect { .. } => Some(Event::Return),
        _ => has_own_price(bytes).then_some(Event::Spent),
    }
}
