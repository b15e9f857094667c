//! Traces of calls.

use crate::{
    api::{call::Call, plugin::Plugin},
    common::{
        error::Error,
        outcome::Outcome,
        trace::{Trace, TraceEvent, TraceOptions},
    },
    engine::{observer::Observer, tracer::Tracer},
    loading::instrumented::KeptModule,
    module::{instrument::Detail, symbols::Symbols},
};
#[cfg(feature = "recordings")]
use crate::{
    api::{replayed_copy::kept_of, replayer::Replayer},
    common::sync::Exclusive,
};
use alloc::{boxed::Box, collections::BTreeMap, format};
#[cfg(feature = "recordings")]
use alloc::{sync::Arc, vec::Vec};

impl Call<'_> {
    /// Runs the call on an instrumented copy of the module, and tells `each` of the calls of its
    /// functions and of those of the host, with their arguments and results, while they happen. The
    /// runner must keep modules ([`RunnerConfig::keep_modules`](crate::RunnerConfig::keep_modules)) or
    /// explain errors, because the copy is made of a module's bytes.
    ///
    /// The call costs the same fuel as on the module itself. It has three times the timeout, and at
    /// least ten seconds. The initialiser is part of it, even if the plugin has a snapshot. What the
    /// guest writes goes into the outcome or is dropped.
    ///
    /// ```
    /// use pocketwasm::{Runner, RunnerConfig, explain::{TraceKind, TraceOptions}};
    ///
    /// let runner = Runner::new(RunnerConfig::new().explain(true))?;
    /// let module = std::fs::read("fixtures/traps/c.wasm").unwrap();
    /// let plugin = runner.load_plugin("trap", &module)?;
    /// let options = TraceOptions::new().function("read_at");
    /// let trace = plugin.call("trap").trace(&options, |event| {
    ///     if let TraceKind::Call { arguments } = event.kind() {
    ///         println!("{} {arguments:?} after {} units of fuel", event.name(), event.fuel());
    ///     }
    /// })?;
    /// // The call, which traps before it returns.
    /// assert_eq!(trace.events(), 1);
    /// # Ok::<(), pocketwasm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidConfig` if the runner keeps no modules, or for a call of a kept instance or of
    /// a plugin with a warm-up call. The errors of [`run`](Self::run) before anything runs. An error
    /// while the call runs is in [`Trace::outcome`].
    #[cfg_attr(docsrs, doc(cfg(feature = "explain")))]
    pub fn trace(
        self,
        options: &TraceOptions,
        each: impl FnMut(&TraceEvent<'_>) + Send + 'static,
    ) -> Result<Trace, Error> {
        let tracer = |plugin: &Plugin, kept: &KeptModule| -> Box<dyn Observer> {
            Box::new(Tracer::new(
                options,
                names(plugin, &kept.bytes),
                Box::new(each),
            ))
        };
        let (_, _, (ended, mut watch)) = self.watched("a trace", Detail::Values, tracer)?;
        Ok(traced(ended, watch.take_observer()))
    }
}

#[cfg(feature = "recordings")]
impl Replayer<'_> {
    /// Runs the calls on an instrumented copy of the module, and tells `each` of the calls of its
    /// functions and of those of the host, as [`Call::trace`] does it: with the number of the recorded
    /// call, from 0 on, and the event. The host is not asked. The options count for each call.
    ///
    /// # Errors
    ///
    /// Those of [`run`](Self::run). An error of a call is in [`Trace::outcome`].
    #[cfg_attr(docsrs, doc(cfg(all(feature = "explain", feature = "recordings"))))]
    pub fn trace(
        &self,
        options: &TraceOptions,
        each: impl FnMut(usize, &TraceEvent<'_>) + Send + 'static,
    ) -> Result<Vec<Trace>, Error> {
        let plugin = self.load_alone("a trace")?;
        let kept = kept_of(&plugin)?;
        let each = Arc::new(Exclusive::new(each));
        let watched = self.watched(&plugin, Detail::Values, &mut |number| {
            let each = each.clone();
            let each = move |event: &TraceEvent<'_>| each.with(|each| each(number, event));
            let names = names(&plugin, &kept.bytes);
            Some(Box::new(Tracer::new(options, names, Box::new(each))))
        })?;
        let traces = watched.into_iter();
        Ok(traces
            .map(|mut it| traced(it.done, it.watch.take_observer()))
            .collect())
    }
}

fn traced(ended: Result<Outcome, Error>, tracer: Option<Box<Tracer>>) -> Trace {
    let (events, is_cut) = tracer.map_or((0, false), |tracer| (tracer.events, tracer.is_cut));
    Trace {
        ended,
        events,
        is_cut,
    }
}

/// The names of all functions.
fn names(plugin: &Plugin, bytes: &[u8]) -> BTreeMap<u32, Box<str>> {
    let symbols = Symbols::of(bytes);
    let imports = plugin.imports().iter();
    let imports = imports.filter(|import| import.ty.signature().is_some());
    let mut names: BTreeMap<u32, Box<str>> = (0..)
        .zip(imports.map(|it| format!("{}.{}", it.module, it.name).into()))
        .collect();
    let imported = plugin.code().info.imported_functions;
    let all = imported.saturating_add(plugin.code().info.functions);
    for function in imported..all {
        let name = symbols.name(function);
        let name = name.unwrap_or_else(|| format!("function {function}").into());
        names.insert(function, name);
    }
    names
}
