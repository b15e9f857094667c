//! What passes between host and guest by host functions, for the conventions whose guests ask for
//! their input and send their result. Plain data; each convention knows what it means.

mod blocks;
mod variables;

pub(crate) use blocks::Blocks;
pub(crate) use variables::Variables;

use crate::common::{
    http::{HttpRequest, HttpResponse},
    limits::Limits,
};
use alloc::{boxed::Box, vec::Vec};

/// What a guest and its host keep for each other.
#[derive(Debug)]
pub(crate) struct ConventionState {
    /// Whether the guest was readied for its convention.
    pub(crate) begun: bool,
    /// What a handler of requests gets for its configuration, from its instantiation on.
    pub(crate) config: Vec<u8>,
    /// The features of http-wasm that the guest has asked for, and has.
    pub(crate) features: u32,
    /// What the guest may ask for, in its convention's order.
    pub(crate) inputs: Vec<Vec<u8>>,
    /// What the guest sent as its result.
    pub(crate) output: Option<Vec<u8>>,
    /// What the guest sent as its error.
    pub(crate) error: Option<Vec<u8>>,
    /// What the guest's last call to the host came to, or why it did not.
    pub(crate) reply: Result<Vec<u8>, Vec<u8>>,
    pub(crate) extism: Extism,
    pub(crate) http: Option<Box<HttpExchange>>,
}

/// What an Extism plugin has on the host's side.
#[derive(Debug)]
pub(crate) struct Extism {
    pub(crate) blocks: Blocks,
    pub(crate) variables: Variables,
    /// The block that holds the input.
    pub(crate) input: u64,
    /// Where the output is.
    pub(crate) output: (u64, u64),
    /// The block that holds the plugin's error; 0 for none.
    pub(crate) error: u64,
    /// The status and headers of the last HTTP response.
    pub(crate) status: u16,
    pub(crate) headers: Vec<u8>,
}

/// A request and its response, in the hands of an http-wasm handler.
#[derive(Debug, Default)]
pub(crate) struct HttpExchange {
    pub(crate) request: HttpRequest,
    pub(crate) response: HttpResponse,
    /// How far the guest has read the bodies of request and response.
    pub(crate) read: [usize; 2],
    /// Whether the guest has begun to write the bodies of request and response.
    pub(crate) written: [bool; 2],
    /// Whether the guest has set the response's status.
    pub(crate) status_set: bool,
    /// Whether the response is the next handler's, so that the request is done with.
    pub(crate) answered: bool,
    /// The bytes that both messages take, and what was replaced in them.
    pub(crate) used: u64,
}

impl ConventionState {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            begun: false,
            config: Vec::new(),
            features: 0,
            inputs: Vec::new(),
            output: None,
            error: None,
            reply: Ok(Vec::new()),
            extism: Extism {
                blocks: Blocks::new(limits.max_exchange_bytes),
                variables: Variables::new(limits.max_variable_bytes),
                input: 0,
                output: (0, 0),
                error: 0,
                status: 0,
                headers: Vec::new(),
            },
            http: None,
        }
    }

    /// Forgets what belonged to one call; variables stay, and what the guest was readied with.
    pub(crate) fn renew(&mut self) {
        self.inputs.clear();
        self.output = None;
        self.error = None;
        self.reply = Ok(Vec::new());
        self.extism.blocks.clear();
        self.extism.input = 0;
        self.extism.output = (0, 0);
        self.extism.error = 0;
        self.extism.status = 0;
        self.extism.headers = Vec::new();
        self.http = None;
    }
}
