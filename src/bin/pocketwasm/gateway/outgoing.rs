//! Plugins' HTTP requests, limited to the hosts that each plugin may reach.

use crate::http::NetworkClient;
use pocketwasm::http::{HttpClient, HttpRequest, HttpResponse};
use std::{cell::RefCell, error::Error, sync::Arc, time::Duration};
use ureq::http::Uri;

thread_local! {
    /// The hosts of the plugin whose call runs on this thread. A call never changes its thread.
    static HOSTS: RefCell<Option<Arc<[String]>>> = const { RefCell::new(None) };
}

/// Runs a plugin's call, which may send requests to these hosts.
pub(super) fn allowing<R>(hosts: Option<Arc<[String]>>, work: impl FnOnce() -> R) -> R {
    /// Restores the previous hosts, even if the call panics.
    struct Restore(Option<Arc<[String]>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            HOSTS.with(|now| *now.borrow_mut() = self.0.take());
        }
    }
    let _restore = Restore(HOSTS.with(|now| now.replace(hosts)));
    work()
}

/// The HTTP client of all plugins. It holds the hosts that every plugin may reach.
pub(super) struct PluginClient(pub(super) Vec<String>);

impl HttpClient for PluginClient {
    fn send(
        &self,
        request: &HttpRequest,
        timeout: Duration,
        max_bytes: usize,
    ) -> Result<HttpResponse, Box<dyn Error + Send + Sync>> {
        let uri: Uri = request.uri.parse()?;
        let host = uri.host().unwrap_or_default().to_ascii_lowercase();
        let own = HOSTS
            .with(|hosts| hosts.borrow().clone())
            .unwrap_or_default();
        let mut hosts = self.0.iter().chain(own.iter());
        if !hosts.any(|pattern| allows(pattern, &host)) {
            return Err(format!("this plugin may not send requests to {host:?}").into());
        }
        NetworkClient.send(request, timeout, max_bytes)
    }
}

/// Whether a pattern allows a host. Both are in lower case.
fn allows(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix("*.") {
        _ if pattern == "*" => true,
        Some(parent) => host
            .strip_suffix(parent)
            .is_some_and(|front| front.len() > 1 && front.ends_with('.')),
        None => pattern == host,
    }
}

#[cfg(test)]
mod tests {
    use super::allows;

    #[test]
    fn patterns() {
        for (pattern, host, expected) in [
            ("*", "example.org", true),
            ("example.org", "example.org", true),
            ("example.org", "www.example.org", false),
            ("*.example.org", "www.example.org", true),
            ("*.example.org", "example.org", false),
            ("*.example.org", "notexample.org", false),
            ("[::1]", "[::1]", true),
        ] {
            assert_eq!(allows(pattern, host), expected, "{pattern} {host}");
        }
    }
}
