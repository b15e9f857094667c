//! Recordings in place of the host, for another build of the module.

use crate::{
    api::{
        on_tape::run_on_tape,
        plugin::Plugin,
        recording::Recording,
        replayed_copy::alone,
        replayer::Replayer,
        replaying::{GivenFiles, with_task},
    },
    common::{coverage::Coverage, error::Error, outcome::Outcome, recording::CallRecord},
    host::tape::Tape,
};
use alloc::vec::Vec;

impl Recording {
    /// Makes the recorded calls on another build of the module, with the recording in place of the host:
    /// a mock of everything that the calls asked. They have the recorded inputs and limits, and may
    /// end in another way than then, and for other fuel. A build that asks the host for something else
    /// gets an error that names the first difference.
    ///
    /// ```
    /// use pocketwasm::{HostContext, Runner, RunnerConfig};
    ///
    /// let build = |operator: &str| {
    ///     wat::parse_str(format!(
    ///         r#"(module
    ///             (import "env" "dice" (func $dice (result i32)))
    ///             (func (export "throw") (result i32) ({operator} (call $dice) (call $dice))))"#
    ///     ))
    /// };
    /// let dice = |_: &mut HostContext<'_>| -> i32 { 4 };
    /// let runner = Runner::new(RunnerConfig::new().function("env", "dice", dice))?;
    /// let plugin = runner.load_plugin("game", build("i32.add")?)?;
    /// let mut recording = None;
    /// plugin.call("throw").record(&mut recording).run()?;
    ///
    /// let recording = recording.expect("the call has ended");
    /// let ended = recording.mock(&build("i32.mul")?)?;
    /// assert_eq!(ended[0].as_ref().unwrap().results(), [16]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of loading the module, and `Recording` if the recording's inputs are damaged. The errors
    /// of the calls are in the list: [`Difference`](crate::ErrorKind::Difference) if the build asks
    /// the host for something else, or for less.
    #[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
    pub fn mock(&self, module: &[u8]) -> Result<Vec<Result<Outcome, Error>>, Error> {
        self.mocked(module, None)
    }

    /// The same, and adds to `coverage` which code ran, if that is wanted.
    pub(crate) fn mocked(
        &self,
        module: &[u8],
        coverage: Option<&mut Coverage>,
    ) -> Result<Vec<Result<Outcome, Error>>, Error> {
        if !self.modules().is_empty() {
            return Err(alone("a mock"));
        }
        let replayer = Replayer::of_build(self, module);
        let plugin = replayer.load(coverage.is_some())?;
        let mut ended = Vec::new();
        for call in &self.calls {
            ended.push(mocked(call, &plugin)?);
        }
        if let Some(coverage) = coverage {
            replayer.count(&plugin, coverage)?;
        }
        Ok(ended)
    }
}

/// Makes one call on the plugin, with the tape in place of the host.
fn mocked(call: &CallRecord, plugin: &Plugin) -> Result<Result<Outcome, Error>, Error> {
    let (done, tape, _) = with_task(call, GivenFiles::default(), |mut task| {
        task.call_limits.fuel = call.limits.fuel;
        run_on_tape(&mut task, plugin)
    })?;
    let difference = match tape.as_deref() {
        Some(Tape::Replaying(player)) => player.end().err(),
        _ => None,
    };
    Ok(match (difference, done) {
        // What a call did not ask before an error is no difference.
        (Some(failure), done) if done.is_ok() || has_left(tape.as_deref()) => {
            let error = Error::from(failure).in_plugin(plugin.shared_name());
            Err(error.in_export(&call.export))
        }
        (_, done) => done,
    })
}

fn has_left(tape: Option<&Tape>) -> bool {
    matches!(tape, Some(Tape::Replaying(player)) if player.has_left())
}
