//! A recording with its module, ready to be replayed.

#[cfg(feature = "files")]
use crate::{
    api::replaying::{Trees, trees_of},
    common::files::Files,
};
use crate::{
    api::{
        exchange::Exchange,
        instance_replay::Replays,
        linked::hash_of,
        plugin::{Plugin, sha256},
        recording::{Head, Readable, Recording},
        replaying::{GivenFiles, Replay, as_recorded, compared, struck},
    },
    common::{
        error::Error,
        failure::{Cause, Failure},
        recording::{ModuleRecord, Place},
        text::{Escaped, Quoted},
    },
    engine::{compiled_module::ENGINE, dispatch, other_modules::host_imports},
    loading::{describe::describe, warm_up::WarmUp},
    settings::{config::RunnerConfig, context::RunnerContext, modes::Compilation},
};
use alloc::{
    boxed::Box,
    format,
    string::{String, ToString},
    sync::Arc,
    vec,
    vec::Vec,
};
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
    pub(super) recording: Readable<'a>,
    /// The modules with their names. Of a plugin of one module, the name does not matter.
    modules: Vec<(&'a str, &'a [u8])>,
    head: Head,
    #[cfg(feature = "files")]
    given: Option<&'a Files>,
    /// The trees that are in the recording.
    #[cfg(feature = "files")]
    kept: Trees,
}

impl Recording {
    /// Puts the recording and its module together, to replay the calls. `module` is the module that
    /// was called, which the recording knows by its hash.
    ///
    /// # Errors
    ///
    /// [`Recording`](crate::ErrorKind::Recording) if it is one of another module or engine, or of a
    /// plugin of several modules.
    pub fn replayer<'a>(&'a self, module: &'a [u8]) -> Result<Replayer<'a>, Error> {
        self.with_modules(vec![("", module)], |head, _| {
            let hash = sha256(module);
            if !head.settings.modules.is_empty() {
                return Err(
                    "the recording is one of a plugin that was loaded as several modules; \
                            `replayer_linked` takes them"
                        .into(),
                );
            }
            match head.module == hash {
                true => Ok(()),
                false => Err(format!(
                    "the recording is one of the module of SHA-256 {}, not {}",
                    hexadecimal(&head.module),
                    hexadecimal(&hash)
                )),
            }
        })
    }

    /// Like [`replayer`](Self::replayer), for a plugin that was loaded as
    /// [several modules](crate::Runner::load_plugin_linked): all of them, with their names and in their
    /// order then. [`modules`](Self::modules) has the names.
    ///
    /// ```
    /// use pocketwasm::{Recording, Runner, RunnerConfig};
    ///
    /// let library = wat::parse_str(
    ///     r#"(module (func (export "double") (param i32) (result i32)
    ///         (i32.mul (local.get 0) (i32.const 2))))"#,
    /// )?;
    /// let main = wat::parse_str(
    ///     r#"(module
    ///         (import "math" "double" (func $double (param i32) (result i32)))
    ///         (func (export "run") (result i32) (call $double (i32.const 21))))"#,
    /// )?;
    /// let modules = [("math", &library), ("main", &main)];
    /// let plugin = Runner::new(RunnerConfig::new())?.load_plugin_linked("doubles", &modules)?;
    /// let mut recording = None;
    /// plugin.call("run").record(&mut recording).run()?;
    /// let file = recording.unwrap().to_bytes();
    ///
    /// let recording = Recording::from_bytes(&file)?;
    /// let replay = recording.replayer_linked(&modules)?.run()?;
    /// assert_eq!(replay.into_last().unwrap()?.results(), [42]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Recording`](crate::ErrorKind::Recording) if it is one of other modules or another engine, or
    /// of a plugin of one module. The error names the first module that differs.
    pub fn replayer_linked<'a, B: AsRef<[u8]>>(
        &'a self,
        modules: &'a [(&'a str, B)],
    ) -> Result<Replayer<'a>, Error> {
        let modules = modules.iter();
        let modules = modules.map(|(name, bytes)| (*name, bytes.as_ref()));
        self.with_modules(modules.collect(), |head, modules| {
            same_modules(&head.settings.modules, modules)?;
            match head.module == hash_of(modules) {
                true => Ok(()),
                false => Err("the recording is damaged: its hash of all modules is another".into()),
            }
        })
    }

    /// Puts the recording and modules together that `check` has nothing against.
    fn with_modules<'a>(
        &'a self,
        modules: Vec<(&'a str, &'a [u8])>,
        check: impl FnOnce(&Head, &[(&str, &[u8])]) -> Result<(), String>,
    ) -> Result<Replayer<'a>, Error> {
        let head = self.head();
        let checked = match head.engine == ENGINE {
            true => check(&head, &modules),
            false => Err(format!(
                "the recording was made by \"{}\"; this build has \"{}\"",
                Escaped(&head.engine, 200),
                ENGINE
            )),
        };
        checked.map_err(|problem| Failure::from(Cause::Recording { problem }))?;
        Ok(Replayer::new(self.readable()?, modules, head))
    }
}

