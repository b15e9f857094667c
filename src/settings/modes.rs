//! Settings with a few possible values.

/// When instances start from a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum SnapshotMode {
    /// Instances never start from a snapshot.
    Never,
    /// Where a snapshot saves about 10 µs a call or more: the initialiser uses 10,000 units of
    /// fuel, or a snapshot turns 300 data segments into a few, or there is some of both. No
    /// snapshot is considered if the memory begins with more pages than 256 plus one for each KiB
    /// of the module.
    #[default]
    WhereItPays,
    /// Wherever a snapshot changes nothing that can be observed.
    WherePossible,
}

/// When a module's functions are compiled. Results, output and fuel do not depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Compilation {
    /// All functions when the module is loaded. No call waits for compiling.
    #[default]
    AtLoad,
    /// Each function when it is first called, for modules that are called once or twice. The whole
    /// module is still validated at load.
    ///
    /// Compiling is then part of the call and cannot be interrupted. The call may end later than
    /// its deadline, by at most the time that loading would have taken longer: some 35 ms for each
    /// MB of code.
    WhenCalled,
}

/// What happens to a module that imports a function which nothing provides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum MissingImports {
    /// The module is refused when it is loaded.
    #[default]
    Refuse,
    /// The module loads. A call that reaches the function ends with
    /// [`UnsupportedImport`](crate::ErrorKind::UnsupportedImport), which names it.
    Trap,
}

/// What the time of a call is, which [`RunnerConfig::timeout`](crate::RunnerConfig::timeout) bounds,
/// if the call is suspended in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Deadline {
    /// The time in which it runs. A call that is paused for an hour then goes on where it was.
    #[default]
    RunningTime,
    /// All time since it began. A call whose time ended while it was suspended ends with
    /// [`Timeout`](crate::ErrorKind::Timeout) when it is resumed.
    WallTime,
}
