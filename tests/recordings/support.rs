//! Recording a call, replaying it from the bytes of its file, and comparing the two.

use pocketwasm::{
    Call, CancelToken, Clock, Error, Outcome, Plugin, Recording, Replay, Runner, RunnerConfig,
};
use std::{
    fmt::Debug,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// What an outcome and an error have that a replay must have too.
pub(crate) fn shown(done: &Result<Outcome, Error>) -> impl Debug + PartialEq + use<> {
    let outcome = match done {
        Ok(outcome) => Some(outcome),
        Err(error) => error.outcome(),
    };
    let error = done.as_ref().err();
    let source = error.and_then(std::error::Error::source);
    (
        outcome.map(|it| format!("{it:?}")),
        error.map(|it| (it.to_string(), it.kind(), it.phase(), it.exit_code())),
        error.and_then(|it| it.plugin_message().map(str::to_owned)),
        source.map(|it| it.to_string().lines().next().unwrap_or_default().to_owned()),
    )
}

/// The names of the functions of an error's backtrace.
#[cfg(feature = "explain")]
#[track_caller]
pub(crate) fn names(error: &Error) -> Vec<String> {
    let backtrace = error.backtrace();
    let backtrace = backtrace.unwrap_or_else(|| panic!("{error}: {:?}", error.unexplained()));
    let frames = backtrace.frames().iter();
    frames
        .map(|frame| frame.name().unwrap_or("?").to_owned())
        .collect()
}

pub(crate) fn fixture(name: &str) -> Vec<u8> {
    let path = format!("{}/fixtures/{name}.wasm", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub(crate) fn load(config: RunnerConfig, module: &[u8]) -> Plugin {
    let runner = Runner::new(config).expect("settings");
    runner.load_plugin("plugin", module).expect("a module")
}

/// Records a call. Returns how it ended, and the file.
#[track_caller]
pub(crate) fn record<'a>(
    plugin: &'a Plugin,
    export: &'a str,
    set: impl FnOnce(Call<'a>) -> Call<'a>,
) -> (Result<Outcome, Error>, Vec<u8>) {
    let mut recording = None;
    let call: Call<'_> = set(plugin.call(export));
    let done = call.record(&mut recording).run();
    (done, recording.expect("a recording").to_bytes())
}

#[track_caller]
pub(crate) fn replay(file: &[u8], module: &[u8]) -> Result<Result<Outcome, Error>, Error> {
    let recording = Recording::from_bytes(file)?;
    assert_eq!(
        recording.to_bytes(),
        file,
        "what was read is written as it was"
    );
    Ok(recording.replay(module)?.into_last().expect("a call"))
}

/// Records a call and replays it, from its file and from memory. Both must end as the call did.
/// Returns how it ended, and the file.
#[track_caller]
pub(crate) fn check<'a>(
    name: &str,
    plugin: &'a Plugin,
    module: &[u8],
    export: &'a str,
    set: impl FnOnce(Call<'a>) -> Call<'a>,
) -> (Result<Outcome, Error>, Vec<u8>) {
    let mut recording = None;
    let done = set(plugin.call(export)).record(&mut recording).run();
    let recording = recording.expect("a recording");
    let file = recording.to_bytes();
    let from_memory = recording.replay(module).map(Replay::into_last);
    let from_memory = from_memory.map(|last| last.expect("a call"));
    for (from, replayed) in [("file", replay(&file, module)), ("memory", from_memory)] {
        match replayed {
            Ok(replayed) => assert_eq!(shown(&replayed), shown(&done), "{name}, {from}"),
            Err(error) => panic!("{name}, {from}: {error:?}; the call ended as {done:?}"),
        }
    }
    (done, file)
}

/// A file with the hash at its end that belongs to it.
pub(crate) fn sealed(body: &[u8]) -> Vec<u8> {
    use sha2::{Digest, Sha256};
    [body, &Sha256::digest(body)[..8]].concat()
}

/// A clock that stands still until it was read `left` times. Then it either jumps past every
/// deadline, or cancels.
#[derive(Clone)]
pub(crate) struct Countdown {
    left: Arc<AtomicU64>,
    token: Option<CancelToken>,
}

impl Countdown {
    pub(crate) fn new(reads: u64, token: Option<&CancelToken>) -> Self {
        Self {
            left: Arc::new(reads.into()),
            token: token.cloned(),
        }
    }

    /// Lets it stand still for that many more readings.
    pub(crate) fn wind_up(&self, reads: u64) {
        self.left.store(reads, Ordering::Relaxed);
    }
}

impl Clock for Countdown {
    fn monotonic(&self) -> Duration {
        let left = self.left.load(Ordering::Relaxed);
        self.left.store(left.saturating_sub(1), Ordering::Relaxed);
        match (&self.token, left) {
            (_, 1..) => Duration::ZERO,
            (Some(token), 0) => {
                token.cancel();
                Duration::ZERO
            }
            (None, 0) => Duration::from_secs(1_000_000),
        }
    }

    fn since_epoch(&self) -> Duration {
        Duration::ZERO
    }

    fn sleep(&self, _: Duration) {}
}
