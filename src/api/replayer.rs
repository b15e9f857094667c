//! A recording with its module, ready to be replayed.

#[cfg(feature = "files")]
use crate::common::{files::Files, recording::FilesRecord};
use crate::{
    api::{
        plugin::{Plugin, sha256},
        recording::{Head, Recording},
        replaying::{GivenFiles, Replay, fresh},
    },
    common::{
        error::Error,
        failure::{Cause, Failure},
        text::Escaped,
    },
    engine::{compiled_module::ENGINE, dispatch},
    loading::{describe::describe, warm_up::WarmUp},
    settings::{config::RunnerConfig, context::RunnerContext, modes::Compilation},
};
use alloc::{format, string::String, sync::Arc, vec::Vec};
use core::fmt;

/// A recording with the module that was called. It runs the recorded calls again, as often as one
/// likes and in several ways. [`Recording::replayer`] makes it.
///
/// ```
/// # use pocketwasm::{HostContext, Recording, Runner, RunnerConfig};
/// # let runner = Runner::new(RunnerConfig::new())?;
/// # let module = include_bytes!("../../fixtures/rust-greet.wasm");
/// # let plugin = runner.load_plugin("greet", module)?;
/// # let mut recording = None;
/// # plugin.call("greet").input("Ada").record(&mut recording).run()?;
/// # let recording = recording.unwrap();
/// let replayer = recording.replayer(module)?;
/// let replay = replayer.run()?;
/// assert_eq!(replay.last().unwrap().as_ref().unwrap().bytes(), b"Hello, Ada");
/// # Ok::<(), pocketwasm::Error>(())
/// ```
#[must_use = "a replayer does nothing before `run`"]
pub struct Replayer<'a> {
    pub(super) recording: &'a Recording,
    module: &'a [u8],
    head: Head,
    pub(super) files: GivenFiles<'a>,
}

impl Recording {
    /// Puts the recording and its module together, to replay the calls. `module` is the module that
    /// was called, which the recording knows by its hash.
    ///
    /// # Errors
    ///
    /// [`Recording`](crate::ErrorKind::Recording) if it is one of another module or engine.
    pub fn replayer<'a>(&'a self, module: &'a [u8]) -> Result<Replayer<'a>, Error> {
        let head = self.head();
        let hash = sha256(module);
        let problem = if head.engine != ENGINE {
            format!(
                "the recording was made by \"{}\"; this build has \"{}\"",
                Escaped(&head.engine, 200),
                ENGINE
            )
        } else if head.module != hash {
            format!(
                "the recording is one of the module of SHA-256 {}, not {}",
                hexadecimal(&head.module),
                hexadecimal(&hash)
            )
        } else {
            return Ok(Replayer {
                recording: self,
                module,
                head,
                files: GivenFiles::default(),
            });
        };
        Err(Failure::from(Cause::Recording { problem }).into())
    }
}

impl<'a> Replayer<'a> {
    /// Puts a recording and another build of its module together.
    #[cfg(feature = "testing")]
    pub(super) fn of_build(recording: &'a Recording, module: &'a [u8]) -> Self {
        Self {
            recording,
            module,
            head: Head {
                module: sha256(module),
                ..recording.head()
            },
            files: GivenFiles::default(),
        }
    }

    /// Gives the files that the calls saw, if the recording has them by their hash only.
    #[cfg(feature = "files")]
    #[cfg_attr(docsrs, doc(cfg(feature = "files")))]
    pub fn files(mut self, files: &'a Files) -> Self {
        self.files = GivenFiles(Some(files));
        self
    }

    /// The files that were given.
    #[cfg(all(feature = "files", feature = "explain", feature = "std"))]
    pub(super) fn given_files(&self) -> Option<&'a Files> {
        self.files.0
    }

    /// Runs the calls again, as [`Recording::replay`] describes it.
    ///
    /// # Errors
    ///
    /// Those of [`Recording::replay`].
    pub fn run(&self) -> Result<Replay, Error> {
        self.run_with(&self.load(false)?)
    }

    pub(super) fn run_with(&self, plugin: &Plugin) -> Result<Replay, Error> {
        let (mut ended, mut passed_on) = (Vec::new(), Vec::new());
        for call in &self.recording.calls {
            let (done, output) = fresh(call, plugin, self.files)?;
            ended.push(done);
            passed_on.push(output);
        }
        Ok(Replay { ended, passed_on })
    }

    /// Loads the module as it was loaded for the recording. It keeps its bytes for instrumented
    /// copies, if they are wanted.
    pub(super) fn load(&self, is_kept: bool) -> Result<Plugin, Error> {
        let settings = &self.head.settings;
        // The limits are needed to look at the module, and its imports for the functions.
        let mut bare = settings.clone();
        bare.functions.clear();
        let limits = RunnerConfig::of_recorded(&bare, &[])?;
        let (info, _) = describe(&limits, self.module)?;
        let mut config = RunnerConfig::of_recorded(settings, &info.imports)?;
        #[cfg(feature = "files")]
        {
            config.files = FilesRecord::tree(settings.files.as_ref(), self.files.0)?;
        }
        #[cfg(feature = "explain")]
        {
            config.keep_modules = is_kept;
        }
        #[cfg(not(feature = "explain"))]
        let _ = (is_kept, &mut config);
        dispatch::check()?;
        let compilation = match settings.grants.compiled_when_called {
            true => Compilation::WhenCalled,
            false => Compilation::AtLoad,
        };
        let context = Arc::new(RunnerContext::new(config));
        let (name, hash) = (&settings.plugin, Some(self.head.module));
        let warm_up = settings.warm_up.as_ref().map(WarmUp::of_record);
        Plugin::load_with(&context, name, self.module, compilation, warm_up, hash)
    }
}

impl fmt::Debug for Replayer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replayer")
            .field("recording", self.recording)
            .finish_non_exhaustive()
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
