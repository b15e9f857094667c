//! Coverage of calls.

#[cfg(feature = "std")]
use crate::system::coverage_file::append;
use crate::{
    api::{call::Call, plugin::sha256},
    common::{
        coverage::{Coverage, not_called},
        coverage_report::CoverageReport,
        error::Error,
        limits::Limits,
        outcome::Outcome,
    },
    engine::counts::Counts,
    module::{
        covered::report,
        inspect::inspect,
        instrument::{Detail, instrument},
        symbols::Symbols,
    },
};
use alloc::boxed::Box;

impl Call<'_> {
    /// Runs the call on an instrumented copy of the module, and adds to `coverage` which code ran. The
    /// runner must keep modules ([`RunnerConfig::keep_modules`](crate::RunnerConfig::keep_modules)) or
    /// explain errors, because the copy is made of a module's bytes.
    ///
    /// The call costs the same fuel as on the module itself, and takes several times as long. It has
    /// three times the timeout, and at least ten seconds. The initialiser is part of it, even if the
    /// plugin has a snapshot. What the guest writes goes into the outcome or is dropped.
    ///
    /// ```
    /// use pocketwasm::{Runner, RunnerConfig, explain::Coverage};
    ///
    /// let runner = Runner::new(RunnerConfig::new().explain(true))?;
    /// let module = include_bytes!("../../fixtures/rust-greet.wasm");
    /// let plugin = runner.load_plugin("greet", module)?;
    /// let mut coverage = Coverage::new();
    /// for name in ["World", "", "\u{1f980}"] {
    ///     plugin.call("greet").input(name).cover(&mut coverage)?;
    /// }
    /// let report = coverage.report(module)?;
    /// assert_eq!(report.calls(), 3);
    /// println!("{report}");
    /// # Ok::<(), pocketwasm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`run`](Self::run); what had run until then is counted. `InvalidConfig` if the runner
    /// keeps no modules, or for a call of a kept instance or of a plugin with a warm-up call.
    #[cfg_attr(docsrs, doc(cfg(feature = "explain")))]
    pub fn cover(self, coverage: &mut Coverage) -> Result<Outcome, Error> {
        let (_, kept, (ended, mut watch)) =
            self.watched("coverage", Detail::Coverage, |_, _| {
                Box::new(Counts::default())
            })?;
        let counts = watch.take_observer::<Counts>().unwrap_or_default();
        coverage.add(kept.sha256, counts.counters());
        ended
    }
}

impl Coverage {
    /// Adds these counts to those in a file, if it is there, and returns the sum. Several processes may
    /// do that at the same time: each takes a lock, the file FILE.lock, and no one sees a half of the
    /// file. A lock that is older than 10 seconds is taken over.
    ///
    /// # Errors
    ///
    /// `Io` if the file cannot be read or written, or if its lock is held for 20 seconds. `InvalidConfig` if
    /// the file is not one of coverage.
    #[cfg(feature = "std")]
    #[cfg_attr(docsrs, doc(cfg(feature = "std")))]
    pub fn append_to(&self, path: impl AsRef<std::path::Path>) -> Result<Self, Error> {
        Ok(append(path.as_ref(), self)?)
    }

    /// What the counters of a module mean: its functions, lines and branches, with those that never
    /// ran. The module must be the very one that was called.
    ///
    /// # Errors
    ///
    /// `InvalidConfig` if no call of that module was counted. `InvalidModule` or `ShapeLimit` if the bytes are
    /// no module.
    pub fn report(&self, module: &[u8]) -> Result<CoverageReport, Error> {
        let hash = sha256(module);
        let Some(counted) = self.of(&hash) else {
            return Err(not_called(&hash, self).into());
        };
        let limits = Limits {
            max_module_bytes: usize::MAX,
            max_functions: u32::MAX,
            max_locals: u32::MAX,
            max_total_locals: u32::MAX,
            max_globals: u32::MAX,
            max_imports: u32::MAX,
            max_exports: u32::MAX,
            max_params: u32::MAX,
            max_results: u32::MAX,
            max_memories: 100,
            max_memory_pages: 65_536,
            max_tables: 100,
            max_table_elements: u32::MAX,
            max_nesting: 1_000_000,
            ..Limits::DEFAULT
        };
        let info = inspect(module, &limits)?;
        let sites = instrument(module, &info, Detail::Coverage, None)?.sites;
        let symbols = Symbols::of(module);
        Ok(report(
            &sites.coverage,
            &symbols,
            counted.calls(),
            |counter| counted.get(counter),
        ))
    }
}
