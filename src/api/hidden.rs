//! Calls that are stopped where they grow their memory, and begin again in an instance whose memory
//! is larger already (`engine/hidden.rs`).

use crate::{
    api::{
        plugin::Plugin,
        task::{Begin, Task},
    },
    common::{error::Error, outcome::Outcome},
    convention::call_input::BoundInput,
    engine::{execution::Execution, guest_store::GuestStore, meter::CallLimits},
};
use alloc::boxed::Box;

impl Task<'_> {
    /// Runs a call again that was stopped in `guest_store` at a growth by `pages`.
    #[inline(never)]
    pub(super) fn again(
        &mut self,
        plugin: &Plugin,
        bound_input: &BoundInput<'_>,
        (mut guest_store, pages): (Box<GuestStore>, u64),
        call_limits: CallLimits,
    ) -> Result<Outcome, Error> {
        let code = plugin.code();
        let mut execution = Execution::new(code, &mut guest_store);
        let stopped = execution.stopped(pages);
        self.environment = execution.state().take_environment();
        self.call_limits = call_limits;
        plugin.give_back(guest_store);
        let spares = plugin.spares();
        if stopped.in_vain
            && let Some(spares) = spares
        {
            spares.hide_no_more();
        }
        let larger = match stopped.may_hide {
            true => spares.and_then(|spares| spares.take_larger(pages)),
            false => None,
        };
        let (mut guest_store, begin) = match larger {
            Some(mut larger) => {
                let (call_limits, environment) = self.take();
                let mut execution = Execution::new(code, &mut larger);
                execution.renew(call_limits, environment);
                execution.begin_again(stopped.begun);
                (larger, Begin::Again)
            }
            // Another call has it, or it would not be the same there.
            None => {
                let (mut guest_store, begin) = self.take_spare(plugin);
                let state = guest_store.state();
                state.limiter.watch(0);
                state.meter.begin_with(stopped.begun);
                (guest_store, begin)
            }
        };
        let mut execution = Execution::new(code, &mut guest_store);
        let done = self.perform(plugin, &mut execution, bound_input, begin);
        if !guest_store.is_poisoned() {
            plugin.give_back(guest_store);
        }
        done
    }
}
