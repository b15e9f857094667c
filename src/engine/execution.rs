//! A store with an instance in it: what a call runs in.

use crate::{
    common::{
        error::Error,
        error_kind::Phase,
        failure::{Cause, Failure},
        outcome::{Given, Numbers, Outcome},
        output::Stream,
        text::first_line,
        value::Signature,
    },
    engine::{
        callee::Callee,
        compiled_module::Code,
        guest_store::{Called, Known, Live, REMEMBERED},
        meter::Allowance,
        run_loop::{MEMORY_OUT_OF_BOUNDS, TABLE_OUT_OF_BOUNDS, fuel_left, fuel_used, trap},
        store_data::{Ready, State, exported_function, view},
    },
    host::{environment::Told, memory::GuestMemory},
    module::{
        inspect::HASKELL,
        snapshot::{self, Captured, Constant, Shape},
    },
    settings::config::RunnerConfig,
};
use alloc::{boxed::Box, string::ToString, vec};
use wasmi::{
    AsContextMut, Func, Instance, Val,
    errors::{ErrorKind as EngineError, InstantiationError, MemoryError, TableError},
};

/// A live instance in a call.
pub(crate) struct Session<'a> {
    code: &'a Code,
    live: &'a mut Live,
}

impl<'a> Session<'a> {
    /// What runs in `live`, an instance of `code`.
    pub(crate) fn new(code: &'a Code, live: &'a mut Live) -> Self {
        Self { code, live }
    }

    fn config(&self) -> &RunnerConfig {
        &self.live.store.data().meter.context().config
    }

    /// No further call may run here.
    pub(crate) fn poison(&mut self) {
        self.live.poisoned = true;
    }

    /// Begins another call on the same instance, or the first on a spare one.
    #[inline(always)]
    pub(crate) fn renew(&mut self, allowance: Allowance, surroundings: Told) {
        let used = self.fuel_used();
        let state = self.live.store.data_mut();
        state.renew(allowance, surroundings, used);
        // What is left of the last call's fuel is not the next one's.
        let level = state.meter.first_level();
        let _ = self.live.store.set_fuel(level);
    }

    pub(crate) fn max_result_bytes(&self) -> u64 {
        self.config().limits.max_result_bytes as u64
    }

    pub(crate) fn max_output_bytes(&self) -> u64 {
        self.config().limits.max_output_bytes as u64
    }

