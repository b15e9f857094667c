//! Loading, replacing and unloading plugins while the gateway runs.

use super::{lock::Lock, metrics::Metrics, pool::Pool};
use crate::progress;
use indicatif::ProgressBar;
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use pocketwasm::{LoadReport, Runner};
use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::mpsc;

/// How long the directory must be quiet before it is scanned, so that copying files into it has
/// likely ended.
const QUIET: Duration = Duration::from_millis(200);
/// How long further changes can delay a scan.
const LONGEST_NOISE: Duration = Duration::from_secs(2);

/// The directory that plugins are loaded from.
pub(super) struct PluginDirectory {
    directory: PathBuf,
    lock: Option<PathBuf>,
    /// Held during a scan, so that only one runs at a time. It has the files that the last scan
    /// refused.
    scanning: Mutex<Vec<Refused>>,
}

/// What a scan did, for the log and for `POST /reload`.
#[derive(Debug, Default, serde::Serialize)]
pub(super) struct Report {
    pub(super) loaded: Vec<String>,
    pub(super) replaced: Vec<String>,
    pub(super) unloaded: Vec<String>,
    pub(super) unchanged: usize,
    pub(super) refused: Vec<Refused>,
    /// The refused files that the scan before did not refuse for the same reason.
    #[serde(skip)]
    pub(super) newly_refused: Vec<Refused>,
}

/// A file that was not loaded. If it replaces a loaded plugin, the old version stays.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(super) struct Refused {
    pub(super) file: String,
    pub(super) reason: String,
}

impl PluginDirectory {
    pub(super) fn new(directory: PathBuf, lock: Option<PathBuf>) -> Self {
        Self {
            directory,
            lock,
            scanning: Mutex::default(),
        }
    }

    /// Loads new and changed plugins and unloads those whose files are gone. Calls in flight end on
    /// the version that they began with. If a new version is invalid or not pinned, the old one
    /// stays.
    pub(super) fn scan(
        &self,
        runner: &Runner,
        pool: &Pool,
        metrics: &Metrics,
        progress: &ProgressBar,
    ) -> Result<Report, String> {
        let mut before = self.scanning.lock().unwrap_or_else(PoisonError::into_inner);
        let scanned = self.load(runner, progress);
        progress.finish_and_clear();
        metrics.reloaded(match &scanned {
            Ok(report) if report.failed.is_empty() => "ok",
            Ok(_) => "partly",
            Err(_) => "failed",
        });
        let report = scanned?;
        metrics.looked_up(
            report.unchanged.len(),
            report.loaded.len() + report.replaced.len(),
            report.failed.len(),
        );
        for name in report
            .missing
            .iter()
            .filter(|name| runner.unload_plugin(name))
        {
            metrics.forget(name);
        }
        for name in report.missing.iter().chain(&report.replaced) {
            pool.forget(name);
        }
        let refused = self.refused(&report);
        let news = refused.iter().filter(|file| !before.contains(file));
        let newly_refused = news.cloned().collect();
        before.clone_from(&refused);
        Ok(Report {
            refused,
            newly_refused,
            unchanged: report.unchanged.len(),
            loaded: report.loaded,
            replaced: report.replaced,
            unloaded: report.missing,
        })
    }

    fn load(&self, runner: &Runner, progress: &ProgressBar) -> Result<LoadReport, String> {
        let lock = match &self.lock {
            Some(path) => {
                let lock = Lock::read(path);
                Some(lock.map_err(|error| format!("lock file {}: {error}", path.display()))?)
            }
            None => None,
        };
        let admit = |name: &str, bytes: &[u8]| {
            progress::advance(progress, name);
            lock.as_ref().map_or(Ok(()), |lock| lock.admit(name, bytes))
        };
        runner
            .load_plugins_if(&self.directory, admit)
            .map_err(|error| error.to_string())
    }

    /// The files that failed, with paths relative to the directory.
    fn refused(&self, report: &LoadReport) -> Vec<Refused> {
        let refused = report.failed.iter().map(|failure| {
            let file = failure.path.strip_prefix(&self.directory);
            Refused {
                file: file.unwrap_or(&failure.path).to_string_lossy().into_owned(),
                reason: failure.error.to_string(),
            }
        });
        refused.collect()
    }

    /// A progress bar for the first scan.
    pub(super) fn progress(&self) -> ProgressBar {
        progress::bar(&self.directory)
    }

    /// Calls `changed` after each change of the directory or the lock file, once both are quiet.
    /// Stops when the returned watcher is dropped.
    pub(super) fn watch<Scan>(
        &self,
        changed: impl Fn() -> Scan + Send + 'static,
    ) -> notify::Result<RecommendedWatcher>
    where
        Scan: Future<Output = ()> + Send,
    {
        let (events, mut noise) = mpsc::channel(1);
        // Scan once at the start, for changes between the first scan and now.
        let _ = events.try_send(());
        let lock = self.lock.clone();
        let directory = self.directory.clone();
        let relevant = move |path: &PathBuf| {
            path.starts_with(&directory)
                || lock
                    .as_ref()
                    .is_some_and(|lock| lock.file_name() == path.file_name())
        };
        let mut watcher =
            notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
                let is_relevant = match &event {
                    // Reads are events too, and a scan causes them.
                    Ok(event) => {
                        !matches!(event.kind, EventKind::Access(_))
                            && (event.paths.is_empty() || event.paths.iter().any(&relevant))
                    }
                    Err(error) => {
                        log::warn!("watching the plugins: {error}");
                        true
                    }
                };
                if is_relevant {
                    // A full channel means that a scan is due already.
                    let _ = events.try_send(());
                }
            })?;
        watcher.watch(&self.directory, RecursiveMode::Recursive)?;
        if let Some(lock) = &self.lock {
            let lock_directory = lock.parent().filter(|path| !path.as_os_str().is_empty());
            let lock_directory = lock_directory.unwrap_or_else(|| Path::new("."));
            if !lock_directory.starts_with(&self.directory) {
                watcher.watch(lock_directory, RecursiveMode::NonRecursive)?;
            }
        }
        tokio::spawn(async move {
            while noise.recv().await.is_some() {
                let settled = async {
                    while let Ok(Some(())) = tokio::time::timeout(QUIET, noise.recv()).await {}
                };
                let _ = tokio::time::timeout(LONGEST_NOISE, settled).await;
                changed().await;
            }
        });
        Ok(watcher)
    }
}
