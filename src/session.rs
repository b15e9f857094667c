//! A store with an instance in it: what a call runs in.

use crate::{
    config::RunnerConfig,
    context::Context,
    convert::{from_val, to_val},
    drive::{drive, fuel_left, fuel_used},
    engine::Code,
    error::{Error, Failure, Phase, first_line},
    inspect::HASKELL,
    memory::GuestMemory,
    meter::Allowance,
    outcome::Outcome,
    output::Output,
    snapshot::{self, Captured, Constant, Shape},
    state::{Ready, State, Surroundings, view},
    value::Signature,
};
use alloc::{boxed::Box, string::ToString, sync::Arc, vec, vec::Vec};
use wasmi::{
    Func, Instance, Store, Val,
    errors::{ErrorKind as EngineError, InstantiationError},
};

/// A live instance and the account of the call that it is in.
pub(crate) struct Session {
    code: Arc<Code>,
    store: Store<State>,
    instance: Option<Instance>,
    /// The step being done, for the error that it may end with.
    phase: Phase,
    /// Whether the guest was left in the middle of something.
    poisoned: bool,
    /// The fuel of an initialiser that this call did not have to run.
    init_fuel: u64,
}

impl Session {
    /// Begins a call with a fresh store; the instance comes with [`ready`](Self::ready).
    pub(crate) fn new(
        context: &Arc<Context>,
        code: &Arc<Code>,
        mut allowance: Allowance,
        surroundings: Surroundings,
    ) -> Self {
        allowance.most_locals = code.info.most_locals;
        let mut state = State::new(context, allowance, surroundings);
        let mut init_fuel = 0;
        if let Some(ready) = &code.ready {
            state.begin_at(ready);
            init_fuel = ready.fuel;
        }
        let level = state.meter.first_level();
        let mut store = Store::new(&code.engine, state);
        store.limiter(|state| &mut state.limiter);
        // Fails only where the engine does not meter.
        let _ = store.set_fuel(level);
        Self {
            code: code.clone(),
            store,
            instance: None,
            phase: Phase::Instantiate,
            poisoned: false,
            init_fuel,
        }
    }

    fn config(&self) -> &RunnerConfig {
        &self.store.data().meter.context().config
    }

    /// No further call may run here.
    pub(crate) fn poison(&mut self) {
        self.poisoned = true;
    }

    pub(crate) fn is_poisoned(&self) -> bool {
        self.poisoned
    }

    /// Begins another call on the same instance.
    pub(crate) fn renew(&mut self, mut allowance: Allowance, surroundings: Surroundings) {
        allowance.most_locals = self.code.info.most_locals;
        let used = fuel_used(&self.store);
        self.init_fuel = 0;
        let state = self.store.data_mut();
        state.renew(allowance, surroundings, used);
        // What is left of the last call's fuel is not the next one's.
        let level = state.meter.first_level();
        let _ = self.store.set_fuel(level);
    }

    pub(crate) fn max_result_bytes(&self) -> u64 {
        self.config().limits.max_result_bytes as u64
    }

    pub(crate) fn max_output_bytes(&self) -> u64 {
        self.config().limits.max_output_bytes as u64
    }

    pub(crate) fn code(&self) -> &Arc<Code> {
        &self.code
    }

    /// Instantiates, runs the start function and then the initialiser, unless that is the very
    /// export that will be called.
    pub(crate) fn ready(&mut self, export: Option<&str>) -> Result<(), Failure> {
        self.phase = Phase::Instantiate;
        self.store.data_mut().meter.begin();
        let linker = &self.code.linker;
        let instance = linker
            .instantiate_and_start(&mut self.store, &self.code.module)
            .map_err(|error| instantiation_failure(error, self.config()))?;
        if self.code.exports_memory {
            self.store.data_mut().memory = instance.get_memory(&self.store, "memory");
        }
        self.instance = Some(instance);
        if self.code.ready.is_none() {
            self.initialise(export)?;
        }
        Ok(())
    }

