//! Replays a call on an instrumented copy of its module.

use crate::{
    api::{
        lent_state::State,
        plugin::Plugin,
        task::{Begin, Task},
    },
    common::{
        backtrace::Backtrace, error::Error, error_kind::ErrorKind, outcome::Outcome, sync::Shared,
        text::Quoted, value::Import,
    },
    convention::{call_input::CallInput, kinds::Convention},
    engine::{
        execution::Execution, guest_store::GuestStore, meter::CallLimits, observer::Observer,
        watch::Watch,
    },
    host::environment::{Environment, InputSource, Stdin},
    loading::{
        compile::LoadedModule,
        instrumented::{KeptModule, longest},
        snapshot_report::Snapshot,
    },
    module::{instrument::Detail, symbols::Symbols},
};
use alloc::{boxed::Box, collections::VecDeque, format, string::String, sync::Arc, vec::Vec};
use core::{mem, time::Duration};

/// Runs a call. If it ends with an error that can be explained, replays it and explains the error.
pub(super) fn explained(
    mut task: Task<'_>,
    plugin: &Plugin,
    kept: &KeptModule,
) -> Result<Outcome, Error> {
    let inputs = Inputs::of(&mut task);
    let error = match task.fresh(plugin) {
        Err(error) if is_explained(&error, plugin, inputs.export) => error,
        done => return done,
    };
    let clock = kept.context.config.clock.as_ref();
    let now = || clock.map_or(Duration::ZERO, |clock| clock.monotonic());
    let began = now();
    let found = explain(plugin, kept, inputs, &error).map_err(String::into_boxed_str);
    Err(error.explained(found, now().saturating_sub(began)))
}

/// Whether an error has a place in the guest's code that matters. The exit of a command is an
/// answer. An error that a plugin reports by its convention is one too, unless AssemblyScript's
/// runtime reports it because the guest has no handler.
fn is_explained(error: &Error, plugin: &Plugin, export: &str) -> bool {
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

/// Replays the call that ended with `error`. Fails with the reason if it cannot be replayed, or ends
/// in another way.
fn explain(
    plugin: &Plugin,
    kept: &KeptModule,
    inputs: Inputs<'_>,
    error: &Error,
) -> Result<Backtrace, String> {
    if let Some(why) = impurity(plugin, kept, error) {
        return Err(why);
    }
    let Some(outcome) = error.outcome() else {
        return Err("the guest had not begun".into());
    };
    // After a snapshot, the call did not run the initialiser. The replay does.
    let fuel = outcome.fuel_used().saturating_add(outcome.init_fuel());
    // Nobody wants to wait for every turn of a loop that ran until the deadline.
    let detail = match is_limited(error) && fuel > MUCH_FUEL {
        true => Detail::Calls,
        false => Detail::Operators,
    };
    let task = inputs.into_task(Some(fuel), None);
    let (replayed, watch) = run(plugin, kept, task, detail, None)?;
    let exhausted = same_end(error, fuel, &replayed, watch.is_spent)?;
    let mut active = watch.active();
    if exhausted {
        // The last function did not begin in the call: there was no room for it on the stack.
        active = active.split_last().map_or(active, |(_, callers)| callers);
    }
    let symbols = Symbols::of(&kept.bytes);
    let frames = active.iter().rev();
    Ok(Backtrace {
        frames: frames
            .map(|it| symbols.frame(it.function, it.offset))
            .collect(),
    })
}

/// The fuel from which on the place of a call that ran into a limit is its function alone.
const MUCH_FUEL: u64 = 100_000_000;

/// Whether a call was ended from outside, for want of fuel or time.
fn is_limited(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::OutOfFuel | ErrorKind::Timeout | ErrorKind::Cancelled
    )
}

/// How the message of a trap begins whose rest names limits, which are other ones for the copy.
const EXHAUSTED: &str = "trap: call stack exhausted";

