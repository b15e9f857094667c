//! Settings that are a choice of some.

/// When instances start from a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum SnapshotMode {
    /// Never.
    Never,
    /// Where one saves about 10 µs a call or more: where the initialiser uses 10,000 units of
    /// fuel, or 300 data segments become a few, or some of each. None is looked for where the memory
    /// begins with more than 256 pages and one for each KiB of the module.
    #[default]
    WhereItPays,
    /// Wherever it changes nothing that can be observed.
    WherePossible,
}

/// When a module's functions are compiled. Results, output and fuel do not depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Compilation {
    /// All of them when the module is loaded: no call waits for it.
    #[default]
    AtLoad,
    /// Each when it is first called, for modules of which a call or two are made. All are
    /// validated at load. Compiling is then part of the call and cannot be interrupted, so the
    /// call may end later than its deadline by what loading the whole module would have taken
    /// longer: some 35 ms for each MB of code.
    WhenCalled,
}
