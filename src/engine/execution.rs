//! Running guest code in a store: instantiate, initialise, call, end.

use crate::{
    common::{
        error::Error,
        error_kind::Phase,
        failure::{Cause, Failure},
        outcome::{CallOutput, Numbers, Outcome},
        output::Stream,
        reference::FuncRef,
        value::Signature,
        wasm_value::Value,
    },
    engine::{
        callee::{Callee, call_values},
        compiled_module::CompiledModule,
        guest_store::{GuestFunction, GuestStore, REMEMBERED, RememberedFunction},
        imported,
        instantiation_failure::instantiation_failure,
        meter::CallLimits,
        run_loop::{fuel_left, fuel_used},
        snapshot_state::SnapshotState,
        store_data::{StoreData, exported_function, memory_and_data},
        suspension::complete,
        values::function,
    },
    host::{environment::Environment, memory::GuestMemory},
    settings::config::RunnerConfig,
};
use alloc::{boxed::Box, string::ToString};
use wasmi::{AsContextMut, Func, Instance};

/// A call in progress, and the instance it runs in.
pub(crate) struct Execution<'a> {
    pub(super) code: &'a CompiledModule,
    pub(super) guest_store: &'a mut GuestStore,
}

impl<'a> Execution<'a> {
    /// A call in `guest_store`, which holds an instance of `code` or will.
    pub(crate) fn new(code: &'a CompiledModule, guest_store: &'a mut GuestStore) -> Self {
        Self { code, guest_store }
    }

    pub(super) fn config(&self) -> &RunnerConfig {
        &self.guest_store.store.data().meter.context().config
    }

    /// Begins another call on the same instance, or the first on a spare one.
    #[inline(always)]
    pub(crate) fn renew(&mut self, call_limits: CallLimits, environment: Option<Box<Environment>>) {
        let used = self.fuel_used();
        let state = self.guest_store.store.data_mut();
        state.renew(call_limits, environment, used);
        // The fuel that the last call left over does not count for the next one.
        let level = state.meter.first_level();
        let _ = self.guest_store.store.set_fuel(level);
    }

    pub(crate) fn max_result_bytes(&self) -> u64 {
        self.config().limits.max_result_bytes as u64
    }

    pub(crate) fn max_output_bytes(&self) -> u64 {
        self.config().limits.max_output_bytes as u64
    }

