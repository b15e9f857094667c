//! Metrics, in the text format of OpenMetrics, which Prometheus reads.

use super::{answer::Cost, pool::Pool, status};
use pocketwasm::{ErrorKind, Runner};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::Counter,
        family::{Family, MetricConstructor},
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};
use std::{
    collections::BTreeSet,
    fmt, fs,
    sync::{Mutex, MutexGuard, PoisonError},
};

pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ending {
    plugin: String,
    ending: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PluginLabel {
    plugin: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    route: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Scan {
    result: &'static str,
}

/// The result of a scan for one file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Lookup {
    result: &'static str,
}

/// A histogram whose bucket bounds grow by a factor.
#[derive(Debug, Clone, Copy)]
struct GrowingBuckets {
    first: f64,
    factor: f64,
    buckets: u16,
}

impl MetricConstructor<Histogram> for GrowingBuckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new(exponential_buckets(self.first, self.factor, self.buckets))
    }
}

type PerPlugin = Family<PluginLabel, Histogram, GrowingBuckets>;

/// The gateway's metrics. The number of labels is bounded by the loaded plugins, the kinds of
/// errors, the routes and the statuses.
pub(super) struct Metrics {
    registry: Registry,
    calls: Family<Ending, Counter>,
    durations: PerPlugin,
    fuel: PerPlugin,
    pages: PerPlugin,
    requests: Family<Request, Counter>,
    rejected: Family<Reason, Counter>,
    reloads: Family<Scan, Counter>,
    lookups: Family<Lookup, Counter>,
    /// Every ending that was ever counted, for [`Metrics::forget`].
    endings: Mutex<BTreeSet<String>>,
    pub(super) connections: Gauge,
    in_flight: Gauge,
    running: Gauge,
    waiting: Gauge,
    plugins: Gauge,
    module_bytes: Gauge,
    resident: Gauge,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let growing = |first, factor, buckets| {
            Family::new_with_constructor(GrowingBuckets {
                first,
                factor,
                buckets,
            })
        };
        let mut metrics = Self {
            registry: Registry::default(),
            calls: Family::default(),
            durations: growing(16e-6, 4.0, 10),
            fuel: growing(256.0, 8.0, 10),
            pages: growing(1.0, 4.0, 8),
            requests: Family::default(),
            rejected: Family::default(),
            reloads: Family::default(),
            lookups: Family::default(),
            endings: Mutex::default(),
            connections: Gauge::default(),
            in_flight: Gauge::default(),
            running: Gauge::default(),
            waiting: Gauge::default(),
            plugins: Gauge::default(),
            module_bytes: Gauge::default(),
            resident: Gauge::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let process = self.registry.sub_registry_with_prefix("process");
        process.register_with_unit(
            "resident_memory",
            "Memory that the process has, where the system tells",
            Unit::Bytes,
            self.resident.clone(),
        );
        let ours = self.registry.sub_registry_with_prefix("pocketwasm");
        ours.register(
            "calls",
            "Calls by plugin and how they ended",
            self.calls.clone(),
        );
        ours.register_with_unit(
            "call_duration",
            "Time that calls took, without waiting for their turn",
            Unit::Seconds,
            self.durations.clone(),
        );
        ours.register("call_fuel", "Fuel that calls used", self.fuel.clone());
        ours.register(
            "call_memory_pages",
            "The most linear memory that calls had, in pages of 65,536 bytes",
            self.pages.clone(),
        );
        ours.register(
            "requests",
            "Requests by route and status",
            self.requests.clone(),
        );
        ours.register(
            "rejected",
            "Requests and connections that found no room",
            self.rejected.clone(),
        );
        ours.register(
            "reloads",
            "Scans of the plugins' directory",
            self.reloads.clone(),
        );
        ours.register(
            "module_cache",
            "Modules found at scans: compiled already (hit), compiled then (miss), or refused",
            self.lookups.clone(),
        );
        ours.register("connections", "Open connections", self.connections.clone());
        ours.register(
            "requests_in_flight",
            "Requests that are being answered",
            self.in_flight.clone(),
        );
        ours.register("calls_running", "Calls that run", self.running.clone());
        ours.register(
            "calls_waiting",
            "Calls that wait for their turn",
            self.waiting.clone(),
        );
        ours.register("plugins", "Plugins that are loaded", self.plugins.clone());
        ours.register_with_unit(
            "modules",
            "The size of the loaded plugins' modules",
            Unit::Bytes,
            self.module_bytes.clone(),
        );
    }

