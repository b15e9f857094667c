//! Loading, replacing and unloading plugins while the gateway runs.

use super::{config_file::PluginSettings, lock::Lock, metrics::Metrics, pool::Pool};
use crate::progress;
use indicatif::ProgressBar;
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use pocketwasm::{LoadReport, Runner};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};
use tokio::sync::mpsc;

/// How long the directory must be quiet before it is scanned, so that copying files into it has
/// likely ended.
const QUIET: Duration = Duration::from_millis(200);
/// How often the paths are checked, which may now point elsewhere.
const LOOK: Duration = Duration::from_secs(1);
/// How long noise can put that off.
const LONGEST_NOISE: Duration = Duration::from_secs(2);

/// The directory that plugins are loaded from.
pub(super) struct PluginDirectory {
    directory: PathBuf,
    lock: Option<PathBuf>,
    settings: Arc<PluginSettings>,
    /// The files that the last scan refused. The lock allows one scan at a time.
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
    pub(super) fn new(
        directory: PathBuf,
        lock: Option<PathBuf>,
        settings: Arc<PluginSettings>,
    ) -> Self {
        Self {
            directory,
            lock,
            settings,
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
            lock.as_ref()
                .map_or(Ok(()), |lock| lock.admit(name, bytes))?;
            self.settings.admit(name, bytes)
        };
        runner
            .load_plugins_warm(&self.directory, admit, |name| self.settings.warm_up(name))
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

    /// Calls `changed` after each change of the directory or the lock file, once it is quiet, for as
    /// long as the runtime lives.
    pub(super) fn watch<Scan>(
        &self,
        changed: impl Fn() -> Scan + Send + 'static,
    ) -> notify::Result<()>
    where
        Scan: Future<Output = ()> + Send,
    {
        let (events, mut noise) = mpsc::channel(1);
        let mut watch = Watch {
            directory: self.directory.clone(),
            lock: self.lock.clone(),
            events: events.clone(),
            watched: None,
            found: None,
            lock_found: None,
        };
        watch.follow()?;
        // Catch changes between the first scan and the start of the watch.
        let _ = events.try_send(());
        tokio::spawn(async move {
            loop {
                match tokio::time::timeout(LOOK, noise.recv()).await {
                    Ok(Some(())) => {
                        let settled = async {
                            while let Ok(Some(())) = tokio::time::timeout(QUIET, noise.recv()).await
                            {
                            }
                        };
                        let _ = tokio::time::timeout(LONGEST_NOISE, settled).await;
                        watch.look();
                    }
                    Ok(None) => break,
                    // No event came. Check for changes that the watch cannot see.
                    Err(_) if watch.look() => {}
                    Err(_) => continue,
                }
                changed().await;
            }
        });
        Ok(())
    }
}

/// The watch on the directory, and the state at the last check. The system watches the directory
/// itself, not its path. If the path points to another directory, because a link was switched or
/// the directory was created again, no event is sent.
struct Watch {
    directory: PathBuf,
    lock: Option<PathBuf>,
    events: mpsc::Sender<()>,
    watched: Option<RecommendedWatcher>,
    found: Option<Identity>,
    lock_found: Option<Identity>,
}

/// The file or directory that a path points to. For a file, also its size and modification time.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Identity {
    path: PathBuf,
    number: u64,
    state: Option<(u64, Option<SystemTime>)>,
}

impl Identity {
    fn of(path: &Path) -> Option<Self> {
        let real = path.canonicalize().ok()?;
        let found = fs::metadata(&real).ok()?;
        #[cfg(unix)]
        let number = std::os::unix::fs::MetadataExt::ino(&found);
        #[cfg(not(unix))]
        let number = 0;
        Some(Self {
            path: real,
            number,
            state: found
                .is_file()
                .then(|| (found.len(), found.modified().ok())),
        })
    }
}

impl Watch {
    /// Watches the directory that the path points to now.
    fn follow(&mut self) -> notify::Result<()> {
        self.watched = None;
        self.found = Identity::of(&self.directory);
        self.lock_found = self.lock.as_deref().and_then(Identity::of);
        let Some(found) = &self.found else {
            return Err(notify::Error::path_not_found().add_path(self.directory.clone()));
        };
        let events = self.events.clone();
        let mut watcher =
            notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
                let is_relevant = match &event {
                    // Reading the files is an event too.
                    Ok(event) => !matches!(event.kind, EventKind::Access(_)),
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
        watcher.watch(&found.path, RecursiveMode::Recursive)?;
        self.watched = Some(watcher);
        Ok(())
    }

    /// Checks whether the paths still point to what is watched, and follows them if not. Returns
    /// whether anything changed.
    fn look(&mut self) -> bool {
        let lock = self.lock.as_deref().and_then(Identity::of);
        let has_new_lock = lock != self.lock_found;
        self.lock_found = lock;
        let found = Identity::of(&self.directory);
        if found == self.found && self.watched.is_some() == found.is_some() {
            return has_new_lock;
        }
        let shown = self.directory.display();
        if found.is_none() {
            let is_news = self.found.take().is_some();
            self.watched = None;
            if is_news {
                log::warn!(
                    "the directory {shown} is gone and cannot be watched; it is looked for once a \
                     second"
                );
            }
            return is_news || has_new_lock;
        }
        let shown = shown.to_string();
        let before = (self.found.is_some(), self.watched.is_some());
        match self.follow() {
            Ok(()) => log::info!("watches what {shown} is now"),
            Err(error) if before == (true, true) || !before.0 => {
                log::warn!("{shown} can no longer be watched; it is tried once a second: {error}");
            }
            Err(_) => return has_new_lock,
        }
        true
    }
}
