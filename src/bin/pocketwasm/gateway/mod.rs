//! The HTTP gateway, `pocketwasm serve`: a room of the program.
//!
//! A request passes through these modules in order. `server` accepts the connection, and hyper
//! parses it. `requests` gives the request an id and writes its answer. `middleware` runs the
//! handlers in front of its route. `routes` parses the path, and `endpoints` serves the route.
//! `calls` puts a call on the `pool`, where `schedule` decides which call runs next. `answer` turns
//! the outcome into a response.
//!
//! `cli` calls [`Serve::execute`] and nothing else here. The gateway may use the program's options,
//! limits and streams, and the library.

mod accept;
mod answer;
mod body;
mod calls;
mod cgi;
mod chain;
mod config;
pub(crate) mod config_file;
mod endpoints;
mod execute;
mod explainer;
mod failures;
mod guard;
mod incoming_request;
pub(crate) mod journal;
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
mod settings;
mod state;
mod status;
mod stream;

use crate::{
    exit::Code,
    failure::Failure,
    gateway::{
        settings::Settings,
        state::{Gateway, tell},
    },
    module,
};
pub(crate) use config::Serve;
use metrics::Metrics;
use pocketwasm::Runner;
use pool::Pool;
use reload::PluginDirectory;
use std::{
    io::{self, Write},
    net::TcpListener,
    sync::Arc,
    thread,
};
use tokio::runtime::Builder;

impl Serve {
    /// Serves until a signal says to stop.
    pub(crate) fn execute(&self) -> Result<Code, Failure> {
        let Some(directory) = &self.plugins else {
            return Err(Failure::Usage(
                "which directory? `pocketwasm serve --plugins DIR`".to_owned(),
            ));
        };
        module::check_directory(directory)?;
        self.check().map_err(Failure::Usage)?;
        let failed = |action: &str| {
            let action = action.to_owned();
            move |source: io::Error| Failure::Io { action, source }
        };
        let plugins = self.plugin_settings.clone();
        plugins.read_files(&self.imports)?;
        let chain = self.chain().map_err(Failure::Usage)?;
        let runner = Runner::new(self.runner_config())?;
        let pool = Pool::start(self.bounds()).map_err(failed("start the threads for calls"))?;
        let metrics = Metrics::new();
        let source = PluginDirectory::new(directory.clone(), self.lock.clone(), plugins.clone());
        let report = source
            .scan(&runner, &pool, &metrics, &source.progress())
            .map_err(Failure::Usage)?;
        // An empty directory is allowed only if plugins can be added later.
        let is_empty = report.refused.is_empty() && runner.plugins().is_empty();
        if is_empty && !self.watch && self.token().is_none() {
            return Err(module::no_plugins(directory));
        }
        tell(&report);
        for name in plugins.names().filter(|name| runner.plugin(name).is_err()) {
            log::warn!(
                "the configuration has a section for {name:?}, and no such plugin is loaded"
            );
        }
        chain.check(&runner, &plugins).map_err(Failure::Usage)?;

        // Listen only now: a client that can connect finds every plugin loaded.
        let action = format!("listen on {}", self.listen);
        let listener = TcpListener::bind(&*self.listen).map_err(failed(&action))?;
        let local = listener.local_addr().map_err(failed(&action))?;
        let settings = Settings::new(self, plugins, chain, local)
            .map_err(failed("take random bytes from the system"))?;
        let failures = self
            .failures()
            .map_err(failed("make the directory of --record-failures"))?;
        let gateway = Arc::new(Gateway {
            failures,
            explainer: (!self.no_explain).then(Arc::default),
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
            if self.watch {
                gateway.watch().map_err(io::Error::other)?;
            }
            // Standard output may be closed.
            let _ = writeln!(io::stdout(), "listening on http://{local}");
            log::info!("listens on http://{local}");
            listener.serve(gateway.clone()).await;
            Ok(())
        });
        // What still runs now is a guest that has not reached the end of its slice.
        runtime.shutdown_timeout(std::time::Duration::from_secs(1));
        served.map_err(failed("serve"))?;
        log::info!("stopped");
        Ok(Code::SUCCESS)
    }
}
