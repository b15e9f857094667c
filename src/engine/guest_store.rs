//! The engine's store with a guest's instance in it.

use crate::{
    common::{error_kind::Phase, value::Signature},
    engine::{callee::Callee, compiled_module::Code, meter::Allowance, store_data::State},
    host::environment::Told,
    settings::context::Home,
};
use alloc::{boxed::Box, sync::Arc, vec::Vec};
use wasmi::Store;

/// An instance, its store, and the account of the call that it is in.
pub(crate) struct Live {
    pub(super) store: Store<State>,
    /// The functions that were called, where the instance is kept for more calls.
    pub(super) called: Option<Vec<Called>>,
    /// The step being done, for the error that it may end with.
    pub(super) phase: Phase,
    /// Whether the guest was left in the middle of something.
    pub(super) poisoned: bool,
    /// The fuel of an initialiser that this call did not have to run.
    pub(super) init_fuel: u64,
}

/// The functions that a kept instance remembers; by far the most have fewer that are called.
pub(super) const REMEMBERED: usize = 8;

/// A function of a kept instance that was called.
pub(super) struct Called {
    pub(super) name: Box<str>,
    /// Its place among the module's exports.
    pub(super) position: usize,
    pub(super) callee: Callee,
}

/// An exported function of a live instance.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    pub(crate) signature: &'a Signature,
    pub(crate) callee: Callee,
}

impl Live {
    /// Begins a call with a fresh store; the instance comes with [`ready`](Session::ready).
    ///
    /// A store is large, so it is made in its place, and nothing here or in a caller may move it.
    #[inline]
    pub(crate) fn new(
        home: &Arc<Home>,
        code: &Code,
        allowance: Allowance,
        surroundings: Told,
    ) -> Self {
        let mut state = State::new(home, allowance, code.largest, surroundings);
        if let Some(gathered) = &code.gathered {
            state.gather(gathered);
        }
        if let Some(ready) = &code.ready {
            state.begin_at(ready);
        }
        Self {
            store: Store::new(&code.engine, state),
            called: None,
            phase: Phase::Instantiate,
            poisoned: false,
            init_fuel: code.ready.as_ref().map_or(0, |ready| ready.fuel),
        }
    }

    /// More calls will follow.
    pub(crate) fn keep(&mut self) {
        self.called = Some(Vec::new());
    }

    pub(crate) fn is_poisoned(&self) -> bool {
        self.poisoned
    }

    /// The state beside the guest.
    pub(crate) fn state(&mut self) -> &mut State {
        self.store.data_mut()
    }
}
