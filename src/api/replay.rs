//! Replays a call on an instrumented copy of its module.

use crate::{
    api::{
        explaining::{Look, Replayed, explain, no_copy},
        lent_state::State,
        plugin::Plugin,
        task::{Begin, Task},
    },
    common::{
        backtrace::Explanation, error::Error, error_kind::ErrorKind, outcome::Outcome,
        sync::Shared, value::Import,
    },
    convention::{call_input::CallInput, kinds::Convention},
    engine::{
        compiled_module::CompiledModule, execution::Execution, guest_store::GuestStore,
        meter::CallLimits, observer::Observer, watch::Watch,
    },
    host::environment::{Environment, InputSource, Stdin},
    loading::{
        compile::LoadedModule,
        instrumented::{KeptModule, longest},
        snapshot_report::Snapshot,
    },
    module::instrument::Detail,
};
use alloc::{boxed::Box, collections::VecDeque, format, string::String, sync::Arc, vec::Vec};
use core::{mem, time::Duration};

/// Runs a call. If it ends with an error that can be explained, replays it and explains the error.
pub(super) fn explained(mut task: Task<'_>, plugin: &Plugin) -> Result<Outcome, Error> {
    let inputs = Inputs::of(&mut task);
    task.fresh(plugin)
        .map_err(|error| with_explanation(plugin, inputs, error))
}

/// Explains the error with which a call like this one ended before. It has a plugin if it needs a
/// fresh instance.
pub(super) fn later(mut task: Task<'_>, plugin: Option<&Plugin>, error: Error) -> Error {
    let Some(plugin) = plugin else {
        let why = "a call of a kept instance cannot be replayed alone";
        return error.explained(Err(why.into()), Duration::ZERO);
    };
    let environment = task.environment.as_ref();
    if environment.is_some_and(|it| matches!(it.stdin, Stdin::Source(_))) {
        let why = "the standard input is a stream, which the call has read";
        return error.explained(Err(why.into()), Duration::ZERO);
    }
    let inputs = Inputs::whole(&mut task);
    with_explanation(plugin, inputs, error)
}

/// The error of a call, with what a replay finds if it is one that is explained.
pub(super) fn with_explanation(plugin: &Plugin, inputs: Inputs<'_>, error: Error) -> Error {
    if !is_explained(&error, plugin, inputs.export) {
        return error;
    }
    timed(plugin, error, |error| pure(plugin, inputs, error))
}

/// The error of a call with its explanation, and with the time that it took to find it.
pub(super) fn timed(
    plugin: &Plugin,
    error: Error,
    explain: impl FnOnce(&Error) -> Result<Explanation, String>,
) -> Error {
    let clock = plugin.context().config.clock.as_ref();
    let now = || clock.map_or(Duration::ZERO, |clock| clock.monotonic());
    let began = now();
    let found = explain(&error).map_err(String::into_boxed_str);
    error.explained(found, now().saturating_sub(began))
}

/// Whether an error has a place in the guest's code that matters. The exit of a command is an
/// answer. An error that a plugin reports by its convention is one too, unless AssemblyScript's
/// runtime reports it because the guest has no handler.
pub(super) fn is_explained(error: &Error, plugin: &Plugin, export: &str) -> bool {
    let kind = match error.kind() {
        ErrorKind::Trap
        | ErrorKind::OutOfFuel
        | ErrorKind::Timeout
        | ErrorKind::Cancelled
        | ErrorKind::Host => true,
        ErrorKind::Exit => export != "_start" && error.exit_code() != Some(0),
        ErrorKind::Plugin => plugin.imports().iter().any(is_abort),
        _ => false,
    };
    kind && error.outcome().is_some()
}

/// By which the runtime of AssemblyScript ends a call.
fn is_abort(import: &Import) -> bool {
    (&*import.module, &*import.name) == ("env", "abort")
}

/// Explains the error of a call that must be pure.
fn pure(plugin: &Plugin, mut inputs: Inputs<'_>, error: &Error) -> Result<Explanation, String> {
    let Some(kept) = plugin.kept_modules() else {
        return Err("the runner does not keep the bytes of modules".into());
    };
    if let Some(why) = impurity(kept, error) {
        return Err(why);
    }
    explain(kept, error, &mut |code, fuel, look| {
        let task = inputs.again().into_task(Some(fuel), None);
        run_on(plugin, kept, code, task, None, look)
    })
}

