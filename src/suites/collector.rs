//! Coverage of a whole test run.

use crate::{
    api::{call::Call, recording::Recording},
    common::{coverage::Coverage, error::Error, outcome::Outcome, sync::Shared},
};
use alloc::vec::Vec;
use std::{
    env, eprintln,
    path::{Path, PathBuf},
};

/// The variable that names a file of coverage.
const VARIABLE: &str = "POCKETWASM_COVERAGE";

/// Runs calls, and collects which code ran if that is wanted. When it is dropped, it adds to a file
/// what it has; many tests, in many processes, may have the same file.
///
/// It can be shared between threads. Plugins must be loaded by a runner that keeps modules
/// ([`RunnerConfig::keep_modules`](crate::RunnerConfig::keep_modules)) or explains errors.
///
/// ```
/// use pocketwasm::{Runner, RunnerConfig, testing::Collector};
///
/// let runner = Runner::new(RunnerConfig::new().explain(true))?;
/// let module = include_bytes!("../../fixtures/rust-greet.wasm");
/// let plugin = runner.load_plugin("greet", module)?;
/// let collector = Collector::from_env();
/// let outcome = collector.run(plugin.call("greet").input("World"))?;
/// assert_eq!(outcome.bytes(), b"Hello, World");
/// # Ok::<(), pocketwasm::Error>(())
/// ```
#[derive(Debug)]
pub struct Collector {
    file: Option<PathBuf>,
    coverage: Shared<Coverage>,
}

impl Collector {
    /// Collects for a file.
    #[must_use]
    pub fn to(file: impl AsRef<Path>) -> Self {
        Self::new(Some(file.as_ref().into()))
    }

    /// Collects for the file that the variable `POCKETWASM_COVERAGE` names. Without the variable, calls
    /// just run. A path that is not absolute is below the folder in which `cargo test` starts a test,
    /// that of its package.
    #[must_use]
    pub fn from_env() -> Self {
        let file = env::var_os(VARIABLE).filter(|file| !file.is_empty());
        Self::new(file.map(PathBuf::from))
    }

    fn new(file: Option<PathBuf>) -> Self {
        Self {
            file,
            coverage: Shared::default(),
        }
    }

    /// Runs a call: as [`Call::cover`] if coverage is collected, else as [`Call::run`].
    ///
    /// # Errors
    ///
    /// Those of the one or the other.
    pub fn run(&self, call: Call<'_>) -> Result<Outcome, Error> {
        if self.file.is_none() {
            return call.run();
        }
        let mut covered = Coverage::new();
        let ended = call.cover(&mut covered);
        self.coverage.write(|coverage| coverage.merge(&covered));
        ended
    }

    /// Makes recorded calls on another build of their module, as [`Recording::mock`] does it, and
    /// collects their coverage too.
    ///
    /// # Errors
    ///
    /// Those of [`Recording::mock`].
    pub fn mock(
        &self,
        recording: &Recording,
        module: &[u8],
    ) -> Result<Vec<Result<Outcome, Error>>, Error> {
        if self.file.is_none() {
            return recording.mock(module);
        }
        let mut covered = Coverage::new();
        let ended = recording.mocked(module, Some(&mut covered));
        self.coverage.write(|coverage| coverage.merge(&covered));
        ended
    }

    /// What was collected since the file was last written.
    #[must_use]
    pub fn coverage(&self) -> Coverage {
        self.coverage.read(Clone::clone)
    }

    /// Adds to the file what was collected since that was last done.
    ///
    /// # Errors
    ///
    /// Those of [`Coverage::append_to`].
    pub fn save(&self) -> Result<(), Error> {
        let coverage = self.coverage.write(core::mem::take);
        match &self.file {
            Some(file) if coverage.calls() > 0 => coverage.append_to(file).map(drop),
            _ => Ok(()),
        }
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        if let Err(error) = self.save() {
            eprintln!("coverage is lost: {error}");
        }
    }
}
