//! `--config FILE`: the options of `serve` in TOML, and sections for single plugins.

use super::routes::LoweredLimits;
use crate::{
    failure::Failure,
    files::{FileSources, ImportBounds},
    units::{pages, time},
};
use pocketwasm::{Call, Convention, Files, Runner, RunnerConfig, WarmUp};
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, ffi::OsString, fs, path::Path, sync::OnceLock};

/// The largest configuration file, in bytes.
const LARGEST: u64 = 1 << 20;

/// The content of a configuration file.
#[derive(Debug, Default)]
pub(crate) struct ConfigFile {
    /// The options as arguments of a command line.
    pub(crate) args: Vec<OsString>,
    pub(crate) plugins: PluginSettings,
}

/// The settings of single plugins, by name.
#[derive(Debug, Default)]
pub(crate) struct PluginSettings(BTreeMap<String, OnePlugin>);

/// A plugin's section as written in the file.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct Section {
    config: BTreeMap<String, String>,
    env: BTreeMap<String, String>,
    allow_hosts: Vec<String>,
    fuel: Option<u64>,
    timeout: Option<String>,
    max_memory: Option<String>,
    convention: Option<String>,
    warm_up: Option<String>,
    warm_up_input: Option<String>,
    sha256: Option<String>,
    files: Vec<String>,
    file: Vec<String>,
    dir: Vec<String>,
    tmp: bool,
}

#[derive(Debug)]
struct OnePlugin {
    config: BTreeMap<String, String>,
    env: BTreeMap<String, String>,
    hosts: Vec<String>,
    limits: LoweredLimits,
    convention: Option<Convention>,
    warm_up: Option<String>,
    warm_up_input: Option<String>,
    sha256: Option<String>,
    file_sources: FileSources,
    /// Read when the gateway starts; all calls share them.
    files: OnceLock<Files>,
}

impl ConfigFile {
    /// Reads a file. The error is one line.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let failed = |problem: String| format!("{shown}: {problem}");
        let size = fs::metadata(path).map(|file| file.len());
        if size.is_ok_and(|size| size > LARGEST) {
            return Err(failed("larger than 1 MiB".to_owned()));
        }
        let text = fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        Self::parse(&text).map_err(failed)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
            let at = error.span().map_or(0, |span| span.start);
            let line = text.get(..at).unwrap_or_default().matches('\n').count() + 1;
            format!("line {line}: {}", first_line(error.message()))
        })?;
        let mut file = Self::default();
        for (name, value) in table {
            match (&*name, value) {
                ("plugin", toml::Value::Table(plugins)) => {
                    for (name, section) in plugins {
                        let plugin = OnePlugin::of(section)
                            .map_err(|problem| format!("plugin {name:?}: {problem}"))?;
                        file.plugins.0.insert(name, plugin);
                    }
                }
                ("plugin", _) => {
                    return Err(
                        "`plugin` is a table: [plugin.NAME] begins the section of one".into(),
                    );
                }
                ("config", _) => return Err("`config` cannot name another file".into()),
                (_, value) => file.option(&name, value)?,
            }
        }
        Ok(file)
    }

    fn option(&mut self, name: &str, value: toml::Value) -> Result<(), String> {
        let text = match value {
            toml::Value::String(text) => text,
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Boolean(true) => {
                self.args.push(format!("--{name}").into());
                return Ok(());
            }
            toml::Value::Boolean(false) => return Ok(()),
            toml::Value::Array(values) => {
                for value in values {
                    if value.is_array() {
                        return Err(format!("`{name}` has a list in a list"));
                    }
                    self.option(name, value)?;
                }
                return Ok(());
            }
            other => {
                return Err(format!(
                    "`{name}` is {}; it takes what --{name} takes, as a string",
                    other.type_str()
                ));
            }
        };
        self.args.push(format!("--{name}={text}").into());
        Ok(())
    }
}

fn first_line(message: &str) -> &str {
    message.lines().next().unwrap_or_default()
}

impl OnePlugin {
    fn of(section: toml::Value) -> Result<Self, String> {
        let section: Section = section
            .try_into()
            .map_err(|error: toml::de::Error| first_line(error.message()).to_owned())?;
        // The library checks the patterns when it creates a runner.
        let config = section
            .allow_hosts
            .iter()
            .fold(RunnerConfig::new(), |config, host| config.allow_host(host));
        Runner::new(config)
            .map_err(|error| error.message().replace("allow_host", "allow-hosts"))?;
        let sha256 = section.sha256.map(|digest| digest.to_ascii_lowercase());
        let is_digest = |digest: &String| {
            digest.len() == 64 && digest.bytes().all(|digit| digit.is_ascii_hexdigit())
        };
        if sha256.as_ref().is_some_and(|digest| !is_digest(digest)) {
            return Err("`sha256` has 64 hexadecimal digits".to_owned());
        }
        if section.warm_up_input.is_some() && section.warm_up.is_none() {
            return Err("`warm-up-input` needs `warm-up`, the export that it is for".to_owned());
        }
        let file_sources =
            FileSources::parse(&section.files, &section.file, &section.dir, section.tmp)?;
        let timeout = section.timeout.as_deref().map(time).transpose();
        let memory = section.max_memory.as_deref().map(pages).transpose();
        let convention = section.convention.as_deref().map(str::parse::<Convention>);
        Ok(Self {
            config: section.config,
            env: section.env,
            hosts: section.allow_hosts,
            limits: LoweredLimits {
                fuel: section.fuel,
                timeout: timeout.map_err(|problem| format!("`timeout`: {problem}"))?,
                max_memory_pages: memory.map_err(|problem| format!("`max-memory`: {problem}"))?,
            },
            convention: convention
                .transpose()
                .map_err(|problem| format!("`convention`: {problem}"))?,
            warm_up: section.warm_up,
            warm_up_input: section.warm_up_input,
            sha256,
            file_sources,
            files: OnceLock::new(),
        })
    }
}

