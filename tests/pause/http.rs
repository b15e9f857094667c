//! HTTP requests of guests whose calls are futures.

use crate::{
    futures::{delayed, on_one_thread},
    support::{load, patient},
};
use pocketwasm::{
    ErrorKind, RunnerConfig,
    http::{AsyncHttpClient, HttpClient, HttpRequest, HttpResponse, HttpResponseFuture},
};
use std::{error::Error, sync::Mutex, time::Duration};

/// Answers with the request's URL, after a while; a path of `/dead` fails.
struct Client;

impl AsyncHttpClient for Client {
    fn send(
        &self,
        request: HttpRequest,
        timeout: Duration,
        max_bytes: usize,
    ) -> HttpResponseFuture {
        assert!(timeout <= Duration::from_secs(60) && max_bytes > 1_000_000);
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            if request.uri.ends_with("/dead") {
                return Err("the line is dead".into());
            }
            let mut response = HttpResponse::new(203);
            response.body = request.uri.into_bytes();
            Ok(response)
        })
    }
}

impl HttpClient for Client {
    fn send(
        &self,
        _: &HttpRequest,
        _: Duration,
        _: usize,
    ) -> Result<HttpResponse, Box<dyn Error + Send + Sync>> {
        let mut response = HttpResponse::new(200);
        response.body = b"at once".to_vec();
        Ok(response)
    }
}

#[test]
fn extism_guests_send_requests_without_a_thread() {
    let config = || {
        delayed(patient())
            .async_http_client(Client)
            .allow_host("example.org")
    };
    let fetch = |config: RunnerConfig, url: &str| {
        let plugin = load(config, "extism-hostile");
        let url = format!(r#"{{"url":"{url}"}}"#);
        on_one_thread(async move { plugin.call("fetch").input(&url).run_async().await })
    };
    let outcome = fetch(config(), "http://example.org/a").unwrap();
    assert_eq!(outcome.bytes(), b"http://example.org/a");
    let refused = [
        (
            "http://example.org/dead",
            "an HTTP request to \"example.org\" failed: the line is dead",
        ),
        (
            "http://example.com/",
            "an HTTP request to \"example.com\" was refused: allowed hosts are: example.org",
        ),
    ];
    for (url, message) in refused {
        let error = fetch(config(), url).unwrap_err();
        assert_eq!(
            (error.kind(), &*error.message()),
            (ErrorKind::Host, message)
        );
    }
    // Many at a time, on one thread.
    let plugin = load(config(), "extism-hostile");
    let begun = Mutex::new(0);
    on_one_thread(async {
        let calls: Vec<_> = (0..20)
            .map(|n| {
                *begun.lock().unwrap() += 1;
                let url = format!("http://example.org/{n}");
                let input = format!(r#"{{"url":"{url}"}}"#);
                let call = plugin.call("fetch").input(&input).detach().unwrap();
                (url, tokio::spawn(call.run_async()))
            })
            .collect();
        for (url, call) in calls {
            assert_eq!(call.await.unwrap().unwrap().bytes(), url.as_bytes());
        }
    });
}

#[test]
fn a_call_that_cannot_wait_uses_the_other_client() {
    let url = r#"{"url":"http://example.org/a"}"#;
    let config = patient()
        .async_http_client(Client)
        .allow_host("example.org");
    let plugin = load(config.clone().http_client(Client), "extism-hostile");
    let outcome = plugin.call("fetch").input(url).run().unwrap();
    assert_eq!(outcome.bytes(), b"at once");
    let error = load(config, "extism-hostile")
        .call("fetch")
        .input(url)
        .run()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CannotWait);
    assert!(
        error
            .message()
            .starts_with("host function \"extism:host/env\" \"http_request\" cannot wait: "),
        "{error}"
    );
}
