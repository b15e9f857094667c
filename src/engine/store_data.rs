//! What lives in a store beside the guest.

use crate::{
    common::{
        clock::{SeededRandom, VirtualClock},
        limits::Limits,
        output::{Output, SharedSink, Stream, Written},
    },
    engine::{
        limiter::Limiter,
        meter::{Allowance, LargestSlices, Meter},
    },
    host::{
        context::NestedCalls,
        convention_state::Exchange,
        environment::{Strings, Surroundings, Told, strings},
        memory::GuestMemory,
    },
    module::prepare::Gathered,
    settings::{config::RunnerConfig, context::Home},
};
use alloc::{
    boxed::Box,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};
use core::any::Any;
use wasmi::{AsContext, AsContextMut, Func, Instance, Memory, Ref};

/// The host's side of the state that an initialiser left, where a snapshot holds the guest's.
pub(crate) struct Ready {
    /// The fuel that the initialiser used.
    pub(crate) fuel: u64,
    /// The pages of memory that it left.
    pages: u32,
    clock: VirtualClock,
    random: SeededRandom,
    closed: [bool; 3],
    /// The arguments and the environment that it was told, if it asked.
    seen: Option<[Vec<String>; 2]>,
}

impl Ready {
    /// Whether the initialiser would have done the same in a plugin by that name, with these
    /// surroundings and so much memory.
    pub(crate) fn suits(
        &self,
        plugin: &str,
        told: Option<&Surroundings>,
        max_memory_pages: Option<u32>,
    ) -> bool {
        let same = |seen: &Vec<String>, which| seen.iter().eq(strings(plugin, told, which));
        max_memory_pages.is_none_or(|maximum| self.pages <= maximum)
            && self
                .seen
                .as_ref()
                .is_none_or(|[args, env]| same(args, Strings::Args) && same(env, Strings::Env))
    }
}

/// What a guest has asked for that may differ from call to call.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen {
    /// Arguments or environment.
    pub(crate) surroundings: bool,
    pub(crate) stdin: bool,
}

/// Where the runner passes on what is written to the stream.
fn sink<'a>(config: &'a RunnerConfig, output: &Output, stream: Stream) -> Option<&'a SharedSink> {
    let sink = match stream {
        Stream::Stdout => &config.stdout,
        Stream::Stderr => &config.stderr,
    };
    sink.as_ref().filter(|_| !output.keeps(stream))
}

/// The data of a store.
pub(crate) struct State {
    pub(crate) meter: Meter,
    pub(crate) limiter: Limiter,
    pub(crate) output: Output,
    surroundings: Told,
    /// What the embedder's host functions have for themselves, for one call.
    pub(crate) lent: Option<Box<dyn Any + Send + Sync>>,
    pub(crate) clock: VirtualClock,
    pub(crate) random: SeededRandom,
    /// Which of the file descriptors 0, 1 and 2 the guest has closed.
    pub(crate) closed: [bool; 3],
    pub(crate) seen: Seen,
    /// The instance, once it is there. A function of the host that is called by itself, as an export
    /// or as the start function, has no other way to it.
    pub(crate) instance: Option<Instance>,
    /// Its export `memory`.
    pub(crate) memory: Option<Memory>,
    /// Where the exported functions are, if not among the exports.
    gathered: Option<Arc<Gathered>>,
    exchange: Option<Box<Exchange>>,
    pub(crate) nested: NestedCalls,
}

impl State {
    pub(crate) fn new(
        home: &Arc<Home>,
        allowance: Allowance,
        largest: LargestSlices,
        surroundings: Told,
    ) -> Self {
        let config = &home.context.config;
        let mut limiter = Limiter::new(&config.limits);
        limiter.bound_memory(&config.limits, allowance.max_memory_pages);
        Self {
            meter: Meter::new(home, allowance, largest),
            limiter,
            output: Output::new(config.limits.max_output_bytes),
            surroundings,
            lent: None,
            clock: VirtualClock::default(),
            random: SeededRandom::new(config.seed),
            closed: [false; 3],
            seen: Seen::default(),
            instance: None,
            memory: None,
            gathered: None,
            exchange: None,
            nested: NestedCalls::default(),
        }
    }

