//! The file of a recording: how its parts are written, and read with distrust.
//!
//! A reader takes nothing for granted. It allocates for what it has before it, never for what a number
//! says.

mod call;
mod codec;
mod content;
#[cfg(feature = "files")]
mod directories;
mod encoded;
mod end;
mod failures;
#[cfg(feature = "files")]
mod files;
mod input;
mod messages;
mod modules;
mod settings;
mod written;

pub(crate) use call::{CallLimitsRecord, CallRecord, EnvironmentParts, Place, StdinRecord};
pub(crate) use codec::{Damage, Plain, Reader, Writer, called};
pub(crate) use content::Content;
#[cfg(feature = "files")]
pub(crate) use directories::{Played, RecordedDirectory, ReplayedDirectory, Written};
pub(crate) use encoded::EncodedCall;
pub(crate) use end::{End, difference};
pub(crate) use failures::{put_failure, take_failure};
pub(crate) use input::{InputRecord, WarmUpRecord};
pub(crate) use messages::{put_request, put_response, take_request, take_response};
pub(crate) use modules::ModuleRecord;
pub(crate) use settings::{FilesRecord, Grants, Settings};
