//! Recorded calls, which run again on instrumented copies of their module.

use crate::{
    api::{
        explaining::{Look, Replayed, explain},
        handler_call::{HandlerCall, Handling},
        instance::Instance,
        instance_replay::{InstanceReplay, player_of},
        plugin::Plugin,
        recording::Recording,
        replay::{copy_of, observe, on_copy, watch_of},
        replaying::{GivenFiles, with_task},
        task::Begin,
    },
    common::{
        backtrace::Explanation,
        error::Error,
        failure::Failure,
        http::HttpRequest,
        outcome::CallOutput,
        recording::{CallRecord, InputRecord, Place, WarmUpRecord},
    },
    engine::{
        compiled_module::CompiledModule, execution::Execution, guest_store::GuestStore,
        meter::CallLimits, observer::Observer, watch::Watch,
    },
    host::tape::{Player, Tape},
    loading::{instrumented::KeptModule, warm_up::WarmUp},
};
use alloc::{
    boxed::Box,
    format,
    string::{String, ToString},
    sync::Arc,
};
use core::ops::Range;

/// Makes the observer of each call, by its number.
pub(super) type Observers<'a> = dyn FnMut(usize) -> Option<Box<dyn Observer>> + 'a;

/// Recorded calls with the plugin whose copies run them again.
pub(super) struct Copied<'a> {
    pub(super) recording: &'a Recording,
    pub(super) files: GivenFiles<'a>,
    pub(super) plugin: &'a Plugin,
    pub(super) kept: &'a KeptModule,
    /// What a call may use on a copy.
    pub(super) limits: fn(&CallRecord) -> CallLimits,
}

impl<'a> Copied<'a> {
    pub(super) fn new(recording: &'a Recording, plugin: &'a Plugin, kept: &'a KeptModule) -> Self {
        Self {
            recording,
            files: GivenFiles::default(),
            plugin,
            kept,
            limits: as_ended,
        }
    }

    /// Explains the error of the call of that number.
    pub(super) fn explain(&self, number: usize, error: &Error) -> Result<Explanation, String> {
        explain(self.kept, error, &mut |code, _, look| {
            self.replayed(code, number, look)
        })
    }

    /// Runs the call of that number on a copy, after those that came before it in its instance, and looks
    /// at the instance at the end.
    fn replayed(
        &self,
        code: Arc<CompiledModule>,
        number: usize,
        look: &mut Look<'_>,
    ) -> Result<Replayed, String> {
        let mut found = None;
        let mut ended = |at: usize, replayed: Replayed, guest_store: &GuestStore| {
            if at == number {
                look(guest_store, &replayed.1);
                found = Some(replayed);
            }
        };
        self.run(code, self.needed(number), &mut |_| None, &mut ended)?;
        found.ok_or_else(|| "the call did not begin".into())
    }

    /// The calls that must run for the one of that number: it, and those that came before it in its
    /// instance.
    pub(super) fn needed(&self, number: usize) -> Range<usize> {
        let end = number.saturating_add(1);
        let calls = self.recording.calls.get(..end).unwrap_or_default();
        let begins = |call: &CallRecord| {
            call.is_request() || call.place == Place::Made && call.end.failed.is_none()
        };
        let begin = match calls.last() {
            Some(call) if call.place == Place::Kept => calls.iter().rposition(begins),
            _ => Some(number),
        };
        begin.unwrap_or_default()..end
    }

