//! The gateway itself: the state that all requests share.

use crate::gateway::{
    explainer::Explainer,
    failures::Failures,
    metrics::Metrics,
    pool::Pool,
    reload::{PluginDirectory, Report},
    settings::Settings,
};
use indicatif::ProgressBar;
use pocketwasm::Runner;
use std::sync::Arc;

/// The state that all requests share.
pub(super) struct Gateway {
    /// Where recordings of failed calls go, if they are kept.
    pub(super) failures: Option<Failures>,
    /// What explains failed calls, if they are explained.
    pub(super) explainer: Option<Arc<Explainer>>,
    pub(super) runner: Runner,
    pub(super) pool: Pool,
    pub(super) metrics: Metrics,
    pub(super) source: PluginDirectory,
    pub(super) settings: Settings,
}

impl Gateway {
    /// Scans the plugins' directory again and prints what changed.
    fn rescan(&self) -> Result<Report, String> {
        let hidden = ProgressBar::hidden();
        let report = self
            .source
            .scan(&self.runner, &self.pool, &self.metrics, &hidden);
        match &report {
            Ok(report) => tell(report),
            Err(problem) => log::warn!("the plugins stay as they are: {problem}"),
        }
        report
    }

    /// Runs [`rescan`](Self::rescan) on a thread that may block.
    pub(super) async fn reload(self: &Arc<Self>) -> Result<Report, String> {
        let gateway = self.clone();
        let scanned = tokio::task::spawn_blocking(move || gateway.rescan()).await;
        scanned.unwrap_or_else(|_| Err("the scan did not end".to_owned()))
    }

    pub(super) fn watch(self: &Arc<Self>) -> notify::Result<()> {
        let gateway = self.clone();
        self.source.watch(move || {
            let gateway = gateway.clone();
            async move {
                // The report has been printed already.
                let _ = gateway.reload().await;
            }
        })
    }
}

/// Prints what a scan changed, and the files that it newly refused.
pub(super) fn tell(report: &Report) {
    let lists = [
        ("serves", &report.loaded),
        ("serves the new", &report.replaced),
        ("no longer serves", &report.unloaded),
    ];
    for (what, names) in lists {
        for name in names {
            log::info!("{what} {name:?}");
        }
    }
    for refused in &report.newly_refused {
        log::warn!("refuses {:?}: {}", refused.file, refused.reason);
    }
}
