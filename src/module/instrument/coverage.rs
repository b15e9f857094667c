//! Places the sites that only coverage wants.

use super::{
    Detail, Event, Instrument,
    coverage_map::{Arms, Branch, Choice, CoveredFunction, Segment},
    operators::{has_own_price, may_trap},
    sites::Sites,
};
use crate::module::binary::{BytePatch, put_i64, put_u32};
use alloc::{boxed::Box, collections::BTreeMap, vec::Vec};
use wasmparser::Operator;

/// A label of the function that is open, and how its end is reached.
#[derive(Debug, Clone, Copy)]
struct Label {
    is_loop: bool,
    /// Whether code reached the operator that opened it.
    is_live: bool,
    /// The place of an `if` among the branches.
    branch: Option<usize>,
}

/// Follows a function's operators and places the sites that only coverage wants.
#[derive(Debug, Default)]
pub(super) struct Covering {
    function: u32,
    calls: u32,
    segments: Vec<Segment>,
    branches: Vec<Branch>,
    labels: Vec<Label>,
    /// The counter of the code here; `None` where nothing reaches it.
    current: Option<u32>,
    /// Whether what that counts also comes as far as here.
    is_exact: bool,
    operand: Operand,
}

impl Covering {
    pub(super) fn new(function: u32, start: usize, calls: u32) -> Self {
        let mut covering = Self {
            function,
            calls,
            labels: [Label {
                is_loop: false,
                is_live: true,
                branch: None,
            }]
            .into(),
            ..Self::default()
        };
        covering.begin(start, Some(calls));
        covering
    }

    fn begin(&mut self, at: usize, counter: Option<u32>) {
        let start = position(at);
        if self.segments.last().is_some_and(|last| last.start == start) {
            self.segments.pop();
        }
        self.segments.push(Segment { start, counter });
        self.current = counter;
        self.is_exact = true;
    }

    pub(super) fn into_function(self) -> CoveredFunction {
        CoveredFunction {
            function: self.function,
            calls: self.calls,
            segments: self.segments,
            branches: self.branches,
        }
    }
}

