//! A module described before it is compiled.

use crate::{
    api::{plugin::sha256, runner::Runner},
    common::{
        error::Error,
        error_kind::Phase,
        value::{Export, Import},
    },
    convention::kinds::Convention,
    loading::describe::describe,
    module::inspect::ModuleInfo,
};
use alloc::{string::String, vec::Vec};

/// The description of a module that was read but not compiled. A module whose imports cannot be
/// resolved can be described too. See [`Runner::describe_module`].
#[derive(Debug, Clone)]
pub struct Description {
    sha256: [u8; 32],
    info: ModuleInfo,
    missing: Vec<(usize, String)>,
}

impl Description {
    /// The SHA-256 of the module's bytes.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        self.sha256
    }

    /// The size of the module in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.info.bytes
    }

    /// The number of functions that the module defines.
    #[must_use]
    pub fn functions(&self) -> u32 {
        self.info.functions
    }

    /// The initial size of an instance's linear memory, in pages of 65,536 bytes.
    #[must_use]
    pub fn memory_pages(&self) -> u64 {
        self.info.minimum_pages
    }

    /// The imports, in the module's order.
    #[must_use]
    pub fn imports(&self) -> &[Import] {
        &self.info.imports
    }

    /// Why this runner cannot provide an import. `import` is its index in
    /// [`imports`](Self::imports). Returns `None` if the runner provides it.
    #[must_use]
    pub fn missing(&self, import: usize) -> Option<&str> {
        let found = self.missing.iter().find(|(place, _)| *place == import);
        found.map(|(_, why)| why.as_str())
    }

    /// The exports, sorted by name.
    #[must_use]
    pub fn exports(&self) -> &[Export] {
        &self.info.exports
    }

    /// The convention by which the module passes bytes. If it fits several, this is the likeliest.
    #[must_use]
    pub fn convention(&self) -> Option<Convention> {
        Convention::all_of(&self.info).first().copied()
    }

    /// Why the module follows its convention, or why it follows no known one. One line.
    #[must_use]
    pub fn convention_reason(&self) -> String {
        Convention::reason(&self.info)
    }
}

impl Runner {
    /// Whether calls have the same outcome again, on every machine. They have not if guests are
    /// given a [real clock](crate::RunnerConfig::guest_clock), [real random
    /// numbers](crate::RunnerConfig::guest_entropy) or a directory of the host.
    /// [`Outcome::is_reproducible`](crate::Outcome::is_reproducible) says the same of one call.
    #[must_use]
    pub fn is_reproducible(&self) -> bool {
        self.config().is_reproducible()
    }

    /// Describes a module without compiling it. Unlike [`load_plugin`](Self::load_plugin), this
    /// accepts a module whose imports this runner cannot provide.
    ///
    /// ```
    /// use pocketwasm::{Runner, RunnerConfig};
    ///
    /// let runner = Runner::new(RunnerConfig::new())?;
    /// let module = wat::parse_str(r#"(module (import "cloud" "launch" (func)))"#)?;
    /// let description = runner.describe_module(&module)?;
    /// assert!(description.missing(0).is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidModule` if the bytes are not a valid module; `ShapeLimit` or `MemoryLimit` if the
    /// module exceeds a limit of the runner.
    pub fn describe_module(&self, bytes: impl AsRef<[u8]>) -> Result<Description, Error> {
        let bytes = bytes.as_ref();
        let described = describe(self.config(), bytes);
        let (info, missing) = described.map_err(|failure| Error::from(failure).at(Phase::Load))?;
        Ok(Description {
            sha256: sha256(bytes),
            info,
            missing,
        })
    }
}
