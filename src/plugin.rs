//! A loaded module with a name.

use crate::{
    call::Call,
    capture::{self, Cold, Loaded, Snapshot, WarmUp},
    context::Context,
    convention::Convention,
    engine::Code,
    error::{Error, Failure, Phase},
    instance::Instance,
    meter::Allowance,
    session::Session,
    state::{Ready, Surroundings},
    value::{Export, Import},
};
use alloc::{string::String, sync::Arc, vec::Vec};
use core::fmt;
use sha2::{Digest, Sha256};

/// A loaded module with a name: compiled, its imports resolved, ready to be called any number of
/// times from any number of threads.
///
/// Clones are cheap and the same plugin. A clone keeps the code alive, so unloading or replacing
/// a plugin does not disturb a call that runs.
#[derive(Clone)]
pub struct Plugin(Arc<Inner>);

struct Inner {
    name: Arc<str>,
    sha256: [u8; 32],
    /// Those that it follows, the likeliest first.
    conventions: Vec<Convention>,
    code: Arc<Code>,
    /// The module itself, where `code` is its snapshot and some calls may need to start earlier.
    cold: Option<Arc<Cold>>,
    snapshot: Snapshot,
    context: Arc<Context>,
}

impl Plugin {
    /// Inspects, compiles and links.
    pub(crate) fn load(context: &Arc<Context>, name: &str, bytes: &[u8]) -> Result<Self, Error> {
        Self::load_warm(context, name, bytes, None)
    }

    /// The same, with a call made before the snapshot is taken.
    pub(crate) fn load_warm(
        context: &Arc<Context>,
        name: &str,
        bytes: &[u8],
        warm_up: Option<WarmUp<'_>>,
    ) -> Result<Self, Error> {
        let name: Arc<str> = name.into();
        let Loaded {
            code,
            cold,
            snapshot,
        } = capture::load(context, &name, bytes, warm_up)
            .map_err(|error| error.at(Phase::Load).in_plugin(&name))?;
        log::debug!(
            "compiled {name:?}: {} bytes, {} functions",
            bytes.len(),
            code.info.functions
        );
        Ok(Self(Arc::new(Inner {
            name,
            sha256: sha256(bytes),
            conventions: Convention::all_of(&code.info),
            code,
            cold,
            snapshot,
            context: context.clone(),
        })))
    }

    /// The same code under another name.
    pub(crate) fn renamed(&self, name: &str) -> Self {
        let Inner {
            sha256,
            conventions,
            code,
            cold,
            snapshot,
            context,
            ..
        } = &*self.0;
        Self(Arc::new(Inner {
            name: name.into(),
            sha256: *sha256,
            conventions: conventions.clone(),
            code: code.clone(),
            cold: cold.clone(),
            snapshot: snapshot.clone(),
            context: context.clone(),
        }))
    }

    /// Its name: as loaded, without a `.wasm` at the end; for a path, the path.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
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

    /// What the module needs, in its own order.
    #[must_use]
    pub fn imports(&self) -> &[Import] {
        &self.0.code.info.imports
    }

    /// What the module offers, sorted by name.
    #[must_use]
    pub fn exports(&self) -> &[Export] {
        &self.0.code.info.exports
    }

    /// The pages of linear memory (65,536 bytes each) that every instance begins with.
    #[must_use]
    pub fn memory_pages(&self) -> u64 {
        self.0.code.info.minimum_pages
    }

    /// How it takes and gives bytes, if it does so in a way that this crate knows: the likeliest
    /// of its conventions. A call uses the first that fits the export, unless
    /// [`Call::convention`] names one.
    #[must_use]
    pub fn convention(&self) -> Option<Convention> {
        self.0.conventions.first().copied()
    }

    /// All conventions that it follows, the likeliest first.
    #[must_use]
    pub fn conventions(&self) -> &[Convention] {
        &self.0.conventions
    }

    /// Why it follows its convention, or why it follows none: one line.
    #[must_use]
    pub fn convention_reason(&self) -> String {
        Convention::reason(&self.0.code.info)
    }

    /// Whether instances start from a snapshot, and if not, why.
    #[must_use]
    pub fn snapshot(&self) -> &Snapshot {
        &self.0.snapshot
    }

    /// Begins a call of `export` in a fresh instance.
    ///
    /// ```
    /// # let runner = pocketwasm::Runner::new(pocketwasm::RunnerConfig::new())?;
    /// # let add = include_bytes!("../fixtures/add.wasm");
    /// let plugin = runner.load_plugin("add", add)?;
    /// let outcome = plugin.call("add").params(&[2, 40]).fuel(1_000).run()?;
    /// assert_eq!(outcome.results(), [42]);
    /// assert_eq!(outcome.fuel_used(), 4);
    /// # Ok::<(), pocketwasm::Error>(())
    /// ```
    pub fn call<'a>(&'a self, export: &'a str) -> Call<'a> {
        Call::fresh(self, export)
    }

    /// Makes an instance that keeps its state from call to call. Its start function and
    /// initialiser run now, under the runner's limits for one call.
    ///
    /// # Errors
    ///
    /// [`Closed`](crate::ErrorKind::Closed), and whatever may end a call: `Trap`, `Exit`,
    /// `OutOfFuel`, `Timeout`, `Host`.
    pub fn instantiate(&self) -> Result<Instance, Error> {
        let run = || -> Result<Session, Error> {
            self.0.context.check_open()?;
            let surroundings = Surroundings::of(&self.0.name);
            let mut session = self.session(Allowance::default(), surroundings, None)?;
            let ready = session.ready(None).map(|()| crate::Outcome::default());
            session.finish(ready)?;
            Ok(session)
        };
        match run() {
            Ok(session) => Ok(Instance::new(self.clone(), session)),
            Err(error) => Err(error.in_plugin(&self.0.name)),
        }
    }

    /// A session for a call of `export`.
    pub(crate) fn session(
        &self,
        allowance: Allowance,
        surroundings: Surroundings,
        export: Option<&str>,
    ) -> Result<Session, Failure> {
        let Inner {
            code,
            cold,
            context,
            ..
        } = &*self.0;
        let starts_earlier = |ready: &Ready| {
            !ready.suits(&surroundings, allowance.max_memory_pages)
                || export.is_some() && export == code.initialiser
        };
        let earlier = match (cold, &code.ready) {
            (Some(cold), Some(ready)) if starts_earlier(ready) => Some(cold.code(context)?),
            _ => None,
        };
        let code = earlier.as_ref().unwrap_or(code);
        Ok(Session::new(context, code, allowance, surroundings))
    }

    pub(crate) fn code(&self) -> &Code {
        &self.0.code
    }

    pub(crate) fn context(&self) -> &Context {
        &self.0.context
    }

    pub(crate) fn shared_name(&self) -> &Arc<str> {
        &self.0.name
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugin")
            .field("name", &self.name())
            .field("size", &self.size())
            .field("convention", &self.convention())
            .finish_non_exhaustive()
    }
}