impl PluginSettings {
    fn of(&self, plugin: &str) -> Option<&OnePlugin> {
        self.0.get(plugin)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }

    /// Whether any plugin has hosts of its own.
    pub(super) fn has_hosts(&self) -> bool {
        self.0.values().any(|plugin| !plugin.hosts.is_empty())
    }

    /// The limits of the plugin's calls. Its own limits replace those for all plugins.
    pub(super) fn limits(&self, plugin: &str, all: LoweredLimits) -> LoweredLimits {
        let own = self
            .of(plugin)
            .map(|plugin| plugin.limits)
            .unwrap_or_default();
        LoweredLimits {
            fuel: own.fuel.or(all.fuel),
            timeout: own.timeout.or(all.timeout),
            max_memory_pages: own.max_memory_pages.or(all.max_memory_pages),
        }
    }

    pub(super) fn convention(&self, plugin: &str) -> Option<Convention> {
        self.of(plugin)?.convention
    }

    /// Sets the plugin's hosts, files, configuration and environment variables on a call.
    pub(super) fn set_environment<'c>(&self, plugin: &str, mut call: Call<'c>) -> Call<'c> {
        let Some(plugin) = self.of(plugin) else {
            return call;
        };
        for (name, value) in &plugin.env {
            call = call.env(name, value);
        }
        for (key, value) in &plugin.config {
            call = call.config(key, value);
        }
        for host in &plugin.hosts {
            call = call.allow_host(host);
        }
        match plugin.files.get() {
            Some(files) => call.files(files),
            None => call,
        }
    }

    /// Reads the files of all plugins, which their calls then share.
    pub(super) fn read_files(&self, bounds: &ImportBounds) -> Result<(), Failure> {
        for (name, plugin) in &self.0 {
            if plugin.file_sources.is_empty() {
                continue;
            }
            let files = plugin.file_sources.open(bounds)?;
            if !files.is_reproducible() {
                log::warn!(
                    "calls of {name:?} are not reproducible: they see a directory of the host"
                );
            }
            plugin.files.get_or_init(|| files);
        }
        Ok(())
    }

    /// The plugin's warm-up call, which is made at load.
    pub(super) fn warm_up(&self, plugin: &str) -> Option<WarmUp<'_>> {
        let plugin = self.of(plugin)?;
        let call = WarmUp::call(plugin.warm_up.as_deref()?);
        Some(match &plugin.warm_up_input {
            Some(input) => call.input(input),
            None => call,
        })
    }

    /// Checks the module's bytes against the pinned SHA-256.
    pub(super) fn admit(&self, plugin: &str, bytes: &[u8]) -> Result<(), String> {
        let Some(pin) = self.of(plugin).and_then(|plugin| plugin.sha256.as_ref()) else {
            return Ok(());
        };
        let actual = crate::lock::hex(&Sha256::digest(bytes));
        match actual == *pin {
            true => Ok(()),
            false => Err(format!(
                "its SHA-256 is {actual}; the configuration has {pin}"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ConfigFile;

    #[test]
    fn options_and_plugins() {
        let file = ConfigFile::parse(
            "listen = \"localhost:0\"\nwatch = true\nqueue = 7\n\
             middleware = [\"a=/x\", \"b\"]\n[plugin.greet]\nfuel = 9\n\
             [plugin.\"folder/x\".config]\nkey = \"value\"\n",
        )
        .unwrap();
        let expected = [
            "--listen=localhost:0",
            "--middleware=a=/x",
            "--middleware=b",
            "--queue=7",
            "--watch",
        ];
        let mut args = file.args.clone();
        args.sort_unstable();
        assert_eq!(args, expected);
        assert_eq!(
            file.plugins.limits("greet", Default::default()).fuel,
            Some(9)
        );
        assert_eq!(file.plugins.names().count(), 2);
    }

    #[test]
    fn what_is_wrong_is_one_line() {
        for (text, problem) in [
            ("a = 1\nb =", "line 2: "),
            ("plugin = 1", "`plugin` is a table: [plugin.NAME]"),
            ("config = \"x\"", "`config` cannot name another file"),
            (
                "listen = 1.5",
                "`listen` is float; it takes what --listen takes",
            ),
            (
                "[plugin.x]\nfule = 1",
                "plugin \"x\": unknown field `fule`, expected one of",
            ),
            (
                "[plugin.x]\ntimeout = \"5\"",
                "plugin \"x\": `timeout`: a time is a number with",
            ),
            (
                "[plugin.x]\nsha256 = \"ff\"",
                "`sha256` has 64 hexadecimal digits",
            ),
            (
                "[plugin.x]\nconvention = \"pascal\"",
                "`convention`: no such convention",
            ),
            (
                "[plugin.x]\nwarm-up-input = \"a\"",
                "`warm-up-input` needs `warm-up`",
            ),
            (
                "[plugin.x]\ndir = [\"data:../x\"]",
                "plugin \"x\": `dir`: \"data:../x\": a path of the guest has no `..`",
            ),
            (
                "[plugin.x]\nallow-hosts = [\"http://x\"]",
                "`allow-hosts` is \"http://x\"; it must be a host",
            ),
        ] {
            let said = ConfigFile::parse(text).unwrap_err();
            assert!(said.contains(problem), "{text}: {said}");
            assert!(!said.contains('\n'), "{text}: {said}");
        }
    }
}
