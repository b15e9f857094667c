//! How a call passes bytes to a guest and gets bytes back: one file for each convention.
//!
//! The rooms above recognise a module's conventions and call an export by one of them; `loading` hands
//! `define` to the engine, for the functions that guests of a convention import. It uses `engine` and
//! the rooms beneath that.

mod assemblyscript;
mod buffers;
pub(crate) mod call_input;
pub(crate) mod cgi;
mod command;
mod cstring;
mod extism;
mod http_fields;
mod http_guest;
pub(crate) mod http_handler;
mod http_message;
pub(crate) mod kinds;
mod packed;
mod protocol;
pub(crate) mod protocols;
mod typst;
mod wapc;
