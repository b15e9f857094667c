//! Plugins that handle HTTP requests: middleware of http-wasm's convention, and CGI scripts.

#[cfg(feature = "recordings")]
use crate::api::{
    call::Target,
    handler_recording::{
        HandlerRecording, Taped, begin_request, end_request, end_response, explains,
    },
    recording::Recording,
};
use crate::{
    api::{
        call::Call,
        handler_call::{HandlerCall, Handling, respond},
        instance::Instance,
        plugin::Plugin,
    },
    common::{
        error::Error,
        http::{HttpRequest, HttpResponse},
        outcome::Outcome,
    },
    convention::{cgi, http_handler},
    engine::{execution::Execution, meter::CallLimits},
    host::convention_state::HttpExchange,
};
use alloc::boxed::Box;
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
    /// Its recording, if it is recorded or its errors are explained.
    #[cfg(feature = "recordings")]
    recorded: Option<Box<HandlerRecording>>,
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

    /// Like [`finish`](Self::finish), or with `failed` like [`finish_failed`](Self::finish_failed), for
    /// a handler whose call was [recorded](Call::record): `into` has the recording of both calls then.
    /// If that call was not recorded, `into` stays as it is.
    ///
    /// ```
    /// use pocketwasm::{Handled, HttpRequest, HttpResponse, Runner, RunnerConfig};
    ///
    /// let runner = Runner::new(RunnerConfig::new())?;
    /// # let module = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/httpwasm-rust.wasm")).unwrap();
    /// let plugin = runner.load_plugin("guard", &module)?;
    /// let mut recording = None;
    /// let call = plugin.call("handle_request").record(&mut recording);
    /// let (handled, _) = call.handle(HttpRequest::new("GET", "/"))?;
    /// let Handled::Next(pending) = handled else {
    ///     unreachable!("it lets this pass");
    /// };
    /// let answer = HttpResponse::new(200);
    /// let (response, _) = pending.finish_recorded(answer, false, &mut recording)?;
    ///
    /// let replay = recording.unwrap().replay(&module)?;
    /// assert_eq!(replay.exchange().unwrap().response, response);
    /// # Ok::<(), pocketwasm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`finish`](Self::finish).
    #[cfg(feature = "recordings")]
    #[cfg_attr(docsrs, doc(cfg(feature = "recordings")))]
    pub fn finish_recorded(
        self,
        response: HttpResponse,
        failed: bool,
        into: &mut Option<Recording>,
    ) -> Result<(HttpResponse, Outcome), Error> {
        let (ended, recorded) = self.respond(response, failed);
        if let Some(recorded) = recorded {
            *into = Some(recorded.recording);
        }
        ended.map(|(handling, outcome)| (handling.exchange.response, outcome))
    }

    /// The recording of the call until now, in place of its end. `None` if it was not recorded.
    #[cfg(feature = "recordings")]
    #[cfg_attr(docsrs, doc(cfg(feature = "recordings")))]
    #[must_use]
    pub fn into_recording(self) -> Option<Recording> {
        self.recorded.map(|recorded| recorded.recording)
    }

    fn end(self, response: HttpResponse, failed: bool) -> Result<(HttpResponse, Outcome), Error> {
        #[cfg(feature = "recordings")]
        let (ended, _) = self.respond(response, failed);
        #[cfg(not(feature = "recordings"))]
        let ended = self.respond(response, failed);
        ended.map(|(handling, outcome)| (handling.exchange.response, outcome))
    }

    #[cfg(not(feature = "recordings"))]
    fn respond(self, response: HttpResponse, failed: bool) -> Result<(Handling, Outcome), Error> {
        let Self {
            mut instance,
            exchange,
            context,
            call_limits,
        } = self;
        let response = (response, failed);
        respond(&mut instance, call_limits, (exchange, context), response)
    }

    #[cfg(feature = "recordings")]
    fn respond(self, response: HttpResponse, failed: bool) -> Responded {
        let Self {
            mut instance,
            exchange,
            context,
            call_limits,
            recorded,
        } = self;
        let recorded = recorded.map(|recorded| {
            recorded.begin_response(&mut instance, &call_limits, (&response, failed))
        });
        let response = (response, failed);
        let ended = respond(&mut instance, call_limits, (exchange, context), response);
        match recorded {
            Some(recorded) => end_response(recorded, &mut instance, ended),
            None => (ended, None),
        }
    }
}

/// How a handler's second call ended, and its recording.
#[cfg(feature = "recordings")]
type Responded = (
    Result<(Handling, Outcome), Error>,
    Option<Box<HandlerRecording>>,
);

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending")
            .field("instance", &self.instance)
            .field("request", &self.exchange.request)
            .finish_non_exhaustive()
    }
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
    #[cfg_attr(
        not(feature = "recordings"),
        expect(unused_mut, reason = "for recordings")
    )]
    pub fn handle(mut self, request: HttpRequest) -> Result<(Handled, Outcome), Error> {
        let (name, export) = self.names();
        let with_names = |error: Error| error.in_plugin(&name).in_export(&export);
        #[cfg(feature = "recordings")]
        let (slot, mut recorded) = self.begin_recording(&request);
        let mut call = self.begin_handler().map_err(with_names)?;
        #[cfg(feature = "recordings")]
        if let Some(recorded) = &mut recorded {
            recorded.put_into(&mut call.guest_store);
        }
        let ended = call.run(request);
        #[cfg(feature = "recordings")]
        let (ended, mut recorded) = match recorded {
            Some(recorded) => {
                let snapshot = call.code.snapshot_state.is_some();
                let store = (&mut call.guest_store, snapshot);
                end_request(recorded, &call.plugin, store, ended)
            }
            None => (ended, None),
        };
        #[cfg(feature = "recordings")]
        if let Some(slot) = slot
            && !ended
                .as_ref()
                .is_ok_and(|(handling, _)| handling.context.is_some())
        {
            *slot = recorded.take().map(|recorded| recorded.recording);
        }
        let (Handling { exchange, context }, outcome) = ended?;
        let Some(context) = context else {
            return Ok((Handled::Response(exchange.response), outcome));
        };
        let (instance, call_limits) = call.into_instance();
        let pending = Pending {
            instance,
            exchange,
            context,
            call_limits,
            #[cfg(feature = "recordings")]
            recorded,
        };
        Ok((Handled::Next(Box::new(pending)), outcome))
    }

    /// Begins the recording of a handler, if it is recorded or its errors are explained.
    #[cfg(feature = "recordings")]
    fn begin_recording(
        &mut self,
        request: &HttpRequest,
    ) -> (Option<&'a mut Option<Recording>>, Option<Taped>) {
        let slot = self.task.recording.take();
        let plugin = self.plugin().clone();
        let is_fresh = matches!(self.target, Target::Fresh(_));
        let recorded = is_fresh && (slot.is_some() || explains(&plugin));
        let recorded = recorded.then(|| begin_request(&mut self.task, &plugin, request));
        (slot, recorded)
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
        Ok(HandlerCall::begin(
            &plugin,
            call_limits,
            environment,
            config,
        )?)
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
