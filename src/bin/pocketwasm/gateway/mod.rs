//! Plugins over HTTP.
//!
//! A connection is hyper's; a request goes by `routes` to what it asks for; a call goes by `pool`
//! to a thread of its own; what it came to goes by `answer` onto the wire.

mod accept;
mod answer;
mod calls;
mod cgi;
mod config;
mod execute;
mod guard;
mod lock;
mod message;
mod metrics;
mod middleware;
mod page;
mod pool;
mod reload;
mod requests;
mod routes;
mod schedule;
mod server;
mod status;
mod stream;

use crate::{cli::Options, exit::Code, report::Failure, streams::say};
pub(crate) use config::Serve;
use indicatif::ProgressBar;
use metrics::Metrics;
use pocketwasm::Runner;
use pool::Pool;
use reload::{Report, Source};
use std::{
    io::{self, Write},
    net::TcpListener,
    sync::Arc,
    thread,
};
use tokio::runtime::Builder;

/// What all requests share.
struct Gateway {
    runner: Runner,
    pool: Pool,
    metrics: Metrics,
    source: Source,
    settings: requests::Settings,
}

impl Serve {
    /// Serves until a signal says to stop.
    pub(crate) fn execute(&self, options: &Options) -> Result<Code, Failure> {
        let Some(directory) = &options.plugins else {
            return Err(Failure::Usage("serve needs --plugins DIR".to_owned()));
        };
        self.check().map_err(Failure::Usage)?;
        let failed = |action: &str| {
            let action = action.to_owned();
            move |source: io::Error| Failure::Io { action, source }
        };
        let chain = self.chain().map_err(Failure::Usage)?;
        let runner = Runner::new(self.runner_config(&options.limits))?;
        let pool = Pool::start(self.bounds()).map_err(failed("start the threads for calls"))?;
        let metrics = Metrics::new();
        let source = Source::new(directory.clone(), self.lock.clone());
        let report = source
            .scan(&runner, &pool, &metrics, &source.progress())
            .map_err(Failure::Usage)?;
        tell(&report);
        chain.check(&runner).map_err(Failure::Usage)?;

        // Only now: whoever can connect finds every plugin that there is.
        let action = format!("listen on {}", self.listen);
        let listener = TcpListener::bind(self.listen).map_err(failed(&action))?;
        let local = listener.local_addr().map_err(failed(&action))?;
        let settings = requests::Settings::new(self, chain, &options.limits, local)
            .map_err(failed("take random bytes from the system"))?;
        let gateway = Arc::new(Gateway {
            runner,
            pool,
            metrics,
            source,
            settings,
        });
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let runtime = Builder::new_multi_thread()
            .worker_threads(processors.div_ceil(2).min(8))
            .thread_name("http")
            .enable_all()
            .build()
            .map_err(failed("start the threads for connections"))?;
        let served = runtime.block_on(async {
            let listener = server::Listener::new(listener, self)?;
            let _watcher = match self.watch {
                true => Some(gateway.watch().map_err(io::Error::other)?),
                false => None,
            };
            writeln!(io::stdout(), "listening on http://{local}")?;
            listener.serve(gateway.clone()).await;
            Ok(())
        });
        // What still runs then is a guest at the end of its slice.
        runtime.shutdown_timeout(std::time::Duration::from_secs(1));
        served.map_err(failed("serve"))?;
        say("stopped");
        Ok(Code::SUCCESS)
    }
}

impl Gateway {
    /// Looks at the plugins' directory again.
    fn rescan(&self) -> Result<Report, String> {
        let hidden = ProgressBar::hidden();
        let report = self
            .source
            .scan(&self.runner, &self.pool, &self.metrics, &hidden);
        match &report {
            Ok(report) => tell(report),
            Err(problem) => say(&format!("the plugins stay as they are: {problem}")),
        }
        report
    }

    /// The same, from an asynchronous task.
    async fn reload(self: &Arc<Self>) -> Result<Report, String> {
        let gateway = self.clone();
        let scanned = tokio::task::spawn_blocking(move || gateway.rescan()).await;
        scanned.unwrap_or_else(|_| Err("the scan did not end".to_owned()))
    }

    fn watch(self: &Arc<Self>) -> notify::Result<notify::RecommendedWatcher> {
        let gateway = self.clone();
        self.source.watch(move || {
            let gateway = gateway.clone();
            async move {
                // What it says is said already.
                let _ = gateway.reload().await;
            }
        })
    }
}

/// Says what is served now and what is not, as far as that is new.
fn tell(report: &Report) {
    let lists = [
        ("serves", &report.loaded),
        ("serves the new", &report.replaced),
        ("no longer serves", &report.unloaded),
    ];
    for (what, names) in lists {
        for name in names {
            say(&format!("{what} {name:?}"));
        }
    }
    for refused in &report.newly_refused {
        say(&format!("refuses {:?}: {}", refused.file, refused.reason));
    }
}
