//! The flags of `pocketwasm serve`.

use super::{
    config_file::PluginSettings, failures::Failures, guard::host_name, journal::LogFormat,
    schedule::Bounds,
};
use crate::gateway::chain::{Chain, ForPlugin, Prefix};
use crate::{
    files::ImportBounds,
    http::NetworkClient,
    limits::Limits,
    units::{bytes, time},
};
use pocketwasm::RunnerConfig;
use std::{io, path::PathBuf, sync::Arc, thread, time::Duration};

/// Serve plugins over HTTP
///
/// POST /execute/PLUGIN?func=EXPORT calls an export (`greet` by default) with the body, or with the
/// numbers of `params=1,2`. `fuel`, `timeout_ms` and `max_memory` (pages) lower its limits, and so
/// do the headers X-Pocketwasm-Fuel, -Timeout-Ms and -Max-Memory. /cgi/PLUGIN/... runs a command as
/// a CGI script. GET / is a page for people; /plugins, /healthz and /metrics are for programs. The
/// gateway has no users and no TLS: if it does not listen on loopback, put a proxy in front of it.
#[derive(Debug, clap::Args)]
#[command(args_override_self = true)]
pub(crate) struct Serve {
    /// Read options from FILE in TOML, under their names without dashes. The command line overrides
    /// the file. A section [plugin.NAME] configures one plugin.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The sections of that file.
    #[arg(skip)]
    pub(crate) plugin_settings: Arc<PluginSettings>,
    /// Serve every .wasm file below DIR.
    #[arg(long, value_name = "DIR")]
    pub(super) plugins: Option<PathBuf>,
    /// The address or name and the port to listen on. Port 0 picks a free port.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080", value_parser = address)]
    pub(super) listen: String,
    /// Another host name to answer to, for example behind a proxy; may be repeated.
    #[arg(long, value_name = "NAME", value_parser = host_name)]
    pub(super) host_name: Vec<String>,
    /// Let all plugins send HTTP requests to this host (Extism), as `text --allow-host` does; may
    /// be repeated. For the names that the gateway itself answers to, use --host-name.
    #[arg(long, value_name = "HOST")]
    pub(super) allow_host: Vec<String>,
    /// The format of the log on standard error. RUST_LOG sets its level.
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    pub(crate) log_format: LogFormat,

    /// Watch the directory: load new and changed plugins, unload removed ones.
    #[arg(long)]
    pub(super) watch: bool,
    /// Allow `POST /reload` with this bearer token. Prefer the variable POCKETWASM_RELOAD_TOKEN,
    /// because other users can see a command's arguments.
    #[arg(long, value_name = "TOKEN")]
    pub(super) reload_token: Option<String>,
    /// Serve only plugins whose SHA-256 is in this file, as `list --lock` writes it.
    #[arg(long, value_name = "FILE")]
    pub(super) lock: Option<PathBuf>,

    /// Put an http-wasm handler in front of every path that begins with PREFIX, or of all paths;
    /// may be repeated, the outermost first.
    #[arg(long, value_name = "NAME[=PREFIX]")]
    pub(super) middleware: Vec<ForPlugin<Prefix>>,
    /// The configuration of one of these handlers, from a file of at most 1 MiB; may be repeated.
    #[arg(long, value_name = "NAME=FILE")]
    pub(super) middleware_config: Vec<ForPlugin<PathBuf>>,

    /// Write a recording of each failed call of /execute, /cgi and handlers to DIR, under the request's id, for
    /// `pocketwasm replay`. It has the request's body and the plugin's environment.
    #[arg(long, value_name = "DIR")]
    pub(super) record_failures: Option<PathBuf>,
    /// The most recordings in that directory. The oldest are deleted.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = some)]
    pub(super) max_recordings: usize,
    /// The most bytes of these recordings together.
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = bytes)]
    pub(super) max_recording_bytes: usize,

    /// Do not replay calls that fail to put backtraces into the log.
    #[arg(long)]
    pub(super) no_explain: bool,

    /// The largest body of a request.
    #[arg(long, value_name = "SIZE", default_value = "1MiB", value_parser = bytes)]
    pub(super) max_body: usize,
    /// The largest size of the bodies of all requests in flight together.
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = bytes)]
    pub(super) max_bodies: usize,
    /// The largest head of a request; at least 8 KiB.
    #[arg(long, value_name = "SIZE", default_value = "16KiB", value_parser = bytes)]
    pub(super) max_header: usize,
    /// Connections that are open at once.
    #[arg(long, value_name = "N", default_value_t = 512, value_parser = some)]
    pub(super) max_connections: usize,
    /// Calls that run at once, at most 1024 [default: four per processor]
    #[arg(long, value_name = "N", value_parser = threads)]
    pub(super) threads: Option<usize>,
    /// Calls of one plugin that run at once [default: half of --threads]
    #[arg(long, value_name = "N", value_parser = threads)]
    pub(super) plugin_threads: Option<usize>,
    /// The threads of these that are for slow plugins: most of the last five calls took over 1 ms
    /// of a processor [default: one less than there are processors, at least 1]
    #[arg(long, value_name = "N", value_parser = threads)]
    pub(super) slow_threads: Option<usize>,
    /// Calls that wait for their turn; one plugin's may be half of them.
    #[arg(long, value_name = "N", default_value_t = 512, value_parser = some)]
    pub(super) queue: usize,
    /// How long a call may wait for its turn.
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = time)]
    pub(super) queue_wait: Duration,

    /// The most memory that middleware may hold while it waits for answers: its linear memory and
    /// its copies of requests.
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = bytes)]
    pub(super) max_held: usize,

    /// How long a client may take to send the head of a request, or stay idle before it.
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = some_time)]
    pub(super) header_timeout: Duration,
    /// How long a client may take to send a body.
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = some_time)]
    pub(super) body_timeout: Duration,
    /// How long a client may take to receive an answer.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = some_time)]
    pub(super) write_timeout: Duration,
    /// How long calls may go on after SIGTERM or Ctrl-C.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    pub(super) grace: Duration,
    #[command(flatten)]
    pub(super) limits: Limits,
    #[command(flatten)]
    pub(super) imports: ImportBounds,
}

