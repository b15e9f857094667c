//! What conventions keep on the host's side for a guest that fetches its input and sends its result
//! by calling host functions. This is plain data; each convention knows what it means.

mod blocks;
mod variables;

pub(crate) use blocks::Blocks;
pub(crate) use variables::Variables;

use crate::common::{
    http::{HttpRequest, HttpResponse},
    limits::Limits,
};
use alloc::{boxed::Box, collections::BTreeMap, string::String, vec::Vec};

/// The state that conventions keep for a guest.
#[derive(Debug)]
pub(crate) struct ConventionState {
    /// Whether the guest was initialised for its convention.
    pub(crate) begun: bool,
    /// The configuration of an http-wasm handler. Set before instantiation, because initialisers
    /// may read it.
    pub(crate) config: Vec<u8>,
    /// The http-wasm features that the guest has enabled.
    pub(crate) features: u32,
    /// The inputs that the guest may fetch, in its convention's order.
    pub(crate) inputs: Vec<Vec<u8>>,
    /// The result that the guest sent.
    pub(crate) output: Option<Vec<u8>>,
    /// The error that the guest sent.
    pub(crate) error: Option<Vec<u8>>,
    /// The reply to the guest's last call to the host, or the error it ended with.
    pub(crate) reply: Result<Vec<u8>, Vec<u8>>,
    pub(crate) extism: Extism,
    pub(crate) http: Option<Box<HttpExchange>>,
    /// When the timers of an AssemblyScript guest began, by label, in nanoseconds.
    pub(crate) timers: BTreeMap<String, u64>,
}

/// The state of an Extism plugin on the host's side.
#[derive(Debug)]
pub(crate) struct Extism {
    pub(crate) blocks: Blocks,
    pub(crate) variables: Variables,
    /// The block that holds the input.
    pub(crate) input: u64,
    /// The offset and the length of the output.
    pub(crate) output: (u64, u64),
    /// The block that holds the plugin's error; 0 without an error.
    pub(crate) error: u64,
    /// The status and headers of the last HTTP response.
    pub(crate) status: u16,
    pub(crate) headers: Vec<u8>,
}

/// A request and its response while an http-wasm handler works on them.
#[derive(Debug, Default)]
pub(crate) struct HttpExchange {
    pub(crate) request: HttpRequest,
    pub(crate) response: HttpResponse,
    /// The positions up to which the guest has read the bodies of request and response.
    pub(crate) read: [usize; 2],
    /// Whether the guest has begun to write the bodies of request and response.
    pub(crate) written: [bool; 2],
    /// Whether the guest has set the response's status.
    pub(crate) status_set: bool,
    /// Whether the next handler has made the response. The request can then no longer be changed.
    pub(crate) answered: bool,
    /// The bytes that both messages take, including what was replaced in them.
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
            timers: BTreeMap::new(),
        }
    }

    /// Forgets what belongs to one call. Variables stay, and the guest stays initialised.
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
