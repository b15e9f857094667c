//! The settings for calls that are suspended.

use crate::settings::{config::RunnerConfig, modes::Deadline};
#[cfg(feature = "async")]
use crate::{common::http::AsyncHttpClient, host::async_function::IntoAsyncHostFunction};
#[cfg(feature = "async")]
use alloc::sync::Arc;

impl RunnerConfig {
    /// Whether the deadline of a call counts the time in which it is suspended. Default:
    /// [`Deadline::RunningTime`], which does not: how long a call stays suspended is up to its
    /// embedder, and not to the guest that the deadline is for. Without a
    /// [`clock`](Self::clock) the deadline is a budget of fuel, and this changes nothing.
    pub fn deadline(mut self, deadline: Deadline) -> Self {
        self.deadline = deadline;
        self
    }

    /// Like [`function`](Self::function), for a closure that returns a future. The future's output
    /// is the function's result. Calls that reach the function must be [run as
    /// futures](crate::Call::run_async); in others it ends the call with
    /// [`CannotWait`](crate::ErrorKind::CannotWait), as [`HostContext::wait`] says.
    ///
    /// [`HostContext::wait`]: crate::HostContext::wait
    ///
    /// ```
    /// use pocketwasm::{HostContext, Runner, RunnerConfig};
    /// use std::time::Duration;
    ///
    /// let config = RunnerConfig::new().async_function(
    ///     "env",
    ///     "sleep",
    ///     |_: &mut HostContext<'_>, milliseconds: u64| async move {
    ///         tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    ///     },
    /// );
    /// let runner = Runner::new(config)?;
    /// let module = wat::parse_str(
    ///     r#"(module
    ///         (import "env" "sleep" (func $sleep (param i64)))
    ///         (func (export "nap") (result i32) (call $sleep (i64.const 10)) (i32.const 1)))"#,
    /// )?;
    /// let plugin = runner.load_plugin("naps", module)?;
    /// # let executor = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    /// # executor.block_on(async {
    /// let nap = plugin.call("nap").run_async();
    /// let other = plugin.call("nap").run_async();
    /// let (nap, other) = tokio::join!(nap, other);
    /// assert_eq!(nap?.results(), other?.results());
    /// # Ok::<(), pocketwasm::Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "async")]
    #[cfg_attr(docsrs, doc(cfg(feature = "async")))]
    pub fn async_function<Params>(
        mut self,
        module: &str,
        name: &str,
        function: impl IntoAsyncHostFunction<Params>,
    ) -> Self {
        self.functions
            .insert(module, name, function.into_host_function());
        self
    }

    /// Like [`http_client`](Self::http_client), for a client that returns futures. Calls that are
    /// [run as futures](crate::Call::run_async) use it, and wait without a thread. Other calls use
    /// the client of [`http_client`](Self::http_client), if there is one. Needs the feature `http`
    /// too.
    #[cfg(feature = "async")]
    #[cfg_attr(docsrs, doc(cfg(feature = "async")))]
    pub fn async_http_client(mut self, client: impl AsyncHttpClient) -> Self {
        self.async_http_client = Some(Arc::new(client));
        self
    }
}
