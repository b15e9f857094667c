//! The host's data in a store.

#[cfg(feature = "files")]
use crate::engine::files::CallFiles;
#[cfg(feature = "recordings")]
use crate::host::tape::Tape;
#[cfg(feature = "std")]
use crate::module::snapshot::StateShape;
use crate::{
    common::{
        clock::{SeededRandom, VirtualClock},
        limits::Limits,
        output::{Output, SharedSink, Stream, WriteResult},
    },
    engine::{
        limiter::Limiter,
        mailbox::Mailbox,
        meter::{CallLimits, LargestSlices, Meter},
        references::References,
        snapshot_state::SnapshotState,
    },
    host::{
        convention_state::ConventionState,
        environment::{Environment, Strings, strings},
        memory::GuestMemory,
        nested_calls::NestedCalls,
    },
    module::prepare::ExportTable,
    settings::{config::RunnerConfig, context::PluginContext},
};
use alloc::{boxed::Box, string::String, sync::Arc};
use core::any::Any;
use wasmi::{AsContext, AsContextMut, Func, Instance, Memory, Ref};

/// Which inputs the guest has read that may differ from call to call.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct InputsRead {
    /// Arguments or environment.
    pub(crate) environment: bool,
    pub(crate) stdin: bool,
    /// Any file, or whether there are any.
    #[cfg(feature = "files")]
    pub(crate) files: bool,
}

/// The sink that the stream is passed on to, if any.
fn sink<'a>(config: &'a RunnerConfig, output: &Output, stream: Stream) -> Option<&'a SharedSink> {
    let sink = match stream {
        Stream::Stdout => &config.stdout,
        Stream::Stderr => &config.stderr,
    };
    sink.as_ref().filter(|_| !output.keeps(stream))
}

/// The data of a store.
pub(crate) struct StoreData {
    pub(crate) meter: Meter,
    pub(crate) limiter: Limiter,
    pub(crate) output: Output,
    pub(super) environment: Option<Box<Environment>>,
    /// The tape, if the call is recorded or replayed.
    #[cfg(feature = "recordings")]
    pub(crate) tape: Option<Tape>,
    #[cfg(feature = "files")]
    pub(super) files: CallFiles,
    /// The embedder's state for its host functions, for one call.
    pub(crate) embedder_state: Option<Box<dyn Any + Send + Sync>>,
    pub(crate) clock: VirtualClock,
    pub(crate) random: SeededRandom,
    /// Which of the file descriptors 0, 1 and 2 the guest has closed.
    pub(crate) closed: [bool; 3],
    /// The fd flags that the guest has set on them.
    pub(crate) flags: [u16; 3],
    pub(crate) inputs_read: InputsRead,
    /// The instance, once it is made. A host function that is itself an export or the start
    /// function has no other way to find it.
    pub(crate) instance: Option<Instance>,
    /// Its export `memory`.
    pub(crate) memory: Option<Memory>,
    /// The table that holds the exported functions, if `prepare` moved them there.
    export_table: Option<Arc<ExportTable>>,
    /// The exports that this crate added for the instance's state, if it added any.
    #[cfg(feature = "std")]
    pub(super) shape: Option<Arc<StateShape>>,
    convention_state: Option<Box<ConventionState>>,
    pub(crate) nested: NestedCalls,
    pub(super) references: Option<Box<References>>,
    /// Where word is left for the call, if it can be suspended. It stays here if the call is dropped
    /// while it is.
    pub(crate) mailbox: Option<Arc<Mailbox>>,
    /// What the hook is told, if the module is instrumented.
    #[cfg(feature = "explain")]
    pub(crate) watch: Option<Box<crate::engine::watch::Watch>>,
}

impl StoreData {
    pub(crate) fn new(
        plugin_context: &Arc<PluginContext>,
        call_limits: CallLimits,
        largest: LargestSlices,
        environment: Option<Box<Environment>>,
    ) -> Self {
        let config = &plugin_context.runner.config;
        let mut limiter = Limiter::new(&config.limits);
        limiter.bound_memory(&config.limits, call_limits.max_memory_pages);
        let mut random = SeededRandom::new(config.seed);
        let mut clock = VirtualClock::default();
        if let Some(environment) = environment.as_deref() {
            begin_anew(environment, &mut random, &mut clock);
        }
        Self {
            meter: Meter::new(plugin_context, call_limits, largest),
            limiter,
            output: Output::new(config.limits.max_output_bytes),
            environment,
            #[cfg(feature = "recordings")]
            tape: None,
            #[cfg(feature = "files")]
            files: CallFiles::default(),
            embedder_state: None,
            clock,
            random,
            closed: [false; 3],
            flags: [0; 3],
            inputs_read: InputsRead::default(),
            instance: None,
            memory: None,
            export_table: None,
            #[cfg(feature = "std")]
            shape: None,
            convention_state: None,
            nested: NestedCalls::default(),
            references: None,
            mailbox: None,
            #[cfg(feature = "explain")]
            watch: None,
        }
    }

