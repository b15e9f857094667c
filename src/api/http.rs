//! Plugins that handle HTTP requests: middleware of http-wasm's convention, and CGI scripts.

use crate::{
    api::{call::Call, instance::Instance, plugin::Plugin},
    common::{
        error::Error,
        http::{HttpRequest, HttpResponse},
        outcome::Outcome,
    },
    convention::{cgi, http_handler},
    engine::{
        compiled_module::CompiledModule, execution::Execution, guest_store::GuestStore,
        meter::CallLimits, suspension::complete,
    },
    host::convention_state::HttpExchange,
};
use alloc::{boxed::Box, sync::Arc};
use core::fmt;

/// The result of a plugin's handling a request.
#[derive(Debug)]
#[non_exhaustive]
pub enum Handled {
    /// The plugin answered the request itself. The next handler is not called.
    Response(HttpResponse),
    /// The next handler must answer. Pass its response to [`Pending::finish`].
    Next(Box<Pending>),
}

/// A request that a plugin passed on. The plugin waits for the response.
pub struct Pending {
    instance: Instance,
    exchange: Box<HttpExchange>,
    context: u32,
    call_limits: CallLimits,
}

impl Plugin {
    /// Handles a request by a plugin of http-wasm's convention, in a fresh instance and under the
    /// runner's limits for a call. `config` is the plugin's configuration.
    ///
    /// ```
    /// use pocketwasm::{Handled, HttpRequest, HttpResponse, Runner, RunnerConfig};
    ///
    /// let runner = Runner::new(RunnerConfig::new())?;
    /// # let module = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/httpwasm-rust.wasm")).unwrap();
    /// let plugin = runner.load_plugin("guard", module)?;
    /// match plugin.handle(HttpRequest::new("GET", "/"), b"")? {
    ///     Handled::Next(pending) => {
    ///         let answer = HttpResponse::new(200); // for `pending.request()`
    ///         let (response, _) = pending.finish(answer)?;
    ///         assert_eq!(response.header("x-guest"), Some("rust"));
    ///     }
    ///     _ => unreachable!(),
    /// }
    /// # Ok::<(), pocketwasm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`Call::handle`].
    pub fn handle(&self, request: HttpRequest, config: &[u8]) -> Result<Handled, Error> {
        let call = self.call(http_handler::HANDLE_REQUEST).input(config);
        call.handle(request).map(|(handled, _)| handled)
    }

    /// Checks that the plugin can handle requests with this configuration, under the runner's limits
    /// for a call.
    ///
    /// # Errors
    ///
    /// Those of [`Call::check_handler`].
    pub fn check_handler(&self, config: &[u8]) -> Result<(), Error> {
        let call = self.call(http_handler::HANDLE_REQUEST).input(config);
        call.check_handler()
    }
}

impl Pending {
    /// The request for the next handler, with the plugin's changes.
    #[must_use]
    pub fn request(&self) -> &HttpRequest {
        &self.exchange.request
    }

    /// Passes the next handler's response to the plugin. This counts as a call of its own, with its
    /// own limits. Returns the final response and what the call cost.
    ///
    /// If the plugin wrote to the response before it passed the request on, both parts are kept.
    /// Its fields and its body come first, and its status wins. Of a field that may occur only
    /// once, such as `content-type`, the next handler's is kept. With the feature
    /// `buffer_response`, the next handler's status wins if it is not 200.
    ///
    /// # Errors
    ///
    /// Those of [`Call::handle`].
    pub fn finish(self, response: HttpResponse) -> Result<(HttpResponse, Outcome), Error> {
        self.end(response, false)
    }

    /// Like [`finish`](Self::finish), for a next handler that failed: `response` reports that.
    ///
    /// # Errors
    ///
    /// Those of [`Call::handle`].
    pub fn finish_failed(self, response: HttpResponse) -> Result<(HttpResponse, Outcome), Error> {
        self.end(response, true)
    }

    fn end(self, response: HttpResponse, failed: bool) -> Result<(HttpResponse, Outcome), Error> {
        let Self {
            mut instance,
            exchange,
            context,
            call_limits,
        } = self;
        let handled = instance.run(call_limits, |execution| {
            complete(http_handler::handle_response(
                execution, context, failed, exchange, response,
            ))
        });
        handled
            .map(|(exchange, outcome)| (exchange.response, outcome))
            .map_err(|error| error.in_export(http_handler::HANDLE_RESPONSE))
    }
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending")
            .field("instance", &self.instance)
            .field("request", &self.exchange.request)
            .finish_non_exhaustive()
    }
}

/// A handler's call that is ready to begin.
struct HandlerCall {
    plugin: Plugin,
    code: Arc<CompiledModule>,
    guest_store: GuestStore,
    call_limits: CallLimits,
}

