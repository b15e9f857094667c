//! A recording and the module that was called.

use crate::{failure::Failure, limits::ModuleLimits, module, options::Plugins, replays::Style};
use clap::Args;
use pocketwasm::{Recording, Replayer};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The options of commands that take a recording in place of a call.
#[derive(Debug, Args)]
pub(crate) struct RecordedCall {
    /// Replay the calls of this recording, in place of a call of MODULE. Its limits, its input and what
    /// the guest sees are those of the recording
    #[arg(long, value_name = "FILE", conflicts_with_all = ["module", "export", "params"])]
    recording: Option<PathBuf>,
    /// With --recording, the module that was called [default: where it was then]
    #[arg(
        long = "module",
        id = "recorded_module",
        value_name = "MODULE",
        requires = "recording"
    )]
    module: Option<PathBuf>,
}

impl RecordedCall {
    /// Opens the recording, if there is one.
    pub(crate) fn open(&self, limits: &ModuleLimits) -> Result<Option<Recorded>, Failure> {
        let file = self.recording.as_deref();
        file.map(|file| open(file, self.module.as_deref(), limits))
            .transpose()
    }
}

/// A recording, and the module that was called.
pub(crate) struct Recorded {
    pub(crate) recording: Recording,
    pub(crate) module: Vec<u8>,
    /// How the command printed that made the recording, if it was the program.
    pub(crate) style: Option<Style>,
}

impl Recorded {
    pub(crate) fn replayer(&self) -> Result<Replayer<'_>, Failure> {
        Ok(self.recording.replayer(&self.module)?)
    }

    /// The export that was called last.
    pub(crate) fn export(&self) -> &str {
        self.recording.exports().last().unwrap_or_default()
    }
}

/// Reads a recording and its module, which is where it was when it was called if `module` is not
/// given.
pub(crate) fn open(
    file: &Path,
    module: Option<&Path>,
    limits: &ModuleLimits,
) -> Result<Recorded, Failure> {
    let bytes = fs::read(file).map_err(|source| Failure::Io {
        action: format!("cannot read {:?}", file.to_string_lossy()),
        source,
    })?;
    let recording = Recording::from_bytes(&bytes)?;
    let of_note = Style::of_note(recording.note());
    let path = match (module, of_note) {
        (Some(module), _) => module,
        (None, Some((_, path))) if path != Path::new("") && !module::is_stdin(path) => path,
        (None, _) => {
            let problem = "which module? The recording does not say where it is: --module FILE";
            return Err(Failure::Usage(problem.to_owned()));
        }
    };
    let plugins = Plugins { plugins: None };
    let bytes = module::bytes(&plugins, limits, path).map_err(|failure| match module {
        Some(_) => failure,
        None => failure.with_hint("`--module FILE` names the module that was called".to_owned()),
    })?;
    let style = of_note.map(|(style, _)| style);
    Ok(Recorded {
        recording,
        module: bytes,
        style,
    })
}