/// Why a call cannot be replayed without a tape, if it cannot.
fn impurity(kept: &KeptModule, error: &Error) -> Option<String> {
    if kept.is_warm {
        let what = "the plugin was loaded with a warm-up call, which this replay does not make; a \
                    recording of the call has it (`Call::record`, `Replayer::explain`)";
        return Some(what.into());
    }
    let config = &kept.context.config;
    let what = if let Some(import) = &kept.asks {
        format!("the plugin imports {import}, which the embedder answers")
    } else if !config.has_virtual_surroundings() {
        "the guest has a real clock or real random numbers".into()
    } else if error.outcome().is_some_and(|it| !it.is_reproducible()) {
        "the guest has a directory of the host, which may be another one in a replay".into()
    } else {
        return None;
    };
    Some(match cfg!(feature = "recordings") {
        true => format!(
            "{what}; such a call is explained while it runs, by RunnerConfig::explain, or with its \
             recording, by Replayer::explain"
        ),
        false => format!("{what}; a build with the feature `recordings` explains such calls"),
    })
}

/// Runs a call on a copy of the module, while an observer looks on.
pub(super) fn run(
    plugin: &Plugin,
    kept: &KeptModule,
    task: Task<'_>,
    detail: Detail,
    observer: Box<dyn Observer>,
) -> Result<Replayed, String> {
    let code = kept.copy(detail).map_err(no_copy)?;
    run_on(plugin, kept, code, task, Some(observer), &mut |_, _| ())
}

/// Runs a call on one of the module's copies, while an observer looks on.
fn run_on(
    plugin: &Plugin,
    kept: &KeptModule,
    code: Arc<CompiledModule>,
    task: Task<'_>,
    observer: Option<Box<dyn Observer>>,
    look: &mut Look<'_>,
) -> Result<Replayed, String> {
    let copy = copy_of(plugin, kept, code);
    let prepare = |_: &mut Execution<'_>| Ok(Begin::Instantiate);
    let ended = |replayed: Replayed, guest_store: &GuestStore| {
        look(guest_store, &replayed.1);
        replayed
    };
    on_copy(&copy, task, observer, prepare, ended)
}

/// Runs a call in a fresh instance of a copy, while an observer looks on. `prepare` does what comes
/// before the call, and says what is left. `ended` gets the call as it ended, with its instance.
pub(super) fn on_copy<R>(
    copy: &Plugin,
    mut task: Task<'_>,
    observer: Option<Box<dyn Observer>>,
    prepare: impl FnOnce(&mut Execution<'_>) -> Result<Begin, String>,
    ended: impl FnOnce(Replayed, &GuestStore) -> R,
) -> Result<R, String> {
    let bound_input = task.bind(copy, None).map_err(|error| error.message())?;
    let (call_limits, environment) = task.take();
    let mut guest_store =
        GuestStore::new(copy.plugin_context(), copy.code(), call_limits, environment);
    observe(&mut guest_store, observer);
    let mut execution = Execution::new(copy.code(), &mut guest_store);
    let begin = prepare(&mut execution)?;
    let done = task.perform(copy, &mut execution, &bound_input, begin);
    let watch = watch_of(&mut guest_store)?;
    Ok(ended((done, watch), &guest_store))
}

/// Lets an observer look on at the next call of a copy.
pub(super) fn observe(guest_store: &mut GuestStore, observer: Option<Box<dyn Observer>>) {
    if let (Some(watch), Some(observer)) = (&mut guest_store.state().watch, observer) {
        watch.observe_with(observer);
    }
}

/// Takes what was seen of a call of a copy.
pub(super) fn watch_of(guest_store: &mut GuestStore) -> Result<Box<Watch>, String> {
    let watch = guest_store.state().watch.take();
    watch.ok_or_else(|| "the copy is not instrumented; please report this".into())
}

/// A copy of a plugin's module, as a plugin.
pub(super) fn copy_of(plugin: &Plugin, kept: &KeptModule, code: Arc<CompiledModule>) -> Plugin {
    let loaded = LoadedModule {
        code,
        original: None,
        snapshot: Snapshot::Off,
    };
    Plugin::of(&kept.context, plugin.shared_name(), kept.sha256, loaded)
}

/// What a call began with.
pub(super) struct Inputs<'a> {
    export: &'a str,
    input: CallInput<'a>,
    convention: Option<Convention>,
    max_memory_pages: Option<u32>,
    /// The time that the replay may take, if it is not the runner's.
    timeout: Option<Duration>,
    environment: Option<Box<Environment>>,
    /// What the call read from the source of its standard input.
    read: Option<Arc<Shared<VecDeque<Read>>>>,
}

