//! Running recorded calls again, one after another, those of a kept instance in one instance.

use crate::{
    api::{
        exchange::Exchange,
        handler_call::{HandlerCall, Handling, respond},
        instance::Instance,
        instance_recording::make_on_tape,
        plugin::Plugin,
        replaying::{GivenFiles, with_player, with_task},
    },
    common::{
        error::Error,
        failure::Failure,
        http::{HttpRequest, HttpResponse},
        outcome::Outcome,
        recording::{CallRecord, Damage, InputRecord, Place},
    },
    engine::meter::CallLimits,
    host::tape::{Player, Tape},
};
use alloc::{boxed::Box, sync::Arc};

/// An instance whose recorded calls run again.
pub(super) struct InstanceReplay {
    pub(super) instance: Instance,
    /// What the handler has made of a request, if it is one of http-wasm's convention.
    pub(super) handling: Option<Handling>,
    /// It keeps the references that crossed in earlier calls.
    player: Player,
}

impl InstanceReplay {
    /// `player` has played the creation of the instance.
    pub(super) fn new(instance: Instance, player: Player) -> Self {
        Self {
            instance,
            handling: None,
            player,
        }
    }

    /// Runs the next call.
    pub(super) fn call(
        &mut self,
        call: &CallRecord,
        files: GivenFiles<'_>,
        call_limits: CallLimits,
    ) -> Result<Result<Outcome, Error>, Failure> {
        if let InputRecord::Response(failed, response) = &call.input {
            let response = (HttpResponse::clone(response), *failed);
            return self.respond(call, call_limits, response);
        }
        let player = self.player_for(call);
        let instance = &mut self.instance;
        let (done, player) = with_player(call, files, player, |mut task, mut on_tape| {
            task.call_limits = call_limits;
            let done = on_tape.run_in(&mut task, instance);
            (done, player_of(on_tape.tape))
        })?;
        if let Some(player) = player {
            self.player = player;
        }
        Ok(done)
    }

    /// The player, to be put back after that call, whose answers it has.
    fn player_for(&mut self, call: &CallRecord) -> Player {
        let mut player = core::mem::replace(&mut self.player, Player::new(Arc::from([])));
        player.next(Arc::from(&*call.answers));
        player
    }

    /// Passes a recorded response to a handler.
    fn respond(
        &mut self,
        call: &CallRecord,
        call_limits: CallLimits,
        response: (HttpResponse, bool),
    ) -> Result<Result<Outcome, Error>, Failure> {
        let handling = self.handling.take();
        let Some((exchange, context)) = handling.and_then(|it| Some((it.exchange, it.context?)))
        else {
            return Err(Damage("a handler that passed nothing on gets a response").into());
        };
        let player = self.player_for(call);
        let instance = &mut self.instance;
        instance.store().state().tape = Some(Tape::Replaying(Box::new(player)));
        let done = respond(instance, call_limits, (exchange, context), response);
        if let Some(player) = player_of(instance.store().state().tape.take()) {
            self.player = player;
        }
        Ok(done.map(|(handling, outcome)| {
            self.handling = Some(handling);
            outcome
        }))
    }
}

/// The player of a tape that replays.
pub(super) fn player_of(tape: Option<Tape>) -> Option<Player> {
    match tape {
        Some(Tape::Replaying(player)) => Some(*player),
        _ => None,
    }
}

/// The calls of a recording, which run again with the tape in place of the host.
pub(super) struct Replays<'a> {
    pub(super) plugin: &'a Plugin,
    pub(super) files: GivenFiles<'a>,
    /// What a call may use.
    pub(super) limits: fn(&CallRecord) -> CallLimits,
    /// Whether outcomes of handlers have what these made, to be compared.
    pub(super) with_exchanges: bool,
    /// The instance that was made last, if there is one.
    pub(super) instance: Option<InstanceReplay>,
}

impl Replays<'_> {
    /// Runs the next call. `judge` gets how it ended, and the player if there is one.
    pub(super) fn next<R>(
        &mut self,
        call: &CallRecord,
        judge: impl FnOnce(Result<Outcome, Error>, Option<&mut Player>) -> R,
    ) -> Result<R, Error> {
        let plugin = self.plugin;
        let call_limits = (self.limits)(call);
        match call.place {
            Place::Fresh if let InputRecord::Request(config, request) = &call.input => {
                let begun = with_task(call, self.files, |mut task, on_tape| {
                    let environment = task.environment.take();
                    let begun = HandlerCall::begin(plugin, call_limits, environment, config);
                    begun.map(|mut begun| {
                        begun.guest_store.state().tape = on_tape.tape;
                        begun
                    })
                })?;
                let mut begun = begun.map_err(|failure| plugin.error(failure))?;
                let done = begun.run(HttpRequest::clone(request));
                let player = player_of(begun.guest_store.state().tape.take());
                let mut made =
                    player.map(|player| InstanceReplay::new(begun.into_instance().0, player));
                let done = done.map(|(handling, outcome)| {
                    if let Some(made) = &mut made {
                        made.handling = Some(handling);
                    }
                    outcome
                });
                let handling = made.as_ref().and_then(|made| made.handling.as_ref());
                let done = with_exchange(self.with_exchanges, done, handling);
                let judged = judge(done, made.as_mut().map(|made| &mut made.player));
                self.instance = made;
                Ok(judged)
            }
            Place::Fresh => {
                let (done, mut player) = with_task(call, self.files, |mut task, mut on_tape| {
                    task.call_limits = call_limits;
                    let done = on_tape.run(&mut task, plugin);
                    (done, player_of(on_tape.tape))
                })?;
                Ok(judge(done, player.as_mut()))
            }
            Place::Made => {
                let player = Player::new(Arc::from(&*call.answers));
                let tape = Tape::Replaying(Box::new(player));
                let (done, tape, made) = make_on_tape(plugin, call_limits, tape);
                let mut player = player_of(tape);
                let made = made.filter(|_| done.is_ok());
                let judged = judge(done, player.as_mut());
                // Where the creation failed, the recorded calls went on in the instance before.
                if call.end.failed.is_none() {
                    let made = made.zip(player);
                    self.instance = made.map(|((code, guest_store), player)| {
                        let instance = Instance::new(plugin.clone(), code, guest_store);
                        InstanceReplay::new(instance, player)
                    });
                }
                Ok(judged)
            }
            Place::Kept => {
                let Some(instance) = &mut self.instance else {
                    let damage = Damage("a call is of an instance that was not made");
                    return Err(plugin.error(damage.into()));
                };
                let done = instance.call(call, self.files, call_limits)?;
                let done = with_exchange(self.with_exchanges, done, instance.handling.as_ref());
                Ok(judge(done, Some(&mut instance.player)))
            }
        }
    }
}

/// Puts what a handler made into the outcome of its call, if that is wanted.
fn with_exchange(
    is_wanted: bool,
    mut done: Result<Outcome, Error>,
    handling: Option<&Handling>,
) -> Result<Outcome, Error> {
    if let (true, Ok(outcome), Some(handling)) = (is_wanted, &mut done, handling) {
        Exchange::put(outcome, handling);
    }
    done
}
