//! Explaining errors after their calls have ended.

use crate::{api::call::Call, common::error::Error};
use alloc::boxed::Box;

impl Call<'_> {
    /// Explains an error of a call that was made like this one: of the same plugin, with the same input
    /// and limits. [`run`](Self::run), and what else runs a call, then replay it instead, and return
    /// the error with a [backtrace](Error::backtrace), or with the reason why there is none
    /// ([`Error::unexplained`]). The runner must keep modules
    /// ([`RunnerConfig::keep_modules`](crate::RunnerConfig::keep_modules)).
    ///
    /// ```
    /// use pocketwasm::{Runner, RunnerConfig};
    ///
    /// let runner = Runner::new(RunnerConfig::new().keep_modules(true))?;
    /// let module = wat::parse_str(
    ///     r#"(module (func $divide (export "divide") (param i32) (result i32)
    ///         (i32.div_u (i32.const 6) (local.get 0))))"#,
    /// )?;
    /// let plugin = runner.load_plugin("divides", module)?;
    /// let error = plugin.call("divide").params(&[0]).run().unwrap_err();
    /// assert!(error.backtrace().is_none());
    /// let error = plugin.call("divide").params(&[0]).explaining(error).run().unwrap_err();
    /// let backtrace = error.backtrace().expect("a pure call");
    /// assert_eq!(backtrace.frames()[0].name(), Some("divide"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg_attr(docsrs, doc(cfg(feature = "explain")))]
    pub fn explaining(mut self, error: Error) -> Self {
        self.task.explaining = Some(Box::new(error));
        self
    }
}
