//! Who looks on while an instrumented module runs.

use crate::{
    common::{failure::Failure, wasm_value::Value},
    module::{
        instance_state::Constant,
        instrument::{Event, Site, Sites},
    },
};
use alloc::vec::Vec;
use core::any::Any;

/// Looks on while an instrumented module runs. A replay has one at most.
pub(crate) trait Observer: Any + Send + Sync {
    /// A site was reached. A failure ends the call.
    fn reached(&mut self, reached: &Reached<'_>, guest: &mut dyn Guest) -> Result<(), Failure>;

    /// A branch that decides by a number chose what this counter counts.
    fn chose(&mut self, _counter: u32) {}
}

/// The guest at a site.
pub(crate) trait Guest {
    /// The pages of all its memories.
    fn memory_pages(&self) -> u32;

    /// The main memory, which is empty if there is none.
    fn memory(&self) -> &[u8];

    /// A memory by its index, if the copy exports it for that. It is empty if it does not.
    fn memory_at(&self, index: u32) -> &[u8];

    /// The value of a global, if the copy exports it for that and it is no reference.
    fn global(&self, index: u32) -> Option<Constant>;
}

/// A function of the guest that has begun and not ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ActiveFunction {
    pub(crate) function: u32,
    /// The operator that was last reached, as a position in the module's bytes.
    pub(crate) offset: u32,
    /// What happened there last. If it is a call, the call has not returned.
    pub(crate) event: Event,
}

impl ActiveFunction {
    pub(crate) fn is_calling(&self) -> bool {
        self.event == Event::Call
    }
}

/// The values at a place when it was last reached.
#[derive(Debug, Default)]
pub(crate) struct Reported {
    /// The number that stands for the place.
    pub(crate) number: u32,
    /// The locals that are reported.
    pub(crate) locals: Vec<Option<Constant>>,
    /// The operands that are reported, the topmost last.
    pub(crate) operands: Vec<Option<Constant>>,
}

/// A site that was reached.
pub(crate) struct Reached<'a> {
    pub(crate) number: u32,
    pub(crate) site: Site,
    pub(crate) sites: &'a Sites,
    /// The fuel that the call has used.
    pub(crate) used: u64,
    /// Whether that is more than it had. The call ends here, and the module itself did not come so
    /// far.
    pub(crate) is_spent: bool,
    /// The arguments or the results, if the copy reports them.
    pub(crate) values: &'a [Value],
    /// What was reported last at each depth. Where nothing was reported it may be old.
    pub(crate) reported: &'a [Option<Reported>],
    /// The innermost function until now, which used the fuel since the site before. It may have
    /// ended.
    pub(crate) last: Option<ActiveFunction>,
    /// The functions that call each other now, the outermost first.
    pub(crate) active: &'a [ActiveFunction],
}
