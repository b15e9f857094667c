//! A recording of calls, and its file.

#[cfg(feature = "files")]
use crate::common::{files::Files, recording::FilesRecord};
use crate::{
    api::plugin::Plugin,
    common::{
        error::Error,
        failure::{Cause, Failure},
        recording::{CallRecord, Damage, EncodedCall, Place, Reader, Settings, Writer},
    },
    engine::compiled_module::ENGINE,
};
#[cfg(feature = "files")]
use alloc::sync::Arc;
use alloc::{
    boxed::Box,
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::{fmt, ops::Deref};
use sha2::{Digest, Sha256};
use smallvec::SmallVec;

/// The first bytes of the file.
const MAGIC: [u8; 8] = *b"PWRECORD";
/// The version of the format. A reader refuses all others.
const VERSION: u64 = 1;
/// The bytes of the hash at the end of the file, over all that comes before.
const CHECKSUM: usize = 8;

/// A call on tape: its plugin by hash, its input and its limits, what the host answered, and how it
/// ended. [`Call::record`](crate::Call::record) makes it, and [`replay`](Self::replay) runs it again
/// on any machine, without the host.
///
/// ```
/// use pocketwasm::{Recording, Runner, RunnerConfig};
///
/// let runner = Runner::new(RunnerConfig::new())?;
/// let module = include_bytes!("../../fixtures/rust-greet.wasm");
/// let plugin = runner.load_plugin("greet", module)?;
/// let mut recording = None;
/// let outcome = plugin.call("greet").input("Ada").record(&mut recording).run()?;
///
/// let file = recording.unwrap().to_bytes();
/// assert!(file.len() < 500);
/// let replay = Recording::from_bytes(&file)?.replay(module)?;
/// assert_eq!(replay.last().unwrap().as_ref().unwrap(), &outcome);
/// # Ok::<(), pocketwasm::Error>(())
/// ```
pub struct Recording {
    origin: Origin,
    /// Whether the instance began with a snapshot.
    pub(super) snapshot: bool,
    note: String,
    /// The calls that were read or decoded.
    pub(super) calls: Vec<CallRecord>,
    /// The calls that were recorded, as bytes. There are no others then.
    encoded: SmallVec<[EncodedCall; 1]>,
    /// Why it ended before it was taken. Empty if it did not.
    pub(super) ended: String,
}

/// A recording whose calls are decoded.
pub(super) enum Readable<'a> {
    AsItIs(&'a Recording),
    Decoded(Box<Recording>),
}

impl Deref for Readable<'_> {
    type Target = Recording;

    fn deref(&self) -> &Recording {
        match self {
            Self::AsItIs(recording) => recording,
            Self::Decoded(recording) => recording,
        }
    }
}

/// Where the head of the file comes from.
#[derive(Clone)]
enum Origin {
    /// The plugin that was called. The head is written when the file is.
    Plugin(Plugin),
    File(Box<Head>),
}

/// The head of a file.
#[derive(Debug, Clone)]
pub(super) struct Head {
    pub(super) engine: String,
    pub(super) module: [u8; 32],
    pub(super) settings: Settings,
}

impl Recording {
    /// A recording of calls of a plugin.
    #[inline]
    pub(super) fn of(plugin: &Plugin, snapshot: bool, encoded: SmallVec<[EncodedCall; 1]>) -> Self {
        Self {
            origin: Origin::Plugin(plugin.clone()),
            snapshot,
            note: String::new(),
            calls: Vec::new(),
            encoded,
            ended: String::new(),
        }
    }

    /// Adds a call.
    pub(super) fn add(&mut self, call: EncodedCall) {
        self.encoded.push(call);
    }

