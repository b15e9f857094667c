//! Loading modules from files.

use crate::{
    api::{
        plugin::Plugin,
        runner::{Runner, text},
    },
    common::{
        error::Error,
        error_kind::Phase,
        failure::{Cause, Failure},
        outcome::Outcome,
    },
};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use std::{fs::File, io::Read, path::Path};

pub(super) fn io(action: &'static str, path: &Path, source: std::io::Error) -> Error {
    Failure::from(Cause::Io {
        action,
        path: path.to_string_lossy().into_owned(),
        source,
    })
    .into()
}

impl Runner {
    /// Reads a file, but no more of it than a module's maximum size.
    pub(super) fn read(&self, path: &Path) -> Result<Vec<u8>, Error> {
        let maximum = self.context().config.limits.max_module_bytes as u64;
        let failed = |error| io("read", path, error);
        let file = File::open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let too_large = |actual| {
            let what = "the module's size".to_string();
            let limit = "max_module_bytes";
            let failure = Failure::from(Cause::ShapeLimit {
                what,
                actual,
                limit,
                maximum,
            });
            Err(Error::from(failure)
                .at(Phase::Load)
                .in_plugin(&path.to_string_lossy().into()))
        };
        if length > maximum {
            return too_large(length);
        }
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
        // The file may grow while it is being read.
        file.take(maximum + 1)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        if bytes.len() as u64 > maximum {
            return too_large(bytes.len() as u64);
        }
        Ok(bytes)
    }

    /// Loads the plugin in a file; its name is the path. The file is read every time, and the
    /// compiled module is cached by its content, within `max_cache_bytes`. A changed file is
    /// therefore never mistaken for the old one.
    ///
    /// # Errors
    ///
    /// `NotFound` or `Io` for the file, and those of [`load_plugin`](Self::load_plugin).
    pub fn plugin_at(&self, path: impl AsRef<Path>) -> Result<Plugin, Error> {
        let path = path.as_ref();
        self.context().check_open()?;
        let bytes = self.read(path)?;
        self.cached(&path.to_string_lossy(), &bytes)
    }

    /// Calls an export of the module in a file with numbers, in a fresh instance.
    ///
    /// ```
    /// # let runner = pocketwasm::Runner::new(pocketwasm::RunnerConfig::new())?;
    /// assert_eq!(runner.run_function("fixtures/add.wasm", "add", &[1, 2])?, [3]);
    /// # Ok::<(), pocketwasm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`plugin_at`](Self::plugin_at) and of [`Call::run`](crate::Call::run).
    pub fn run_function(
        &self,
        path: impl AsRef<Path>,
        export: &str,
        params: &[u64],
    ) -> Result<Vec<u64>, Error> {
        let plugin = self.plugin_at(path)?;
        plugin
            .call(export)
            .params(params)
            .run()
            .map(Outcome::into_results)
    }

    /// Calls the export `greet` of the module in a file with a name, and returns its greeting.
    ///
    /// It is [`run_plugin_string`](Self::run_plugin_string) with a fixed export. It is here for the
    /// sake of gowasmrunner, whose idea this library re-imagines: there, greeting is the first
    /// thing that one does with a plugin.
    ///
    /// ```
    /// # let runner = pocketwasm::Runner::new(pocketwasm::RunnerConfig::new())?;
    /// assert_eq!(runner.run_greet("fixtures/rust-greet.wasm", "World")?, "Hello, World");
    /// # Ok::<(), pocketwasm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`plugin_at`](Self::plugin_at) and of
    /// [`run_plugin_string`](Self::run_plugin_string).
    pub fn run_greet(&self, path: impl AsRef<Path>, name: &str) -> Result<String, Error> {
        let plugin = self.plugin_at(path)?;
        text(plugin.call("greet").input(name))
    }
}
