//! Making the instances that are kept.

#[cfg(all(feature = "recordings", feature = "explain"))]
use crate::api::explained;
#[cfg(feature = "recordings")]
use crate::api::instance_recording::InstanceRecording;
use crate::{
    api::{instance::Instance, plugin::Plugin},
    common::error::Error,
    engine::{
        compiled_module::CompiledModule, execution::Execution, guest_store::GuestStore,
        meter::CallLimits,
    },
};
#[cfg(feature = "recordings")]
use alloc::boxed::Box;
use alloc::sync::Arc;

impl Instance {
    /// Makes the instance as fresh as a new one, also after a call that failed. References and the
    /// state of earlier calls are gone.
    ///
    /// It takes at most the time of [`Plugin::instantiate`], and less where a spare instance is
    /// ready (`RunnerConfig::spare_instances`).
    ///
    /// ```
    /// # let runner = pocketwasm::Runner::new(pocketwasm::RunnerConfig::new())?;
    /// let module = wat::parse_str(
    ///     r#"(module
    ///         (global $count (export "count") (mut i32) (i32.const 1))
    ///         (func (export "fail") (global.set $count (i32.const 2)) (unreachable)))"#,
    /// )?;
    /// let mut instance = runner.load_plugin("fails", module)?.instantiate()?;
    /// instance.call("fail").run().unwrap_err();
    /// assert!(instance.is_poisoned());
    /// instance.reset()?;
    /// assert!(!instance.is_poisoned());
    /// assert_eq!(instance.global("count")?.get(), Some(1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`Plugin::instantiate`]. The instance is then as it was before.
    pub fn reset(&mut self) -> Result<(), Error> {
        let plugin = self.plugin().clone();
        #[cfg(feature = "recordings")]
        let made = match &mut self.recording {
            Some(recording) => recorded(&plugin, recording),
            None => plugin.make(),
        };
        #[cfg(not(feature = "recordings"))]
        let made = plugin.make();
        let (code, guest_store) = made?;
        self.replace(code, guest_store);
        Ok(())
    }
}

/// Makes an instance and records that.
#[cfg(feature = "recordings")]
fn recorded(
    plugin: &Plugin,
    recording: &mut InstanceRecording,
) -> Result<(Arc<CompiledModule>, GuestStore), Error> {
    let made = recording.make(plugin);
    #[cfg(feature = "explain")]
    let made = made.map_err(|error| explained::in_instance(plugin, recording, "", error));
    made
}

impl Plugin {
    /// Creates an instance that keeps its state from call to call. Its start function and
    /// initialiser run now, under the runner's limits for one call.
    ///
    /// # Errors
    ///
    /// [`Closed`](crate::ErrorKind::Closed), and the errors of a call: `Trap`, `Exit`, `OutOfFuel`,
    /// `Timeout`, `Host`. `Exit` is returned for any exit code, even 0: a program that has ended
    /// leaves no usable instance.
    pub fn instantiate(&self) -> Result<Instance, Error> {
        #[cfg(all(feature = "recordings", feature = "explain"))]
        if self.context().config.explain {
            let made = self.record_instance(Box::new(InstanceRecording::new(true)));
            return made.map_err(|(error, _)| error);
        }
        let (code, guest_store) = self.make()?;
        Ok(Instance::new(self.clone(), code, guest_store))
    }

    /// Makes an instance that is recorded. If that fails, `Err` has the recording too.
    #[cfg(feature = "recordings")]
    pub(super) fn record_instance(
        &self,
        mut recording: Box<InstanceRecording>,
    ) -> Result<Instance, (Error, Box<InstanceRecording>)> {
        match recorded(self, &mut recording) {
            Ok((code, guest_store)) => {
                let mut instance = Instance::new(self.clone(), code, guest_store);
                instance.recording = Some(recording);
                Ok(instance)
            }
            Err(error) => Err((error, recording)),
        }
    }

    /// A store with an instance that is initialised, a spare one if there is one.
    fn make(&self) -> Result<(Arc<CompiledModule>, GuestStore), Error> {
        let make = || -> Result<_, Error> {
            self.context().check_open()?;
            let (code, mut guest_store) = self.begin(CallLimits::default(), None)?;
            if let Some(mut spare) = self.spare_of(&code) {
                let mut execution = Execution::new(&code, &mut spare);
                execution.renew(CallLimits::default(), None);
                let initialised = execution.initialise_first(None);
                execution.end(initialised)?;
                return Ok((code, *spare));
            }
            let mut execution = Execution::new(&code, &mut guest_store);
            let initialised = execution.instantiate_and_initialise(None);
            execution.end(initialised)?;
            Ok((code, guest_store))
        };
        make().map_err(|error| error.in_plugin(self.shared_name()))
    }
}
