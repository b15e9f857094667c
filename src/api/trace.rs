//! Traces of calls.

use crate::{
    api::{
        call::Call,
        plugin::Plugin,
        replay::{Inputs, run},
    },
    common::{
        error::Error,
        failure::{Cause, Failure},
        outcome::Outcome,
        trace::{Trace, TraceEvent, TraceOptions},
    },
    engine::tracer::Tracer,
    module::{instrument::Detail, symbols::Symbols},
};
use alloc::{
    boxed::Box,
    collections::BTreeMap,
    format,
    string::{String, ToString},
};

impl Call<'_> {
    /// Runs the call on an instrumented copy of the module, and tells `each` of the calls of its
    /// functions and of those of the host, with their arguments and results, while they happen. The
    /// runner must explain errors ([`RunnerConfig::explain`](crate::RunnerConfig::explain)), because
    /// plugins then keep the bytes of their modules.
    ///
    /// The call costs the same fuel as on the module itself. It has three times the timeout, and at
    /// least ten seconds. The initialiser is part of it, even if the plugin has a snapshot. What the
    /// guest writes goes into the outcome or is dropped.
    ///
    /// ```
    /// use pocketwasm::{Runner, RunnerConfig, explain::{TraceKind, TraceOptions}};
    ///
    /// let runner = Runner::new(RunnerConfig::new().explain(true))?;
    /// let plugin = runner.load_plugin("greet", include_bytes!("../../fixtures/rust-greet.wasm"))?;
    /// let options = TraceOptions::new().function("greet");
    /// let trace = plugin.call("greet").input("World").trace(&options, |event| {
    ///     if let TraceKind::Call { arguments } = event.kind() {
    ///         println!("{} {arguments:?} after {} units of fuel", event.name(), event.fuel());
    ///     }
    /// })?;
    /// // The call and the return.
    /// assert_eq!(trace.events(), 2);
    /// # Ok::<(), pocketwasm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidConfig` if the runner does not explain errors, or for a call of a kept instance or of
    /// a plugin with a warm-up call. The errors of [`run`](Self::run) before anything runs. An error
    /// while the call runs is in [`Trace::outcome`].
    #[cfg_attr(docsrs, doc(cfg(feature = "explain")))]
    pub fn trace(
        self,
        options: &TraceOptions,
        each: impl FnMut(&TraceEvent<'_>) + Send + 'static,
    ) -> Result<Trace, Error> {
        let (plugin, mut task) = self.into_fresh()?;
        let Some(kept) = plugin.kept_module().filter(|kept| !kept.is_warm) else {
            let problem = "must be set for a trace, and the plugin must be a single module without a \
                           warm-up call";
            return Err(plugin.error(Failure::from(Cause::InvalidConfig {
                setting: "explain",
                problem: problem.to_string(),
            })));
        };
        task.check(plugin)
            .map_err(|failure| plugin.error(failure))?;
        let fuel = task.call_limits.fuel;
        let inputs = Inputs::whole(&mut task);
        let state = task.state.take();
        let task = inputs.into_task(fuel, state);
        let tracer = Tracer::new(options, names(plugin, &kept.bytes), Box::new(each));
        let (ended, mut watch) = run(plugin, kept, task, Detail::Values, Box::new(tracer))
            .map_err(|problem| refused(plugin, problem))?;
        Ok(traced(ended, watch.take_observer()))
    }
}

fn refused(plugin: &Plugin, problem: String) -> Error {
    plugin.error(Failure::from(Cause::Host {
        problem,
        source: None,
    }))
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