/// Checks that modules are the recorded ones.
fn same_modules(recorded: &[ModuleRecord], given: &[(&str, &[u8])]) -> Result<(), String> {
    if recorded.is_empty() {
        return Err("the recording is one of a plugin of one module; `replayer` takes it".into());
    }
    let shown = |record: &ModuleRecord| {
        let hash = hexadecimal(&record.sha256);
        format!("{} of SHA-256 {hash}", Quoted(&record.name))
    };
    for (number, (recorded, (name, bytes))) in (1..).zip(recorded.iter().zip(given)) {
        let given = ModuleRecord::of(name, bytes);
        if *recorded != given {
            return Err(format!(
                "module {number} of the recorded plugin is {}, not {}",
                shown(recorded),
                shown(&given)
            ));
        }
    }
    match recorded.len() == given.len() {
        true => Ok(()),
        false => {
            let names = recorded.iter().map(|it| Quoted(&it.name).to_string());
            let names: Vec<String> = names.collect();
            Err(format!(
                "the recorded plugin has {} modules ({}), not {}",
                recorded.len(),
                names.join(", "),
                given.len()
            ))
        }
    }
}

impl<'a> Replayer<'a> {
    fn new(recording: Readable<'a>, modules: Vec<(&'a str, &'a [u8])>, head: Head) -> Self {
        #[cfg(feature = "files")]
        let of_calls = recording.calls.iter().filter_map(|it| it.files.as_ref());
        #[cfg(feature = "files")]
        let kept = trees_of(head.settings.files.iter().chain(of_calls));
        Self {
            recording,
            modules,
            #[cfg(feature = "files")]
            given: None,
            #[cfg(feature = "files")]
            kept,
            head,
        }
    }

    /// The files for a replay.
    pub(super) fn files_of_calls(&self) -> GivenFiles<'_> {
        #[cfg(feature = "files")]
        return GivenFiles {
            given: self.given,
            kept: Some(&self.kept),
        };
        #[cfg(not(feature = "files"))]
        GivenFiles::default()
    }

    /// Puts a recording and another build of its module together.
    #[cfg(feature = "testing")]
    pub(super) fn of_build(recording: &'a Recording, module: &'a [u8]) -> Result<Self, Error> {
        let head = Head {
            module: sha256(module),
            ..recording.head()
        };
        Ok(Self::new(recording.readable()?, vec![("", module)], head))
    }

    /// Gives the files that the calls saw, if the recording has them by their hash only.
    #[cfg(feature = "files")]
    #[cfg_attr(docsrs, doc(cfg(feature = "files")))]
    pub fn files(mut self, files: &'a Files) -> Self {
        self.given = Some(files);
        self
    }

    /// The files that were given.
    #[cfg(all(feature = "files", feature = "explain", feature = "std"))]
    pub(super) fn given_files(&self) -> Option<&'a Files> {
        self.given
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
        let mut replays = Replays {
            plugin,
            files: self.files_of_calls(),
            limits: as_recorded,
            with_exchanges: true,
            instance: None,
        };
        let (mut ended, mut passed_on, mut exchange) = (Vec::new(), Vec::new(), None);
        for call in &self.recording.calls {
            let compared = replays.next(call, |done, player| {
                let done = struck(done, &call.end);
                match player {
                    Some(player) => compared(done, player, &call.end),
                    None => Ok((done, Default::default())),
                }
            })?;
            let (done, output) = compared.map_err(|failure| {
                let error = plugin.error(failure);
                match call.place {
                    Place::Made => error,
                    _ => error.in_export(&call.export),
                }
            })?;
            exchange = None;
            ended.push(match done {
                Ok(mut outcome) if call.is_of_handler() => {
                    exchange = Some(Box::new(
                        Exchange::take(&mut outcome).map_err(Failure::from)?,
                    ));
                    Ok(outcome)
                }
                done => done,
            });
            passed_on.push(output);
        }
        Ok(Replay {
            ended,
            passed_on,
            exchange,
        })
    }

    /// Loads the module as it was loaded for the recording. It keeps its bytes for instrumented
    /// copies, if they are wanted.
    pub(super) fn load(&self, is_kept: bool) -> Result<Plugin, Error> {
        let settings = &self.head.settings;
        // The limits are needed to look at the module, and its imports for the functions.
        let mut bare = settings.clone();
        bare.functions.clear();
        let limits = RunnerConfig::of_recorded(&bare, &[])?;
        let infos = self.modules.iter().map(|(name, bytes)| {
            let (info, _) = describe(&limits, bytes)?;
            Ok((*name, info))
        });
        let infos: Vec<_> = infos.collect::<Result<_, Failure>>()?;
        let imports = host_imports(infos.iter().map(|(name, info)| (*name, info)));
        let mut config = RunnerConfig::of_recorded(settings, &imports)?;
        #[cfg(feature = "files")]
        {
            config.files = self.files_of_calls().tree(settings.files.as_ref())?;
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
        let name = &settings.plugin;
        match &*self.modules {
            [(_, module)] if settings.modules.is_empty() => {
                let warm_up = settings.warm_up.as_ref().map(WarmUp::of_record);
                let hash = Some(self.head.module);
                Plugin::load_with(&context, name, module, compilation, warm_up, hash)
            }
            modules => Plugin::load_linked(&context, name, modules, compilation),
        }
    }
}

impl fmt::Debug for Replayer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replayer")
            .field("recording", &*self.recording)
            .finish_non_exhaustive()
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
