//! Host functions that answer later.

use crate::{common::error::Error, host::context::HostContext};
use alloc::boxed::Box;
use core::any::Any;

impl HostContext<'_> {
    /// Says that this host function has no results yet. Return the error: the guest's call is then
    /// suspended, and who holds it gets a [`WaitingCall`](crate::WaitingCall) with `request`, which
    /// says what to wait for. Its [`resume_with`](crate::WaitingCall::resume_with) gives the
    /// results, and the guest goes on as if the function had returned them.
    ///
    /// ```
    /// use pocketwasm::{Error, HostContext, Progress, Runner, RunnerConfig};
    ///
    /// let ask = |context: &mut HostContext<'_>, question: i32| -> Result<i32, Error> {
    ///     Err(context.wait(question))
    /// };
    /// let runner = Runner::new(RunnerConfig::new().function("env", "ask", ask))?;
    /// let module = wat::parse_str(
    ///     r#"(module
    ///         (import "env" "ask" (func $ask (param i32) (result i32)))
    ///         (func (export "f") (result i32) (i32.add (call $ask (i32.const 2)) (i32.const 1))))"#,
    /// )?;
    /// let plugin = runner.load_plugin("asks", module)?;
    /// let Progress::Waiting(call) = plugin.call("f").run_for(1_000)? else { panic!() };
    /// assert_eq!(call.request::<i32>(), Some(&2));
    /// let Progress::Finished(outcome) = call.resume_with(&[41.into()], 1_000)? else { panic!() };
    /// assert_eq!(outcome.results(), [42]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// The error ends the call with [`CannotWait`](crate::ErrorKind::CannotWait) in place of that
    /// if the call runs to its end ([`Call::run`](crate::Call::run)), if a host function has called
    /// the guest back (its own frames are on the native stack, and cannot be kept), and if the
    /// module has a tail call that can reach a function of this one's type, where the engine cannot
    /// go on. Operations of waPC cannot wait.
    #[must_use = "the host function returns it"]
    pub fn wait(&mut self, request: impl Any + Send) -> Error {
        self.guest.wait(Box::new(request)).into()
    }
}
