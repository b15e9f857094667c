//! Plugins: loaded modules with a name.

#[cfg(feature = "recordings")]
use crate::common::recording::{ModuleRecord, WarmUpRecord};
#[cfg(feature = "explain")]
use crate::loading::instrumented::KeptModule;
#[cfg(feature = "std")]
use crate::loading::spares::Spares;
use crate::{
    common::{
        error::Error,
        error_kind::Phase,
        failure::Failure,
        value::{Export, Import},
    },
    convention::kinds::Convention,
    engine::{
        compiled_module::CompiledModule, guest_store::GuestStore, meter::CallLimits,
        snapshot_state::SnapshotState,
    },
    host::environment::Environment,
    loading::{
        compile::{LoadedModule, OriginalModule},
        load,
        snapshot_report::Snapshot,
        warm_up::WarmUp,
    },
    settings::{
        context::{PluginContext, RunnerContext},
        modes::Compilation,
    },
};
use alloc::{boxed::Box, string::String, sync::Arc, vec::Vec};
use core::fmt;
use sha2::{Digest, Sha256};

/// A loaded module with a name. It is compiled, its imports are resolved, and it can be called any
/// number of times from any number of threads.
///
/// Clones are cheap and refer to the same plugin. A clone keeps the code alive: unloading or
/// replacing a plugin does not disturb a running call.
#[derive(Clone)]
pub struct Plugin(pub(super) Arc<Inner>);

/// Aligned for the same reason as [`PluginContext`].
#[cfg_attr(feature = "std", repr(align(128)))]
pub(super) struct Inner {
    pub(super) plugin_context: Arc<PluginContext>,
    pub(super) sha256: [u8; 32],
    /// The conventions that it follows, the likeliest first.
    conventions: Vec<Convention>,
    pub(super) code: Arc<CompiledModule>,
    /// The original module, if `code` is its snapshot and some calls may need to start before that.
    original: Option<Arc<OriginalModule>>,
    snapshot: Snapshot,
    /// The call after which the snapshot was taken, if there was one.
    #[cfg(feature = "recordings")]
    warm_up: Option<Arc<WarmUpRecord>>,
    /// The names and the hashes of the modules, if it was loaded as several.
    #[cfg(feature = "recordings")]
    pub(super) modules: Box<[ModuleRecord]>,
    #[cfg(feature = "std")]
    pub(super) spares: Option<Arc<Spares>>,
    /// The module as it was given, if errors are explained.
    #[cfg(feature = "explain")]
    pub(super) kept: Option<Arc<KeptModule>>,
}

impl Plugin {
    /// Inspects, compiles and links a module by the runner's settings.
    pub(crate) fn load(
        context: &Arc<RunnerContext>,
        name: &str,
        bytes: &[u8],
    ) -> Result<Self, Error> {
        Self::load_with(context, name, bytes, context.config.compilation, None, None)
    }

