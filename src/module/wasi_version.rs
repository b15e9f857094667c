//! The two versions of WASI, by the module name that guests import them from.

/// The two module names under which guests import WASI; a few records differ between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WasiVersion {
    Unstable,
    Preview1,
}

impl WasiVersion {
    /// The version that a module name stands for.
    pub(crate) fn of(module: &str) -> Option<Self> {
        match module {
            "wasi_snapshot_preview1" => Some(Self::Preview1),
            "wasi_unstable" => Some(Self::Unstable),
            _ => None,
        }
    }
}
