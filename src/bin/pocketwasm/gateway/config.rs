//! The flags of `pocketwasm serve`.

use super::schedule::Bounds;
use crate::gateway::chain::{Chain, ForPlugin, Prefix};
use crate::limits::{Limits, bytes, time};
use pocketwasm::RunnerConfig;
use std::{net::SocketAddr, path::PathBuf, thread, time::Duration};

/// Serve plugins over HTTP
///
/// POST /execute/PLUGIN?func=EXPORT calls an export (`greet` where none is named) with the body,
/// or with the numbers of `params=1,2`; `fuel`, `timeout_ms` and `max_memory` (pages) lower its
/// limits, as the headers X-Pocketwasm-Fuel, -Timeout-Ms and -Max-Memory do. /cgi/PLUGIN/... runs
/// a command as CGI has it. GET / is a page for people; /plugins, /healthz and /metrics are for
/// programs. The gateway has no users and no TLS: other than on loopback, put a proxy before it.
#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    /// Serve every .wasm file below DIR.
    #[arg(long, value_name = "DIR")]
    pub(super) plugins: Option<PathBuf>,
    /// The address to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub(super) listen: SocketAddr,
    /// Another host name to answer to, as when a proxy is in front; may be repeated.
    #[arg(long, value_name = "NAME")]
    pub(super) allow_host: Vec<String>,

    /// Follow the directory: take up new, changed and removed plugins.
    #[arg(long)]
    pub(super) watch: bool,
    /// Answer `POST /reload` with this bearer token; better in POCKETWASM_RELOAD_TOKEN, as other
    /// users can see a command's arguments.
    #[arg(long, value_name = "TOKEN")]
    pub(super) reload_token: Option<String>,
    /// Serve only plugins whose SHA-256 is in this file, as `list --lock` writes it.
    #[arg(long, value_name = "FILE")]
    pub(super) lock: Option<PathBuf>,

    /// Put a plugin of http-wasm's convention in front of every path that begins with PREFIX, or
    /// of all; may be repeated, the outermost first.
    #[arg(long, value_name = "NAME[=PREFIX]")]
    pub(super) middleware: Vec<ForPlugin<Prefix>>,
    /// The configuration of one of these, from a file of at most 1 MiB; may be repeated.
    #[arg(long, value_name = "NAME=FILE")]
    pub(super) middleware_config: Vec<ForPlugin<PathBuf>>,

    /// The body of a request.
    #[arg(long, value_name = "SIZE", default_value = "1MiB", value_parser = bytes)]
    pub(super) max_body: usize,
    /// The bodies of all requests that are being served.
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = bytes)]
    pub(super) max_bodies: usize,
    /// The head of a request; at least 8 KiB.
    #[arg(long, value_name = "SIZE", default_value = "16KiB", value_parser = bytes)]
    pub(super) max_header: usize,
    /// Connections that are open at once.
    #[arg(long, value_name = "N", default_value_t = 512)]
    pub(super) max_connections: usize,
    /// Calls that run at once [default: four a processor]
    #[arg(long, value_name = "N")]
    pub(super) threads: Option<usize>,
    /// Calls of one plugin that run at once [default: half of --threads]
    #[arg(long, value_name = "N")]
    pub(super) plugin_threads: Option<usize>,
    /// The threads of these that are for slow plugins: most of the last five calls took over 1 ms
    /// of a processor [default: one less than there are processors, at least 1]
    #[arg(long, value_name = "N")]
    pub(super) slow_threads: Option<usize>,
    /// Calls that wait for their turn; one plugin's may be half of them.
    #[arg(long, value_name = "N", default_value_t = 512)]
    pub(super) queue: usize,
    /// How long a call may wait for its turn.
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = time)]
    pub(super) queue_wait: Duration,

    /// What middleware that waits for answers holds: its memory and its requests.
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = bytes)]
    pub(super) max_held: usize,

    /// How long a client may take to send the head of a request, or stay idle before it.
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = time)]
    pub(super) header_timeout: Duration,
    /// How long a client may take to send a body.
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = time)]
    pub(super) body_timeout: Duration,
    /// How long a client may take to receive an answer.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = time)]
    pub(super) write_timeout: Duration,
    /// How long calls may go on after SIGTERM or Ctrl-C.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    pub(super) grace: Duration,
    #[command(flatten)]
    pub(super) limits: Limits,
}

impl Serve {
    pub(super) fn runner_config(&self) -> RunnerConfig {
        // Input is never the reason for a refusal: the gateway measures bodies and heads itself.
        let longest = self.max_body.max(self.max_header.saturating_mul(4));
        self.limits.config().max_input_bytes(longest.max(64 << 10))
    }

    /// Checks what the types allow and the gateway does not.
    pub(super) fn check(&self) -> Result<(), String> {
        const LEAST_HEADER: usize = 8 << 10;
        const MOST_BODY: usize = 1 << 30;
        let problem = if self.max_header < LEAST_HEADER {
            "--max-header must be at least 8KiB"
        } else if self.max_body > MOST_BODY {
            "--max-body must be at most 1GiB"
        } else if self.max_bodies < self.max_body {
            "--max-bodies must be at least --max-body"
        } else if self.max_connections == 0 {
            "--max-connections must be at least 1"
        } else {
            return Ok(());
        };
        Err(problem.to_owned())
    }

    pub(super) fn chain(&self) -> Result<Chain, String> {
        Chain::new(&self.middleware, &self.middleware_config, self.max_held)
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

    /// The token of `POST /reload`, from the flag or the environment; none if it is empty.
    pub(super) fn token(&self) -> Option<String> {
        let token = self.reload_token.clone();
        token
            .or_else(|| std::env::var("POCKETWASM_RELOAD_TOKEN").ok())
            .filter(|token| !token.is_empty())
    }
}
