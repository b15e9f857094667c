//! Running recorded calls again, one after another, those of a kept instance in one instance.

use crate::{
    api::{
        instance::Instance,
        instance_recording::make_on_tape,
        on_tape::{run_in_instance, run_on_tape},
        plugin::Plugin,
        replaying::{GivenFiles, with_player, with_task},
    },
    common::{
        error::Error,
        failure::Failure,
        outcome::Outcome,
        recording::{CallRecord, Damage, Place},
    },
    engine::meter::CallLimits,
    host::tape::{Player, Tape},
};
use alloc::{boxed::Box, sync::Arc};

/// An instance whose recorded calls run again.
pub(super) struct InstanceReplay {
    pub(super) instance: Instance,
    /// It keeps the references that crossed in earlier calls.
    player: Player,
}

impl InstanceReplay {
    /// `player` has played the creation of the instance.
    pub(super) fn new(instance: Instance, player: Player) -> Self {
        Self { instance, player }
    }

    /// Runs the next call.
    pub(super) fn call(
        &mut self,
        call: &CallRecord,
        files: GivenFiles<'_>,
        call_limits: CallLimits,
    ) -> Result<Result<Outcome, Error>, Failure> {
        let Self { instance, player } = self;
        let mut player = core::mem::replace(player, Player::new(Arc::from([])));
        player.next(Arc::from(&*call.answers));
        let (done, tape) = with_player(call, files, player, |mut task| {
            task.call_limits = call_limits;
            run_in_instance(&mut task, instance)
        })?;
        if let Some(player) = player_of(tape) {
            self.player = player;
        }
        Ok(done)
    }
}

/// The player of a tape that replays.
pub(super) fn player_of(tape: Option<Box<Tape>>) -> Option<Player> {
    match tape.map(|tape| *tape) {
        Some(Tape::Replaying(player)) => Some(player),
        _ => None,
    }
}

/// The calls of a recording, which run again with the tape in place of the host.
pub(super) struct Replays<'a> {
    pub(super) plugin: &'a Plugin,
    pub(super) files: GivenFiles<'a>,
    /// What a call may use.
    pub(super) limits: fn(&CallRecord) -> CallLimits,
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
            Place::Fresh => {
                let (done, tape, _) = with_task(call, self.files, |mut task| {
                    task.call_limits = call_limits;
                    run_on_tape(&mut task, plugin)
                })?;
                Ok(judge(done, player_of(tape).as_mut()))
            }
            Place::Made => {
                let tape = Tape::Replaying(Player::new(Arc::from(&*call.answers)));
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
                Ok(judge(done, Some(&mut instance.player)))
            }
        }
    }
}
