//! Warm-up calls, which are made before a snapshot is taken.

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
    pub(super) export: &'a str,
    pub(super) input: CallInput<'a>,
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
