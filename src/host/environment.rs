//! The environment of a guest: arguments, environment variables, standard input, configuration.

use alloc::{boxed::Box, collections::BTreeMap, string::String, vec::Vec};
use core::time::Duration;

/// A source of a guest's standard input, for input that is not in memory.
pub trait InputSource: Send + Sync + 'static {
    /// Reads into `bytes` and returns how many bytes were read: `Some(0)` at the end of the input,
    /// `None` on failure.
    fn fetch(&mut self, bytes: &mut [u8]) -> Option<usize>;

    /// Waits at most `most` until [`fetch`](Self::fetch) would not block: input is there, or it has
    /// ended. Returns whether that is the case. Guests need this to poll standard input or to read
    /// it without blocking. The default returns `true` at once, for sources that cannot know.
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
    /// Whether the call has any input. By default it is empty.
    pub(crate) fn is_given(&self) -> bool {
        !matches!(self, Self::Bytes { bytes, .. } if bytes.is_empty())
    }

    /// Begins again, unless it is a source, which has no beginning.
    #[cfg(feature = "std")]
    pub(crate) fn begin_again(&mut self) {
        if let Self::Bytes { position, .. } = self {
            *position = 0;
        }
    }

    /// Fills `to` as far as there is input. Returns `None` if reading failed.
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
            // A source may claim to have read more than fits. Do not believe it.
            Self::Source(source) => source.fetch(to).map(|count| count.min(to.len())),
        }
    }

    /// Waits at most `most` until a read would not block. Returns whether that is the case.
    pub(crate) fn wait(&mut self, most: Duration) -> bool {
        match self {
            Self::Bytes { .. } => true,
            Self::Source(source) => source.wait(most),
        }
    }

    /// The number of bytes that can be read without blocking, if it is known.
    pub(crate) fn available(&self) -> Option<u64> {
        match self {
            Self::Bytes { bytes, position } => Some(bytes.len().saturating_sub(*position) as u64),
            Self::Source(_) => None,
        }
    }
}

/// The environment of a guest for one call. Most calls set nothing of it, and have no such value.
#[derive(Default)]
pub(crate) struct Environment {
    /// The arguments after the first, which is the plugin's name.
    pub(crate) args: Vec<String>,
    /// The environment variables, each as `NAME=value`. Values may be any bytes.
    pub(crate) env: Vec<Vec<u8>>,
    /// The bytes of all environment variables together.
    pub(crate) env_length: usize,
    pub(crate) stdin: Stdin,
    /// The plugin's configuration, for conventions that have one.
    pub(crate) config: BTreeMap<String, String>,
    /// The bytes of all keys and values of the configuration.
    pub(crate) config_length: usize,
    /// The hosts that this call may send HTTP requests to, in addition to those that the runner allows.
    pub(crate) allowed_hosts: Vec<String>,
    /// The seed of the random numbers, if it is not the runner's.
    pub(crate) seed: Option<u64>,
    /// The time since 1970 at which the virtual clock starts.
    pub(crate) clock_start: Option<Duration>,
    /// The files that the call sees, in place of the runner's.
    #[cfg(feature = "files")]
    pub(crate) files: Option<crate::common::files::Files>,
}

/// One of the two lists of strings that a guest can ask for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Strings {
    Args,
    Env,
}

/// The strings that a plugin of the name `plugin` gets when it asks for `which`.
pub(crate) fn strings<'a>(
    plugin: &'a str,
    environment: Option<&'a Environment>,
    which: Strings,
) -> impl Iterator<Item = &'a [u8]> {
    let environment = environment.into_iter();
    let (first, args, env) = match which {
        Strings::Args => (Some(plugin.as_bytes()), Some(environment), None),
        Strings::Env => (None, None, Some(environment)),
    };
    let args = args.into_iter().flatten().flat_map(|it| &it.args);
    let env = env.into_iter().flatten().flat_map(|it| &it.env);
    let strings = first.into_iter().chain(args.map(String::as_bytes));
    strings.chain(env.map(Vec::as_slice))
}
