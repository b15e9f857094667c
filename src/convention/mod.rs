//! The conventions: how a call passes bytes to a guest and gets bytes back. Each convention has its
//! own file.
//!
//! The rooms above may detect a module's conventions and call an export by one of them. `loading`
//! passes `provide` to the engine, which defines the functions that guests of a convention import.
//! This room may use `engine` and the rooms below it.

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
#[cfg(not(feature = "conventions"))]
mod left_out;
mod packed;
mod protocol;
pub(crate) mod protocols;
mod typst;
mod wapc;