    /// The recording with its calls decoded.
    pub(super) fn readable(&self) -> Result<Readable<'_>, Failure> {
        if self.encoded.is_empty() {
            return Ok(Readable::AsItIs(self));
        }
        let calls: Result<_, Damage> = self.encoded.iter().map(EncodedCall::decode).collect();
        Ok(Readable::Decoded(Box::new(Self {
            origin: self.origin.clone(),
            snapshot: self.snapshot,
            note: self.note.clone(),
            calls: calls?,
            encoded: SmallVec::new(),
            ended: self.ended.clone(),
        })))
    }

    /// The calls that were recorded, for more of them.
    #[cfg(feature = "explain")]
    pub(super) fn into_encoded(self) -> Vec<EncodedCall> {
        self.encoded.into_vec()
    }

    pub(super) fn head(&self) -> Head {
        match &self.origin {
            Origin::File(head) => Head::clone(head),
            Origin::Plugin(plugin) => {
                let config = &plugin.context().config;
                let imports = plugin.host_imports();
                let mut settings = config.to_recorded(plugin.name(), &imports, self.snapshot);
                // Without a snapshot, the calls began before it.
                settings.warm_up = plugin.warm_up().filter(|_| self.snapshot).cloned();
                settings.modules = plugin.modules().to_vec();
                Head {
                    engine: ENGINE.to_string(),
                    module: plugin.sha256(),
                    settings,
                }
            }
        }
    }

    /// The recording as a file. The guide's page "Recordings" has its format.
    ///
    /// Files that the calls saw are in it by their hash, unless [`keep_files`](Self::keep_files) was
    /// called before.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let head = self.head();
        let mut writer = Writer(MAGIC.to_vec());
        writer.number(VERSION);
        writer.text(&head.engine);
        writer.0.extend_from_slice(&head.module);
        head.settings.put(&mut writer);
        writer.text(&self.note);
        match &*self.encoded {
            [] => writer.list(&self.calls, |writer, call| call.put(writer)),
            encoded => writer.list(encoded, |writer, call| call.put(writer)),
        }
        if self.is_of_instance() {
            writer.text(&self.ended);
        }
        let checksum: [u8; 32] = Sha256::digest(&writer.0).into();
        writer.0.extend(checksum.iter().take(CHECKSUM));
        writer.0
    }

    /// Reads a recording. It may come from anyone: it is checked, and nothing is allocated for what is
    /// not there.
    ///
    /// # Errors
    ///
    /// [`Recording`](crate::ErrorKind::Recording) if the bytes are damaged, or of another version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Ok(Self::read(bytes)?)
    }

    fn read(bytes: &[u8]) -> Result<Self, Failure> {
        let Some(body) = bytes.strip_prefix(&MAGIC) else {
            return Err(Cause::Recording {
                problem: "not a recording: it does not begin with PWRECORD".to_string(),
            }
            .into());
        };
        let mut reader = Reader::new(body);
        let version = reader.number()?;
        if version != VERSION {
            return Err(Cause::Recording {
                problem: format!(
                    "the recording has version {version} of the format; this build reads {VERSION}"
                ),
            }
            .into());
        }
        let end = bytes.len().saturating_sub(CHECKSUM);
        let (hashed, checksum) = bytes.split_at_checked(end).unwrap_or_default();
        if !Sha256::digest(hashed).starts_with(checksum) {
            return Err(Damage("its hash is another").into());
        }
        let mut reader = Reader::new(hashed.get(bytes.len() - body.len()..).unwrap_or_default());
        reader.number()?;
        let engine = reader.string()?;
        let module = reader.array()?;
        let settings = Settings::take(&mut reader)?;
        let note = reader.string()?;
        let calls = reader.list(CallRecord::take)?;
        let ended = match CallRecord::are_of_instance(&calls)? {
            true => reader.string()?,
            false => String::new(),
        };
        if !reader.is_empty() {
            return Err(Damage("it goes on after its end").into());
        }
        let snapshot = settings.grants.snapshot;
        let head = Head {
            engine,
            module,
            settings,
        };
        Ok(Self {
            origin: Origin::File(Box::new(head)),
            snapshot,
            note,
            calls,
            encoded: SmallVec::new(),
            ended,
        })
    }

    /// Puts the contents of the files that the calls saw into the file, which may then be large. A
    /// replay needs nothing but the module then. Files that were read from a recording without them
    /// stay a hash.
    #[cfg(feature = "files")]
    #[cfg_attr(docsrs, doc(cfg(feature = "files")))]
    pub fn keep_files(&mut self) {
        let mut head = self.head();
        if let Some(FilesRecord::Tree(_, keep)) = &mut head.settings.files {
            *keep = true;
        }
        // The calls of an instance have the same tree, which is there once.
        let mut kept: Vec<&Files> = Vec::new();
        let encoded = self.encoded.iter_mut().map(|it| it.files.as_deref_mut());
        let calls = self.calls.iter_mut().map(|it| it.files.as_mut());
        for record in encoded.chain(calls) {
            if let Some(FilesRecord::Tree(files, keep)) = record {
                let is_kept = kept
                    .iter()
                    .any(|it| Arc::ptr_eq(it.shared(), files.shared()));
                *keep = !is_kept;
                kept.push(files);
            }
        }
        self.origin = Origin::File(Box::new(head));
    }

    /// A text of the embedder's own, such as the id of a request. Empty by default.
    #[must_use]
    pub fn note(&self) -> &str {
        &self.note
    }

    /// Sets the [`note`](Self::note), which goes into the file.
    pub fn set_note(&mut self, note: &str) {
        self.note = note.to_string();
    }

    /// The SHA-256 of the module that was called, or what [`Plugin::sha256`] is for a plugin of several
    /// modules.
    #[must_use]
    pub fn module_sha256(&self) -> [u8; 32] {
        match &self.origin {
            Origin::Plugin(plugin) => plugin.sha256(),
            Origin::File(head) => head.module,
        }
    }

    /// The names of the modules that a [plugin of several](crate::Runner::load_plugin_linked) was
    /// loaded from, in order, each with its SHA-256. Empty for a plugin of one module.
    #[must_use]
    pub fn modules(&self) -> Vec<(&str, [u8; 32])> {
        let modules = match &self.origin {
            Origin::Plugin(plugin) => plugin.modules(),
            Origin::File(head) => &head.settings.modules,
        };
        let modules = modules.iter();
        modules.map(|it| (&*it.name, it.sha256)).collect()
    }

    /// The name of the plugin.
    #[must_use]
    pub fn plugin(&self) -> &str {
        match &self.origin {
            Origin::Plugin(plugin) => plugin.name(),
            Origin::File(head) => &head.settings.plugin,
        }
    }

    /// The text that identified the engine, as [`ENGINE`](crate::ENGINE) does that of this build.
    #[must_use]
    pub fn engine(&self) -> &str {
        match &self.origin {
            Origin::Plugin(_) => ENGINE,
            Origin::File(head) => &head.engine,
        }
    }

    /// The exports that were called, in order: one, or as many as a kept instance had calls. Where such
    /// an instance was made, the text is empty.
    pub fn exports(&self) -> impl Iterator<Item = &str> {
        let encoded = self.encoded.iter().map(EncodedCall::export);
        encoded.chain(self.calls.iter().map(|call| &*call.export))
    }

    /// Why the recording of a kept instance ended before it was taken, if it did. What the instance did
    /// after that is not in it.
    #[must_use]
    pub fn ended_early(&self) -> Option<&str> {
        (!self.ended.is_empty()).then_some(&*self.ended)
    }

    /// Whether it is one of a kept instance.
    fn is_of_instance(&self) -> bool {
        let first = self.calls.first();
        first.is_some_and(|call| call.place == Place::Made)
            || self.encoded.first().is_some_and(EncodedCall::made_instance)
    }
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recording")
            .field("plugin", &self.plugin())
            .field("exports", &self.exports().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