    fn initialise(&mut self, export: Option<&str>) -> Result<(), Failure> {
        if self.code.start.is_some() {
            let code = self.code.clone();
            self.phase = Phase::Start;
            self.call(code.start.as_deref().unwrap_or_default(), &[], &mut [])?;
        }
        match self.code.initialiser {
            Some(name) if export != Some(name) => {
                self.phase = Phase::Initialize;
                self.call(name, &[], &mut [])?;
            }
            _ => {}
        }
        if let Some(params) = self.code.haskell {
            self.phase = Phase::Initialize;
            self.call(HASKELL, &vec![Val::I32(0); params], &mut [])?;
        }
        Ok(())
    }

    pub(crate) fn set_phase(&mut self, phase: Phase) {
        self.phase = phase;
    }

    fn func(&self, export: &str) -> Result<Func, Failure> {
        let instance = self.instance.as_ref();
        instance
            .and_then(|instance| instance.get_func(&self.store, export))
            .ok_or_else(|| {
                Failure::not_found(
                    "export",
                    export,
                    "this plugin exports",
                    self.code.info.function_names(),
                )
            })
    }

    /// Calls an export whose signature is known to fit.
    pub(crate) fn call(
        &mut self,
        export: &str,
        params: &[Val],
        results: &mut [Val],
    ) -> Result<(), Failure> {
        let func = self.func(export)?;
        match drive(&mut self.store, func, params, results) {
            // A guest that ends well by saying so has ended well, unless it owes a result. It was
            // left in the middle of something all the same.
            Err(Failure::Exit { code: 0 }) if results.is_empty() => {
                self.poisoned = true;
                Ok(())
            }
            done => done,
        }
    }

    /// Calls an export with bit patterns; `signature` is its own.
    pub(crate) fn call_raw(
        &mut self,
        export: &str,
        signature: &Signature,
        params: &[u64],
    ) -> Result<Vec<u64>, Failure> {
        let types = signature.params().iter().zip(params);
        let params = Values::of(types.map(|(ty, bits)| to_val(*ty, *bits)));
        let mut results = Values::of(signature.results().iter().map(|ty| to_val(*ty, 0)));
        self.call(export, params.as_slice(), results.as_mut_slice())?;
        Ok(results.as_slice().iter().map(from_val).collect())
    }

