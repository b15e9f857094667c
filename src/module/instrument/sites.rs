//! The sites of an instrumented module.

use alloc::vec::Vec;

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
    /// An operator that may trap comes next.
    Operator,
}

/// A place in the original module, and what happens there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Site {
    pub(crate) event: Event,
    /// The index of the function, imported functions included.
    pub(crate) function: u32,
    /// The position of the operator in the module's bytes.
    pub(crate) offset: u32,
}

/// All sites, by their numbers.
#[derive(Debug, Default)]
pub(crate) struct Sites(Vec<Site>);

impl Sites {
    /// Adds a site and returns its number.
    pub(super) fn add(&mut self, event: Event, function: u32, offset: usize) -> u32 {
        let number = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        self.0.push(Site {
            event,
            function,
            offset: u32::try_from(offset).unwrap_or(u32::MAX),
        });
        number
    }

    pub(crate) fn get(&self, number: u32) -> Option<Site> {
        self.0.get(number as usize).copied()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}