    /// The host's side of a snapshot, after an initialiser that used `fuel`.
    pub(crate) fn to_snapshot_state(&self, fuel: u64) -> SnapshotState {
        let mut clock = self.clock;
        clock.pass(fuel);
        SnapshotState {
            fuel,
            pages: self.limiter.memory_pages(),
            clock,
            random: self.random,
            closed: self.closed,
            flags: self.flags,
            strings_read: self.inputs_read.environment.then(|| {
                [Strings::Args, Strings::Env]
                    .map(|which| self.strings(which).map(<[u8]>::to_vec).collect())
            }),
            #[cfg(feature = "files")]
            files: self.files.after(self.inputs_read.files, self.given_files()),
        }
    }

    /// The runner's limits.
    pub(crate) fn limits(&self) -> &Limits {
        &self.meter.context().config.limits
    }

    /// Writes as much as the limit allows, to the runner's sink or into the outcome.
    pub(crate) fn write(&mut self, stream: Stream, bytes: &[u8]) -> WriteResult {
        let config = &self.meter.context().config;
        let sink = sink(config, &self.output, stream);
        #[cfg(feature = "recordings")]
        if let (Some(sink), Some(tape)) = (sink, &mut self.tape) {
            return self.output.write(
                stream,
                bytes,
                Some(|taken: &[u8]| {
                    tape.sink(stream, taken, || sink.write(|sink| sink.emit(taken)))
                }),
            );
        }
        let sink = sink.map(|sink| |taken: &[u8]| sink.write(|sink| sink.emit(taken)));
        self.output.write(stream, bytes, sink)
    }

    /// Whether the stream goes to a sink of the embedder's.
    pub(crate) fn is_passed_on(&self, stream: Stream) -> bool {
        sink(&self.meter.context().config, &self.output, stream).is_some()
    }

    /// The plugin's name.
    pub(crate) fn plugin(&self) -> &str {
        &self.meter.plugin_context().plugin
    }

    /// The arguments, the plugin's name first, or the environment.
    pub(crate) fn strings(&self, which: Strings) -> impl Iterator<Item = &[u8]> {
        strings(self.plugin(), self.environment.as_deref(), which)
    }

    /// The value of a key of the plugin's configuration.
    pub(crate) fn configured(&self, key: &str) -> Option<&String> {
        self.environment.as_ref()?.config.get(key)
    }

    /// The patterns of the hosts that the call may send HTTP requests to: the runner's and its own.
    #[cfg(feature = "http")]
    pub(crate) fn allowed_hosts(&self) -> impl Iterator<Item = &String> {
        let of_call = self.environment.iter().flat_map(|it| &it.allowed_hosts);
        self.meter
            .context()
            .config
            .allowed_hosts
            .iter()
            .chain(of_call)
    }

    pub(crate) fn environment(&mut self) -> &mut Environment {
        self.environment.get_or_insert_default()
    }

    /// Takes the environment out, to pass it to another call.
    pub(crate) fn take_environment(&mut self) -> Option<Box<Environment>> {
        self.environment.take()
    }

    /// What conventions keep for the guest. It is made on first use, because few calls need it.
    pub(crate) fn convention_state(&mut self) -> &mut ConventionState {
        let limits = &self.meter.context().config.limits;
        self.convention_state
            .get_or_insert_with(|| Box::new(ConventionState::new(limits)))
    }

    /// Whether the store holds objects of the embedder's.
    #[cfg(feature = "std")]
    pub(super) fn holds_objects(&self) -> bool {
        let references = self.references.as_ref();
        references.is_some_and(|references| references.count() > 0)
    }

    /// What the store keeps for references.
    pub(super) fn references(&mut self) -> &mut References {
        self.references.get_or_insert_default()
    }

