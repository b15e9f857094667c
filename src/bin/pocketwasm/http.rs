//! HTTP requests of plugins, to the hosts that the user allows.

use pocketwasm::http::{HttpClient, HttpRequest, HttpResponse};
use std::{error::Error, time::Duration};
use ureq::{Agent, http};

/// Sends requests over the network.
pub(crate) struct NetworkClient;

impl HttpClient for NetworkClient {
    fn send(
        &self,
        request: &HttpRequest,
        timeout: Duration,
        max_bytes: usize,
    ) -> Result<HttpResponse, Box<dyn Error + Send + Sync>> {
        let agent: Agent = Agent::config_builder()
            .timeout_global(Some(timeout))
            // The host of a redirect may not be allowed. The plugin can request it, and the library
            // then checks it.
            .max_redirects(0)
            .http_status_as_error(false)
            // A proxy from the environment could reach hosts that the user did not allow.
            .proxy(None)
            .allow_non_standard_methods(true)
            .build()
            .into();
        let mut sent = http::Request::builder()
            .method(request.method.as_str())
            .uri(&request.uri);
        for (name, value) in &request.headers {
            sent = sent.header(name, value);
        }
        // These methods define a body. Send an empty one with `content-length: 0` instead of
        // leaving it out.
        let takes_body = matches!(&*request.method, "POST" | "PUT" | "PATCH");
        let mut received = match request.body.is_empty() && !takes_body {
            true => agent.run(sent.body(())?)?,
            false => agent.run(sent.body(request.body.as_slice())?)?,
        };
        let mut response = HttpResponse::new(received.status().as_u16());
        for (name, value) in received.headers() {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            response.headers.push((name.to_string(), value));
        }
        let limit = u64::try_from(max_bytes)?;
        response.body = received
            .body_mut()
            .with_config()
            .limit(limit)
            .read_to_vec()?;
        Ok(response)
    }
}
