//! An instance that is kept.

use crate::{
    api::plugin::Plugin,
    common::{error::Error, failure::Failure, outcome::Outcome},
    engine::{compiled_module::Code, execution::Session, guest_store::Live, meter::Allowance},
};
use alloc::sync::Arc;
use core::fmt;

/// A plugin instantiated and kept, for those who want state between calls.
///
/// Each call has its own fuel, deadline, input and output; memory, globals and tables stay. After
/// a call that ended with an error nothing is known of that state, so every later one is refused
/// with [`Poisoned`](crate::ErrorKind::Poisoned).
///
/// ```
/// # let runner = pocketwasm::Runner::new(pocketwasm::RunnerConfig::new())?;
/// # let module = include_bytes!("../../fixtures/rust-greet.wasm");
/// # let plugin = runner.load_plugin("greet", module)?;
/// let mut instance = plugin.instantiate()?;
/// for name in ["Ada", "Grace"] {
///     let outcome = instance.call("greet").input(name).run()?;
///     assert_eq!(outcome.bytes(), format!("Hello, {name}").as_bytes());
/// }
/// # Ok::<(), pocketwasm::Error>(())
/// ```
pub struct Instance {
    plugin: Plugin,
    /// What it is an instance of: the plugin's code, before or after a snapshot.
    code: Arc<Code>,
    live: Live,
}

impl Instance {
    pub(crate) fn new(plugin: Plugin, code: Arc<Code>, mut live: Live) -> Self {
        live.keep();
        Self { plugin, code, live }
    }

    /// The plugin it is an instance of.
    #[must_use]
    pub fn plugin(&self) -> &Plugin {
        &self.plugin
    }

    /// Whether an earlier call ended with an error, so that no other may follow.
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        self.live.is_poisoned()
    }

    /// Runs `body` on the instance as a call of its own.
    pub(crate) fn exchange<R>(
        &mut self,
        allowance: Allowance,
        body: impl FnOnce(&mut Session<'_>) -> Result<R, Failure>,
    ) -> Result<(R, Outcome), Error> {
        let (plugin, mut session) = self.parts();
        plugin.context().check_open()?;
        session.renew(allowance, None);
        let made = body(&mut session);
        let ended = session.end(made);
        ended.map_err(|error| error.in_plugin(plugin.shared_name()))
    }

    pub(crate) fn parts(&mut self) -> (&Plugin, Session<'_>) {
        let Self { plugin, code, live } = self;
        (plugin, Session::new(code, live))
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance")
            .field("plugin", &self.plugin)
            .field("poisoned", &self.is_poisoned())
            .finish_non_exhaustive()
    }
}

impl Plugin {
    /// Makes an instance that keeps its state from call to call. Its start function and
    /// initialiser run now, under the runner's limits for one call.
    ///
    /// # Errors
    ///
    /// [`Closed`](crate::ErrorKind::Closed), and whatever may end a call: `Trap`, `Exit`,
    /// `OutOfFuel`, `Timeout`, `Host`.
    pub fn instantiate(&self) -> Result<Instance, Error> {
        let run = || -> Result<Instance, Error> {
            self.context().check_open()?;
            let (code, mut live) = self.begin(Allowance::default(), None)?;
            let mut session = Session::new(&code, &mut live);
            let ready = session.ready(None);
            session.end(ready)?;
            Ok(Instance::new(self.clone(), code, live))
        };
        run().map_err(|error| error.in_plugin(self.shared_name()))
    }
}