    /// Whether an export was added by this crate.
    pub(super) fn adds_export(&self, name: &str) -> bool {
        #[cfg(feature = "std")]
        if let Some(shape) = &self.shape
            && name.starts_with(shape.prefix())
        {
            return true;
        }
        let export_table = self.export_table.as_deref();
        export_table.is_some_and(|export_table| *export_table.table == *name)
    }

    /// Bounds the memories by the runner's limits, or by `pages` if that is less.
    pub(super) fn bound_memory(&mut self, pages: Option<u32>) {
        let limits = &self.meter.context().config.limits;
        self.limiter.bound_memory(limits, pages);
    }

    /// Sets the table that holds the exported functions.
    pub(crate) fn set_export_table(&mut self, export_table: &Arc<ExportTable>) {
        self.limiter.admit_own_table(export_table.len());
        self.export_table = Some(export_table.clone());
    }

    /// Replaces everything that a call can leave here by what `fresh` has. What instantiation has
    /// left stays: the instance, and what its memory and its tables take.
    #[cfg(feature = "std")]
    pub(crate) fn make_as(&mut self, fresh: Self) {
        let used = core::mem::replace(self, fresh);
        self.limiter = used.limiter;
        self.instance = used.instance;
        self.memory = used.memory;
    }

    /// Restores the host's side of a snapshot.
    pub(crate) fn restore(&mut self, snapshot_state: &SnapshotState) {
        self.clock = snapshot_state.clock;
        self.random = snapshot_state.random;
        self.closed = snapshot_state.closed;
        self.flags = snapshot_state.flags;
        #[cfg(feature = "files")]
        {
            self.files = snapshot_state.files.begin();
        }
    }

    /// Whether the guest has a clock, random numbers or a directory of the host.
    #[inline]
    pub(crate) fn sees_host(&self) -> bool {
        let config = &self.meter.context().config;
        #[cfg(feature = "files")]
        if let Some(files) = self.environment.as_ref().and_then(|it| it.files.as_ref()) {
            // They are in place of the runner's.
            return !files.is_reproducible() || !config.has_virtual_surroundings();
        }
        !config.is_reproducible()
    }

    /// Begins another call on the same instance, after one that used `fuel_used`.
    #[inline(always)]
    pub(crate) fn renew(
        &mut self,
        call_limits: CallLimits,
        environment: Option<Box<Environment>>,
        fuel_used: u64,
    ) {
        self.clock.pass(fuel_used);
        self.bound_memory(call_limits.max_memory_pages);
        self.meter.renew(call_limits);
        self.output
            .renew(self.meter.context().config.limits.max_output_bytes);
        if let Some(environment) = environment.as_deref() {
            begin_anew(environment, &mut self.random, &mut self.clock);
        }
        self.environment = environment;
        if let Some(convention_state) = &mut self.convention_state {
            convention_state.renew();
        }
    }
}

/// Sets where random numbers and the clock begin, if the call says that.
#[inline(never)]
fn begin_anew(environment: &Environment, random: &mut SeededRandom, clock: &mut VirtualClock) {
    if let Some(seed) = environment.seed {
        *random = SeededRandom::new(seed);
    }
    if let Some(start) = environment.clock_start {
        clock.start_at(start);
    }
}

/// The guest's memory and the store's data, borrowed together. `None` without a memory.
pub(crate) fn memory_and_data<'a>(
    ctx: &'a mut impl AsContextMut<Data = StoreData>,
) -> Option<(GuestMemory<'a>, &'a mut StoreData)> {
    let state = ctx.as_context();
    let state = state.data();
    let caller = state.references.as_ref();
    let caller = caller.and_then(|references| references.caller_memory);
    let memory = caller.or(state.memory)?;
    let (bytes, state) = memory.data_and_store_mut(ctx.as_context_mut());
    Some((GuestMemory::new(bytes), state))
}

/// The exported function by that name.
pub(crate) fn exported_function(
    ctx: &impl AsContext<Data = StoreData>,
    name: &str,
) -> Option<Func> {
    let store = ctx.as_context();
    let instance = store.data().instance?;
    let export = |name: &str| instance.get_export(store, name);
    let export_table = store.data().export_table.as_deref();
    let place = export_table
        .and_then(|export_table| Some((&export_table.table, export_table.position(name)?)));
    let Some((table, position)) = place else {
        // The start function is never moved to the table.
        return export(name)?.into_func();
    };
    match export(table)?.into_table()?.get(ctx, position)? {
        Ref::Func(function) => function.val().copied(),
        Ref::Extern(_) => None,
    }
}