impl<'a> Inputs<'a> {
    /// Copies what a call begins with. If its standard input has a source, what it reads there will
    /// be kept too.
    pub(super) fn of(task: &mut Task<'a>) -> Self {
        let mut read = None;
        let environment = task.environment.as_mut().map(|environment| {
            let copy = copy(environment);
            match mem::take(&mut environment.stdin) {
                Stdin::Source(source) => {
                    let kept = Arc::new(Shared::new(VecDeque::new()));
                    read = Some(kept.clone());
                    environment.stdin = Stdin::Source(Box::new(Keeps { source, kept }));
                }
                bytes => environment.stdin = bytes,
            }
            copy
        });
        Self {
            export: task.export,
            input: task.input,
            convention: task.convention,
            max_memory_pages: task.call_limits.max_memory_pages,
            timeout: task.call_limits.timeout.map(longest),
            environment,
            read,
        }
    }

    /// A copy, for one replay of several.
    fn again(&mut self) -> Self {
        Self {
            environment: self.environment.as_mut().map(|it| copy(it)),
            read: self.read.clone(),
            ..*self
        }
    }

    /// Takes what a call begins with, which will not run itself.
    pub(super) fn whole(task: &mut Task<'a>) -> Self {
        let environment = task.environment.take();
        let mut inputs = Self::of(task);
        inputs.environment = environment;
        inputs
    }

    pub(super) fn into_task(self, fuel: Option<u64>, state: Option<State<'a>>) -> Task<'a> {
        let mut environment = self.environment;
        if let (Some(environment), Some(read)) = (&mut environment, self.read) {
            let read = read.read(Clone::clone);
            environment.stdin = Stdin::Source(Box::new(Repeats(read)));
        }
        Task {
            export: self.export,
            input: self.input,
            call_limits: CallLimits {
                fuel,
                timeout: self.timeout,
                max_memory_pages: self.max_memory_pages,
                cancel: None,
            },
            convention: self.convention,
            environment,
            state,
            mistake: None,
            explaining: None,
            #[cfg(feature = "recordings")]
            recording: None,
        }
    }
}

/// A copy of what a call begins with, but for a source of input.
fn copy(environment: &mut Environment) -> Box<Environment> {
    let stdin = match &environment.stdin {
        Stdin::Bytes { bytes, position } => Stdin::Bytes {
            bytes: bytes.clone(),
            position: *position,
        },
        Stdin::Source(_) => Stdin::default(),
    };
    Box::new(Environment {
        args: environment.args.clone(),
        env: environment.env.clone(),
        stdin,
        config: environment.config.clone(),
        allowed_hosts: environment.allowed_hosts.clone(),
        #[cfg(feature = "files")]
        files: environment.files.clone(),
        ..*environment
    })
}

/// What a source of input answered.
#[derive(Debug, Clone)]
enum Read {
    Bytes(Option<Vec<u8>>),
    Ready(bool),
}

/// A source that keeps its answers.
struct Keeps {
    source: Box<dyn InputSource>,
    kept: Arc<Shared<VecDeque<Read>>>,
}

impl InputSource for Keeps {
    fn fetch(&mut self, bytes: &mut [u8]) -> Option<usize> {
        let count = self.source.fetch(bytes);
        let read = count.map(|count| bytes.get(..count.min(bytes.len())).unwrap_or_default());
        let read = read.map(<[u8]>::to_vec);
        self.kept.write(|kept| kept.push_back(Read::Bytes(read)));
        count
    }

    fn wait(&mut self, most: Duration) -> bool {
        let ready = self.source.wait(most);
        self.kept.write(|kept| kept.push_back(Read::Ready(ready)));
        ready
    }
}

/// A source that gives answers again, in their order.
struct Repeats(VecDeque<Read>);

impl InputSource for Repeats {
    fn fetch(&mut self, bytes: &mut [u8]) -> Option<usize> {
        match self.0.pop_front() {
            Some(Read::Bytes(read)) => {
                let read = read?;
                for (to, from) in bytes.iter_mut().zip(&read) {
                    *to = *from;
                }
                Some(read.len())
            }
            // The replay differs from the call. Its end will too.
            Some(Read::Ready(_)) | None => Some(0),
        }
    }

    fn wait(&mut self, _: Duration) -> bool {
        match self.0.pop_front() {
            Some(Read::Ready(ready)) => ready,
            Some(Read::Bytes(_)) | None => true,
        }
    }
}
