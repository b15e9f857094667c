//! The middleware chain: the handlers that the command line puts in front of routes.

use super::{
    answer::Problem,
    config_file::PluginSettings,
    routes::{self, LoweredLimits},
};
use pocketwasm::{Call, Plugin, Runner, http::HttpRequest};
use std::{fmt, fs, io, path::PathBuf, str::FromStr, sync::Arc};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The largest configuration file of a handler, in bytes.
const LARGEST_CONFIG: u64 = 1 << 20;
/// The unit in which the memory of waiting handlers is counted, in bytes.
const PAGE: usize = 65_536;

/// A flag's value of the form `NAME=VALUE` or `NAME`, where `NAME` is a plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ForPlugin<T> {
    name: String,
    value: Option<T>,
}

impl<T: FromStr<Err: fmt::Display>> FromStr for ForPlugin<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        let value = value.map(str::parse).transpose();
        let value = value.map_err(|error: T::Err| error.to_string())?;
        Ok(Self {
            name: name.to_owned(),
            value,
        })
    }
}

/// The prefix of a path, with its leading slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Prefix(String);

impl FromStr for Prefix {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.starts_with('/') {
            true => Ok(Self(text.to_owned())),
            false => Err("a prefix begins with /"),
        }
    }
}

/// The handlers, the outermost first.
pub(super) struct Chain {
    pub(super) handlers: Vec<Arc<Handler>>,
    /// A permit for each page of memory that waiting handlers may hold.
    held: Arc<Semaphore>,
    max_held: u32,
}

pub(super) struct Handler {
    pub(super) plugin: String,
    /// `None` covers every target.
    prefix: Option<String>,
    config: Vec<u8>,
}

impl Chain {
    /// Reads the handlers' configurations; `max_held` is in bytes.
    pub(super) fn new(
        handlers: &[ForPlugin<Prefix>],
        configs: &[ForPlugin<PathBuf>],
        max_held: usize,
    ) -> Result<Self, String> {
        let named =
            |config: &ForPlugin<_>| handlers.iter().any(|handler| handler.name == config.name);
        if let Some(config) = configs.iter().find(|config| !named(config)) {
            return Err(format!(
                "--middleware-config {}: there is no such --middleware",
                config.name
            ));
        }
        let config = |name: &str| {
            let config = configs.iter().find(|config| config.name == name);
            match config.and_then(|config| config.value.as_ref()) {
                Some(path) => read(path).map_err(|error| {
                    format!("--middleware-config {name}={}: {error}", path.display())
                }),
                None => Ok(Vec::new()),
            }
        };
        let handlers = handlers.iter().map(|handler| {
            let prefix = handler.value.as_ref().map(|Prefix(prefix)| prefix.clone());
            Ok::<_, String>(Arc::new(Handler {
                plugin: handler.name.clone(),
                prefix,
                config: config(&handler.name)?,
            }))
        });
        let max_held = u32::try_from(max_held.div_ceil(PAGE)).unwrap_or(u32::MAX);
        Ok(Self {
            handlers: handlers.collect::<Result<_, _>>()?,
            held: Arc::new(Semaphore::new(max_held as usize)),
            max_held,
        })
    }

    /// Checks that each handler is a loaded plugin and can be initialised with its configuration.
    pub(super) fn check(&self, runner: &Runner, settings: &PluginSettings) -> Result<(), String> {
        for handler in &self.handlers {
            let plugin = runner.plugin(&handler.plugin);
            let ready = plugin.and_then(|plugin| handler.call(&plugin, settings).check_handler());
            ready.map_err(|error| format!("--middleware {}: {error}", handler.plugin))?;
        }
        Ok(())
    }

    /// Reserves memory for a handler that waits for the answer and keeps that many copies of the request.
    /// Returns `None` if too little is left.
    pub(super) fn hold(
        &self,
        pages: u32,
        request: &HttpRequest,
        copies: usize,
    ) -> Option<OwnedSemaphorePermit> {
        let fields = request
            .headers
            .iter()
            .map(|(name, value)| name.len() + value.len() + PAGE / 1_024);
        let bytes = request.body.len() + fields.sum::<usize>();
        let bytes = bytes.saturating_mul(copies);
        let bytes = u32::try_from(bytes.div_ceil(PAGE)).unwrap_or(u32::MAX);
        // A handler that needs more than the whole budget may still wait, but alone.
        let pages = pages.saturating_add(bytes).min(self.max_held);
        self.held.clone().try_acquire_many_owned(pages).ok()
    }
}

fn read(path: &PathBuf) -> io::Result<Vec<u8>> {
    if fs::metadata(path)?.len() > LARGEST_CONFIG {
        let problem = format!("has more than {LARGEST_CONFIG} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
    }
    fs::read(path)
}

impl Handler {
    /// A call of the handler, with its configuration and the settings of its plugin.
    pub(super) fn call<'c>(&'c self, plugin: &'c Plugin, settings: &PluginSettings) -> Call<'c> {
        let call = plugin.call("handle_request").input(&self.config);
        let call = settings.set_environment(plugin.name(), call);
        settings
            .limits(plugin.name(), LoweredLimits::default())
            .set(call)
    }

    /// Whether the handler is in front of this path. The path is decoded first: otherwise an
    /// escaped path would bypass the handler.
    pub(super) fn covers(&self, path: &str) -> Result<bool, Problem> {
        match &self.prefix {
            Some(prefix) => Ok(routes::decode(path)?.starts_with(prefix)),
            // A target need not be a path. It can also be `*` or an authority.
            None => Ok(true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags() {
        let handler = |text: &str| text.parse::<ForPlugin<Prefix>>();
        let prefix = |text: &str| Some(Prefix(text.to_owned()));
        let table = [
            ("guard", "guard", None),
            ("a/b=/", "a/b", prefix("/")),
            ("guard=/execute/x", "guard", prefix("/execute/x")),
            ("guard=/a=b", "guard", prefix("/a=b")),
        ];
        for (text, name, value) in table {
            let name = name.to_owned();
            assert_eq!(handler(text), Ok(ForPlugin { name, value }), "{text}");
        }
        for text in ["guard=", "guard=execute"] {
            assert_eq!(
                handler(text),
                Err("a prefix begins with /".to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn no_spelling_of_a_path_leads_around_a_handler() {
        let handler = Handler {
            plugin: "guard".to_owned(),
            prefix: Some("/execute/secret".to_owned()),
            config: Vec::new(),
        };
        for (path, expected) in [
            ("/execute/secret", true),
            ("/execute/secret.wasm", true),
            ("/execute/%73ecret", true),
            ("/%65xecute/secret", true),
            ("/execute%2fsecret", true),
            ("/execute/other", false),
        ] {
            assert_eq!(handler.covers(path).unwrap(), expected, "{path}");
        }
        assert_eq!(handler.covers("/execute/%").unwrap_err().status, 400);
    }
}
