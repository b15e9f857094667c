//! What lives in a store beside the guest.

use crate::{
    clock::{SeededRandom, VirtualClock},
    context::Context,
    exchange::Exchange,
    host::NestedCalls,
    limiter::Limiter,
    memory::GuestMemory,
    meter::{Allowance, Meter},
    output::Output,
};
use alloc::{boxed::Box, collections::BTreeMap, string::String, sync::Arc, vec::Vec};
use core::any::Any;
use wasmi::{AsContextMut, Memory};

/// Where a guest's standard input comes from, if not from bytes at hand.
pub trait InputSource: Send + Sync + 'static {
    /// Reads into `bytes` and says how many there were: 0 at the end, `None` on failure.
    fn fetch(&mut self, bytes: &mut [u8]) -> Option<usize>;
}

#[cfg(feature = "std")]
impl<R: std::io::Read + Send + Sync + 'static> InputSource for R {
    fn fetch(&mut self, bytes: &mut [u8]) -> Option<usize> {
        loop {
            match self.read(bytes) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                read => return read.ok(),
            }
        }
    }
}

/// A guest's standard input.
pub(crate) enum Stdin {
    Bytes { bytes: Vec<u8>, position: usize },
    Source(Box<dyn InputSource>),
}

impl Default for Stdin {
    fn default() -> Self {
        Self::from(Vec::new())
    }
}

impl From<Vec<u8>> for Stdin {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes { bytes, position: 0 }
    }
}

impl Stdin {
    /// Whether there is more than the nothing that there is by default.
    pub(crate) fn is_given(&self) -> bool {
        !matches!(self, Self::Bytes { bytes, .. } if bytes.is_empty())
    }

    /// Fills `to` as far as there is input; `None` if reading failed.
    pub(crate) fn read(&mut self, to: &mut [u8]) -> Option<usize> {
        match self {
            Self::Bytes { bytes, position } => {
                let rest = bytes.get(*position..).unwrap_or_default();
                let count = rest.len().min(to.len());
                for (to, from) in to.iter_mut().zip(rest) {
                    *to = *from;
                }
                *position += count;
                Some(count)
            }
            // A source that claims more than it was given room for is not to be believed.
            Self::Source(source) => source.fetch(to).map(|count| count.min(to.len())),
        }
    }

    /// The bytes that can be read without waiting, if that is known.
    pub(crate) fn ready(&self) -> Option<u64> {
        match self {
            Self::Bytes { bytes, position } => Some(bytes.len().saturating_sub(*position) as u64),
            Self::Source(_) => None,
        }
    }
}

/// What a guest sees of a world around it, for one call.
#[derive(Default)]
pub(crate) struct Surroundings {
    /// The plugin's name, which is the first argument too.
    pub(crate) plugin: Arc<str>,
    /// The other arguments.
    pub(crate) args: Vec<String>,
    /// The environment, each as `NAME=value`.
    pub(crate) env: Vec<String>,
    pub(crate) stdin: Stdin,
    /// The plugin's configuration, where its convention has one.
    pub(crate) config: BTreeMap<String, String>,
    /// What the embedder's host functions have for themselves.
    pub(crate) state: Option<Box<dyn Any + Send + Sync>>,
}

/// One of the two lists of strings that a guest can ask for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Strings {
    Args,
    Env,
}

impl Surroundings {
    /// Those of a call that says nothing of them.
    pub(crate) fn of(plugin: &Arc<str>) -> Self {
        Self {
            plugin: plugin.clone(),
            ..Self::default()
        }
    }

    pub(crate) fn strings(&self, which: Strings) -> impl Iterator<Item = &str> {
        let (first, rest) = match which {
            Strings::Args => (Some(&*self.plugin), &self.args),
            Strings::Env => (None, &self.env),
        };
        first.into_iter().chain(rest.iter().map(String::as_str))
    }
}

/// The host's side of the state that an initialiser left, where a snapshot holds the guest's.
pub(crate) struct Ready {
    /// The fuel that the initialiser used.
    pub(crate) fuel: u64,
    /// The pages of memory that it left.
    pages: u32,
    clock: VirtualClock,
    random: SeededRandom,
    closed: [bool; 3],
    /// What it was told of its surroundings, if it asked.
    seen: Option<Surroundings>,
}

impl Ready {
    /// Whether the initialiser would have done the same with these, and so much memory.
    pub(crate) fn suits(&self, surroundings: &Surroundings, max_memory_pages: Option<u32>) -> bool {
        let same = |which| {
            let seen = self.seen.iter().flat_map(|seen| seen.strings(which));
            seen.eq(surroundings.strings(which))
        };
        max_memory_pages.is_none_or(|maximum| self.pages <= maximum)
            && (self.seen.is_none() || same(Strings::Args) && same(Strings::Env))
    }
}

/// What a guest has asked for that may differ from call to call.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen {
    /// Arguments or environment.
    pub(crate) surroundings: bool,
    pub(crate) stdin: bool,
}

/// The data of a store.
pub(crate) struct State {
    pub(crate) meter: Meter,
    pub(crate) limiter: Limiter,
    pub(crate) output: Output,
    pub(crate) surroundings: Surroundings,
    pub(crate) clock: VirtualClock,
    pub(crate) random: SeededRandom,
    /// Which of the file descriptors 0, 1 and 2 the guest has closed.
    pub(crate) closed: [bool; 3],
    pub(crate) seen: Seen,
    /// The export `memory`, once there is an instance.
    pub(crate) memory: Option<Memory>,
    pub(crate) exchange: Exchange,
    pub(crate) nested: NestedCalls,
}

impl State {
    pub(crate) fn new(
        context: &Arc<Context>,
        allowance: Allowance,
        surroundings: Surroundings,
    ) -> Self {
        let config = &context.config;
        let mut limiter = Limiter::new(&config.limits);
        limiter.bound_memory(&config.limits, allowance.max_memory_pages);
        Self {
            meter: Meter::new(context, allowance),
            limiter,
            output: Self::fresh_output(context),
            surroundings,
            clock: VirtualClock::default(),
            random: SeededRandom::new(config.seed),
            closed: [false; 3],
            seen: Seen::default(),
            memory: None,
            exchange: Exchange::new(&config.limits),
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
            seen: self.seen.surroundings.then(|| Surroundings {
                plugin: self.surroundings.plugin.clone(),
                args: self.surroundings.args.clone(),
                env: self.surroundings.env.clone(),
                ..Surroundings::default()
            }),
        }
    }

    /// Begins where an initialiser ended.
    pub(crate) fn begin_at(&mut self, ready: &Ready) {
        self.clock = ready.clock;
        self.random = ready.random;
        self.closed = ready.closed;
    }

    /// Begins another call on the same instance, after one that used `fuel_used`.
    pub(crate) fn renew(
        &mut self,
        allowance: Allowance,
        surroundings: Surroundings,
        fuel_used: u64,
    ) {
        self.clock.pass(fuel_used);
        let limits = &self.meter.context().config.limits;
        self.limiter
            .bound_memory(limits, allowance.max_memory_pages);
        self.meter.renew(allowance);
        self.output = Self::fresh_output(self.meter.context());
        self.surroundings = surroundings;
        self.exchange.renew();
    }

    fn fresh_output(context: &Context) -> Output {
        let config = &context.config;
        Output::new(
            config.limits.max_output_bytes,
            config.stdout.clone(),
            config.stderr.clone(),
        )
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
