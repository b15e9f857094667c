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

/// What a module is, needs and offers, as far as that can be told without compiling it: of one that
/// cannot be linked too. From [`Runner::describe_module`].
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

    /// The pages of linear memory (65,536 bytes each) that every instance would begin with.
    #[must_use]
    pub fn memory_pages(&self) -> u64 {
        self.info.minimum_pages
    }

    /// What the module needs, in its own order.
    #[must_use]
    pub fn imports(&self) -> &[Import] {
        &self.info.imports
    }

    /// Why the import at that place in [`imports`](Self::imports) cannot be had of this runner; nothing
    /// where it can.
    #[must_use]
    pub fn missing(&self, import: usize) -> Option<&str> {
        let found = self.missing.iter().find(|(place, _)| *place == import);
        found.map(|(_, why)| why.as_str())
    }

    /// What the module offers, sorted by name.
    #[must_use]
    pub fn exports(&self) -> &[Export] {
        &self.info.exports
    }

    /// How it would take and give bytes: the likeliest of its conventions.
    #[must_use]
    pub fn convention(&self) -> Option<Convention> {
        Convention::all_of(&self.info).first().copied()
    }

    /// Why it follows its convention, or why it follows none: one line.
    #[must_use]
    pub fn convention_reason(&self) -> String {
        Convention::reason(&self.info)
    }
}

impl Runner {
    /// Describes a module without compiling it. What it imports need not be there, which
    /// [`Plugin`](crate::Plugin) needs.
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
    /// `InvalidModule`, `ShapeLimit` or `MemoryLimit`, where not even the shape can be told.
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