    /// The guest's memory.
    pub(crate) fn memory(&mut self) -> Result<GuestMemory<'_>, Failure> {
        match view(&mut self.store) {
            Some((memory, _)) => Ok(memory),
            None => Err(Failure::Signature {
                problem: "passing bytes needs an export `memory`, and there is none".to_string(),
            }),
        }
    }

    /// The state beside the guest.
    pub(crate) fn state(&mut self) -> &mut State {
        self.store.data_mut()
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }

    /// Keeps what the guest writes here, whatever the runner does with output.
    pub(crate) fn keep_output(&mut self) {
        let limit = self.config().limits.max_output_bytes;
        self.store.data_mut().output = Output::new(limit, None, None);
    }

    pub(crate) fn has_output(&self) -> bool {
        let output = &self.store.data().output;
        output.truncated || !output.stdout.is_empty() || !output.stderr.is_empty()
    }

    pub(crate) fn stdin_seen(&self) -> bool {
        self.store.data().seen.stdin
    }

    /// The host's side of the state.
    pub(crate) fn host_state(&self) -> Ready {
        self.store.data().to_ready(fuel_used(&self.store))
    }

    /// The guest's side of the state, of an instance of a module that `shape` has instrumented.
    pub(crate) fn capture(&self, shape: &Shape) -> Result<Captured, Failure> {
        let missing = || snapshot::refused("the instance lacks an export that was added to it");
        let instance = self.instance.ok_or_else(missing)?;
        let mut captured = Captured::default();
        if let Some(name) = shape.memory_export() {
            let memory = instance
                .get_memory(&self.store, &name)
                .ok_or_else(missing)?;
            captured.memory = memory.data(&self.store).to_vec();
        }
        for name in shape.global_exports() {
            let global = instance
                .get_global(&self.store, &name)
                .ok_or_else(missing)?;
            captured.globals.push(match global.get(&self.store) {
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

    /// Ends the call: what it came to, with what it cost and wrote.
    pub(crate) fn finish(&mut self, result: Result<Outcome, Failure>) -> Result<Outcome, Error> {
        let used = fuel_used(&self.store);
        let state = self.store.data_mut();
        self.poisoned |= state.nested.failed;
        let mut outcome = Outcome {
            stdout: core::mem::take(&mut state.output.stdout),
            stderr: core::mem::take(&mut state.output.stderr),
            output_truncated: state.output.truncated,
            fuel_used: used,
            init_fuel: self.init_fuel,
            peak_memory_pages: state.limiter.memory_pages(),
            ..Outcome::default()
        };
        match result {
            Ok(Outcome { results, bytes, .. }) => Ok(Outcome {
                results,
                bytes,
                ..outcome
            }),
            Err(failure) => {
                self.poisoned = true;
                // Out of fuel is the whole budget, wherever in its last slice the guest stopped.
                if let Failure::OutOfFuel { budget } | Failure::OutOfTimeFuel { budget, .. } =
                    failure
                {
                    outcome.fuel_used = budget;
                }
                Err(Error::from(failure).at(self.phase).with_outcome(outcome))
            }
        }
    }

    /// The same for a call that came to something else than results or bytes.
    pub(crate) fn end<R>(&mut self, made: Result<R, Failure>) -> Result<(R, Outcome), Error> {
        let (made, result) = match made {
            Ok(made) => (Some(made), Ok(Outcome::default())),
            Err(failure) => (None, Err(failure)),
        };
        let outcome = self.finish(result)?;
        match made {
            Some(made) => Ok((made, outcome)),
            None => Err(Failure::Poisoned.into()),
        }
    }

    /// Takes the fuel for `bytes` that the host moves into or out of the guest.
    pub(crate) fn charge_bytes(&mut self, bytes: u64) -> Result<(), Failure> {
        let left = fuel_left(&self.store);
        let level = self.store.data_mut().meter.charge(left, bytes / 64)?;
        let _ = self.store.set_fuel(level);
        Ok(())
    }
}

/// A call's params or results; a few need no allocation.
struct Values {
    few: [Val; FEW],
    many: Vec<Val>,
    count: usize,
}

const FEW: usize = 4;

impl Values {
    fn of(values: impl ExactSizeIterator<Item = Val>) -> Self {
        let count = values.len();
        let mut few = [const { Val::I32(0) }; FEW];
        let mut many = Vec::new();
        if count <= FEW {
            for (slot, value) in few.iter_mut().zip(values) {
                *slot = value;
            }
        } else {
            many.extend(values);
        }
        Self { few, many, count }
    }

    fn as_slice(&self) -> &[Val] {
        self.few.get(..self.count).unwrap_or(&self.many)
    }

    fn as_mut_slice(&mut self) -> &mut [Val] {
        self.few.get_mut(..self.count).unwrap_or(&mut self.many)
    }
}

fn instantiation_failure(error: wasmi::Error, config: &RunnerConfig) -> Failure {
    let problem = match error.kind() {
        EngineError::Instantiation(_) if config.limits.max_memory_pages == 0 => {
            "instantiation failed; the limit `max_memory_pages` is 0".to_string()
        }
        // The engine's own message has numbers in it that differ from instance to instance.
        EngineError::Instantiation(InstantiationError::ElementSegmentDoesNotFit { .. }) => {
            return Failure::Trap {
                message: "out of bounds table access".to_string(),
            };
        }
        EngineError::Memory(_) | EngineError::Table(_) => {
            return Failure::Trap {
                message: first_line(&error),
            };
        }
        _ => first_line(&error),
    };
    Failure::Host {
        problem,
        source: Some(Box::new(error)),
    }
}