    /// Counts a call that succeeded, or that failed with an error of this kind.
    pub(super) fn called(&self, plugin: &str, ending: Option<ErrorKind>, cost: Option<Cost>) {
        let ending = ending.map_or_else(|| "ok".to_owned(), status::name);
        let plugin = plugin.to_owned();
        if let Some(Cost { fuel, pages, time }) = cost {
            let of = PluginLabel {
                plugin: plugin.clone(),
            };
            self.durations
                .get_or_create(&of)
                .observe(time.as_secs_f64());
            #[expect(
                clippy::cast_precision_loss,
                reason = "a histogram does not need the units"
            )]
            self.fuel.get_or_create(&of).observe(fuel as f64);
            self.pages.get_or_create(&of).observe(pages.into());
        }
        let ending = Ending { plugin, ending };
        if self.calls.get(&ending).is_none() {
            self.endings().insert(ending.ending.clone());
        }
        self.calls.get_or_create(&ending).inc();
    }

    /// Counts a request as in flight until the returned guard is dropped.
    pub(super) fn begun(&self) -> InFlight<'_> {
        self.in_flight.inc();
        InFlight(&self.in_flight)
    }

    pub(super) fn answered(&self, route: &'static str, status: u16) {
        self.requests
            .get_or_create(&Request { route, status })
            .inc();
    }

    pub(super) fn rejected(&self, reason: &'static str) {
        self.rejected.get_or_create(&Reason { reason }).inc();
    }

    pub(super) fn reloaded(&self, result: &'static str) {
        self.reloads.get_or_create(&Scan { result }).inc();
    }

    /// Counts how many modules of a scan were in the cache, were compiled, or were refused.
    pub(super) fn looked_up(&self, hits: usize, misses: usize, refused: usize) {
        for (result, count) in [("hit", hits), ("miss", misses), ("refused", refused)] {
            let lookups = self.lookups.get_or_create(&Lookup { result });
            lookups.inc_by(count as u64);
        }
    }

    /// Drops the labels of a plugin that is gone. Otherwise reloading would add labels without
    /// bound.
    pub(super) fn forget(&self, plugin: &str) {
        let of = PluginLabel {
            plugin: plugin.to_owned(),
        };
        for family in [&self.durations, &self.fuel, &self.pages] {
            family.remove(&of);
        }
        for ending in self.endings().iter().cloned() {
            let plugin = plugin.to_owned();
            self.calls.remove(&Ending { plugin, ending });
        }
    }

    fn endings(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.endings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All metrics as text.
    pub(super) fn text(&self, runner: &Runner, pool: &Pool) -> Result<String, fmt::Error> {
        let plugins = runner.plugins();
        let bytes: usize = plugins.iter().map(pocketwasm::Plugin::size).sum();
        let (waiting, running) = pool.counts();
        let gauge = |gauge: &Gauge, value: usize| {
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        };
        gauge(&self.plugins, plugins.len());
        gauge(&self.module_bytes, bytes);
        gauge(&self.waiting, waiting);
        gauge(&self.running, running);
        gauge(&self.resident, resident_bytes().unwrap_or(0));
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// A request that is being answered.
pub(super) struct InFlight<'a>(&'a Gauge);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// The resident memory of this process, on systems that have `/proc`.
fn resident_bytes() -> Option<usize> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: usize = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}
