//! Which of the engine's known faults are kept away from guests. `module` describes and closes
//! them.

/// The faults that are kept away: all of them, except in a build that searches for faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Faults {
    /// The names of the faults that can be reached.
    #[cfg(pocketwasm_faults)]
    pub(crate) kept: &'static [&'static str],
}

impl Faults {
    pub(crate) const CLOSED: Self = Self {
        #[cfg(pocketwasm_faults)]
        kept: &[],
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
