//! Host functions that answer later.

use crate::{
    common::{error::Error, failure::Source, value::Signature, wasm_value::Value},
    host::{context::HostContext, function::HostResult},
};
use alloc::{boxed::Box, format};
use core::any::Any;
#[cfg(feature = "async")]
use core::{future::Future, pin::Pin};

/// Gives the results of a host function that waited. It gets a place for each result, with a value
/// of its type.
pub(crate) type Completion =
    Box<dyn FnOnce(&mut HostContext<'_>, &mut [Value]) -> Result<(), Source> + Send>;

/// A completion that gives what `finish` returns.
pub(crate) fn completion<R: HostResult>(
    finish: impl FnOnce(&mut HostContext<'_>) -> R + Send + 'static,
) -> Completion {
    Box::new(move |context, results| {
        if !R::types().iter().copied().eq(results.iter().map(Value::ty)) {
            let given = Signature::new([], R::types());
            return Err(format!("the results have the types of {given}").into());
        }
        finish(context).give(results)
    })
}

/// What a host function waits for whose results a future gives.
#[cfg(feature = "async")]
pub(crate) struct Work(pub(crate) Pin<Box<dyn Future<Output = Completion> + Send>>);

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

    /// Says that the output of `future` will be this host function's results. Return the error. The
    /// call must be one that is [run as a future](crate::Call::run_async), or it ends as
    /// [`wait`](Self::wait) says.
    ///
    /// The future cannot use the context. [`wait_and`](Self::wait_and) can, when the future is
    /// ready. Where that is not needed, [`RunnerConfig::async_function`] is shorter.
    ///
    /// [`RunnerConfig::async_function`]: crate::RunnerConfig::async_function
    #[cfg(feature = "async")]
    #[cfg_attr(docsrs, doc(cfg(feature = "async")))]
    #[must_use = "the host function returns it"]
    pub fn wait_for<R: HostResult + Send + 'static>(
        &mut self,
        future: impl Future<Output = R> + Send + 'static,
    ) -> Error {
        self.wait_and(future, |_, results| results)
    }

    /// Like [`wait_for`](Self::wait_for). When `future` is ready, `finish` gets its output and a
    /// context, and can read and write the guest's memory. It returns the results.
    ///
    /// ```
    /// use pocketwasm::{Error, HostContext, Runner, RunnerConfig};
    ///
    /// let read = |context: &mut HostContext<'_>, buffer: u32| -> Result<u32, Error> {
    ///     let line = async { "*" }; // that of a socket, for example
    ///     Err(context.wait_and(line, move |context, line| {
    ///         context.write(buffer, line.as_bytes())?;
    ///         Ok::<u32, Error>(1)
    ///     }))
    /// };
    /// let runner = Runner::new(RunnerConfig::new().function("env", "read", read))?;
    /// let module = wat::parse_str(
    ///     r#"(module
    ///         (import "env" "read" (func $read (param i32) (result i32)))
    ///         (memory (export "memory") 1)
    ///         (func (export "f") (result i32)
    ///             (drop (call $read (i32.const 8)))
    ///             (i32.load8_u (i32.const 8))))"#,
    /// )?;
    /// let plugin = runner.load_plugin("reads", module)?;
    /// # let executor = tokio::runtime::Builder::new_current_thread().build()?;
    /// # let outcome = executor.block_on(async {
    /// let outcome = plugin.call("f").run_async().await?;
    /// # Ok::<_, Error>(outcome)
    /// # })?;
    /// assert_eq!(outcome.results(), [u64::from(b'*')]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "async")]
    #[cfg_attr(docsrs, doc(cfg(feature = "async")))]
    #[must_use = "the host function returns it"]
    pub fn wait_and<T: Send + 'static, R: HostResult>(
        &mut self,
        future: impl Future<Output = T> + Send + 'static,
        finish: impl FnOnce(&mut HostContext<'_>, T) -> R + Send + 'static,
    ) -> Error {
        let work = async move {
            let output = future.await;
            completion(move |context| finish(context, output))
        };
        self.wait(Work(Box::pin(work)))
    }

    /// Gives an Extism guest the response to its HTTP request. Returns the offset of the body's
    /// block, 0 if it is empty.
    #[cfg(all(feature = "async", feature = "http"))]
    pub(crate) fn give_response(
        &mut self,
        status: u16,
        headers: alloc::vec::Vec<u8>,
        body: &[u8],
    ) -> Result<u64, Error> {
        let extism = &mut self.guest.convention_state().extism;
        extism.status = status;
        extism.headers = headers;
        match body {
            [] => Ok(0),
            body => self.new_extism_block(body),
        }
    }
}
