//! The two calls of a handler of http-wasm's convention, in one instance.

use crate::{
    api::{instance::Instance, plugin::Plugin},
    common::{
        error::Error,
        failure::Failure,
        http::{HttpRequest, HttpResponse},
        outcome::Outcome,
    },
    convention::http_handler,
    engine::{
        compiled_module::CompiledModule, execution::Execution, guest_store::GuestStore,
        meter::CallLimits, suspension::complete,
    },
    host::{convention_state::HttpExchange, environment::Environment},
};
use alloc::{boxed::Box, sync::Arc};

/// What a handler has made of a request: both messages, and its context number if the next handler must
/// answer.
pub(super) struct Handling {
    pub(super) exchange: Box<HttpExchange>,
    pub(super) context: Option<u32>,
}

/// A handler's first call, which is ready to begin.
pub(super) struct HandlerCall {
    pub(super) plugin: Plugin,
    pub(super) code: Arc<CompiledModule>,
    pub(super) guest_store: GuestStore,
    pub(super) call_limits: CallLimits,
}

impl HandlerCall {
    /// Makes the store in which a handler will run, with its configuration.
    pub(super) fn begin(
        plugin: &Plugin,
        call_limits: CallLimits,
        environment: Option<Box<Environment>>,
        config: &[u8],
    ) -> Result<Self, Failure> {
        let (code, mut guest_store) = plugin.begin(call_limits.clone(), environment)?;
        guest_store.state().convention_state().config = config.to_vec();
        Ok(Self {
            plugin: plugin.clone(),
            code,
            guest_store,
            call_limits,
        })
    }

    /// Handles a request, in an instance that is made and initialised for it.
    pub(super) fn run(&mut self, request: HttpRequest) -> Result<(Handling, Outcome), Error> {
        let mut execution = Execution::new(&self.code, &mut self.guest_store);
        let initialised = execution.instantiate_and_initialise(None);
        self.run_after(initialised, request)
    }

    /// Handles a request after the instance was initialised.
    pub(super) fn run_after(
        &mut self,
        initialised: Result<(), Failure>,
        request: HttpRequest,
    ) -> Result<(Handling, Outcome), Error> {
        let mut execution = Execution::new(&self.code, &mut self.guest_store);
        let used = request.size();
        let exchange = Box::new(HttpExchange {
            request,
            used,
            ..HttpExchange::default()
        });
        let handled = initialised
            .and_then(|()| complete(http_handler::handle_request(&mut execution, exchange)));
        let ended = execution.end(handled);
        let ((exchange, context), outcome) = ended.map_err(|error| {
            let error = error.in_plugin(self.plugin.shared_name());
            error.in_export(http_handler::HANDLE_REQUEST)
        })?;
        Ok((Handling { exchange, context }, outcome))
    }

    /// The instance, for the second call.
    pub(super) fn into_instance(self) -> (Instance, CallLimits) {
        let instance = Instance::new(self.plugin, self.code, self.guest_store);
        (instance, self.call_limits)
    }
}

/// A handler's second call: it gets the next handler's response, or one that reports its failure.
pub(super) fn respond(
    instance: &mut Instance,
    call_limits: CallLimits,
    (exchange, context): (Box<HttpExchange>, u32),
    (response, failed): (HttpResponse, bool),
) -> Result<(Handling, Outcome), Error> {
    let handled = instance.run(call_limits, |execution| {
        complete(http_handler::handle_response(
            execution, context, failed, exchange, response,
        ))
    });
    let handled = handled.map_err(|error| error.in_export(http_handler::HANDLE_RESPONSE));
    let (exchange, outcome) = handled?;
    let context = None;
    Ok((Handling { exchange, context }, outcome))
}