impl Instrument<'_> {
    /// Places what coverage wants before an operator.
    pub(super) fn cover_before(
        &mut self,
        covering: &mut Covering,
        (at, operator): (usize, &Operator<'_>),
        out: &mut BytePatch<'_>,
    ) {
        let decides = matches!(
            operator,
            Operator::If { .. } | Operator::BrIf { .. } | Operator::BrTable { .. }
        );
        if !decides || covering.current.is_none() {
            return;
        }
        if let Operator::BrTable { targets } = operator {
            self.choice(covering, at, targets, out);
        } else if !covering.is_exact {
            let site = self.segment(covering, at, at, out);
            covering.begin(at, site);
        }
    }

    /// Places what coverage wants after an operator. `site` is a site that is there anyway.
    pub(super) fn cover_after(
        &mut self,
        covering: &mut Covering,
        (at, operator): (usize, &Operator<'_>),
        end: usize,
        site: Option<u32>,
        out: &mut BytePatch<'_>,
    ) {
        let bytes = self.bytes.get(at..end).unwrap_or_default();
        let is_live = covering.current.is_some();
        match operator {
            Operator::Block { .. } | Operator::Loop { .. } => {
                covering.labels.push(Label {
                    is_loop: matches!(operator, Operator::Loop { .. }),
                    is_live,
                    branch: None,
                });
                if let (true, Some(site)) = (is_live, site) {
                    covering.begin(end, Some(site));
                }
            }
            Operator::If { .. } => {
                let branch = match (covering.current, site) {
                    (Some(all), Some(first)) => {
                        covering.branches.push(Branch {
                            offset: position(at),
                            arms: Arms::First { all, first },
                        });
                        covering.begin(end, site);
                        Some(covering.branches.len() - 1)
                    }
                    _ => None,
                };
                covering.labels.push(Label {
                    is_loop: false,
                    is_live,
                    branch,
                });
            }
            Operator::Else => {
                let label = covering.labels.last_mut();
                let Some(label) = label.filter(|label| label.is_live) else {
                    return;
                };
                let branch = label.branch.take();
                let branch = branch.and_then(|place| covering.branches.get_mut(place));
                if let (Some(branch), Some(second)) = (branch, site)
                    && let Arms::First { first, .. } = branch.arms
                {
                    branch.arms = Arms::Both { first, second };
                }
                covering.begin(end, site);
            }
            Operator::End => {
                let Some(label) = covering.labels.pop() else {
                    return;
                };
                if covering.labels.is_empty() || label.is_loop {
                    return;
                }
                // Nothing runs between two ends.
                let next = self.bytes.get(end).copied();
                let site = match label.is_live {
                    true if site.is_some() => site,
                    true if !matches!(next, Some(0x05 | 0x0b)) => {
                        self.segment(covering, at, end, out)
                    }
                    _ => None,
                };
                covering.begin(end, site);
            }
            Operator::BrIf { .. } => {
                let Some(all) = covering.current else {
                    return;
                };
                let site = self.segment(covering, at, end, out);
                if let Some(second) = site {
                    covering.branches.push(Branch {
                        offset: position(at),
                        arms: Arms::Second { all, second },
                    });
                }
                covering.begin(end, site);
            }
            Operator::Br { .. }
            | Operator::BrTable { .. }
            | Operator::Return
            | Operator::ReturnCall { .. }
            | Operator::ReturnCallIndirect { .. }
            | Operator::Unreachable => covering.begin(end, None),
            _ if is_live && site.is_some() => covering.begin(end, site),
            _ => covering.is_exact &= !may_trap(bytes) && !has_own_price(bytes),
        }
        covering.operand.pass(operator);
    }

    /// Places a site from which on code is counted.
    fn segment(
        &mut self,
        covering: &Covering,
        at: usize,
        place: usize,
        out: &mut BytePatch<'_>,
    ) -> Option<u32> {
        let function = covering.function;
        self.hook(Event::Segment, function, (at, None), place, out)
    }

    /// Reports the operand of a `br_table`. Where the engine may know the operand beforehand, it
    /// would take other code for reachable than without the report, and there is none.
    fn choice(
        &mut self,
        covering: &mut Covering,
        at: usize,
        targets: &wasmparser::BrTable<'_>,
        out: &mut BytePatch<'_>,
    ) {
        if covering.operand != Operand::Varies {
            return;
        }
        let mut known: BTreeMap<u32, u32> = BTreeMap::new();
        let mut place = |label: u32| {
            let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
            *known.entry(label).or_insert(next)
        };
        let labels: Box<[u32]> = targets
            .targets()
            .map_while(Result::ok)
            .map(&mut place)
            .collect();
        let default = place(targets.default());
        let count = u32::try_from(known.len()).unwrap_or(u32::MAX);
        if count < 2 {
            return;
        }
        let choice = Choice { labels, default };
        let number = self.sites.choice(covering.function, at, choice, count);
        let mut call = [0x41].to_vec();
        put_i64(&mut call, i32::from_le_bytes(number.to_le_bytes()).into());
        call.push(0x10);
        // It is imported last.
        let hook = self.imported.saturating_add(self.added);
        put_u32(&mut call, hook.saturating_sub(1));
        out.replace(at..at, &call);
        covering.branches.push(Branch {
            offset: position(at),
            arms: Arms::Table {
                first: number.saturating_add(1),
                labels: count,
            },
        });
    }
}

impl Sites {
    /// Adds a site that reports an operand, and a counter for each of `labels`.
    fn choice(&mut self, function: u32, offset: usize, choice: Choice, labels: u32) -> u32 {
        let number = self.add(Event::Choice, function, offset, None);
        for _ in 0..labels {
            self.add(Event::Choice, function, offset, None);
        }
        self.choices.insert(number, choice);
        number
    }
}

/// What is known of the operand on top of the stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Operand {
    /// The engine may compute it beforehand.
    #[default]
    Unknown,
    /// It does not.
    Varies,
    /// A constant, above one that varies.
    ConstantAboveVarying,
}

impl Operand {
    /// Follows an operator. The engine computes beforehand what it has from constants alone.
    fn pass(&mut self, operator: &Operator<'_>) {
        *self = match operator {
            Operator::LocalGet { .. }
            | Operator::Call { .. }
            | Operator::CallIndirect { .. }
            | Operator::MemorySize { .. }
            | Operator::MemoryGrow { .. }
            | Operator::I32Load { .. }
            | Operator::I32Load8U { .. }
            | Operator::I32Load8S { .. }
            | Operator::I32Load16U { .. }
            | Operator::I32Load16S { .. }
            | Operator::I64Load { .. } => Self::Varies,
            Operator::I32Const { .. } if *self == Self::Varies => Self::ConstantAboveVarying,
            Operator::LocalTee { .. } | Operator::I32WrapI64 | Operator::I32Extend8S
                if *self == Self::Varies =>
            {
                Self::Varies
            }
            Operator::I32Add
            | Operator::I32Sub
            | Operator::I32And
            | Operator::I32Or
            | Operator::I32Xor
            | Operator::I32Shl
            | Operator::I32ShrU
                if *self != Self::Unknown =>
            {
                Self::Varies
            }
            _ => Self::Unknown,
        };
    }
}

/// Whether a copy counts for coverage.
pub(super) fn is_wanted(detail: Detail) -> bool {
    detail == Detail::Coverage
}

fn position(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