/// A host and a port.
fn address(text: &str) -> Result<String, String> {
    let port = text.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
    match port {
        Some(Ok(_)) if !text.starts_with(':') && !text.contains('/') => Ok(text.to_owned()),
        _ => Err("it takes a host and a port, such as 127.0.0.1:8080 or localhost:0".to_owned()),
    }
}

/// A number above 0. With 0, the gateway would never serve anything.
fn some(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("it takes 1 or more".to_owned()),
        Ok(number) => Ok(number),
        Err(_) => Err("it takes a whole number, 1 or more".to_owned()),
    }
}

fn threads(text: &str) -> Result<usize, String> {
    match some(text)? {
        threads @ ..=1_024 => Ok(threads),
        _ => Err("it takes 1024 at most".to_owned()),
    }
}

fn some_time(text: &str) -> Result<Duration, String> {
    match time(text)? {
        Duration::ZERO => Err("it takes more than no time, such as 15s".to_owned()),
        time => Ok(time),
    }
}

impl Serve {
    pub(super) fn runner_config(&self) -> RunnerConfig {
        // Input is never the reason for a refusal: the gateway measures bodies and heads itself.
        let longest = self.max_body.max(self.max_header.saturating_mul(4));
        let config = self.limits.config().max_input_bytes(longest.max(64 << 10));
        let config = config.keep_modules(!self.no_explain);
        let config = self
            .allow_host
            .iter()
            .fold(config, |config, host| config.allow_host(host));
        match self.plugin_settings.has_hosts() || !self.allow_host.is_empty() {
            true => config.http_client(NetworkClient),
            false => config,
        }
    }

    /// Checks the bounds of values, and their relations, that the flags' types do not express.
    pub(super) fn check(&self) -> Result<(), String> {
        const LEAST_HEADER: usize = 8 << 10;
        const MOST_BODY: usize = 1 << 30;
        let problem = if self.max_header < LEAST_HEADER {
            "--max-header must be at least 8KiB"
        } else if self.max_body > MOST_BODY {
            "--max-body must be at most 1GiB"
        } else if self.max_bodies < self.max_body {
            "--max-bodies must be at least --max-body"
        } else {
            return Ok(());
        };
        Err(problem.to_owned())
    }

    pub(super) fn chain(&self) -> Result<Chain, String> {
        Chain::new(&self.middleware, &self.middleware_config, self.max_held)
    }

    /// The directory for recordings of failed calls.
    pub(super) fn failures(&self) -> io::Result<Option<Failures>> {
        let directory = self.record_failures.as_ref();
        let most_bytes = self.max_recording_bytes as u64;
        let failures = directory.map(|it| Failures::new(it, self.max_recordings, most_bytes));
        failures.transpose()
    }

    pub(super) fn bounds(&self) -> Bounds {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let running = self.threads.unwrap_or(4 * processors).clamp(1, 1_024);
        let of_plugin = self.plugin_threads.unwrap_or(running / 2);
        let slow = self.slow_threads.unwrap_or(processors - 1);
        Bounds {
            running,
            running_of_plugin: of_plugin.clamp(1, running),
            running_slow: slow.clamp(1, running),
            waiting: self.queue.max(1),
            waiting_of_plugin: self.queue.div_ceil(2).max(1),
        }
    }

    /// The token of `POST /reload`, from the flag or the environment. An empty token counts as no
    /// token.
    pub(super) fn token(&self) -> Option<String> {
        let token = self.reload_token.clone();
        token
            .or_else(|| std::env::var("POCKETWASM_RELOAD_TOKEN").ok())
            .filter(|token| !token.is_empty())
    }
}
