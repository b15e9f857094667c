//! Warm-up calls, which are made before a snapshot is taken.

#[cfg(feature = "recordings")]
use crate::common::recording::{InputRecord, WarmUpRecord};
use crate::convention::call_input::CallInput;

/// A call made once at load, before the snapshot is taken. Every later call starts from the state
/// that it leaves. This is for plugins that set themselves up lazily.
///
/// The embedder vouches that this is right: an initialiser would run in every instance anyway, but
/// a warm-up call changes the state that later calls find. What it writes to its output is dropped.
///
/// ```
/// # let runner = pocketwasm::Runner::new(pocketwasm::RunnerConfig::new())?;
/// # let module = include_bytes!("../../fixtures/rust-greet.wasm");
/// use pocketwasm::WarmUp;
///
/// let plugin = runner.load_plugin_warm("greet", module, WarmUp::call("greet").input("nobody"))?;
/// assert_eq!(plugin.call("greet").input("World").run()?.bytes(), b"Hello, World");
/// # Ok::<(), pocketwasm::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
#[must_use]
pub struct WarmUp<'a> {
    pub(crate) export: &'a str,
    pub(crate) input: CallInput<'a>,
}

#[cfg(feature = "recordings")]
impl<'a> WarmUp<'a> {
    pub(crate) fn to_record(self) -> WarmUpRecord {
        WarmUpRecord {
            export: self.export.into(),
            input: match self.input {
                CallInput::Input(input) => InputRecord::Input(input.to_vec()),
                CallInput::Params(params) => InputRecord::Params(params.into()),
                CallInput::Values(_) | CallInput::Inputs(_) => {
                    InputRecord::Params([].as_slice().into())
                }
            },
        }
    }

    pub(crate) fn of_record(record: &'a WarmUpRecord) -> Self {
        let warm_up = Self::call(&record.export);
        match &record.input {
            InputRecord::Params(params) => warm_up.params(params),
            InputRecord::Input(input) => warm_up.input(input),
            // A recording has no warm-up call with another input.
            _ => warm_up,
        }
    }
}

impl<'a> WarmUp<'a> {
    /// A call of `export` without parameters or input.
    pub fn call(export: &'a str) -> Self {
        Self {
            export,
            input: CallInput::Params(&[]),
        }
    }

    /// Passes numbers, as [`Call::params`](crate::Call::params) does.
    pub fn params(mut self, params: &'a [u64]) -> Self {
        self.input = CallInput::Params(params);
        self
    }

    /// Passes bytes, as [`Call::input`](crate::Call::input) does.
    pub fn input(mut self, input: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        self.input = CallInput::Input(input.as_ref());
        self
    }
}