/// Checks that a replay ended as the call did. Returns whether it ended for want of fuel where the
/// call had exhausted its stack: the copy has a larger one.
fn same_end(
    error: &Error,
    fuel: u64,
    replayed: &Result<Outcome, Error>,
    is_spent: bool,
) -> Result<bool, String> {
    let ended = match replayed {
        Ok(_) => "well".into(),
        Err(other) => {
            let is_spent = is_spent || other.kind() == ErrorKind::OutOfFuel;
            let used = other.outcome().map_or(0, Outcome::fuel_used);
            if is_limited(error) && is_spent {
                return Ok(false);
            }
            if other.kind() == ErrorKind::Timeout {
                let limit = other.message();
                return Err(format!(
                    "the replay takes three times as long as the call: {limit}"
                ));
            }
            let [message, same] = [error.message(), other.message()];
            if message.starts_with(EXHAUSTED) && (is_spent || same.starts_with(EXHAUSTED)) {
                return Ok(is_spent);
            }
            if other.kind() == error.kind() && same == message && used == fuel {
                return Ok(false);
            }
            format!("with {:?} after {used} units", other.message())
        }
    };
    Err(format!(
        "the replay ended {ended}, the call after {fuel} units of fuel; please report this"
    ))
}

/// Why a call cannot be replayed, if it cannot.
fn impurity(plugin: &Plugin, kept: &KeptModule, error: &Error) -> Option<String> {
    let config = &kept.context.config;
    if kept.is_warm {
        return Some("a plugin with a warm-up call cannot be replayed".into());
    }
    if error.outcome().is_some_and(|it| !it.is_reproducible()) {
        return Some(
            "the guest has a real clock, real random numbers or a directory of the host".into(),
        );
    }
    let functions = &config.functions;
    let answers = |module: &str, name: &str| {
        functions.get(module, name).is_some()
            || functions.has_operations() && name == "__host_call"
            || config.http_client.is_some() && name == "http_request"
    };
    let mut imports = plugin.imports().iter();
    let import = imports.find(|import| answers(&import.module, &import.name))?;
    let (module, name) = (Quoted(&import.module), Quoted(&import.name));
    Some(format!(
        "the plugin imports {module} {name}, which the embedder answers; only calls without such \
         functions are replayed"
    ))
}

/// Runs a call on a copy of the module, while an observer looks on.
pub(super) fn run(
    plugin: &Plugin,
    kept: &KeptModule,
    mut task: Task<'_>,
    detail: Detail,
    observer: Option<Box<dyn Observer>>,
) -> Result<(Result<Outcome, Error>, Box<Watch>), String> {
    let code = kept
        .copy(detail)
        .map_err(|failure| format!("no instrumented copy of the module can be made: {failure}"))?;
    let loaded = LoadedModule {
        code,
        original: None,
        snapshot: Snapshot::Off,
    };
    let copy = Plugin::of(&kept.context, plugin.shared_name(), kept.sha256, loaded);
    let bound_input = task.bind(&copy, None).map_err(|error| error.message())?;
    let (call_limits, environment) = task.take();
    let mut guest_store =
        GuestStore::new(copy.plugin_context(), copy.code(), call_limits, environment);
    if let (Some(watch), Some(observer)) = (&mut guest_store.state().watch, observer) {
        watch.observe_with(observer);
    }
    let mut execution = Execution::new(copy.code(), &mut guest_store);
    let done = task.perform(&copy, &mut execution, &bound_input, Begin::Instantiate);
    match guest_store.state().watch.take() {
        Some(watch) => Ok((done, watch)),
        None => Err("the copy is not instrumented; please report this".into()),
    }
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
    fn of(task: &mut Task<'a>) -> Self {
        let mut read = None;
        let environment = task.environment.as_mut().map(|environment| {
            let stdin = match mem::take(&mut environment.stdin) {
                Stdin::Bytes { bytes, position } => {
                    environment.stdin = Stdin::from(bytes.clone());
                    Stdin::Bytes { bytes, position }
                }
                Stdin::Source(source) => {
                    let kept = Arc::new(Shared::new(VecDeque::new()));
                    read = Some(kept.clone());
                    environment.stdin = Stdin::Source(Box::new(Keeps { source, kept }));
                    Stdin::default()
                }
            };
            Box::new(Environment {
                args: environment.args.clone(),
                env: environment.env.clone(),
                stdin,
                config: environment.config.clone(),
                allowed_hosts: environment.allowed_hosts.clone(),
                #[cfg(feature = "files")]
                files: environment.files.clone(),
                #[cfg(feature = "recordings")]
                tape: None,
                ..**environment
            })
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
            let read = read.write(mem::take);
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
            #[cfg(feature = "recordings")]
            recording: None,
        }
    }
}

/// What a source of input answered.
#[derive(Debug)]
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
