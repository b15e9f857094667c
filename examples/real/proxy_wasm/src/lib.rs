//! Adds a request's tenant, which its configuration tells by host name, and asks an upstream for
//! the tenants' quotas.

use proxy_wasm::{hostcalls, traits::*, types::*};
use std::{collections::HashMap, rc::Rc, time::Duration};

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Tenants::default()));
}}

#[derive(Default)]
struct Tenants {
    by_host: Rc<HashMap<String, String>>,
    rejected: u32,
}

fn log(text: &str) {
    let _ = hostcalls::log(LogLevel::Info, text);
}

impl Context for Tenants {
    fn on_http_call_response(&mut self, token: u32, _fields: usize, body: usize, _trailers: usize) {
        let body = self
            .get_http_call_response_body(0, body)
            .unwrap_or_default();
        log(&format!("call {token}: {}", String::from_utf8_lossy(&body)));
    }
}

impl RootContext for Tenants {
    /// The configuration has a line `HOST TENANT` for each host.
    fn on_configure(&mut self, _size: usize) -> bool {
        let Some(configuration) = self.get_plugin_configuration() else {
            log("there is no configuration");
            return false;
        };
        let configuration = String::from_utf8_lossy(&configuration).into_owned();
        let lines = configuration
            .lines()
            .filter_map(|line| line.split_once(' '));
        self.by_host = Rc::new(
            lines
                .map(|(host, tenant)| (host.to_owned(), tenant.to_owned()))
                .collect(),
        );
        let name = self.get_property(vec!["plugin_name"]).unwrap_or_default();
        log(&format!(
            "{} has {} tenants",
            String::from_utf8_lossy(&name),
            self.by_host.len()
        ));
        self.rejected = hostcalls::define_metric(MetricType::Counter, "rejected").unwrap_or(0);
        self.set_tick_period(Duration::from_secs(5));
        let _ = self.set_shared_data("tenants", Some(configuration.as_bytes()), None);
        let fields = vec![
            (":method", "GET"),
            (":path", "/quotas"),
            (":authority", "quotas"),
        ];
        self.dispatch_http_call("quotas", fields, None, vec![], Duration::from_millis(250))
            .is_ok()
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        let (by_host, rejected) = (self.by_host.clone(), self.rejected);
        Some(Box::new(Request { by_host, rejected }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

struct Request {
    by_host: Rc<HashMap<String, String>>,
    rejected: u32,
}

impl Context for Request {}

impl HttpContext for Request {
    fn on_http_request_headers(&mut self, _fields: usize, _last: bool) -> Action {
        let host = self
            .get_http_request_header(":authority")
            .unwrap_or_default();
        match self.by_host.get(&host) {
            Some(tenant) => {
                self.set_http_request_header("x-tenant", Some(tenant));
                Action::Continue
            }
            None => {
                let _ = hostcalls::increment_metric(self.rejected, 1);
                self.send_http_response(404, vec![("x-reason", "tenant")], Some(b"no such host\n"));
                Action::Pause
            }
        }
    }
}
