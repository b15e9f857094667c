//! What a guest sees of a world around it: arguments, environment, standard input, configuration.

use alloc::{boxed::Box, collections::BTreeMap, string::String, vec::Vec};
use core::time::Duration;

/// Where a guest's standard input comes from, if not from bytes at hand.
pub trait InputSource: Send + Sync + 'static {
    /// Reads into `bytes` and says how many there were: 0 at the end, `None` on failure.
    fn fetch(&mut self, bytes: &mut [u8]) -> Option<usize>;

    /// Waits until `fetch` would not block, since there is something or since it has ended, but no
    /// longer than `most`; whether that is so. A guest that polls, or reads without blocking, needs it.
    /// A source that cannot tell says `true`, as this does.
    fn wait(&mut self, most: Duration) -> bool {
        let _ = most;
        true
    }
}

#[cfg(feature = "std")]
impl<R: std::io::Read + Send + Sync + 'static> InputSource for R {
    fn fetch(&mut self, bytes: &mut [u8]) -> Option<usize> {
        loop {
            match self.read(bytes) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                read => return read.ok(),
            }
        }
    }
}

/// A guest's standard input.
pub(crate) enum Stdin {
    Bytes { bytes: Vec<u8>, position: usize },
    Source(Box<dyn InputSource>),
}

impl Default for Stdin {
    fn default() -> Self {
        Self::from(Vec::new())
    }
}

impl From<Vec<u8>> for Stdin {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes { bytes, position: 0 }
    }
}

impl Stdin {
    /// Whether there is more than the nothing that there is by default.
    pub(crate) fn is_given(&self) -> bool {
        !matches!(self, Self::Bytes { bytes, .. } if bytes.is_empty())
    }

    /// Fills `to` as far as there is input; `None` if reading failed.
    pub(crate) fn read(&mut self, to: &mut [u8]) -> Option<usize> {
        match self {
            Self::Bytes { bytes, position } => {
                let rest = bytes.get(*position..).unwrap_or_default();
                let count = rest.len().min(to.len());
                for (to, from) in to.iter_mut().zip(rest) {
                    *to = *from;
                }
                *position += count;
                Some(count)
            }
            // A source that claims more than it was given room for is not to be believed.
            Self::Source(source) => source.fetch(to).map(|count| count.min(to.len())),
        }
    }

    /// Whether something can be read without waiting, or the end, at the latest after `most`.
    pub(crate) fn wait(&mut self, most: Duration) -> bool {
        match self {
            Self::Bytes { .. } => true,
            Self::Source(source) => source.wait(most),
        }
    }

    /// The bytes that can be read without waiting, if that is known.
    pub(crate) fn available(&self) -> Option<u64> {
        match self {
            Self::Bytes { bytes, position } => Some(bytes.len().saturating_sub(*position) as u64),
            Self::Source(_) => None,
        }
    }
}

/// What a guest sees of a world around it, for one call. Most calls say nothing of it, and have none.
#[derive(Default)]
pub(crate) struct Environment {
    /// The arguments after the plugin's name, which is the first.
    pub(crate) args: Vec<String>,
    /// The environment, each as `NAME=value`.
    pub(crate) env: Vec<String>,
    /// The bytes of all of them.
    pub(crate) env_length: usize,
    pub(crate) stdin: Stdin,
    /// The plugin's configuration, where its convention has one.
    pub(crate) config: BTreeMap<String, String>,
    /// The bytes of all its keys and values.
    pub(crate) config_length: usize,
}

/// One of the two lists of strings that a guest can ask for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Strings {
    Args,
    Env,
}

/// What a guest by the name of `plugin` hears when it asks for `which`.
pub(crate) fn strings<'a>(
    plugin: &'a str,
    environment: Option<&'a Environment>,
    which: Strings,
) -> impl Iterator<Item = &'a str> {
    let (first, rest) = match which {
        Strings::Args => (
            Some(plugin),
            environment.map(|environment| &environment.args),
        ),
        Strings::Env => (None, environment.map(|environment| &environment.env)),
    };
    let rest = rest.into_iter().flatten();
    first.into_iter().chain(rest.map(String::as_str))
}