    /// What the initialiser left here, having used `fuel`.
    pub(crate) fn to_ready(&self, fuel: u64) -> Ready {
        let mut clock = self.clock;
        clock.pass(fuel);
        Ready {
            fuel,
            pages: self.limiter.memory_pages(),
            clock,
            random: self.random,
            closed: self.closed,
            seen: self.seen.surroundings.then(|| {
                [Strings::Args, Strings::Env]
                    .map(|which| self.strings(which).map(ToString::to_string).collect())
            }),
        }
    }

    /// The runner's limits.
    pub(crate) fn limits(&self) -> &Limits {
        &self.meter.context().config.limits
    }

    /// Writes as far as there is room: to where the runner passes the stream on, or into what the
    /// outcome will have.
    pub(crate) fn write(&mut self, stream: Stream, bytes: &[u8]) -> Written {
        let config = &self.meter.context().config;
        let sink = sink(config, &self.output, stream);
        self.output.write(stream, bytes, sink)
    }

    /// Whether somebody else's code takes what is written to the stream.
    pub(crate) fn is_passed_on(&self, stream: Stream) -> bool {
        sink(&self.meter.context().config, &self.output, stream).is_some()
    }

    /// The plugin's name.
    pub(crate) fn plugin(&self) -> &str {
        &self.meter.home().plugin
    }

    /// The arguments, the plugin's name first, or the environment.
    pub(crate) fn strings(&self, which: Strings) -> impl Iterator<Item = &str> {
        strings(self.plugin(), self.surroundings.as_deref(), which)
    }

    /// The value of a key of the plugin's configuration.
    pub(crate) fn configured(&self, key: &str) -> Option<&String> {
        self.surroundings.as_ref()?.config.get(key)
    }

    pub(crate) fn surroundings(&mut self) -> &mut Surroundings {
        self.surroundings.get_or_insert_default()
    }

    /// What passes by host functions; made when it is first asked for, since few calls do.
    pub(crate) fn exchange(&mut self) -> &mut Exchange {
        let limits = &self.meter.context().config.limits;
        self.exchange
            .get_or_insert_with(|| Box::new(Exchange::new(limits)))
    }

    /// The instance's exported functions are there.
    pub(crate) fn gather(&mut self, gathered: &Arc<Gathered>) {
        self.limiter.admit_own_table(gathered.len());
        self.gathered = Some(gathered.clone());
    }

    /// Begins where an initialiser ended.
    pub(crate) fn begin_at(&mut self, ready: &Ready) {
        self.clock = ready.clock;
        self.random = ready.random;
        self.closed = ready.closed;
    }

    /// Begins another call on the same instance, after one that used `fuel_used`.
    #[inline(always)]
    pub(crate) fn renew(&mut self, allowance: Allowance, surroundings: Told, fuel_used: u64) {
        self.clock.pass(fuel_used);
        let limits = &self.meter.context().config.limits;
        self.limiter
            .bound_memory(limits, allowance.max_memory_pages);
        self.meter.renew(allowance);
        self.output
            .renew(self.meter.context().config.limits.max_output_bytes);
        self.surroundings = surroundings;
        if let Some(exchange) = &mut self.exchange {
            exchange.renew();
        }
    }
}

/// The guest's memory and the state beside it, borrowed together; nothing without a memory.
pub(crate) fn view<'a>(
    ctx: &'a mut impl AsContextMut<Data = State>,
) -> Option<(GuestMemory<'a>, &'a mut State)> {
    let memory = ctx.as_context().data().memory?;
    let (bytes, state) = memory.data_and_store_mut(ctx.as_context_mut());
    Some((GuestMemory::new(bytes), state))
}

/// The exported function by that name.
pub(crate) fn exported_function(ctx: &impl AsContext<Data = State>, name: &str) -> Option<Func> {
    let store = ctx.as_context();
    let instance = store.data().instance?;
    let export = |name: &str| instance.get_export(store, name);
    let gathered = store.data().gathered.as_deref();
    let place = gathered.and_then(|gathered| Some((&gathered.table, gathered.position(name)?)));
    let Some((table, position)) = place else {
        // The start function is there in any case.
        return export(name)?.into_func();
    };
    match export(table)?.into_table()?.get(ctx, position)? {
        Ref::Func(function) => function.val().copied(),
        Ref::Extern(_) => None,
    }
}
