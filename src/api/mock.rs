//! Recordings in place of the host, for another build of the module.

use crate::{
    api::{
        instance_replay::Replays, plugin::Plugin, recording::Recording, replayed_copy::alone,
        replayer::Replayer, replaying::as_given,
    },
    common::{
        coverage::Coverage,
        error::Error,
        outcome::Outcome,
        recording::{CallRecord, Place, difference},
    },
    host::tape::Player,
};
use alloc::{string::ToString, vec::Vec};

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
        let replayer = Replayer::of_build(self, module)?;
        let plugin = replayer.load(coverage.is_some())?;
        let mut replays = Replays {
            plugin: &plugin,
            files: replayer.files_of_calls(),
            limits: as_given,
            with_exchanges: false,
            instance: None,
        };
        let mut ended = Vec::new();
        for call in &replayer.recording.calls {
            if call.place == Place::Kept && replays.instance.is_none() {
                let problem = "the instance of the call was not made".to_string();
                let error = plugin.error(difference(problem));
                ended.push(Err(error.in_export(&call.export)));
                continue;
            }
            ended.push(replays.next(call, |done, player| judged(call, &plugin, done, player))?);
        }
        if let Some(coverage) = coverage {
            replayer.count(&plugin, coverage)?;
        }
        Ok(ended)
    }
}

/// How a call ended, or the first difference from the recording.
fn judged(
    call: &CallRecord,
    plugin: &Plugin,
    done: Result<Outcome, Error>,
    player: Option<&mut Player>,
) -> Result<Outcome, Error> {
    let difference = player.as_ref().and_then(|player| player.end().err());
    match (difference, done) {
        // What a call did not ask before an error is no difference.
        (Some(failure), done) if done.is_ok() || player.is_some_and(|it| it.has_left()) => {
            let error = plugin.error(failure);
            Err(match call.place {
                Place::Made => error,
                _ => error.in_export(&call.export),
            })
        }
        (_, done) => done,
    }
}
