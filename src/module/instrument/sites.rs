//! The sites of an instrumented module.

use super::{
    coverage_map::{Choice, CoverageMap},
    places::{Place, Values},
};
use alloc::{collections::BTreeMap, vec::Vec};
#[cfg(all(feature = "recordings", feature = "std"))]
use core::ops::Range;

/// Which sites a copy has. Each has those of the ones before it, except where it says which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Detail {
    /// No sites.
    Nothing,
    /// Where functions begin, and around calls.
    Calls,
    /// Also where fuel is taken.
    Blocks,
    /// Also wherever code begins that may run another number of times than what is before it.
    Coverage,
    /// Those of blocks, and before each operator that may trap.
    Operators,
    /// Where functions begin and end, and around calls, each with arguments or results.
    Values,
    /// Those of blocks, and before each operator that does something.
    Steps,
}

impl Detail {
    /// Whether a copy has sites of an event.
    pub(super) fn has(self, event: Event) -> bool {
        match event {
            Event::Enter | Event::Call | Event::Return => self != Self::Nothing,
            Event::Block | Event::Spent => {
                matches!(
                    self,
                    Self::Blocks | Self::Coverage | Self::Operators | Self::Steps
                )
            }
            Event::Segment | Event::Choice => self == Self::Coverage,
            Event::Operator => self == Self::Operators,
            Event::End | Event::Tail => self == Self::Values,
            Event::Step => self == Self::Steps,
        }
    }
}

/// What happens at a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// A function begins.
    Enter,
    /// A loop begins another round, or an arm of an `if` begins. The engine has just taken fuel.
    Block,
    /// A call comes next. It may reach a function of the guest or of the host.
    Call,
    /// The call has returned.
    Return,
    /// An operator is done whose fuel depends on its operands.
    Spent,
    /// Code begins that may run another number of times than what is before it.
    Segment,
    /// A `br_table` comes next, which is reported with its operand.
    Choice,
    /// An operator that may trap comes next.
    Operator,
    /// A function ends, unless by a trap or a tail call.
    End,
    /// A tail call of an imported function comes next.
    Tail,
    /// An operator comes next.
    Step,
}

/// A place in the original module, and what happens there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Site {
    pub(crate) event: Event,
    /// The index of the function, imported functions included.
    pub(crate) function: u32,
    /// The position of the operator in the module's bytes.
    pub(crate) offset: u32,
    /// The imported function that is called, where that is known.
    pub(crate) callee: Option<u32>,
}

/// All sites, by their numbers.
#[derive(Debug)]
pub(crate) struct Sites {
    detail: Detail,
    sites: Vec<Site>,
    /// What is reported at places, by the number that is reported with it.
    values: Vec<Values>,
    /// What the sites say about coverage, if the copy counts for that.
    pub(crate) coverage: CoverageMap,
    /// The sites of branches that report their operands.
    pub(super) choices: BTreeMap<u32, Choice>,
    /// Whether a table may hold imported functions.
    pub(crate) are_imports_in_tables: bool,
}

impl Sites {
    pub(super) fn new(detail: Detail, values: Vec<Values>) -> Self {
        Self {
            detail,
            sites: Vec::new(),
            values,
            coverage: CoverageMap::default(),
            choices: BTreeMap::new(),
            are_imports_in_tables: false,
        }
    }

    /// The sites of several modules, each counted on from those before it.
    pub(crate) fn joined(detail: Detail, modules: impl IntoIterator<Item = Self>) -> Self {
        let mut joined = Self::new(detail, Vec::new());
        for module in modules {
            joined.sites.extend(module.sites);
        }
        joined
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.sites.len()).unwrap_or(u32::MAX)
    }

    /// The values that are reported with that number.
    pub(crate) fn values(&self, number: u32) -> Option<&Values> {
        self.values.get(number as usize)
    }

    /// What is reported at a place.
    pub(crate) fn values_at(&self, place: Place) -> Option<&Values> {
        self.values.iter().find(|it| it.place == place)
    }

    /// Whether locals are reported. A `local.get` then costs nothing.
    pub(crate) fn report_locals(&self) -> bool {
        self.detail == Detail::Values || self.values.iter().any(|it| !it.locals.is_empty())
    }

    /// Whether there is a site wherever the engine takes fuel.
    pub(crate) fn cover_fuel(&self) -> bool {
        self.detail.has(Event::Block)
    }

    /// Adds a site and returns its number.
    pub(super) fn add(
        &mut self,
        event: Event,
        function: u32,
        offset: usize,
        callee: Option<u32>,
    ) -> u32 {
        let number = u32::try_from(self.sites.len()).unwrap_or(u32::MAX);
        self.sites.push(Site {
            event,
            function,
            offset: u32::try_from(offset).unwrap_or(u32::MAX),
            callee,
        });
        number
    }

    /// The counter of a branch that reports its operand.
    pub(crate) fn chosen(&self, number: u32, operand: u32) -> Option<u32> {
        Some(self.choices.get(&number)?.counter(number, operand))
    }

    /// The site before the first operator in a part of a function, in copies for steps.
    #[cfg(all(feature = "recordings", feature = "std"))]
    pub(crate) fn step_in(&self, offsets: Range<u32>) -> Option<u32> {
        let steps = (0..)
            .zip(&self.sites)
            .filter(|(_, site)| site.event == Event::Step && offsets.contains(&site.offset));
        let first = steps.min_by_key(|(_, site)| site.offset);
        first.map(|(number, _)| number)
    }

    pub(crate) fn get(&self, number: u32) -> Option<Site> {
        self.sites.get(number as usize).copied()
    }
}