    pub(crate) fn code(&self) -> &'a Code {
        self.code
    }

    /// Instantiates, runs the start function and then the initialiser, unless that is the very
    /// export that will be called.
    #[inline(always)]
    pub(crate) fn ready(&mut self, export: Option<&str>) -> Result<(), Failure> {
        self.instantiate()?;
        if self.code.runs_first() {
            self.initialise(export)?;
        }
        Ok(())
    }

    /// Makes the instance, in which nothing has run.
    pub(crate) fn instantiate(&mut self) -> Result<(), Failure> {
        let Code { linker, module, .. } = self.code;
        let store = &mut self.live.store;
        store.limiter(|state| &mut state.limiter);
        let meter = &mut store.data_mut().meter;
        if !self.code.is_small {
            meter.begin();
        }
        let level = meter.first_level();
        // Fails only where the engine does not meter.
        let _ = store.set_fuel(level);
        let instance = if self.code.info.imports.is_empty() {
            // The way past the linker, which would look for them all the same.
            Instance::new(store, module, &[])
        } else {
            linker.instantiate_and_start(store, module)
        };
        let instance = instance.map_err(|error| instantiation_failure(error, self.config()))?;
        let memory = match self.code.exports_memory {
            true => instance.get_memory(&self.live.store, "memory"),
            false => None,
        };
        let state = self.live.store.data_mut();
        state.instance = Some(instance);
        state.memory = memory;
        Ok(())
    }

    fn initialise(&mut self, export: Option<&str>) -> Result<(), Failure> {
        if let Some(start) = &self.code.start {
            self.live.phase = Phase::Start;
            let callee = Callee::Any(self.func(start)?);
            let signature = &Signature::new([], []);
            self.call_known(Known { signature, callee }, &[])?;
        }
        match self.code.initialiser {
            Some(name) if export != Some(name) => {
                self.live.phase = Phase::Initialize;
                self.call(name, &[])?;
            }
            _ => {}
        }
        if let Some(params) = self.code.haskell {
            self.live.phase = Phase::Initialize;
            self.call(HASKELL, &vec![0; params])?;
        }
        Ok(())
    }

    pub(crate) fn set_phase(&mut self, phase: Phase) {
        self.live.phase = phase;
    }

    /// The exported function by that name, which has that signature. A kept instance remembers
    /// it.
    #[inline(always)]
    pub(crate) fn find<'s>(
        &mut self,
        export: &str,
        signature: &'s Signature,
    ) -> Result<Known<'s>, Failure> {
        let func = self.func(export)?;
        let Live { store, called, .. } = &mut *self.live;
        let callee = Callee::new(store.as_context_mut(), func, signature);
        if let Some(called) = called
            && called.len() < REMEMBERED
            && let Some(position) = self.code.info.position(export)
        {
            let name = export.into();
            called.push(Called {
                name,
                position,
                callee,
            });
        }
        Ok(Known { signature, callee })
    }

    #[inline(always)]
    fn func(&self, export: &str) -> Result<Func, Failure> {
        let found = exported_function(&self.live.store, export);
        found.ok_or_else(|| self.code.info.no_function(export))
    }

    #[inline]
    fn called(&self, export: &str) -> Option<&Called> {
        let mut called = self.live.called.iter().flatten();
        called.find(|called| *called.name == *export)
    }

    /// The function by that name, if this instance is kept and has called it before.
    #[inline]
    pub(crate) fn known(&self, export: &str) -> Option<Known<'a>> {
        let Called {
            position, callee, ..
        } = self.called(export)?;
        let signature = self.code.info.exports.get(*position)?.ty.signature()?;
        Some(Known {
            signature,
            callee: *callee,
        })
    }

    /// Calls an export with bit patterns that fit its signature.
    pub(crate) fn call(&mut self, export: &str, params: &[u64]) -> Result<Numbers, Failure> {
        let known = match self.known(export) {
            Some(known) => known,
            None => self.find(export, self.code.info.signature(export)?)?,
        };
        self.call_known(known, params)
    }

    /// Calls an export that was found with bit patterns that fit it.
    #[inline]
    pub(crate) fn call_known(
        &mut self,
        Known { signature, callee }: Known<'_>,
        params: &[u64],
    ) -> Result<Numbers, Failure> {
        match callee.call(self.live.store.as_context_mut(), signature, params) {
            // A guest that ends well by saying so has ended well, unless it owes a result. It was
            // left in the middle of something all the same.
            Err(failure)
                if signature.results().is_empty()
                    && matches!(*failure, Cause::Exit { code: 0 }) =>
            {
                self.live.poisoned = true;
                Ok(Numbers::None)
            }
            done => done,
        }
    }

    /// The value of an exported global of type `i32`.
    pub(crate) fn exported_u32(&self, name: &str) -> Option<u32> {
        let instance = self.live.store.data().instance?;
        let global = instance.get_global(&self.live.store, name)?;
        Some(global.get(&self.live.store).i32()?.cast_unsigned())
    }

    /// The guest's memory.
    pub(crate) fn memory(&mut self) -> Result<GuestMemory<'_>, Failure> {
        match view(&mut self.live.store) {
            Some((memory, _)) => Ok(memory),
            None => Err(Cause::Signature {
                problem: "passing bytes needs an export `memory`, and there is none".to_string(),
            }
            .into()),
        }
    }

    /// The state beside the guest.
    pub(crate) fn state(&mut self) -> &mut State {
        self.live.state()
    }

    pub(crate) fn phase(&self) -> Phase {
        self.live.phase
    }

    /// Keeps what the guest writes here, whatever the runner does with output.
    pub(crate) fn keep_output(&mut self) {
        self.live.store.data_mut().output.keep();
    }

    pub(crate) fn has_output(&self) -> bool {
        let output = &self.live.store.data().output;
        output.truncated || !output.stdout.is_empty() || !output.stderr.is_empty()
    }

    pub(crate) fn stdin_seen(&self) -> bool {
        self.live.store.data().seen.stdin
    }

    /// The host's side of the state.
    pub(crate) fn host_state(&self) -> Ready {
        self.live.store.data().to_ready(self.fuel_used())
    }

    /// The guest's side of the state, of an instance of a module that `shape` has instrumented.
    pub(crate) fn capture(&self, shape: &Shape) -> Result<Captured, Failure> {
        let missing = || snapshot::refused("the instance lacks an export that was added to it");
        let instance = self.live.store.data().instance.ok_or_else(missing)?;
        let mut captured = Captured::default();
        if let Some(name) = shape.memory_export() {
            let memory = instance
                .get_memory(&self.live.store, &name)
                .ok_or_else(missing)?;
            let (bytes, meter) = (memory.data(&self.live.store), &self.live.store.data().meter);
            captured.read_memory(bytes, &self.config().limits, || meter.look().map(|_| ()))?;
        }
        for name in shape.global_exports() {
            let global = instance
                .get_global(&self.live.store, &name)
                .ok_or_else(missing)?;
            captured.globals.push(match global.get(&self.live.store) {
                Val::I32(value) => Constant::I32(value),
                Val::I64(value) => Constant::I64(value),
                Val::F32(value) => Constant::F32(value.to_bits()),
                Val::F64(value) => Constant::F64(value.to_bits()),
                #[cfg(feature = "simd")]
                Val::V128(value) => Constant::V128(value.as_u128()),
                _ => return Err(missing()),
            });
        }
        Ok(captured)
    }

    /// The fuel that the call has used so far.
    pub(crate) fn fuel_used(&self) -> u64 {
        fuel_used(&self.live.store)
    }

    /// Ends the call, which gave that: with what it cost and wrote.
    #[inline(always)]
    pub(crate) fn outcome(&mut self, given: Given) -> Outcome {
        let fuel_used = self.fuel_used();
        // Later calls on the instance did not have to run it either way.
        let init_fuel = core::mem::take(&mut self.live.init_fuel);
        let state = self.live.store.data_mut();
        self.live.poisoned |= state.nested.failed;
        Outcome {
            results: given.results,
            bytes: given.bytes,
            stdout: state.output.take(Stream::Stdout),
            stderr: state.output.take(Stream::Stderr),
            output_truncated: state.output.truncated,
            fuel_used,
            init_fuel,
            peak_memory_pages: state.limiter.memory_pages(),
        }
    }

    /// Ends the call, which failed: the error has what it cost and wrote until then.
    #[cold]
    pub(crate) fn failed(&mut self, failure: Failure) -> Error {
        let mut outcome = self.outcome(Given::default());
        self.live.poisoned = true;
        // Out of fuel is the whole budget, wherever in its last slice the guest stopped.
        if let Cause::OutOfFuel { budget } | Cause::OutOfTimeFuel { budget, .. } = *failure {
            outcome.fuel_used = budget;
        }
        let error = Error::from(failure).at(self.live.phase);
        error.with_outcome(outcome)
    }

    /// Ends a call that came to something else than results or bytes.
    pub(crate) fn end<R>(&mut self, made: Result<R, Failure>) -> Result<(R, Outcome), Error> {
        match made {
            Ok(made) => Ok((made, self.outcome(Given::default()))),
            Err(failure) => Err(self.failed(failure)),
        }
    }

    /// Takes the fuel for `bytes` that the host moves into or out of the guest.
    pub(crate) fn charge_bytes(&mut self, bytes: u64) -> Result<(), Failure> {
        let left = fuel_left(&self.live.store);
        let level = self.live.store.data_mut().meter.charge(left, bytes / 64)?;
        let _ = self.live.store.set_fuel(level);
        Ok(())
    }
}

fn instantiation_failure(error: wasmi::Error, config: &RunnerConfig) -> Failure {
    let problem = match error.kind() {
        EngineError::Instantiation(_) if config.limits.max_memory_pages == 0 => {
            "instantiation failed; the limit `max_memory_pages` is 0".to_string()
        }
        // A segment that does not fit. The engine has words of its own for it, and numbers in them that
        // differ from instance to instance.
        EngineError::Memory(MemoryError::OutOfBoundsAccess) => return trap(MEMORY_OUT_OF_BOUNDS),
        EngineError::Table(TableError::InitOutOfBounds)
        | EngineError::Instantiation(InstantiationError::ElementSegmentDoesNotFit { .. }) => {
            return trap(TABLE_OUT_OF_BOUNDS);
        }
        EngineError::Memory(_) | EngineError::Table(_) => return trap(&first_line(&error)),
        _ => first_line(&error),
    };
    Failure::from(Cause::Host {
        problem,
        source: Some(Box::new(error)),
    })
}