    /// Like [`load`](Self::load), with a compilation mode and a warm-up call, and with the module's
    /// hash if it is known.
    pub(crate) fn load_with(
        context: &Arc<RunnerContext>,
        name: &str,
        bytes: &[u8],
        compilation: Compilation,
        warm_up: Option<WarmUp<'_>>,
        hash: Option<[u8; 32]>,
    ) -> Result<Self, Error> {
        let name: Arc<str> = name.into();
        let load = || {
            load::load(context, &name, bytes, compilation, warm_up)
                .map_err(|error| error.at(Phase::Load).in_plugin(&name))
        };
        let (sha256, loaded) = match hash {
            Some(hash) => (hash, load()?),
            None => hashed(bytes, context.config.limits.max_module_bytes, load)?,
        };
        #[cfg_attr(
            not(feature = "recordings"),
            expect(unused_mut, reason = "for recordings")
        )]
        let mut plugin = Self::of(context, &name, sha256, loaded);
        #[cfg(feature = "recordings")]
        if let (Some(inner), Some(warm_up)) = (Arc::get_mut(&mut plugin.0), warm_up) {
            inner.warm_up = Some(Arc::new(warm_up.to_record()));
        }
        #[cfg(feature = "explain")]
        let plugin = plugin.keeping(bytes, warm_up.is_some());
        Ok(plugin)
    }

    /// The plugin of a module that was loaded.
    pub(crate) fn of(
        context: &Arc<RunnerContext>,
        name: &Arc<str>,
        sha256: [u8; 32],
        loaded: LoadedModule,
    ) -> Self {
        let LoadedModule {
            code,
            original,
            snapshot,
        } = loaded;
        log::debug!(
            "compiled {name:?}: {} bytes, {} functions",
            code.info.bytes,
            code.info.functions
        );
        let plugin_context = PluginContext::new(context, name);
        Self(Arc::new(Inner {
            #[cfg(feature = "std")]
            spares: Spares::new(&plugin_context, &code),
            plugin_context,
            sha256,
            conventions: Convention::all_of(&code.info),
            code,
            original,
            snapshot,
            #[cfg(feature = "recordings")]
            warm_up: None,
            #[cfg(feature = "recordings")]
            modules: Box::default(),
            #[cfg(feature = "explain")]
            kept: None,
        }))
    }

    /// The same code under another name.
    pub(crate) fn renamed(&self, name: &str) -> Self {
        let Inner {
            plugin_context,
            sha256,
            conventions,
            code,
            original,
            snapshot,
            ..
        } = &*self.0;
        let plugin_context = PluginContext::new(&plugin_context.runner, &name.into());
        Self(Arc::new(Inner {
            #[cfg(feature = "std")]
            spares: Spares::new(&plugin_context, code),
            plugin_context,
            sha256: *sha256,
            conventions: conventions.clone(),
            code: code.clone(),
            original: original.clone(),
            snapshot: snapshot.clone(),
            #[cfg(feature = "recordings")]
            warm_up: self.0.warm_up.clone(),
            #[cfg(feature = "recordings")]
            modules: self.0.modules.clone(),
            #[cfg(feature = "explain")]
            kept: self.0.kept.clone(),
        }))
    }

    /// The plugin's name: the name it was loaded by, without `.wasm` at the end, or the path of its
    /// file.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.plugin_context.plugin
    }

    /// The SHA-256 of the module's bytes.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        self.0.sha256
    }

    /// The size of the module in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.code.info.bytes
    }

    /// The number of functions that the module defines.
    #[must_use]
    pub fn functions(&self) -> u32 {
        self.0.code.info.functions
    }

    /// The module's imports, in its own order.
    #[must_use]
    pub fn imports(&self) -> &[Import] {
        &self.0.code.info.imports
    }

    /// The module's exports, sorted by name.
    #[must_use]
    pub fn exports(&self) -> &[Export] {
        &self.0.code.info.exports
    }

    /// The pages of linear memory (65,536 bytes each) that every instance starts with.
    #[must_use]
    pub fn memory_pages(&self) -> u64 {
        self.0.code.info.minimum_pages
    }

    /// The convention by which it takes and returns bytes: the likeliest of those that it follows.
    /// `None` if it follows no convention that this crate knows. A call uses the first convention
    /// that fits the export, unless [`Call::convention`](crate::Call::convention) names one.
    #[must_use]
    pub fn convention(&self) -> Option<Convention> {
        self.0.conventions.first().copied()
    }

    /// All conventions that the plugin follows, the likeliest first.
    #[must_use]
    pub fn conventions(&self) -> &[Convention] {
        &self.0.conventions
    }

    /// Why the plugin follows its convention, or why it follows no convention, on one line.
    #[must_use]
    pub fn convention_reason(&self) -> String {
        Convention::reason(&self.0.code.info)
    }

    /// Whether instances start from a snapshot, and if not, why not.
    #[must_use]
    pub fn snapshot(&self) -> &Snapshot {
        &self.0.snapshot
    }

    /// The call after which the snapshot was taken, if there was one.
    #[cfg(feature = "recordings")]
    pub(crate) fn warm_up(&self) -> Option<&WarmUpRecord> {
        self.0.warm_up.as_deref()
    }

    /// The code and the store for an instance that outlives its first call.
    pub(crate) fn begin(
        &self,
        call_limits: CallLimits,
        environment: Option<Box<Environment>>,
    ) -> Result<(Arc<CompiledModule>, GuestStore), Failure> {
        let original_code = self.original_code(&call_limits, environment.as_deref(), None)?;
        let code = original_code.unwrap_or_else(|| self.0.code.clone());
        let guest_store = GuestStore::new(&self.0.plugin_context, &code, call_limits, environment);
        Ok((code, guest_store))
    }

    /// The original module, if a call of `export` cannot start from the snapshot: because the
    /// initialiser must run in the call's own environment or within its own memory limit, or is
    /// itself the export.
    pub(crate) fn original_code(
        &self,
        call_limits: &CallLimits,
        environment: Option<&Environment>,
        export: Option<&str>,
    ) -> Result<Option<Arc<CompiledModule>>, Failure> {
        let Inner {
            plugin_context,
            code,
            original,
            ..
        } = &*self.0;
        let needs_original = |snapshot_state: &SnapshotState| {
            !snapshot_state.suits(
                &plugin_context.plugin,
                environment,
                call_limits.max_memory_pages,
            ) || export.is_some_and(|export| code.initialisers.contains(&export))
        };
        match (original, &code.snapshot_state) {
            (Some(original), Some(snapshot_state)) if needs_original(snapshot_state) => {
                original.code(&plugin_context.runner).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Whether calls with that environment see no directory of the host.
    #[cfg(all(feature = "files", feature = "recordings"))]
    pub(crate) fn sees_files_in_memory(&self, environment: Option<&Environment>) -> bool {
        let of_call = environment.and_then(|environment| environment.files.as_ref());
        let files = of_call.or_else(|| self.context().config.files.as_ref());
        files.is_none_or(crate::Files::is_reproducible)
    }

    /// Whether both are the same plugin.
    #[inline]
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(crate) fn plugin_context(&self) -> &Arc<PluginContext> {
        &self.0.plugin_context
    }

    pub(crate) fn code(&self) -> &CompiledModule {
        &self.0.code
    }

    pub(crate) fn context(&self) -> &RunnerContext {
        &self.0.plugin_context.runner
    }

    /// An error that concerns this plugin.
    pub(crate) fn error(&self, failure: Failure) -> Error {
        Error::from(failure).in_plugin(self.shared_name())
    }

    pub(crate) fn shared_name(&self) -> &Arc<str> {
        &self.0.plugin_context.plugin
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Runs `work` and hashes `bytes`. The hash is computed on another thread if there are enough bytes
/// for that to pay, but not more than `most`, because larger modules are refused anyway. Without a
/// second thread, it is computed afterwards.
#[cfg_attr(
    not(feature = "std"),
    expect(unused_variables, reason = "without threads")
)]
fn hashed<R, E>(
    bytes: &[u8],
    most: usize,
    work: impl FnOnce() -> Result<R, E>,
) -> Result<([u8; 32], R), E> {
    #[cfg(feature = "std")]
    if (MANY_BYTES..=most).contains(&bytes.len()) {
        return std::thread::scope(|scope| {
            let hash = std::thread::Builder::new().spawn_scoped(scope, || sha256(bytes));
            let done = work()?;
            let hash = hash.ok().and_then(|hash| hash.join().ok());
            Ok((hash.unwrap_or_else(|| sha256(bytes)), done))
        });
    }
    let done = work()?;
    Ok((sha256(bytes), done))
}

/// A number of bytes that takes about ten times as long to hash as a thread takes to start.
#[cfg(feature = "std")]
const MANY_BYTES: usize = 1 << 19;

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugin")
            .field("name", &self.name())
            .field("size", &self.size())
            .field("convention", &self.convention())
            .finish_non_exhaustive()
    }
}