impl<'a> Call<'a> {
    /// Handles a request by a plugin of http-wasm's convention. The call must be one of
    /// `handle_request`. Its [`input`](Call::input) is the plugin's configuration. Its limits and
    /// cancel token apply again to [`Pending::finish`]. Returns the plugin's result and what the
    /// call cost.
    ///
    /// # Errors
    ///
    /// `Signature` if the plugin does not follow http-wasm's convention, or if the call is one of
    /// another export or of an [`Instance`]; `Exit` if the plugin ends itself, with any code;
    /// `TooLarge` if request and response exceed `max_exchange_bytes`; `GuestData` for an invalid
    /// field, status or URI; and the errors of [`run`](Call::run).
    pub fn handle(self, request: HttpRequest) -> Result<(Handled, Outcome), Error> {
        let (name, export) = self.names();
        let with_names = |error: Error| error.in_plugin(&name).in_export(&export);
        let HandlerCall {
            plugin,
            code,
            mut guest_store,
            call_limits,
        } = self.begin_handler().map_err(with_names)?;
        let mut execution = Execution::new(&code, &mut guest_store);
        let used = request.size();
        let exchange = Box::new(HttpExchange {
            request,
            used,
            ..HttpExchange::default()
        });
        let handled = execution
            .instantiate_and_initialise(None)
            .and_then(|()| complete(http_handler::handle_request(&mut execution, exchange)));
        let ((exchange, context), outcome) = execution.end(handled).map_err(with_names)?;
        let handled = match context {
            None => Handled::Response(exchange.response),
            Some(context) => Handled::Next(Box::new(Pending {
                instance: Instance::new(plugin, code, guest_store),
                exchange,
                context,
                call_limits,
            })),
        };
        Ok((handled, outcome))
    }

    /// Checks that a plugin can handle requests as this call would have it do: with its limits, its
    /// environment, and its [`input`](Call::input) as the plugin's configuration. Creates and
    /// initialises an instance, and drops it before any request.
    ///
    /// # Errors
    ///
    /// `Signature` if the plugin does not follow http-wasm's convention, or if the call is one of
    /// another export or of an [`Instance`]; `Exit` if its start function or initialiser exits, with
    /// any code; and the errors of [`run`](Call::run).
    pub fn check_handler(self) -> Result<(), Error> {
        let (plugin, _) = self.names();
        let check = || {
            let mut call = self.begin_handler()?;
            let mut execution = Execution::new(&call.code, &mut call.guest_store);
            let initialised = execution.instantiate_and_initialise(None);
            execution.end(initialised).map(|_| ())
        };
        check().map_err(|error: Error| error.in_plugin(&plugin))
    }

    /// Makes the store in which a handler of http-wasm's convention will run.
    fn begin_handler(self) -> Result<HandlerCall, Error> {
        let (_, export) = self.names();
        let (plugin, call_limits, environment, config) = self.lasting()?;
        http_handler::check(&plugin.code().info, &export)?;
        let (code, mut guest_store) = plugin.begin(call_limits.clone(), environment)?;
        guest_store.state().convention_state().config = config.to_vec();
        Ok(HandlerCall {
            plugin,
            code,
            guest_store,
            call_limits,
        })
    }

    /// Runs a command as a CGI script. The request becomes its environment, the query's parameters
    /// its arguments, and the body its standard input. A variable that this call sets itself is
    /// kept, such as the `SCRIPT_NAME` of a server that knows it. Returns the response and what the
    /// call cost.
    ///
    /// ```
    /// use pocketwasm::{HttpRequest, Runner, RunnerConfig};
    ///
    /// let runner = Runner::new(RunnerConfig::new())?;
    /// # let module = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/cgi-rust.wasm")).unwrap();
    /// let plugin = runner.load_plugin("script", module)?;
    /// let (response, _) = plugin.call("_start").cgi(&HttpRequest::new("GET", "/a?b=c"))?;
    /// assert_eq!(response.status, 201);
    /// # Ok::<(), pocketwasm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`run`](Call::run); `GuestData` if the output is not a CGI response.
    pub fn cgi(self, request: &'a HttpRequest) -> Result<(HttpResponse, Outcome), Error> {
        let (plugin, export) = self.names();
        let mut call = Call::convention(self, crate::Convention::Command)
            .stdin([])
            .args(cgi::arguments(request));
        for (name, value) in cgi::environment(request, request.body.len()) {
            if !call.has_variable(&name) {
                call = call.env(&name, &value);
            }
        }
        let outcome = call.run_input(&request.body)?;
        match cgi::response(outcome.bytes()) {
            Ok(response) => Ok((response, outcome)),
            Err(failure) => Err(Error::from(failure)
                .in_plugin(&plugin)
                .in_export(&export)
                .with_outcome(outcome)),
        }
    }
}
