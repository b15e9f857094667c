//! Functions of a WebAssembly plugin, from ordinary Rust functions.
//!
//! [`plugin`] exports a function to the host. Parameters and results are text, bytes or JSON. An
//! error reaches the host with its message. A plugin contains no `unsafe` of its own and compiles
//! under `#![forbid(unsafe_code)]`.
//!
//! ```
//! use pocketwasm_plugin::plugin;
//!
//! #[plugin]
//! fn greet(name: String) -> String {
//!     format!("Hello, {name}")
//! }
//!
//! #[plugin]
//! fn half(number: &str) -> Result<String, std::num::ParseIntError> {
//!     let number: i64 = number.parse()?;
//!     Ok((number / 2).to_string())
//! }
//!
//! assert_eq!(greet("World".to_owned()), "Hello, World");
//! ```
//!
//! The functions stay what they are, and tests call them on the machine that builds them.
//!
//! # Making a plugin
//!
//! `pocketwasm new --lang rust NAME` writes a folder with all of it. By hand: a library with
//! `crate-type = ["cdylib"]`, built for the target `wasm32-unknown-unknown`.
//!
//! ```sh
//! rustup target add wasm32-unknown-unknown
//! cargo build --release --target wasm32-unknown-unknown
//! pocketwasm text target/wasm32-unknown-unknown/release/NAME.wasm greet World
//! ```
//!
//! Targets of WASI are refused at compile time: there an exported function can take the name of a
//! function of the C library, and replace it.
//!
//! # JSON
//!
//! With the feature `json`, `Json<T>` is a parameter and a result, for types of serde:
//!
#![cfg_attr(feature = "json", doc = "```")]
#![cfg_attr(not(feature = "json"), doc = "```ignore")]
//! use pocketwasm_plugin::{Json, plugin};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Deserialize)]
//! struct Order {
//!     price: u64,
//!     count: u64,
//! }
//!
//! #[derive(Debug, PartialEq, Serialize)]
//! struct Receipt {
//!     total: u64,
//! }
//!
//! #[plugin]
//! fn order(Json(order): Json<Order>) -> Result<Json<Receipt>, &'static str> {
//!     let total = order.price.checked_mul(order.count);
//!     let total = total.ok_or("the total is too large")?;
//!     Ok(Json(Receipt { total }))
//! }
//!
//! let placed = order(Json(Order { price: 250, count: 3 }));
//! assert_eq!(placed, Ok(Json(Receipt { total: 750 })));
//! ```
//!
//! # Errors and panics
//!
//! The error of a result is sent to the host as its `Display` text, in the alternate form `{:#}`,
//! which of `anyhow`'s errors has the causes too. A pocketwasm host gets it as an error of kind
//! `Plugin`. An input that does not fit its parameter is such an error too: text that is not UTF-8,
//! JSON that is not the type's.
//!
//! A panic is a trap. The host learns where the call ended, but not the panic's message. Return an
//! error for what can happen.
//!
//! # The convention
//!
//! Exports follow Typst's minimal protocol: the host passes the length of each input, the plugin
//! asks for the bytes, sends one result, and returns 0, or 1 where the result is an error. Of the
//! conventions that pocketwasm knows, it is the one that carries an error's message and takes the
//! least: two imports, no allocator to export, no table of operations, bytes copied at once, and
//! any number of inputs. A module with a `greet` alone has 15 KB. Typst runs such plugins too, as
//! does any host with those two functions.
//!
//! # Crate features
//!
//! * `json`: `Json<T>`, by serde. Off by default.
//!
//! The crate needs no `std`, only an allocator.

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(
    missing_docs,
    missing_debug_implementations,
    clippy::alloc_instead_of_core,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

extern crate alloc;

mod host;
mod input;
#[cfg(feature = "json")]
mod json;
mod output;

pub use input::Input;
#[cfg(feature = "json")]
pub use json::Json;
pub use output::Output;
/// Exports a function to the host.
///
/// Each parameter is one input, of a type that implements [`Input`]; the result's type implements
/// [`Output`]. The function itself is not changed.
///
/// The export has the function's name. `#[plugin(name = "other")]` gives it another, with any
/// characters. Names that compiled code uses for itself, such as `memcpy` and `pow`, are refused.
///
/// ```
/// use pocketwasm_plugin::plugin;
///
/// #[plugin(name = "to-upper")]
/// fn to_upper(text: &str) -> String {
///     text.to_uppercase()
/// }
/// ```
pub use pocketwasm_plugin_macros::plugin;

#[cfg(all(
    target_family = "wasm",
    not(any(target_os = "unknown", target_os = "none"))
))]
compile_error!(
    "plugins of pocketwasm-plugin are built for wasm32-unknown-unknown: on targets with a C library \
     an exported function could replace one of that library's"
);

/// What the attribute's code calls. No part of the public interface.
#[doc(hidden)]
pub mod __private {
    pub use crate::{
        host::{Inputs, Length, Status, answer},
        input::input,
    };
    pub use alloc::string::String;
    pub use core::result::Result;
}
