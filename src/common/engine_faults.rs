//! Which of the engine's known faults are kept away from guests. `module` describes and closes
//! them.

/// The faults that are kept away: all of them, except in a build that searches for faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Faults {
    /// The names of the faults that can be reached.
    #[cfg(pocketwasm_faults)]
    pub(crate) kept: &'static [&'static str],
    /// Whether a module is one of several in a store. It can then meet functions of the host that it
    /// does not import itself.
    pub(crate) across_modules: bool,
}

impl Faults {
    pub(crate) const CLOSED: Self = Self {
        #[cfg(pocketwasm_faults)]
        kept: &[],
        across_modules: false,
    };

    /// Whether the fault of that name is kept away.
    #[cfg_attr(
        not(pocketwasm_faults),
        expect(clippy::unused_self, unused_variables, reason = "all are")
    )]
    pub(crate) fn closes(self, name: &str) -> bool {
        #[cfg(pocketwasm_faults)]
        return !self.kept.contains(&name);
        #[cfg(not(pocketwasm_faults))]
        true
    }
}