    /// Runs calls on a copy. `ended` gets each as it ended, with its instance. Fails with the reason if
    /// a call cannot begin.
    pub(super) fn run(
        &self,
        code: Arc<CompiledModule>,
        numbers: Range<usize>,
        observers: &mut Observers<'_>,
        ended: &mut dyn FnMut(usize, Replayed, &GuestStore),
    ) -> Result<(), String> {
        let copy = copy_of(self.plugin, self.kept, code.clone());
        let mut instance = None;
        let calls = self.recording.calls.iter().enumerate().take(numbers.end);
        for (number, call) in calls.skip(numbers.start) {
            let observer = observers(number);
            match (call.place, &mut instance) {
                (Place::Fresh, instance)
                    if let InputRecord::Request(config, request) = &call.input =>
                {
                    let parts = (&**config, &**request);
                    let (replayed, made) = self.request(&copy, call, parts, observer)?;
                    ended(number, replayed, &made.call.guest_store);
                    *instance = made.into_replay();
                }
                (Place::Fresh, _) => {
                    self.fresh(&copy, call, observer, |replayed, guest_store| {
                        ended(number, replayed, guest_store);
                    })?;
                }
                (Place::Made, instance) => {
                    let (replayed, made) = self.make(&copy, call, observer)?;
                    let is_made = replayed.0.is_ok();
                    let (guest_store, player) = made;
                    ended(number, replayed, &guest_store);
                    // Where the creation failed, the recorded calls went on in the instance before.
                    if call.end.failed.is_none() {
                        *instance = player.filter(|_| is_made).map(|player| {
                            let made = Instance::new(copy.clone(), code.clone(), guest_store);
                            InstanceReplay::new(made, player)
                        });
                    }
                }
                (Place::Kept, Some(instance)) => {
                    let store = instance.instance.store();
                    let sites = code.sites.as_ref();
                    store.state().watch = sites.map(|sites| Box::new(Watch::new(sites)));
                    observe(store, observer);
                    let done = instance.call(call, self.files, (self.limits)(call));
                    let done = done.map_err(|failure| failure.to_string())?;
                    let store = instance.instance.store();
                    let watch = watch_of(store)?;
                    ended(number, (done, watch), store);
                }
                // Its instance was not made.
                (Place::Kept, None) => {}
            }
        }
        Ok(())
    }

    /// Runs a call in a fresh instance of the copy.
    fn fresh(
        &self,
        copy: &Plugin,
        call: &CallRecord,
        observer: Option<Box<dyn Observer>>,
        ended: impl FnOnce(Replayed, &GuestStore),
    ) -> Result<(), String> {
        let begun = with_task(call, self.files, |mut task, on_tape| {
            task.call_limits = (self.limits)(call);
            let tape = on_tape.tape;
            let export = task.export;
            let prepare =
                |execution: &mut Execution<'_>| self.prepare(copy, execution, Some(export), tape);
            on_copy(copy, task, observer, prepare, ended)
        });
        begun.map_err(|failure| failure.to_string())?
    }

    /// Lets a handler begin with a request, in an instance of the copy.
    fn request(
        &self,
        copy: &Plugin,
        call: &CallRecord,
        (config, request): (&[u8], &HttpRequest),
        observer: Option<Box<dyn Observer>>,
    ) -> Result<(Replayed, Requested), String> {
        let begun = with_task(call, self.files, |mut task, on_tape| {
            let tape = on_tape.tape;
            let environment = task.environment.take();
            let begun = HandlerCall::begin(copy, (self.limits)(call), environment, config);
            let mut begun = begun.map_err(|failure| failure.to_string())?;
            observe(&mut begun.guest_store, observer);
            let code = begun.code.clone();
            let mut execution = Execution::new(&code, &mut begun.guest_store);
            let initialised = self.initialise(copy, &mut execution, tape)?;
            let done = begun.run_after(initialised, request.clone());
            Ok::<_, String>((begun, done))
        });
        let (mut begun, done) = begun.map_err(|failure| failure.to_string())??;
        let player = player_of(begun.guest_store.state().tape.take());
        let watch = watch_of(&mut begun.guest_store)?;
        let (done, handling) = match done {
            Ok((handling, outcome)) => (Ok(outcome), Some(handling)),
            Err(error) => (Err(error), None),
        };
        let made = Requested {
            call: begun,
            handling,
            player,
        };
        Ok(((done, watch), made))
    }

