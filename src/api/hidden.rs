//! Calls that are stopped where they grow their memory, and begin again in an instance whose memory
//! is larger already (`engine/hidden.rs`).

use crate::{
    api::{
        plugin::Plugin,
        task::{Begin, Task},
    },
    common::{error::Error, outcome::Outcome, sizes::Sizes},
    convention::call_input::BoundInput,
    engine::{execution::Execution, guest_store::GuestStore, hidden::Stopped, meter::CallLimits},
};
use alloc::boxed::Box;

impl Task<'_> {
    /// Runs a call again that was stopped in `guest_store`, until it is not stopped any more.
    #[inline(never)]
    pub(super) fn again(
        &mut self,
        plugin: &Plugin,
        bound_input: &BoundInput<'_>,
        (mut guest_store, mut stopped): (Box<GuestStore>, Stopped),
        call_limits: &CallLimits,
    ) -> Result<Outcome, Error> {
        let code = plugin.code();
        let mut in_vain = 0_u64;
        loop {
            in_vain = in_vain.saturating_add(stopped.fuel);
            self.environment = guest_store.state().take_environment();
            if let Some(environment) = &mut self.environment {
                environment.stdin.begin_again();
            }
            self.call_limits = call_limits.clone();
            plugin.give_back(guest_store);
            let larger = stopped
                .hides
                .and_then(|pages| plugin.spares()?.take_larger(pages));
            let (begun, mut stops_at) = (stopped.begun, Sizes::default());
            let begin;
            (guest_store, begin) = match larger {
                Some(mut larger) => {
                    stops_at = plugin.stops_at();
                    let (call_limits, environment) = self.take();
                    let mut execution = Execution::new(code, &mut larger);
                    execution.renew(call_limits, environment);
                    execution.begin_again(begun);
                    (larger, Begin::Again)
                }
                // Another call has it, or it would not be the same there.
                None => {
                    let (mut guest_store, begin) = self.take_spare(plugin);
                    guest_store.state().meter.begin_with(begun);
                    (guest_store, begin)
                }
            };
            let mut execution = Execution::new(code, &mut guest_store);
            execution.watch_growth(stops_at, in_vain);
            let done = self.perform(plugin, &mut execution, bound_input, begin);
            match execution.stopped() {
                Some(again) => stopped = again,
                None => {
                    if !guest_store.is_poisoned() {
                        plugin.give_back(guest_store);
                    }
                    return done;
                }
            }
        }
    }
}