    pub(crate) fn code(&self) -> &'a CompiledModule {
        self.code
    }

    /// Makes the instance, runs the start function and then the initialiser. Skips an initialiser
    /// that is the export to be called.
    #[inline(always)]
    pub(crate) fn instantiate_and_initialise(
        &mut self,
        export: Option<&str>,
    ) -> Result<(), Failure> {
        self.instantiate()?;
        self.initialise_first(export)
    }

    /// Runs what comes first in an instance that was made: the start function and then the
    /// initialiser. Skips an initialiser that is the export to be called.
    #[inline(always)]
    pub(crate) fn initialise_first(&mut self, export: Option<&str>) -> Result<(), Failure> {
        if self.code.runs_first() {
            self.initialise_at_once(export)?;
        }
        Ok(())
    }

    /// The future of this takes room on the stack, which calls that need it not do without.
    #[inline(never)]
    fn initialise_at_once(&mut self, export: Option<&str>) -> Result<(), Failure> {
        complete(self.initialise(export))
    }

    /// Makes the instance. No guest code runs yet, but that of the libraries.
    pub(crate) fn instantiate(&mut self) -> Result<(), Failure> {
        self.admit();
        let instance = match self.code.imports_state {
            true => self.instantiate_with_imports_at_once()?,
            false => self.instantiate_alone(),
        };
        self.instantiated(instance)
    }

    /// Sets what the instance may have and use.
    #[inline(always)]
    pub(super) fn admit(&mut self) {
        let store = &mut self.guest_store.store;
        store.limiter(|state| &mut state.limiter);
        let meter = &mut store.data_mut().meter;
        if !self.code.is_small {
            meter.begin();
        }
        let level = meter.first_level();
        // This fails only if metering is off, and it is always on.
        let _ = store.set_fuel(level);
    }

    /// Makes the instance of a module that imports functions only.
    #[inline(always)]
    pub(super) fn instantiate_alone(&mut self) -> Result<Instance, wasmi::Error> {
        let CompiledModule { linker, module, .. } = self.code;
        let store = &mut self.guest_store.store;
        if self.code.info.imports.is_empty() {
            // A module without imports needs no linker, and this way is faster.
            Instance::new(&mut *store, module, &[])
        } else {
            linker.instantiate_and_start(&mut *store, module)
        }
    }

    /// Keeps the instance that was made.
    #[inline(always)]
    pub(super) fn instantiated(
        &mut self,
        instance: Result<Instance, wasmi::Error>,
    ) -> Result<(), Failure> {
        let instance = instance.map_err(|error| instantiation_failure(error, self.config()))?;
        let memory = match self.code.exports_memory {
            true => instance.get_memory(&self.guest_store.store, "memory"),
            false if self.code.imports_state => imported::memory(&self.guest_store.store),
            false => None,
        };
        let state = self.guest_store.store.data_mut();
        state.instance = Some(instance);
        state.memory = memory;
        Ok(())
    }

    pub(crate) fn set_phase(&mut self, phase: Phase) {
        self.guest_store.phase = phase;
    }

    /// Finds an exported function, whose signature is `signature`. A kept instance remembers it.
    #[inline(always)]
    pub(crate) fn find<'s>(
        &mut self,
        export: &str,
        signature: &'s Signature,
    ) -> Result<GuestFunction<'s>, Failure> {
        let func = self.func(export)?;
        let GuestStore {
            store, remembered, ..
        } = &mut *self.guest_store;
        let callee = Callee::new(store.as_context_mut(), func, signature);
        if let Some(remembered) = remembered
            && remembered.len() < REMEMBERED
            && let Some(position) = self.code.info.position(export)
        {
            let name = export.into();
            remembered.push(RememberedFunction {
                name,
                position,
                callee,
            });
        }
        Ok(GuestFunction { signature, callee })
    }

    #[inline(always)]
    pub(super) fn func(&self, export: &str) -> Result<Func, Failure> {
        let found = exported_function(&self.guest_store.store, export);
        found.ok_or_else(|| self.code.info.no_function(export))
    }

    #[inline]
    fn remembered(&self, export: &str) -> Option<&RememberedFunction> {
        let mut remembered = self.guest_store.remembered.iter().flatten();
        remembered.find(|remembered| *remembered.name == *export)
    }

    /// The function by that name, if this instance is kept and has called it before.
    #[inline]
    pub(crate) fn remembered_function(&self, export: &str) -> Option<GuestFunction<'a>> {
        let RememberedFunction {
            position, callee, ..
        } = self.remembered(export)?;
        let signature = self.code.info.exports.get(*position)?.ty.signature()?;
        Some(GuestFunction {
            signature,
            callee: *callee,
        })
    }

    /// The function by that name, remembered or found now.
    pub(super) fn exported(&mut self, export: &str) -> Result<GuestFunction<'a>, Failure> {
        match self.remembered_function(export) {
            Some(function) => Ok(function),
            None => self.find(export, self.code.info.signature(export)?),
        }
    }

    /// Calls a function that was found before. `params` are bit patterns that fit its signature.
    #[inline]
    pub(crate) fn call_function(
        &mut self,
        GuestFunction { signature, callee }: GuestFunction<'_>,
        params: &[u64],
    ) -> Result<Numbers, Failure> {
        let done = callee.call(self.guest_store.store.as_context_mut(), signature, params);
        ended(signature, done)
    }

    /// Calls an export with values that fit its signature.
    #[inline(never)]
    pub(crate) fn call_values(
        &mut self,
        export: &str,
        values: &[Value],
    ) -> Result<Numbers, Failure> {
        let func = self.func(export)?;
        self.call_func(func, self.code.info.signature(export)?, values)
    }

    /// Calls a function that this instance passed as a reference.
    pub(crate) fn call_reference(
        &mut self,
        reference: &FuncRef,
        values: &[Value],
    ) -> Result<Numbers, Failure> {
        let func = function(&self.guest_store.store, reference)?;
        self.call_func(func, reference.signature(), values)
    }

    fn call_func(
        &mut self,
        func: Func,
        signature: &Signature,
        values: &[Value],
    ) -> Result<Numbers, Failure> {
        let ctx = self.guest_store.store.as_context_mut();
        let done = call_values(ctx, func, signature, values);
        ended(signature, done.map(Numbers::from))
    }

    /// The value of an exported global of type `i32`.
    pub(crate) fn exported_u32(&self, name: &str) -> Option<u32> {
        let instance = self.guest_store.store.data().instance?;
        let global = instance.get_global(&self.guest_store.store, name)?;
        Some(global.get(&self.guest_store.store).i32()?.cast_unsigned())
    }

    /// The guest's memory.
    pub(crate) fn memory(&mut self) -> Result<GuestMemory<'_>, Failure> {
        // No host function is running.
        if let Some(references) = &mut self.state().references {
            references.caller_memory = None;
        }
        match memory_and_data(&mut self.guest_store.store) {
            Some((memory, _)) => Ok(memory),
            None => Err(Cause::Signature {
                problem: "passing bytes needs an export `memory`, and there is none".to_string(),
            }
            .into()),
        }
    }

    /// The host's data in the store.
    pub(crate) fn state(&mut self) -> &mut StoreData {
        self.guest_store.state()
    }

    pub(crate) fn phase(&self) -> Phase {
        self.guest_store.phase
    }

    /// Keeps what the guest writes, even if the runner passes output on to a sink.
    pub(crate) fn keep_output(&mut self) {
        self.guest_store.store.data_mut().output.keep();
    }

    pub(crate) fn has_output(&self) -> bool {
        let output = &self.guest_store.store.data().output;
        output.truncated || !output.stdout.is_empty() || !output.stderr.is_empty()
    }

    pub(crate) fn stdin_read(&self) -> bool {
        self.guest_store.store.data().inputs_read.stdin
    }

    /// The host's side of the state, for a snapshot.
    pub(crate) fn snapshot_state(&self) -> SnapshotState {
        self.guest_store
            .store
            .data()
            .to_snapshot_state(self.fuel_used())
    }

    /// The fuel that the call has used so far.
    pub(crate) fn fuel_used(&self) -> u64 {
        fuel_used(&self.guest_store.store)
    }

    /// Ends a call that succeeded with `output`. The outcome adds what the call cost and wrote.
    #[inline(always)]
    pub(crate) fn outcome(&mut self, output: CallOutput) -> Outcome {
        let fuel_used = self.fuel_used();
        // Only the first call reports this fuel: later ones on the same instance would not run the
        // initialiser in any case.
        let init_fuel = core::mem::take(&mut self.guest_store.init_fuel);
        let state = self.guest_store.store.data_mut();
        self.guest_store.poisoned |= state.nested.failed;
        Outcome {
            results: output.results,
            bytes: output.bytes,
            stdout: state.output.take(Stream::Stdout),
            stderr: state.output.take(Stream::Stderr),
            output_truncated: state.output.truncated,
            fuel_used,
            init_fuel,
            peak_memory_pages: state.limiter.memory_pages(),
            saw_host: state.sees_host(),
            #[cfg(feature = "files")]
            files: state.file_changes(),
        }
    }

    /// Ends a call that failed. The error carries what the call cost and wrote until then.
    #[cold]
    pub(crate) fn failed(&mut self, failure: Failure) -> Error {
        let mut outcome = self.outcome(CallOutput::default());
        // An error that a plugin reports by its convention is a regular answer, and the instance
        // stays usable. During initialisation it is not: the instance is incomplete.
        let is_answer = matches!(*failure, Cause::Plugin { .. })
            && !matches!(self.guest_store.phase, Phase::Start | Phase::Initialize);
        self.guest_store.poisoned |= !is_answer;
        // A call that ran out of fuel used its whole budget, wherever the guest stopped in its last
        // slice.
        if let Cause::OutOfFuel { budget } | Cause::OutOfTimeFuel { budget, .. } = *failure {
            outcome.fuel_used = budget;
        }
        let error = Error::from(failure).at(self.guest_store.phase);
        error.with_outcome(outcome)
    }

    /// Ends a call whose result is neither numbers nor bytes.
    pub(crate) fn end<R>(&mut self, made: Result<R, Failure>) -> Result<(R, Outcome), Error> {
        match made {
            Ok(made) => Ok((made, self.outcome(CallOutput::default()))),
            Err(failure) => Err(self.failed(failure)),
        }
    }

    /// Takes the fuel for `bytes` that the host moves into or out of the guest.
    pub(crate) fn charge_bytes(&mut self, bytes: u64) -> Result<(), Failure> {
        let left = fuel_left(&self.guest_store.store);
        let level = self
            .guest_store
            .store
            .data_mut()
            .meter
            .charge(left, bytes / 64)?;
        let _ = self.guest_store.store.set_fuel(level);
        Ok(())
    }
}

/// The end of a call of an export that was asked for. Exit code 0 is a success unless the function
/// has results.
#[inline(always)]
pub(super) fn ended(
    signature: &Signature,
    done: Result<Numbers, Failure>,
) -> Result<Numbers, Failure> {
    match done {
        Err(failure) if signature.results().is_empty() && failure.is_good_end() => {
            Ok(Numbers::None)
        }
        done => done,
    }
}