    /// Makes an instance of the copy that is kept. Returns how that ended, and the instance with its
    /// player.
    fn make(
        &self,
        copy: &Plugin,
        call: &CallRecord,
        observer: Option<Box<dyn Observer>>,
    ) -> Result<(Replayed, (GuestStore, Option<Player>)), String> {
        let tape = Tape::Replaying(Box::new(Player::new(Arc::from(&*call.answers))));
        let limits = (self.limits)(call);
        let mut guest_store = GuestStore::new(copy.plugin_context(), copy.code(), limits, None);
        observe(&mut guest_store, observer);
        let mut execution = Execution::new(copy.code(), &mut guest_store);
        let initialised = self.initialise(copy, &mut execution, Some(tape))?;
        let done = execution.end(initialised).map(|((), outcome)| outcome);
        let done = done.map_err(|error| error.in_plugin(copy.shared_name()));
        let player = player_of(execution.state().tape.take());
        let watch = watch_of(&mut guest_store)?;
        Ok(((done, watch), (guest_store, player)))
    }

    /// Makes an instance to be kept, with the tape in it. Returns how its initialiser ended, if that is
    /// recorded.
    fn initialise(
        &self,
        copy: &Plugin,
        execution: &mut Execution<'_>,
        tape: Option<Tape>,
    ) -> Result<Result<(), Failure>, String> {
        Ok(match self.prepare(copy, execution, None, tape)? {
            Begin::Instantiate => execution.instantiate_and_initialise(None),
            _ => Ok(()),
        })
    }

    /// Brings an instance to where the recorded call began, and puts the tape in. After a snapshot, that
    /// is after the initialiser and the warm-up call.
    fn prepare(
        &self,
        copy: &Plugin,
        execution: &mut Execution<'_>,
        export: Option<&str>,
        tape: Option<Tape>,
    ) -> Result<Begin, String> {
        let mut begin = Begin::Instantiate;
        if self.recording.snapshot {
            let initialised = execution.instantiate_and_initialise(export);
            initialised.map_err(|failure| format!("the initialiser failed: {failure}"))?;
            if let Some(warm_up) = self.plugin.warm_up() {
                let warmed = warm(copy, execution, warm_up);
                warmed.map_err(|failure| format!("the warm-up call failed: {failure}"))?;
            }
            begin = Begin::Call;
        }
        let used = match self.recording.snapshot {
            true => execution.fuel_used(),
            false => 0,
        };
        execution.state().tape = tape.map(|mut tape| {
            if let Tape::Replaying(player) = &mut tape {
                player.count_from(used);
            }
            tape
        });
        Ok(begin)
    }
}

/// A handler of a copy that has had its request.
struct Requested {
    call: HandlerCall,
    handling: Option<Handling>,
    player: Option<Player>,
}

impl Requested {
    fn into_replay(self) -> Option<InstanceReplay> {
        let (instance, _) = self.call.into_instance();
        let mut replay = InstanceReplay::new(instance, self.player?);
        replay.handling = self.handling;
        Some(replay)
    }
}

/// The limits of a call that ends as it is recorded: its end is where its fuel is spent. The initialiser
/// is part of it on a copy.
fn as_ended(call: &CallRecord) -> CallLimits {
    CallLimits {
        fuel: Some(call.end.fuel_used.saturating_add(call.end.init_fuel)),
        timeout: None,
        max_memory_pages: call.limits.max_memory_pages,
        cancel: None,
    }
}

/// Makes the warm-up call that comes before the calls of a plugin. What it writes is dropped.
fn warm(
    copy: &Plugin,
    execution: &mut Execution<'_>,
    warm_up: &WarmUpRecord,
) -> Result<(), Failure> {
    let WarmUp { export, input } = WarmUp::of_record(warm_up);
    let info = &copy.code().info;
    let limits = &copy.context().config.limits;
    let bound_input = input.bind(info, export, None, None, copy.conventions(), limits)?;
    bound_input.call(execution, export, &mut CallOutput::default())?;
    let most = limits.max_output_bytes;
    execution.state().output.renew(most);
    Ok(())
}
